// The chosen filters as chips, each of which takes its filter off. Knows no search and no counts.

import { element } from "./elements.js";
import { filterPairs } from "./query.js";
import { rangeOf } from "./ranges.js";
import { valueFormat } from "./value_format.js";

/** @typedef {(name: string, value: string, on: boolean) => void} SetFilter */

/**
 * @param {import("./ui.js").Ui} ui
 * @param {import("./ranges.js").Range} range
 * @param {string} currency "" for what is no price
 * @returns {string} as a person reads it, such as "10 – 50"
 */
function rangeLabel(ui, { gte, lte }, currency) {
  const format = valueFormat(ui, typeof (gte ?? lte) === "string" ? "date" : "number", currency);
  if (gte === undefined) return ui.say("filters.upTo", { value: format(lte) });
  if (lte === undefined) return ui.say("filters.from", { value: format(gte) });
  return ui.say("filters.between", { low: format(gte), high: format(lte) });
}

/**
 * @param {import("./ui.js").Ui} ui
 * @param {import("./query.js").SearchQuery} query
 * @param {SetFilter} setFilter
 * @param {string} currency of prices; "" where none is known
 * @returns {HTMLButtonElement[]} a button for each chosen filter, which removes it
 */
export const filterChips = (ui, query, setFilter, currency) =>
  filterPairs(query).map(([name, value]) => {
    const attribute = ui.sayAttribute(name);
    const range = rangeOf(value);
    const said = range ? rangeLabel(ui, range, name === "price" ? currency : "") : ui.sayValue(name, value);
    // A yes and a number say nothing alone.
    const alone = !range && !["true", "false"].includes(value) && Number.isNaN(Number(value));
    const title = ui.say("filters.remove", { attribute, value: said });
    const cross = element("span", { "aria-hidden": "true" }, "×");
    const chip = element("button", { type: "button", className: "chip", part: "chip", title }, alone ? said : `${attribute}: ${said}`, cross);
    chip.addEventListener("click", () => setFilter(name, value, false));
    return chip;
  });
