// What regions of the map are called: the kind of product that is more frequent there than on the whole map by most. For
// each doubling of the zoom they are chosen and placed once, so that they keep their places while the map moves. Knows no page.

import { labelFont } from "./map_draw.js";
import { NONE, SIDE } from "./map_view.js";

/**
 * @typedef {object} ClusterLabel
 * @property {string} text
 * @property {number} x its middle, as the products' of a ProductMap
 * @property {number} y
 * @property {number} count products around it that are of this kind
 */

const KINDS = ["articleType", "product_type", "productType", "type", "subCategory", "category", "masterCategory"]; // of products
const CELL = 64; // CSS pixels of a side of the regions that are counted, where a level begins
const FEWEST = 8; // products of a kind that make a label
const MORE = 0.07; // part of a region's products by which its kind is more frequent there than elsewhere, at least
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
    const counts = new Array(this.texts.length).fill(0);
    for (const code of this.codes) if (code !== NONE) counts[this.kindOf[code]] += 1;
    /** part of all products that are of a kind */
    this.usual = counts.map((count) => count / map.ids.length);
  }

  /**
   * @param {number} zoom
   * @param {number} side CSS pixels of the whole map's side at a zoom of 1
   * @returns {ClusterLabel[]} that do not touch each other at this zoom or a larger one, those that say most first
   */
  at(zoom, side) {
    const level = Math.min(DEEPEST, Math.floor(Math.log2(zoom)));
    const size = Math.max(100, Math.floor(side / 100) * 100); // of a smaller sheet: on this one they lie further apart
    const key = `${level} ${size}`;
    if (!this.#levels.has(key)) this.#levels.set(key, this.#place(this.#regions(size * 2 ** level), size * 2 ** level));
    return this.#levels.get(key);
  }

  // The regions that have a kind of their own, those with the most products more than usual first. A region is a cell with the eight around it.
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
    for (const cell of cells.keys()) {
      let all = 0;
      const around = new Map();
      for (const step of [-1, 0, 1]) {
        for (const line of [-side, 0, side]) {
          for (const [kind, sums] of cells.get(cell + step + line) ?? []) {
            all += sums[0];
            around.set(kind, (around.get(kind) ?? [0, 0, 0]).map((sum, axis) => sum + sums[axis]));
          }
        }
      }
      const excess = ([kind, [count]]) => count / all - this.usual[kind];
      const best = [...around].reduce((one, other) => (excess(other) > excess(one) ? other : one));
      const [kind, [count, sumX, sumY]] = best;
      if (count < FEWEST || excess(best) < MORE) continue;
      regions.push({ text: this.texts[kind], x: sumX / count, y: sumY / count, count, more: excess(best) * all, cell });
    }
    return regions.sort((one, other) => other.more - one.more || one.cell - other.cell);
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

/**
 * @param {import("./map_view.js").ProductMap} map
 * @param {import("./ui.js").Ui} ui
 * @param {HTMLCanvasElement} canvas that they are drawn on
 * @returns {?ClusterLabels} null: no attribute says what kind of product something is
 */
export function nameRegions(map, ui, canvas) {
  const name = KINDS.find((one) => one in map.attributes);
  if (!name) return null;
  const context = canvas.getContext("2d");
  const measure = (text) => {
    context.font = labelFont(canvas);
    return context.measureText(text).width;
  };
  return new ClusterLabels(map, map.attributes[name], (value) => ui.sayValue(name, value), measure);
}
