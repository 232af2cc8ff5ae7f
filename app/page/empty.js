// What is said when nothing was found: why, and what to take off. Knows no call.

import { element, outlineButton, showNotice } from "./elements.js";
import { filterPairs } from "./query.js";

/** @typedef {import("./query.js").SearchQuery} SearchQuery */

/**
 * Say that there is nothing to find yet.
 * @param {import("./ui.js").Ui} ui
 */
export function showEmptyCatalogue(ui) {
  ui.$("count").textContent = ui.say("results.nothing");
  showNotice(ui.$("notice"), ui.say("results.emptyCatalogue"));
}

/**
 * Say that the address of a picture is no picture: services do not fetch what people name.
 * @param {import("./ui.js").Ui} ui
 * @param {import("./search.js").SearchView} view what it shows of the search before goes
 */
export function showPictureAddress(ui, { trouble, understood, results }) {
  trouble.hide();
  understood.hide();
  results.clear();
  ui.$("found").hidden = false;
  showNotice(ui.$("notice"), ui.say("edit.pictureAddress"));
}

/**
 * @param {import("./ui.js").Ui} ui
 * @param {{cutoff: ?number}} answer
 * @param {SearchQuery} query
 * @param {HTMLButtonElement[]} narrowing buttons that take off what narrows the search
 * @param {(change: Partial<SearchQuery>) => void} change
 */
export function showNothing(ui, { cutoff }, query, narrowing, change) {
  ui.$("count").textContent = ui.say("results.nothing");
  const cut = cutoff !== null && query.text;
  if (!cut) {
    showNotice(ui.$("notice"), ui.say(narrowing.length ? "results.noneWithFilters" : "results.nothingLeft"), { actions: narrowing });
    return;
  }
  const remove = narrowing.length ? [element("p", { className: "soft" }, ui.say("results.removeFilter"))] : [];
  const filtered = filterPairs(query).length || query.strict;
  const nearest = outlineButton(ui.say("results.showNearest"), () => change({ all: true }));
  const message = ui.say(filtered ? "results.nothingFitsFiltered" : "results.nothingFits", { text: query.text });
  showNotice(ui.$("notice"), message, { actions: [...remove, ...narrowing, element("p", {}, nearest)] });
}
