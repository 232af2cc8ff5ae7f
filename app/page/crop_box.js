// The box of a part of a picture: how it moves and grows, always within the picture. Knows no elements.

/** @typedef {number[]} Box left, top, width and height in parts of the picture, each from 0 to 1 */

export const WHOLE = Object.freeze([0, 0, 1, 1]);
export const LEAST = 0.08; // width and height: a smaller part shows nothing
const STEP = 0.02; // of an arrow key
const DIGITS = 1000; // of a box in an address

const between = (value, low, high) => Math.min(high, Math.max(low, value));
const rounded = (value) => Math.round(value * DIGITS) / DIGITS;

/** @param {Box} box @returns {Box} the nearest one within the picture, rounded */
export function within([left, top, width, height]) {
  const [wide, high] = [between(width, LEAST, 1), between(height, LEAST, 1)].map(rounded);
  return [rounded(between(left, 0, 1 - wide)), rounded(between(top, 0, 1 - high)), wide, high];
}

/** @param {?Box} box @returns {boolean} whether it is all of the picture, nearly */
export const isWhole = (box) => !box || (box[2] > 0.98 && box[3] > 0.98);

/** @param {Box} box @param {number} across @param {number} down parts of the picture @returns {Box} moved */
export const moved = ([left, top, width, height], across, down) => within([left + across, top + down, width, height]);

/**
 * @param {Box} box
 * @param {string} corner "start" or "end" across, a dash, and the same down: "start-end" is at the left below
 * @param {number} across how far the corner goes, in parts of the picture
 * @param {number} down
 * @returns {Box} the opposite corner stays where it is
 */
export function resized([left, top, width, height], corner, across, down) {
  const [atX, atY] = corner.split("-");
  const [right, bottom] = [left + width, top + height];
  const x = atX === "start" ? between(left + across, 0, right - LEAST) : left;
  const y = atY === "start" ? between(top + down, 0, bottom - LEAST) : top;
  const endX = atX === "end" ? between(right + across, left + LEAST, 1) : right;
  const endY = atY === "end" ? between(bottom + down, top + LEAST, 1) : bottom;
  return within([x, y, endX - x, endY - y]);
}

/** @param {Box} box @param {number} factor @returns {Box} larger or smaller around its middle */
export function scaledBy([left, top, width, height], factor) {
  const [wide, high] = [between(width * factor, LEAST, 1), between(height * factor, LEAST, 1)];
  return within([left + (width - wide) / 2, top + (height - high) / 2, wide, high]);
}

/** @param {number[]} one @param {number[]} other corners: x and y @returns {Box} between two opposite corners */
export function spanned([x, y], [toX, toY]) {
  return within([Math.min(x, toX), Math.min(y, toY), Math.abs(toX - x), Math.abs(toY - y)]);
}

const ARROWS = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };

/**
 * @param {Box} box
 * @param {string} key as keyboard events name it
 * @param {boolean} shift
 * @returns {?Box} after this key: arrows move, with Shift they change the size; null: the key does nothing
 */
export function afterKey(box, key, shift) {
  const step = ARROWS[key];
  if (!step) return null;
  return shift ? resized(box, "end-end", ...step) : moved(box, ...step);
}

/** @param {?string} text of an address @returns {?Box} null: it is none, or the whole picture */
export function boxFromText(text) {
  const sides = (text ?? "").split(",").map(Number);
  if (sides.length !== 4 || !sides.every((side) => side >= 0 && side <= 1)) return null;
  const box = within(sides);
  return isWhole(box) ? null : box;
}
