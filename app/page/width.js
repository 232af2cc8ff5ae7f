// How wide an element is, for its style: a shop may give the search a column of a wide page. Container queries would do
// without a script, but browsers of before 2025 then place the sheet of the filters by the element and not by the window.

const WIDTHS = { phone: 620, slim: 900 };

/**
 * Keep the classes `phone` and `slim` of an element while it is at most that wide.
 * @param {HTMLElement} view
 * @param {AbortSignal} signal ends it
 */
export function followWidth(view, signal) {
  const observer = new ResizeObserver(([{ contentRect }]) => {
    for (const [name, most] of Object.entries(WIDTHS)) view.classList.toggle(name, contentRect.width <= most);
  });
  observer.observe(view);
  signal.addEventListener("abort", () => observer.disconnect());
}
