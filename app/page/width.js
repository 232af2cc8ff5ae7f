// How wide an element is, for its style: a shop may give the search a column of a wide page. Container queries would do
// without a script, but browsers of before 2025 then place the sheet of the filters by the element and not by the window.

const WIDTHS = { phone: 620, slim: 900 };

/**
 * Keep the classes `phone` and `slim` of an element while it is at most that wide.
 * @param {HTMLElement} view not yet in the page: a layout that changes after it was seen would jump
 * @param {HTMLElement} host that it will be as wide as
 * @param {AbortSignal} signal ends it
 */
export function followWidth(view, host, signal) {
  const take = (width) => {
    for (const [name, most] of Object.entries(WIDTHS)) view.classList.toggle(name, width <= most);
  };
  take(host.clientWidth);
  const observer = new ResizeObserver(([{ contentRect }]) => take(contentRect.width));
  observer.observe(view);
  signal.addEventListener("abort", () => observer.disconnect());
}
