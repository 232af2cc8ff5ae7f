// The address of the search page: a query as parameters, and the entries of the history. An address can be shared and
// finds the same. Knows no elements.

import { ROOT } from "./api.js";
import { emptyQuery, EVEN, filterPairs, RELEVANCE } from "./query.js";
import { pictureFromCode } from "./picture.js";

/** @typedef {import("./query.js").SearchQuery} SearchQuery */

export const PAGE_SIZE = 30;
export const MAX_RESTORED = 300; // products that an address brings back at once
const SAME_ENTRY_MS = 1500; // key strokes closer than this make one entry in the history
const FILTER = "f."; // what the parameter of a filter starts with

function toParams(query) {
  const params = new URLSearchParams();
  if (query.text) params.set("q", query.text);
  if (query.picture) params.set("picture", query.picture.code);
  query.like.forEach((id) => params.append("like", id));
  query.unlike.forEach((id) => params.append("unlike", id));
  if (query.weight !== EVEN) params.set("words", String(query.weight));
  filterPairs(query).forEach(([name, value]) => params.append(FILTER + name, value));
  if (!query.correct) params.set("correct", "0");
  query.dismissed.forEach((phrase) => params.append("dismiss", phrase));
  if (query.strict) params.set("only", "1");
  if (query.all) params.set("all", "1");
  if (query.sort !== RELEVANCE) params.set("sort", query.sort);
  if (query.show !== "products") params.set("show", query.show);
  if (query.count > PAGE_SIZE) params.set("n", String(query.count));
  return params;
}

/** @returns {SearchQuery} what the page's address asks for */
export function queryFromAddress() {
  const params = new URLSearchParams(location.search);
  const query = emptyQuery();
  query.text = (params.get("q") || "").trim();
  if (params.get("picture")) query.picture = pictureFromCode(params.get("picture"));
  query.like = params.getAll("like");
  query.unlike = params.getAll("unlike");
  const weight = Number(params.get("words") ?? EVEN);
  if (weight >= 0 && weight <= 1) query.weight = weight;
  for (const [name, value] of params) {
    if (name.startsWith(FILTER)) (query.filters[name.slice(FILTER.length)] ??= []).push(value);
  }
  query.correct = params.get("correct") !== "0";
  query.dismissed = params.getAll("dismiss");
  query.strict = params.get("only") === "1";
  query.all = params.get("all") === "1";
  query.sort = params.get("sort") || RELEVANCE;
  if (params.get("show") === "descriptions") query.show = "descriptions";
  query.count = Math.min(MAX_RESTORED, Number(params.get("n")) || 0);
  return query;
}

/** @param {SearchQuery} query @returns {string} */
export function addressOf(query) {
  const params = toParams(query).toString();
  return params ? `${ROOT}?${params}` : ROOT;
}

/**
 * @param {SearchQuery} one
 * @param {SearchQuery} other
 * @returns {boolean} whether both find the same, however much of it is shown
 */
export const sameSearch = (one, other) => addressOf({ ...one, count: 0 }) === addressOf({ ...other, count: 0 });

let lastTyped = -Infinity;

/**
 * Put a query into the address, as a new entry of the history.
 * @param {SearchQuery} query
 * @param {boolean} [typing] a change that goes on: changes that follow quickly share an entry
 */
export function pushAddress(query, typing = false) {
  const now = performance.now();
  const replace = typing && now - lastTyped < SAME_ENTRY_MS;
  lastTyped = typing ? now : -Infinity;
  const address = addressOf(query);
  if (address === location.pathname + location.search) return;
  if (replace) {
    history.replaceState({}, "", address);
  } else {
    // The entry that is left remembers where it was scrolled to.
    history.replaceState({ ...history.state, scroll: scrollY }, "");
    history.pushState({}, "", address);
  }
}

/** @param {SearchQuery} query put into the address, in place of the current entry */
export const replaceAddress = (query) => history.replaceState(history.state, "", addressOf(query));
