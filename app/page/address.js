// The address of a page as the place of a search: a query as parameters, and the entries of the history. An address can
// be shared and finds the same. In a page of others the parameters have a prefix, and theirs stay. Knows no elements.

import { boxFromText } from "./crop_box.js";
import { emptyQuery, EVEN, filterPairs, RELEVANCE } from "./query.js";
import { pictureFromCode } from "./picture.js";
import { isUnderSheet } from "./sheets.js";

/** @typedef {import("./query.js").SearchQuery} SearchQuery */

export const PAGE_SIZE = 30;
const MAX_RESTORED = 3000; // products that an address brings back
const SAME_ENTRY_MS = 1500; // key strokes closer than this make one entry in the history
const SAME_TEXT_MS = 10_000; // the same of those that only add to a text or take from its end
const FILTER = "f."; // what the parameter of a filter starts with
const NAMES = ["q", "picture", "crop", "like", "unlike", "words", "correct", "dismiss", "only", "keep", "all", "sort", "show", "n"];
const PRODUCT = "product"; // the product whose drawer is open

// The parameters of a query, without a prefix, in the order that they are written in.
function toParams(query) {
  const params = new URLSearchParams();
  if (query.text) params.set("q", query.text);
  if (query.picture) params.set("picture", query.picture.code);
  if (query.picture?.crop) params.set("crop", query.picture.crop.join(","));
  query.like.forEach((id) => params.append("like", id));
  query.unlike.forEach((id) => params.append("unlike", id));
  if (query.weight !== EVEN) params.set("words", String(query.weight));
  filterPairs(query).forEach(([name, value]) => params.append(FILTER + name, value));
  if (!query.correct) params.set("correct", "0");
  query.dismissed.forEach((phrase) => params.append("dismiss", phrase));
  if (query.strict) params.set("only", "1");
  if (!query.keep) params.set("keep", "0");
  if (query.all) params.set("all", "1");
  if (query.sort !== RELEVANCE) params.set("sort", query.sort);
  if (query.show !== "products") params.set("show", query.show);
  if (query.count > PAGE_SIZE) params.set("n", String(query.count));
  return params;
}

// The query that parameters without a prefix say.
function fromParams(params) {
  const query = emptyQuery();
  query.text = (params.get("q") || "").trim();
  if (params.get("picture")) query.picture = pictureFromCode(params.get("picture"), boxFromText(params.get("crop")));
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
  query.keep = params.get("keep") !== "0";
  query.all = params.get("all") === "1";
  query.sort = params.get("sort") || RELEVANCE;
  if (params.get("show") === "descriptions") query.show = "descriptions";
  query.count = Math.min(MAX_RESTORED, Number(params.get("n")) || 0);
  return query;
}

/**
 * @param {SearchQuery} one
 * @param {SearchQuery} other
 * @returns {boolean} whether both find the same, however much of it is shown
 */
export const sameSearch = (one, other) => toParams({ ...one, count: 0 }).toString() === toParams({ ...other, count: 0 }).toString();

// Whether one text is the other, typed on or taken back.
const continues = (one, other) => Boolean(one && other) && (one.startsWith(other) || other.startsWith(one));

/** The place of one search: parameters with a prefix in the page's address, or nothing but this object. */
export class Address {
  /**
   * @param {?string} prefix of its parameters; "": plain names; null: the address is left alone
   * @param {string} [home] address of the page that the search is on; without one it is the page itself
   */
  constructor(prefix, home = "") {
    this.prefix = prefix ?? "";
    this.off = prefix === null;
    this.home = home;
    this.slot = `vitrine:${this.prefix}`; // of our state in an entry of the history, beside the page's own
    this.lastTyped = -Infinity;
    this.query = emptyQuery(); // what is searched for, where the address does not say it
    this.openProduct = null; // the same of the drawer
  }

  isOurs(name) {
    if (!name.startsWith(this.prefix)) return false;
    const plain = name.slice(this.prefix.length);
    return NAMES.includes(plain) || plain === PRODUCT || plain.startsWith(FILTER);
  }

  /** @returns {SearchQuery} what the page's address asks for */
  read() {
    if (this.off) return this.query;
    this.query = this.ofPage();
    return this.query;
  }

  ofPage() {
    const params = [...new URLSearchParams(location.search)].filter(([name]) => this.isOurs(name));
    return fromParams(new URLSearchParams(params.map(([name, value]) => [name.slice(this.prefix.length), value])));
  }

  /** @param {SearchQuery} query @returns {string} an address that finds it: what else stands in the page's own stays */
  href(query) {
    const url = new URL(location.href);
    if (this.off) return url.href;
    if (this.home) url.pathname = new URL(this.home).pathname;
    if (url.hash.startsWith("#t=") && query.picture?.code !== this.query.picture?.code) url.hash = ""; // a thumbnail of another
    for (const name of [...url.searchParams.keys()].filter((one) => this.isOurs(one))) url.searchParams.delete(name);
    for (const [name, value] of toParams(query)) url.searchParams.append(this.prefix + name, value);
    return url.href;
  }

  /** @returns {object} what was kept in this entry of the history */
  get entry() {
    return (!this.off && history.state?.[this.slot]) || {};
  }

  // The state that others keep in an entry stays in it.
  write(change, entry, href) {
    try {
      history[change]({ ...history.state, [this.slot]: entry }, "", href);
    } catch (error) {
      if (error.name !== "SecurityError") throw error; // a browser bounds how often a page may do this
    }
  }

  /** @param {object} fields kept in the current entry of the history beside what it keeps */
  keep(fields) {
    if (!this.off) this.write("replaceState", { ...this.entry, ...fields }, location.href);
  }

  /**
   * Put a query into the address, as a new entry of the history.
   * @param {SearchQuery} query
   * @param {boolean} [typing] a change that goes on: changes that follow quickly share an entry
   */
  push(query, typing = false) {
    const now = performance.now();
    const onward = continues(query.text, this.query.text) ? SAME_TEXT_MS : SAME_ENTRY_MS;
    const replace = isUnderSheet() || (typing && now - this.lastTyped < onward);
    this.lastTyped = typing ? now : -Infinity;
    const href = this.href(query);
    this.query = query;
    if (this.off || href === location.href) return;
    this.write(replace ? "replaceState" : "pushState", {}, href);
  }

  /** @param {SearchQuery} query put into the address, in place of the current entry */
  replace(query) {
    if (!this.off) this.write("replaceState", this.entry, this.href(query));
    this.query = query;
  }

  /** @returns {?string} id of the product whose drawer is open */
  get product() {
    return this.off ? this.openProduct : new URLSearchParams(location.search).get(this.prefix + PRODUCT);
  }

  /** @param {?string} id @returns {string} this page with the drawer of this product open, or closed */
  hrefOfProduct(id) {
    const url = new URL(location.href);
    if (this.off) return url.href;
    if (id) url.searchParams.set(this.prefix + PRODUCT, id);
    else url.searchParams.delete(this.prefix + PRODUCT);
    return url.href;
  }

  /**
   * @param {?string} id of the product whose drawer is open now
   * @param {"pushState"|"replaceState"} change
   * @param {object} entry what is kept in the entry of the history
   */
  setProduct(id, change, entry) {
    this.openProduct = id;
    if (!this.off) this.write(change, entry, this.hrefOfProduct(id));
  }

  /**
   * @param {() => void} action called when the person goes back or forward
   * @param {AbortSignal} signal ends it
   */
  onChange(action, signal) {
    if (!this.off) addEventListener("popstate", action, { signal });
  }
}
