// The requests of a search, one search at a time: a new one gives up the one on its way. Knows no elements.

import { askedFacets, readCatalogue } from "./catalogue.js";
import { explain } from "./explained.js";
import { encodedBy } from "./picture.js";
import { hasPicture, searchBody } from "./query.js";
import { ApiError } from "./service.js";

/** @typedef {import("./query.js").SearchQuery} SearchQuery */

const DESCRIPTIONS = 10;
const SETTLED_MS = 900; // after a key stroke; before, half a word that finds nothing is no news

/** The requests of one page or element. */
export class Flow {
  /** @param {import("./ui.js").Ui} ui */
  constructor(ui) {
    this.ui = ui;
    this.running = new AbortController(); // of the search on its way
    this.lastTyped = -Infinity;
    this.encoderId = "";
    /** @type {?import("./catalogue.js").CatalogueFacts} what the catalogue has; null before it is read */
    this.catalogue = null;
    ui.signal.addEventListener("abort", () => this.running.abort());
    /** @type {Promise<void>} every search waits for it once */
    this.ready = this.prepare();
    this.ready.catch(() => {}); // the search that waits for it reports the error
  }

  async prepare() {
    const { service, words } = this.ui;
    const labels = words.language === "en" ? null : service.get(`v1/labels?lang=${words.language}`).catch(() => null);
    this.catalogue = await readCatalogue(service);
    this.encoderId = this.catalogue.encoderId;
    words.labels = (await labels) ?? words.labels; // names in the language are a comfort: the catalogue's own will do
  }

  /** @returns {AbortSignal} of a new search; the one on its way is given up */
  begin() {
    this.running.abort();
    this.running = new AbortController();
    return this.running.signal;
  }

  /** A key was struck. */
  typed() {
    this.lastTyped = performance.now();
  }

  // One card for all sizes and colours of a product.
  get grouping() {
    return this.catalogue.hasVariants ? { group_by: "variant" } : {};
  }

  /** @param {SearchQuery} query @returns {string[]} the attributes whose values are counted with it */
  facets(query) {
    return askedFacets(this.catalogue.counts, Object.keys(query.filters));
  }

  /** @param {SearchQuery} query @throws {ApiError} its picture is of another encoder */
  check({ picture }) {
    if (picture && !encodedBy(picture, this.encoderId)) throw new ApiError("states.olderModel");
  }

  /**
   * @param {SearchQuery} query
   * @param {number} size products of a page
   * @param {AbortSignal} signal
   * @returns {Promise<object>} the answer; one without results waits until nobody types on
   * @throws {ApiError}
   */
  async products(query, size, signal) {
    const body = { ...searchBody(query), ...this.grouping, k: Math.max(size, query.count), facets: this.facets(query) };
    const answer = await this.ui.service.post("v1/search/images", body, signal);
    if (!answer.results.length) await this.settled(signal);
    return answer;
  }

  /**
   * @param {SearchQuery} query
   * @param {number} size products of a page
   * @param {number} offset products that are shown already
   * @returns {Promise<import("./results.js").Hit[]>} the next page
   * @throws {ApiError}
   */
  async more(query, size, offset) {
    const body = { ...searchBody(query), ...this.grouping, k: size, offset };
    return (await this.ui.service.post("v1/search/images", body, this.running.signal)).results;
  }

  /**
   * @param {SearchQuery} query
   * @param {AbortSignal} signal
   * @returns {Promise<object>} the answer
   * @throws {ApiError}
   */
  descriptions(query, signal) {
    const body = { ...searchBody(query), k: DESCRIPTIONS, facets: this.facets(query) };
    return this.ui.service.post("v1/search/descriptions", body, signal);
  }

  /**
   * @param {SearchQuery} query
   * @param {string[]} descriptions best first
   * @param {AbortSignal} signal
   * @returns {AsyncIterable<import("./descriptions.js").Explanation[]>} of the first descriptions, more each time
   */
  explanations(query, descriptions, signal) {
    const match = {};
    if (query.picture) match.vector = query.picture.vector;
    if (query.like.length) match.like = query.like;
    return hasPicture(query) ? explain(this.ui.service, match, descriptions, signal) : (async function* none() {})();
  }

  // Wait until nobody types on; a search that is given up meanwhile shows nothing.
  settled(signal) {
    const rest = Math.max(0, this.lastTyped + SETTLED_MS - performance.now());
    return new Promise((resolve, reject) => {
      setTimeout(() => (signal.aborted ? reject(signal.reason) : resolve()), rest);
    });
  }
}
