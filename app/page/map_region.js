// A part of the map that a person has drawn around: which products are in it, which stand in its middle, what they share.
// Knows no page.

import { NONE } from "./map_view.js";

/** @typedef {import("./map_view.js").ProductMap} ProductMap */
/** @typedef {[number, number]} Place x and y as the products' of a ProductMap */

/**
 * @param {ProductMap} map
 * @param {Place[]} outline corners in order
 * @param {(row: number) => boolean} isShown
 * @returns {number[]} rows of the shown products inside
 */
export function rowsWithin(map, outline, isShown) {
  const [xs, ys] = [0, 1].map((axis) => outline.map((place) => place[axis]));
  const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const found = [];
  for (let row = 0; row < map.ids.length; row += 1) {
    const [x, y] = [map.x[row], map.y[row]];
    if (x < left || x > right || y < low || y > high || !isShown(row)) continue;
    // A line from the product to the right crosses the outline an odd number of times.
    let inside = false;
    for (let at = 0, before = outline.length - 1; at < outline.length; before = at, at += 1) {
      const crosses = ys[at] > y !== ys[before] > y;
      if (crosses && x < xs[at] + ((y - ys[at]) / (ys[before] - ys[at])) * (xs[before] - xs[at])) inside = !inside;
    }
    if (inside) found.push(row);
  }
  return found;
}

/**
 * @param {ProductMap} map
 * @param {number[]} rows
 * @returns {number[]} the same, those nearest to their middle first
 */
export function byCentre(map, rows) {
  const middle = [map.x, map.y].map((axis) => {
    const places = rows.map((row) => axis[row]).sort((one, other) => one - other);
    return places[Math.floor(places.length / 2)] ?? 0;
  });
  const away = new Map(rows.map((row) => [row, Math.hypot(map.x[row] - middle[0], map.y[row] - middle[1])]));
  return [...rows].sort((one, other) => away.get(one) - away.get(other) || one - other);
}

/**
 * @param {ProductMap} map
 * @param {number[]} rows
 * @returns {{attribute: string, value: string, count: number}[]} the most frequent value of each attribute, the most
 *   frequent first
 */
export function sharedValues(map, rows) {
  const found = [];
  for (const [attribute, { values, codes }] of Object.entries(map.attributes)) {
    const counts = new Map();
    for (const row of rows) if (codes[row] !== NONE) counts.set(codes[row], (counts.get(codes[row]) ?? 0) + 1);
    const most = [...counts].sort((one, other) => other[1] - one[1] || one[0] - other[0])[0];
    if (most) found.push({ attribute, value: values[most[0]], count: most[1] });
  }
  return found.sort((one, other) => other.count - one.count);
}
