// The report of `vitrine evaluate --against`, as a person gives it to the page: checked before anything of it is shown.
// Knows no elements.

/** @typedef {{value: number, low: number, high: number}} Figure parts of 1, with a 95 % interval */
/** @typedef {{direction: string, right: string, measure: string, a: Figure, b: Figure, difference: Figure}} Line */
/** @typedef {{query: string, a: {id: string, title: string}[], b: {id: string, title: string}[]}} Pair */
/**
 * @typedef {object} Report
 * @property {string} source
 * @property {string} split
 * @property {number} titles
 * @property {number} gallery
 * @property {{encoder_id: string}} a
 * @property {{encoder_id: string}} b
 * @property {Line[]} measures
 * @property {Object<string, {value: string, queries: number, a: Figure, b: Figure, difference: Figure}[]>} slices
 * @property {{queries: number, measures: Line[]}} [judged]
 * @property {Pair[]} side_by_side
 */

/** Bytes of a report, at most. */
export const MAX_BYTES = 20_000_000;
const MAX_LINES = 200;
const MAX_SLICES = 1000;
const MAX_PAIRS = 5000;
const MAX_FOUND = 10;
const MAX_TEXT = 2000;

/** A file that is no such report; its message is the key of a text. */
export class ReportError extends Error {}

const isText = (value) => typeof value === "string" && value.length <= MAX_TEXT;
const isCount = (value) => Number.isInteger(value) && value >= 0;
const isFigure = (one) => ["value", "low", "high"].every((part) => Number.isFinite(one?.[part]) && Math.abs(one[part]) <= 1);
const hasFigures = (one) => ["a", "b", "difference"].every((side) => isFigure(one?.[side]));
const isList = (value, most, isOne) => Array.isArray(value) && value.length <= most && value.every(isOne);
const isLine = (one) => hasFigures(one) && ["direction", "right", "measure"].every((name) => isText(one[name]));
const isSlice = (one) => hasFigures(one) && isText(one.value) && isCount(one.queries);
const isHit = (one) => isText(one?.id) && isText(one.title);
const isPair = (one) => isText(one?.query) && ["a", "b"].every((side) => isList(one[side], MAX_FOUND, isHit));
const isSide = (one) => isText(one?.encoder_id);

function isReport(one) {
  const slices = Object.entries(one.slices ?? {});
  return (
    [one.source, one.split].every(isText) &&
    [one.titles, one.gallery].every(isCount) &&
    [one.a, one.b].every(isSide) &&
    isList(one.measures, MAX_LINES, isLine) &&
    one.measures.length > 0 &&
    isList(slices, MAX_LINES, ([name, lines]) => isText(name) && isList(lines, MAX_SLICES, isSlice)) &&
    isList(one.side_by_side, MAX_PAIRS, isPair) &&
    (one.judged === undefined || (isCount(one.judged?.queries) && isList(one.judged.measures, MAX_LINES, isLine)))
  );
}

/**
 * @param {string} text of a file
 * @returns {Report}
 * @throws {ReportError}
 */
export function readReport(text) {
  let given;
  try {
    given = JSON.parse(text);
  } catch {
    throw new ReportError("beside.noJson");
  }
  if (given?.protocol !== "against") throw new ReportError("beside.otherFile");
  if (!isReport(given)) throw new ReportError("beside.damaged");
  return given;
}

/** @param {Figure} difference b less a @returns {"a"|"b"|"none"} which side is better beyond chance */
export const betterOf = ({ low, high }) => (low > 0 ? "b" : high < 0 ? "a" : "none");
