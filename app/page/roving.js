// One stop of the Tab key for a group of elements: the arrow keys walk within it. Knows no page.

const ROW = { ArrowLeft: -1, ArrowRight: 1 };
const COLUMN = { ArrowUp: -1, ArrowDown: 1 };

/**
 * Make a group one stop of the Tab key; called again, it takes in what came since.
 * @param {HTMLElement} group
 * @param {string} selector of the elements that are walked over
 * @param {{column?: boolean}} [options] column: whether up and down walk as well
 */
export function rove(group, selector, { column = false } = {}) {
  const items = () => [...group.querySelectorAll(selector)].filter((one) => !one.closest("[hidden]"));
  const stop = (current) => items().forEach((one) => (one.tabIndex = one === current ? 0 : -1));
  stop(items().find((one) => one.matches(":focus")) ?? items()[0]);
  if (group.dataset.roving) return;
  group.dataset.roving = "true";
  group.addEventListener("focusin", (event) => {
    const item = event.target.closest(selector);
    if (item) stop(item);
  });
  group.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !event.target.matches(selector)) return;
    const all = items();
    const here = all.indexOf(event.target);
    const forward = getComputedStyle(group).direction === "rtl" ? -1 : 1;
    const step = event.key in ROW ? forward * ROW[event.key] : column ? COLUMN[event.key] : 0;
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    all[here + step]?.focus();
  });
}
