// The requests of a search: one search at a time and the newest next, tried again when they fail, a page after the other.
// Knows no elements.

import { countedWith, readCatalogue } from "./catalogue.js";
import { explain } from "./explained.js";
import { Latest } from "./latest.js";
import { Pages } from "./pages.js";
import { encodedBy } from "./picture.js";
import { hasPicture, searchBody } from "./query.js";
import { keepTrying, Kept, mayPass, pause, pauseAfter, wasAborted } from "./recover.js";
import { ApiError } from "./service.js";

/** @typedef {import("./query.js").SearchQuery} SearchQuery */
/** @typedef {import("./catalogue.js").CatalogueFacts} CatalogueFacts */
/**
 * @typedef {object} FlowUser what a flow needs of the page
 * @property {(query: SearchQuery, signal: AbortSignal) => Promise<void>} attempt asks for what a query finds and shows it
 * @property {(error: Error, milliseconds: ?number) => void} failed told of an attempt that failed, and of the pause until
 *   the next one; null: there is none without a person
 * @property {(facts: CatalogueFacts) => void} learned told what the catalogue has, also when it is another one
 */

const DESCRIPTIONS = 10;
const AT_ONCE = 300; // products of one request
const SETTLED_MS = 900; // after a key stroke; before, half a word that finds nothing is no news
const FRESH_MS = 60_000; // what the catalogue has is read no more often than this when its version changes
/** @type {CatalogueFacts} until the catalogue is read, one searches without filters */
const UNKNOWN = { encoderId: "", version: null, isEmpty: false, counts: {}, spread: [], types: {}, all: {}, hasVariants: false };

// The service has another model than the one that looked at the query's picture.
class OtherModel extends Error {}

/** The requests of one page or element. */
export class Flow {
  /**
   * @param {import("./ui.js").Ui} ui
   * @param {FlowUser} user
   */
  constructor(ui, user) {
    this.ui = ui;
    this.user = user;
    this.latest = new Latest((query, signal) => this.run(query, signal));
    this.facts = new Kept(() => this.prepare());
    this.read = -Infinity; // when the catalogue was read
    this.without = false; // whether something was shown without what the catalogue has
    this.lastTyped = -Infinity;
    /** @type {?SearchQuery} */
    this.newest = null;
    this.failures = 0; // in a row
    this.heldUntil = -Infinity; // the service has asked for a pause
    /** @type {?Pages} */
    this.pages = null;
    ui.signal.addEventListener("abort", () => this.latest.cancel());
    addEventListener("online", () => this.failures && this.again(), { signal: ui.signal });
    this.inBackground();
  }

  /* What the catalogue has */

  async prepare() {
    const [facts] = await Promise.all([readCatalogue(this.ui.service), this.ui.loadLabels()]);
    this.read = performance.now();
    this.user.learned(facts);
    return facts;
  }

  // Searches ask for it, too: this is for the page that is only open.
  inBackground() {
    keepTrying(() => this.facts.get(), { signal: this.ui.signal }).then(
      () => this.without && this.again(),
      () => {}, // the search says what is wrong
    );
  }

  /** @returns {CatalogueFacts} as far as it is known */
  get catalogue() {
    return this.facts.value ?? UNKNOWN;
  }

  /** Wait until it is known what the catalogue has; where that fails, the search may still succeed. */
  async known() {
    this.without = false;
    try {
      await this.facts.get();
    } catch (error) {
      if (!mayPass(error)) throw error;
      this.without = !this.facts.value;
    }
  }

  async renew() {
    this.facts.forget();
    await this.facts.get();
  }

  // An answer says which model and which version of the catalogue it is of.
  compare({ encoder_id, catalogue_version }) {
    if (!this.facts.value) return;
    const other = encoder_id !== this.catalogue.encoderId;
    if (!other && (catalogue_version === this.catalogue.version || performance.now() - this.read < FRESH_MS)) return;
    this.facts.forget();
    this.inBackground();
  }

  /* One search at a time */

  /**
   * @param {SearchQuery} query the newest
   * @param {boolean} typing whether it may wait for its turn; else what is on its way is given up
   */
  search(query, typing) {
    this.newest = query;
    if (typing) this.lastTyped = performance.now();
    else this.lastTyped = -Infinity;
    if (!typing) this.latest.now(query);
    else if (performance.now() >= this.heldUntil) this.latest.ask(query); // else the newest is asked for after the pause
  }

  /** Try the newest query again, now. */
  again() {
    if (this.newest) this.latest.now(this.newest);
  }

  async run(query, signal) {
    try {
      await this.user.attempt(query, signal);
      this.failures = 0;
      this.heldUntil = -Infinity;
    } catch (error) {
      if (wasAborted(error)) return;
      if (error instanceof OtherModel) {
        await this.run(query, signal); // the attempt has the picture encoded again, or says that it cannot
        return;
      }
      const wait = pauseAfter(error, this.failures);
      this.failures = mayPass(error) ? this.failures + 1 : 0;
      if (error.retryAfter) this.heldUntil = performance.now() + 1000 * error.retryAfter;
      this.user.failed(error, wait);
      if (wait !== null) pause(wait, signal).then(() => this.again(), () => {});
    }
  }

  /* The requests */

  // One card for all sizes and colours of a product.
  get grouping() {
    return this.catalogue.hasVariants ? { group_by: "variant" } : {};
  }

  /** @param {SearchQuery} query @returns {{facets: string[], histograms: string[]}} what is counted with it */
  counted(query) {
    return countedWith(this.catalogue, Object.keys(query.filters));
  }

  /** @param {SearchQuery} query @returns {boolean} whether its picture is of the model that the service has now */
  isCurrent({ picture }) {
    return !picture || !this.catalogue.encoderId || encodedBy(picture, this.catalogue.encoderId);
  }

  async post(path, query, fields, signal) {
    const counted = this.counted(query);
    const send = (asked) => this.ui.service.post(path, { ...searchBody(query), ...fields, ...asked }, signal);
    let answer;
    try {
      answer = await send(counted);
    } catch (error) {
      // An attribute that was there when the catalogue was read may have gone.
      if (error.status !== 422) throw error;
      await this.renew();
      if (!this.isCurrent(query)) throw new OtherModel();
      if (JSON.stringify(this.counted(query)) === JSON.stringify(counted)) throw error;
      answer = await send(this.counted(query));
    }
    if (query.picture && !encodedBy(query.picture, answer.encoder_id)) {
      await this.renew();
      throw new OtherModel();
    }
    this.compare(answer);
    return answer;
  }

  /**
   * @param {SearchQuery} query
   * @param {number} size products of a page
   * @param {AbortSignal} signal
   * @returns {Promise<object>} the answer
   * @throws {ApiError}
   */
  async products(query, size, signal) {
    const k = Math.min(AT_ONCE, Math.max(size, query.count));
    const answer = await this.post("v1/search/images", query, { ...this.grouping, k }, signal);
    const body = { ...searchBody(query), ...this.grouping };
    this.pages = new Pages((offset, k) => this.ui.service.post("v1/search/images", { ...body, k, offset }, signal), answer);
    return answer;
  }

  /**
   * @param {number} size products of a page
   * @returns {Promise<import("./results.js").Hit[]>} the next ones
   * @throws {ApiError}
   */
  more(size) {
    return this.pages.next(Math.min(AT_ONCE, size));
  }

  /**
   * @param {SearchQuery} query
   * @param {AbortSignal} signal
   * @returns {Promise<object>} the answer
   * @throws {ApiError}
   */
  descriptions(query, signal) {
    return this.post("v1/search/descriptions", query, { k: DESCRIPTIONS }, signal);
  }

  /**
   * Ask which words of descriptions carry their match with the query's picture. Without an answer they are shown as they
   * are.
   * @param {SearchQuery} query
   * @param {string[]} descriptions best first
   * @param {AbortSignal} signal
   * @param {(explained: import("./descriptions.js").Explanation[]) => void} show called with more of them each time
   */
  async explained(query, descriptions, signal, show) {
    if (!hasPicture(query)) return;
    const match = {};
    if (query.picture) match.vector = query.picture.vector;
    if (query.like.length) match.like = query.like;
    const explainAll = async () => {
      for await (const explained of explain(this.ui.service, match, descriptions, signal)) show(explained);
    };
    await keepTrying(explainAll, { signal }).catch(() => {});
  }

  /**
   * Wait until nobody types on.
   * @param {AbortSignal} signal
   * @returns {Promise<void>}
   * @throws the signal's reason: somebody does
   */
  settled(signal) {
    return pause(Math.max(0, this.lastTyped + SETTLED_MS - performance.now()), signal);
  }
}
