// Where the names of the map's regions stand. The service says what they are called, level by level; for each doubling of
// the zoom they are placed once, so that they keep their places while the map moves. Knows no page.

import { labelFont } from "./map_draw.js";
import { SIDE } from "./map_view.js";

/**
 * @typedef {object} Region as the service has it
 * @property {number} level 0 for the largest regions
 * @property {number} x its middle, as the products' of a ProductMap
 * @property {number} y
 * @property {number} count products that have its word
 * @property {{text: string, attribute?: string}[]} words
 */
/**
 * @typedef {object} ClusterLabel
 * @property {string} text
 * @property {number} x as a Region's
 * @property {number} y
 * @property {number} count
 */

const HEIGHT = 26; // CSS pixels that a label takes, with the room around it
const ROOM = 18; // CSS pixels beside it
const SAME = 240; // CSS pixels between two labels of one text
const LARGE = 900; // CSS pixels of a sheet that has room for the next level, too
const MOST = 600; // labels at a time
const DEEPEST = 8; // doubling of the zoom
const BETWEEN = " · "; // the words of a label

/** The labels of a map. */
export class ClusterLabels {
  #placed = new Map(); // key of a doubling and a size -> the labels there

  /**
   * @param {Region[]} regions
   * @param {(attribute: string, value: string) => string} say the text of a value
   * @param {(text: string) => number} measure CSS pixels of its width
   */
  constructor(regions, say, measure) {
    this.labels = regions.map(({ words, ...rest }) => {
      const texts = words.map(({ text, attribute }) => (attribute ? say(attribute, text) : text));
      return { ...rest, text: [...new Set(texts)].join(BETWEEN), isPart: words.length > 1 };
    });
    this.measure = measure;
  }

  /**
   * @param {number} zoom
   * @param {number} side CSS pixels of the whole map's side at a zoom of 1
   * @returns {ClusterLabel[]} that do not touch each other at this zoom or a larger one, those that say most first
   */
  at(zoom, side) {
    const doubling = Math.min(DEEPEST, Math.floor(Math.log2(zoom)));
    const size = Math.max(100, Math.floor(side / 100) * 100); // of a smaller sheet: on this one they lie further apart
    const key = `${doubling} ${size}`;
    if (!this.#placed.has(key)) this.#placed.set(key, this.#place(doubling, size));
    return this.#placed.get(key);
  }

  // The regions of the level that fills the sheet come first. What room they leave goes to smaller ones, of which parts of
  // what has a name already are shown one level down only, and then to larger ones.
  #place(doubling, size) {
    const level = doubling + Number(size >= LARGE);
    const turn = (one) => (one.level < level ? 2 * DEEPEST - one.level : one.level - level);
    const wanted = this.labels.filter((one) => !one.isPart || one.level <= level + 1);
    wanted.sort((one, other) => turn(one) - turn(other) || other.count - one.count);
    const unit = (size * 2 ** doubling) / SIDE;
    const placed = [];
    const widths = new Map();
    for (const { text, x, y, count } of wanted) {
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
 * @param {Region[]} regions
 * @param {import("./ui.js").Ui} ui
 * @param {HTMLCanvasElement} canvas that they are drawn on
 * @returns {ClusterLabels}
 */
export function nameRegions(regions, ui, canvas) {
  const context = canvas.getContext("2d");
  const measure = (text) => {
    context.font = labelFont(canvas);
    return context.measureText(text).width;
  };
  return new ClusterLabels(regions, (attribute, value) => ui.sayValue(attribute, value), measure);
}
