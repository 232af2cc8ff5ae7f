// Ranges as filters: "10..50", "10.." and "..50" are values of a filter in an address, and bounds in a search. A bound is
// a number or a day. Knows no elements.

/** @typedef {{gte?: number|string, lte?: number|string}} Range both ends are in it */

const BOUND = "(-?\\d+(?:\\.\\d+)?|\\d{4}-\\d\\d-\\d\\d)?";
const RANGE = new RegExp(`^${BOUND}\\.\\.${BOUND}$`);
const isDay = (text) => /^\d{4}-/.test(text);
const boundOf = (text) => (isDay(text) ? text : Number(text));

/**
 * @param {string} value of a filter
 * @returns {?Range} null where it is another value
 */
export function rangeOf(value) {
  const [, from, to] = RANGE.exec(value) ?? [];
  if (from === undefined && to === undefined) return null;
  if (from !== undefined && to !== undefined && isDay(from) !== isDay(to)) return null;
  const range = {};
  if (from !== undefined) range.gte = boundOf(from);
  if (to !== undefined) range.lte = boundOf(to);
  return range;
}

/** @param {Range} range @returns {string} as a value of a filter; "" for one without ends */
export function rangeText({ gte, lte }) {
  return gte === undefined && lte === undefined ? "" : `${gte ?? ""}..${lte ?? ""}`;
}

/** @param {string[]} values of a filter @returns {?Range} the range among them */
export const rangeAmong = (values) => values.map(rangeOf).findLast(Boolean) ?? null;

/**
 * @param {Object<string, string[]>} filters attribute -> wanted values
 * @returns {Object<string, string[]|Range>} as a search takes them; a range goes before single values beside it
 */
export const filtersOfBody = (filters) =>
  Object.fromEntries(Object.entries(filters).map(([name, values]) => [name, rangeAmong(values) ?? values]));
