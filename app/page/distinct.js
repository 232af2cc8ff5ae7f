// Colours that a person can tell apart: each stays as it is, or moves until it is far enough from all others. Distances
// are those of OKLab (https://bottosson.github.io/posts/oklab/), in hundredths. Knows no page.

/** @typedef {[number, number, number]} Rgb red, green and blue, 0 to 255 */
/** @typedef {[number, number, number]} Lab lightness, then green to red, then blue to yellow */

const toLinear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
const toGamma = (part) => (part <= 0.0031308 ? part * 12.92 : 1.055 * part ** (1 / 2.4) - 0.055);

/** @param {Rgb} rgb @returns {Lab} */
export function labOf(rgb) {
  const [red, green, blue] = rgb.map((part) => toLinear(part / 255));
  const l = Math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue);
  const m = Math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue);
  const s = Math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function rgbOf([lightness, a, b]) {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  return linear.map((part) => Math.round(255 * toGamma(Math.min(1, Math.max(0, part)))));
}

/** @param {Rgb} one @param {Rgb} other @returns {number} 0 for equal colours, 100 between black and white */
export function distance(one, other) {
  const [first, second] = [labOf(one), labOf(other)];
  return 100 * Math.hypot(...first.map((part, axis) => part - second[axis]));
}

/** @param {string} hex such as "#c2255c" @returns {Rgb} */
export const rgbOfHex = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

// How a colour may move, the smallest change first: lighter or darker, stronger or paler, to a hue beside it.
const MOVES = [];
for (let step = -9; step <= 9; step += 1) {
  for (const strength of [1, 1.35, 0.7]) {
    for (const turn of [0, 15, -15, 30, -30]) {
      MOVES.push({ step: step * 0.04, strength, turn: (turn * Math.PI) / 180 });
    }
  }
}
const cost = ({ step, strength, turn }) => Math.abs(step) * 2.5 + Math.abs(strength - 1) * 0.3 + Math.abs(turn);
MOVES.sort((one, other) => cost(one) - cost(other));

function moved(rgb, { step, strength, turn }) {
  const [lightness, a, b] = labOf(rgb);
  const [cosine, sine] = [Math.cos(turn) * strength, Math.sin(turn) * strength];
  return rgbOf([Math.min(1, Math.max(0, lightness + step)), a * cosine - b * sine, a * sine + b * cosine]);
}

/**
 * @param {Rgb[]} colours in the order of their rank: the first stay as they are
 * @param {number} least distance between any two
 * @param {Rgb[]} taken colours that all keep away from
 * @param {number} away least distance to one of these
 * @returns {Rgb[]} as near to `colours` as that allows
 */
export function apart(colours, least, taken, away) {
  const all = taken.map((rgb) => [rgb, least / away]);
  return colours.map((colour) => {
    let best = null;
    let farthest = -1;
    for (const move of MOVES) {
      const candidate = moved(colour, move);
      const nearest = Math.min(...all.map(([other, weight]) => weight * distance(candidate, other)));
      if (nearest > farthest) [best, farthest] = [candidate, nearest];
      if (nearest >= least) break;
    }
    all.push([best, 1]);
    return best;
  });
}
