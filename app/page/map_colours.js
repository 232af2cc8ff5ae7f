// The colours of the map's dots, by the value of an attribute. Knows no view and no page.

import { apart, distance, rgbOfHex } from "./distinct.js";
import { NONE } from "./map_view.js";
import { isColour, swatchOf } from "./swatches.js";

/**
 * A colour as a Uint32 of the canvas's pixels, which are red, green, blue and alpha in memory.
 * @typedef {number} Word
 */
/** @typedef {{value: string, colour: string, edge: string, count: number}} LegendEntry colours for CSS; "": no edge */
/**
 * @typedef {object} Colouring
 * @property {Uint32Array} words the Word of each row; 0 for a product that is faded
 * @property {Word} faded
 * @property {Map<Word, Word>} edges the edge of a dot whose own colour is nearly that of the ground
 * @property {LegendEntry[]} legend the values that have a colour of their own
 * @property {{values: {value: string, count: number}[], products: number}} rest what shares the grey
 */

const NAMED = 12; // values that have a colour of their own before any is chosen
const PALETTE = [
  "#c2255c", "#1971c2", "#2f9e44", "#f08c00", "#7048e8", "#0c8599", "#e64980", "#94c11f", "#8f4a20", "#364fc7", "#e8590c", "#0b5d46",
].map(rgbOfHex);
const LEAST = [9, 6]; // distance between two colours of a legend of usual length, and of a long one
const LONG = 20; // colours of a long legend
const AWAY = 4.5; // distance to the colours of dots that are faded or have no colour of their own
const TOO_CLOSE = 12; // to the ground, for a small dot to be seen without an edge
const THEMES = {
  light: { ground: "#f3f1ee", faded: "#ded9d4", other: "#9a938e", pale: "#cbc2b9", edge: "#5b5753" },
  dark: { ground: "#201d1f", faded: "#3a3639", other: "#8d8682", pale: "#57514f", edge: "#cfc8c2" },
};

/** @returns {boolean} whether the pages are dark */
export const isDark = () => matchMedia("(prefers-color-scheme: dark)").matches;

const toWord = ([red, green, blue]) => ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;

/** @param {Word} word @returns {string} the same for CSS */
export const toCss = (word) => `rgb(${word & 255} ${(word >> 8) & 255} ${(word >> 16) & 255})`;

/**
 * @param {string} attribute
 * @param {string[]} values in the order of their rank
 * @param {boolean} dark
 * @returns {{colours: {fill: number[], edge: ?number[]}[], other: number[]}} a colour for each value, and that of the
 *   values that have none
 */
export function coloursOf(attribute, values, dark) {
  const { ground, faded, other, pale, edge } = Object.fromEntries(
    Object.entries(THEMES[dark ? "dark" : "light"]).map(([name, hex]) => [name, rgbOfHex(hex)]),
  );
  const swatches = values.map((value) => (isColour(attribute) ? swatchOf(value) : null));
  const named = swatches.some((swatch) => swatch?.startsWith("#"));
  const natural = swatches.map((swatch, row) => (swatch?.startsWith("#") ? rgbOfHex(swatch) : PALETTE[row % PALETTE.length]));
  const rest = named ? pale : other;
  // A name of a colour keeps its colour on a ground that swallows it: it gets an edge.
  const fills = apart(natural, LEAST[Number(natural.length > LONG)], [faded, rest, ...(named ? [] : [ground])], AWAY);
  return { colours: fills.map((fill) => ({ fill, edge: distance(fill, ground) < TOO_CLOSE ? edge : null })), other: rest };
}

/**
 * @param {number} count of products
 * @param {string} name of the attribute
 * @param {{values: string[], codes: Uint16Array}} [attribute] none: all dots are alike
 * @param {Set<string>} selected values; all others are faded, unless it is empty
 * @param {?Uint8Array} lit 1 for the rows that are not faded; null for all
 * @returns {Colouring}
 */
export function colourDots(count, name, attribute, selected, lit) {
  const dark = isDark();
  const faded = toWord(rgbOfHex(THEMES[dark ? "dark" : "light"].faded));
  const { values, codes } = attribute ?? { values: [], codes: new Uint16Array(count).fill(NONE) };
  const coloured = values.filter((value, row) => row < NAMED || selected.has(value));
  const { colours, other } = coloursOf(name, coloured, dark);
  const colourOf = new Map(coloured.map((value, row) => [value, colours[row]]));
  const ofValue = values.map((value) => {
    if (selected.size && !selected.has(value)) return 0;
    return toWord(colourOf.get(value)?.fill ?? other);
  });
  const without = selected.size ? 0 : toWord(other);
  const counts = new Array(values.length).fill(0);
  const words = new Uint32Array(count);
  codes.forEach((code, row) => {
    if (code !== NONE) counts[code] += 1;
    if (!lit || lit[row]) words[row] = code === NONE ? without : ofValue[code];
  });
  const edged = colours.filter(({ edge }) => edge);
  const entries = values.map((value, row) => ({ value, count: counts[row] }));
  const rest = entries.filter(({ value }) => !colourOf.has(value));
  const css = (rgb) => (rgb ? `rgb(${rgb.join(" ")})` : "");
  return {
    words,
    faded,
    edges: new Map(edged.map(({ fill, edge }) => [toWord(fill), toWord(edge)])),
    legend: entries.filter(({ value }) => colourOf.has(value)).map((entry) => {
      const { fill, edge } = colourOf.get(entry.value);
      return { ...entry, colour: css(fill), edge: css(edge) };
    }),
    rest: { values: rest, products: rest.reduce((sum, one) => sum + one.count, 0) },
  };
}
