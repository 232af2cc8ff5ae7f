// What is said when nothing was found: why, and what to take off. Knows no call.

import { byId, element, outlineButton, showNotice } from "./elements.js";
import { filterChips } from "./facets.js";
import { filterPairs } from "./query.js";
import { conditionChips } from "./understood.js";

/** @typedef {import("./query.js").SearchQuery} SearchQuery */

/** Say that there is nothing to find yet. */
export function showEmptyCatalogue() {
  byId("count").textContent = "Nothing found";
  showNotice("The catalogue is still empty. Come back soon.");
}

/**
 * @param {{cutoff: ?number, interpreted: import("./understood.js").Interpreted[]}} answer
 * @param {SearchQuery} query
 * @param {(change: Partial<SearchQuery>) => void} change
 * @param {import("./facets.js").SetFilter} setFilter
 */
export function showNothing({ cutoff, interpreted }, query, change, setFilter) {
  byId("count").textContent = "Nothing found";
  const narrowing = [...(query.strict ? conditionChips(interpreted, query, change) : []), ...filterChips(query, setFilter)];
  const cut = cutoff !== null && query.text;
  const actions = narrowing.length && cut ? [element("p", { className: "soft" }, "Remove a filter:"), ...narrowing] : narrowing;
  if (!cut) {
    showNotice(narrowing.length ? "No product matches all filters. Remove one:" : "Nothing is left to show.", { actions });
    return;
  }
  const among = filterPairs(query).length || query.strict ? " with these filters" : "";
  const nearest = outlineButton("Show the nearest anyway", () => change({ all: true }));
  showNotice(`Nothing fits “${query.text}”${among}.`, { actions: [...actions, element("p", {}, nearest)] });
}
