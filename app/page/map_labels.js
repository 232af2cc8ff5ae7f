// What dense regions of the map are called: the most frequent kind of product there, more of them as one zooms. For
// each doubling of the zoom they are chosen and placed once, so that they stand still while the map moves. Knows no page.

import { NONE, SIDE } from "./map_view.js";

/**
 * @typedef {object} ClusterLabel
 * @property {string} text
 * @property {number} x its middle, as the products' of a ProductMap
 * @property {number} y
 * @property {number} count products around it that are of this kind
 */

const CELL = 64; // CSS pixels of a side of the regions that are counted, where a level begins
const FEWEST = 8; // products of a kind that make a label
const SHARE = 0.2; // least part of a region's products that are of the kind
const HEIGHT = 26; // CSS pixels that a label takes, with the room around it
const ROOM = 18; // CSS pixels beside it
const SAME = 240; // CSS pixels between two labels of one text
const MOST = 600; // labels of a level
const DEEPEST = 8; // level

/** The labels of a map, by the values of one attribute. */
export class ClusterLabels {
  #levels = new Map(); // key of a level and a size -> its labels

  /**
   * @param {import("./map_view.js").ProductMap} map
   * @param {{values: string[], codes: Uint16Array}} attribute that says what kind of product something is
   * @param {(value: string) => string} say the text of a value
   * @param {(text: string) => number} measure CSS pixels of its width
   */
  constructor(map, attribute, say, measure) {
    this.map = map;
    this.codes = attribute.codes;
    const texts = attribute.values.map(say);
    this.texts = [...new Set(texts)];
    // Values with one text are one kind.
    this.kindOf = Uint16Array.from(texts, (text) => this.texts.indexOf(text));
    this.measure = measure;
  }

  /**
   * @param {number} zoom
   * @param {number} side CSS pixels of the whole map's side at a zoom of 1
   * @returns {ClusterLabel[]} that do not touch each other at this zoom or a larger one, the largest count first
   */
  at(zoom, side) {
    const level = Math.min(DEEPEST, Math.floor(Math.log2(zoom)));
    const size = Math.max(100, Math.floor(side / 100) * 100); // of a smaller sheet: on this one they lie further apart
    const key = `${level} ${size}`;
    if (!this.#levels.has(key)) this.#levels.set(key, this.#place(this.#regions(size * 2 ** level), size * 2 ** level));
    return this.#levels.get(key);
  }

  // The regions that have a kind of their own, the most products first. A region is a cell with the eight around it.
  #regions(pixels) {
    const side = Math.max(1, Math.round(pixels / CELL));
    const cells = new Map(); // number of a cell -> kind -> [count, sum of x, sum of y]
    const { x, y } = this.map;
    for (let row = 0; row < x.length; row += 1) {
      if (this.codes[row] === NONE) continue;
      const cell = Math.floor((x[row] / (SIDE + 1)) * side) + side * Math.floor((y[row] / (SIDE + 1)) * side);
      const kind = this.kindOf[this.codes[row]];
      if (!cells.has(cell)) cells.set(cell, new Map());
      const kinds = cells.get(cell);
      const sums = kinds.get(kind) ?? [0, 0, 0];
      kinds.set(kind, [sums[0] + 1, sums[1] + x[row], sums[2] + y[row]]);
    }
    const regions = [];
    for (const [cell, own] of cells) {
      const kind = [...own].reduce((best, one) => (one[1][0] > best[1][0] ? one : best))[0];
      let [count, all, left, up] = [0, 0, 0, 0];
      for (const step of [-1, 0, 1]) {
        for (const line of [-side, 0, side]) {
          for (const [other, [many, sumX, sumY]] of cells.get(cell + step + line) ?? []) {
            all += many;
            if (other === kind) [count, left, up] = [count + many, left + sumX, up + sumY];
          }
        }
      }
      if (count >= FEWEST && count >= SHARE * all) regions.push({ text: this.texts[kind], x: left / count, y: up / count, count, cell });
    }
    return regions.sort((one, other) => other.count - one.count || one.cell - other.cell);
  }

  #place(regions, pixels) {
    const unit = pixels / SIDE;
    const placed = [];
    const widths = new Map();
    for (const { text, x, y, count } of regions) {
      if (!widths.has(text)) widths.set(text, this.measure(text) + ROOM);
      const width = widths.get(text);
      const isFree = placed.every((other) => {
        const [dx, dy] = [Math.abs(other.x - x) * unit, Math.abs(other.y - y) * unit];
        return (dx >= (width + widths.get(other.text)) / 2 || dy >= HEIGHT) && (other.text !== text || Math.hypot(dx, dy) >= SAME);
      });
      if (isFree) placed.push({ text, x, y, count });
      if (placed.length === MOST) break;
    }
    return placed;
  }
}
