// The filters: values of the attributes to choose from with their counts, and the chosen ones as chips. Knows no search.

import { byId, element, formatNumber, humanName } from "./elements.js";
import { filterPairs } from "./query.js";

/** @typedef {import("./query.js").SearchQuery} SearchQuery */
/** @typedef {(name: string, value: string, on: boolean) => void} SetFilter */

const SHOWN_VALUES = 7; // of an attribute, before "All"
const expanded = new Set(); // attributes that show all values

/**
 * @param {string[]} names of the attributes to filter by
 * @param {Object<string, Object<string, number>>} counts attribute -> value -> products
 * @param {SearchQuery} query
 * @param {SetFilter} setFilter
 */
export function showFacets(names, counts, query, setFilter) {
  // The list is made again: the focus goes back to where it was.
  const focused = document.activeElement?.closest("#facets") && document.activeElement.dataset.key;
  const again = () => showFacets(names, counts, query, setFilter);
  const sections = names.map((name) => facet(name, counts[name] || {}, query.filters[name] || [], setFilter, again));
  byId("facets").replaceChildren(...sections.filter(Boolean));
  if (focused) [...byId("facets").querySelectorAll("[data-key]")].find((one) => one.dataset.key === focused)?.focus();
}

// A filter's values are texts, whatever the attribute is.
const valueLabel = (value) => ({ true: "Yes", false: "No" })[value] ?? value;

function facet(name, counts, wanted, setFilter, again) {
  const values = [...new Set([...Object.keys(counts), ...wanted])];
  if (values.length < 2 && !wanted.length) return null; // nothing to choose
  const all = expanded.has(name);
  const shown = values.filter((value, row) => all || row < SHOWN_VALUES || wanted.includes(value));
  const items = shown.map((value) => {
    const box = element("input", { type: "checkbox", checked: wanted.includes(value), "data-key": `${name}=${value}` });
    box.addEventListener("change", () => setFilter(name, value, box.checked));
    const count = element("span", { className: "soft" }, formatNumber(counts[value] || 0));
    return element("li", {}, element("label", {}, box, element("span", {}, valueLabel(value)), count));
  });
  const section = element("fieldset", {}, element("legend", {}, humanName(name)), element("ul", {}, ...items));
  if (values.length > SHOWN_VALUES) {
    const label = all ? "Fewer" : `All ${values.length}`;
    const toggle = element("button", { type: "button", className: "plain", "data-key": name }, label);
    toggle.setAttribute("aria-label", `${all ? "Fewer values" : `All ${values.length} values`} of ${humanName(name)}`);
    toggle.addEventListener("click", () => {
      if (!expanded.delete(name)) expanded.add(name);
      again();
    });
    section.append(toggle);
  }
  return section;
}

/**
 * Show the chosen filters above the results, and how many they are.
 * @param {SearchQuery} query
 * @param {SetFilter} setFilter
 */
export function showFilters(query, setFilter) {
  const chips = filterChips(query, setFilter);
  byId("active").replaceChildren(...chips.map((chip) => element("li", {}, chip)));
  byId("active").hidden = byId("filters-clear").hidden = !chips.length;
  byId("filters-count").textContent = chips.length ? ` (${chips.length})` : "";
}

/**
 * @param {SearchQuery} query
 * @param {SetFilter} setFilter
 * @returns {HTMLButtonElement[]} a button for each chosen filter, which removes it
 */
export const filterChips = (query, setFilter) =>
  filterPairs(query).map(([name, value]) => {
    const cross = element("span", { "aria-hidden": "true" }, "×");
    const label = value === valueLabel(value) ? value : `${humanName(name)}: ${valueLabel(value)}`; // a yes says nothing alone
    const title = `Remove the filter ${humanName(name)}: ${value}`;
    const chip = element("button", { type: "button", className: "chip", title }, label, cross);
    chip.addEventListener("click", () => setFilter(name, value, false));
    return chip;
  });

/** @param {boolean} open whether the filters cover a narrow page */
export function openFilters(open) {
  document.body.classList.toggle("filtering", open);
  byId("filters-open").setAttribute("aria-expanded", String(open));
  byId(open ? "filters-close" : "filters-open").focus();
}
