// How the service has read the text: words that were corrected, what is meant as conditions, whether those filter, and
// whether what fits less is shown as well. Knows no search: what a person changes is handed over.

import { byId, element, humanName } from "./elements.js";

/** @typedef {import("./query.js").SearchQuery} SearchQuery */
/**
 * @typedef {object} Interpreted
 * @property {string} text the words as they were typed
 * @property {string} attribute
 * @property {string[]} values
 * @property {boolean} negated
 * @property {?number} gte
 * @property {?number} gt
 * @property {?number} lte
 * @property {?number} lt
 */

const MAX_VALUES = 3; // of a chip

/**
 * Show how a text was read, above the results.
 * @param {{corrected: ?{from: string, to: string}, interpreted: Interpreted[]}} answer
 * @param {SearchQuery} query
 * @param {(change: Partial<SearchQuery>) => void} change
 */
export function showUnderstood({ corrected, interpreted }, query, change) {
  const told = byId("corrected");
  told.hidden = !corrected;
  told.replaceChildren(...(corrected ? correction(corrected, change) : []));
  const chips = conditionChips(interpreted, query, change);
  byId("conditions").replaceChildren(...chips.map((chip) => element("li", {}, chip)));
  byId("understood").hidden = !chips.length;
  byId("strict").checked = query.strict;
  byId("all-shown").hidden = !(query.text && query.all);
}

/** Show nothing: there is no answer. */
export function hideUnderstood() {
  byId("corrected").hidden = byId("understood").hidden = byId("all-shown").hidden = true;
}

function correction({ from, to }, change) {
  const button = element("button", { type: "button", className: "plain" }, "Search for ", element("em", {}, from), " instead");
  button.addEventListener("click", () => {
    change({ correct: false });
    byId("text").focus();
  });
  return ["Searched for ", element("strong", {}, to), ". ", button];
}

/**
 * @param {Interpreted[]} interpreted
 * @param {SearchQuery} query
 * @param {(change: Partial<SearchQuery>) => void} change
 * @returns {HTMLButtonElement[]} a button for each condition, which takes it off
 */
export const conditionChips = (interpreted, query, change) =>
  interpreted.map((condition) => {
    const name = `${humanName(condition.attribute)}: `;
    const label = name + meaning(condition);
    const title = `“${condition.text}” is read as ${label}. Press to search for the word alone.`;
    const cross = element("span", { "aria-hidden": "true" }, "×");
    const chip = element("button", { type: "button", className: "chip", title, "aria-label": `Remove ${label}` });
    chip.append(element("span", { className: "name" }, name), meaning(condition), cross);
    chip.addEventListener("click", () => {
      change({ dismissed: [...new Set([...query.dismissed, condition.text])] });
      byId("results").focus({ preventScroll: true }); // the chip that was pressed goes
    });
    return chip;
  });

/** @param {Interpreted} condition @returns {string} as a person says it: "Red or Maroon", "not Floral", "at most 50" */
export function meaning({ values, negated, gte, gt, lte, lt }) {
  const bounds = [
    gte !== null && gte === lte ? `${gte}` : null,
    gte !== null && gte !== lte ? `at least ${gte}` : null,
    gt === null ? null : `above ${gt}`,
    lte !== null && gte !== lte ? `at most ${lte}` : null,
    lt === null ? null : `below ${lt}`,
  ].filter((bound) => bound !== null);
  if (!values.length) return bounds.join(", ");
  const shown = values.slice(0, MAX_VALUES);
  const rest = values.length - shown.length;
  const listed = rest ? `${shown.join(", ")} or ${rest} more` : shown.join(" or ");
  return [negated ? `not ${listed}` : listed, ...bounds].join(", ");
}
