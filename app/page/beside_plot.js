// Differences of two encoders with their intervals, as a plot with a line at zero: a list that a screen reader reads.

import { betterOf } from "./beside_report.js";
import { element } from "./elements.js";

/** @typedef {import("./beside_report.js").Figure} Figure */

const LEAST = 0.005; // the plot shows half a point to each side at least

/**
 * @param {HTMLElement} list
 * @param {{name: string, note: string, difference: Figure}[]} lines
 * @param {(difference: Figure) => string} say a difference and its interval in words
 */
export function plotDifferences(list, lines, say) {
  const reach = Math.max(LEAST, ...lines.flatMap(({ difference: { low, high } }) => [Math.abs(low), Math.abs(high)]));
  const place = (value) => 0.5 + value / (2 * reach);
  const items = lines.map(({ name, note, difference }) => {
    const track = element("span", { className: "track", "aria-hidden": "true" }, element("s"), element("u"), element("i"));
    for (const part of ["value", "low", "high"]) track.style.setProperty(`--${part}`, place(difference[part]));
    const label = element("span", { className: "name" }, name, element("small", {}, note));
    return element("li", { className: `better-${betterOf(difference)}` }, label, track, element("span", { className: "value" }, say(difference)));
  });
  list.replaceChildren(...items);
}
