// The colours of the map's dots, by the value of an attribute. Knows no view and no page.

import { element } from "./elements.js";
import { NONE } from "./map_view.js";

/**
 * A colour as a Uint32 of the canvas's pixels, which are red, green, blue and alpha in memory.
 * @typedef {number} Word
 */
/**
 * @typedef {object} Colouring
 * @property {Uint32Array} words the Word of each row; 0 for a product that is faded
 * @property {Word} faded
 * @property {{value: string, colour: string, count: number}[]} legend the values that have a colour or are selected
 * @property {{values: number, products: number}} rest what shares the grey
 */

const NAMED = 12; // values that have a colour of their own
const PALETTE = ["#c2255c", "#1971c2", "#2f9e44", "#f08c00", "#7048e8", "#0c8599", "#d6336c", "#66a80f", "#a0522d", "#4263eb", "#e8590c", "#087f5b"];
const OTHER = "#9a938e";
const GROUND = { light: 243, dark: 32 }; // how bright the map's ground is, 0 to 255
const TOO_CLOSE = 25; // to the ground's brightness, for a dot to be seen

/** @returns {boolean} whether the pages are dark */
export const isDark = () => matchMedia("(prefers-color-scheme: dark)").matches;

const toWord = ([red, green, blue]) => ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;

/** @param {Word} word @returns {string} the same for CSS */
export const toCss = (word) => `rgb(${word & 255} ${(word >> 8) & 255} ${(word >> 16) & 255})`;

// The canvas knows every colour of CSS as red, green and blue.
const probe = element("canvas", { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
function toRgb(css) {
  probe.fillStyle = css;
  probe.fillRect(0, 0, 1, 1);
  return [...probe.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}

// Values that are names of colours have their own colour ("Navy Blue" is navy). One as bright as the ground is changed
// until it is seen on it.
function coloursOf(values) {
  const names = values.slice(0, NAMED).map((value) => value.toLowerCase().replaceAll(" ", ""));
  const known = (name) => (CSS.supports("color", name) ? name : name === "navyblue" ? "navy" : null);
  if (names.filter(known).length * 2 < names.length) return PALETTE;
  const dark = isDark();
  return names.map((name, row) => {
    const rgb = toRgb(known(name) ?? PALETTE[row]);
    const brightness = rgb.reduce((one, other) => one + other) / 3;
    const vanishes = Math.abs(brightness - GROUND[dark ? "dark" : "light"]) < TOO_CLOSE;
    const seen = rgb.map((value) => (vanishes ? value * 0.7 + (dark ? 75 : 0) : value * 0.8 + 25));
    return `rgb(${seen.map(Math.round).join(" ")})`;
  });
}

/**
 * @param {number} count of products
 * @param {{values: string[], codes: Uint16Array}} [attribute]
 * @param {Set<string>} selected values; all others are faded, unless it is empty
 * @returns {Colouring}
 */
export function colourDots(count, attribute, selected) {
  const other = toWord(toRgb(OTHER));
  const words = new Uint32Array(count).fill(other);
  const faded = toWord(isDark() ? [58, 54, 57] : [222, 217, 212]);
  if (!attribute) return { words, faded, legend: [], rest: { values: 0, products: 0 } };
  const { values, codes } = attribute;
  const colours = coloursOf(values);
  const shown = values.map((value) => !selected.size || selected.has(value));
  const ofValue = values.map((_, row) => (shown[row] ? (row < NAMED ? toWord(toRgb(colours[row])) : other) : 0));
  const without = selected.size ? 0 : other;
  const counts = new Array(values.length).fill(0);
  codes.forEach((code, row) => {
    words[row] = code === NONE ? without : ofValue[code];
    if (code !== NONE) counts[code] += 1;
  });
  const legend = values
    .map((value, row) => ({ value, colour: row < NAMED ? colours[row] : OTHER, count: counts[row] }))
    .filter(({ value }, row) => row < NAMED || selected.has(value));
  const products = counts.slice(NAMED).reduce((one, two) => one + two, 0);
  return { words, faded, legend, rest: { values: Math.max(0, counts.length - NAMED), products } };
}
