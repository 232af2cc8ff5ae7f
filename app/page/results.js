// The results of a search: cards of products, and what is shown while one waits. Knows what is shown, and no query.

import { card } from "./card.js";
import { element } from "./elements.js";

/** @typedef {{words: ?number, title: ?number, image: ?number}} Signals */
/**
 * @typedef {import("./drawer.js").Product & {score: number, relevance: ?number, signals: ?Signals,
 *   attributes: Object<string, any>, group?: ?import("./variants.js").Group}} Hit
 */

const GHOSTS = 15;
const AT_ONCE = 12; // cards whose pictures are loaded at once; those of others when they are about to be seen
const CARRIES = 0.5; // part of the words from which a product matches them
const NEAR = 0.8; // part of the best similarity from which one carries a match, too
const DEEPEST = 9000; // results after which no more can be asked for
const SMALL = 0.05; // a relevance below it is not told more exactly
const PARTS = { words: "results.partWords", title: "results.partTitle", image: "results.partPicture" };

/** The results of one page or element. */
export class Results {
  /**
   * @param {import("./ui.js").Ui} ui
   * @param {import("./card.js").CardActions} actions what one may do with a product
   */
  constructor(ui, actions) {
    this.ui = ui;
    this.actions = actions;
    /** @type {string[]} ids of the products that are shown, in order */
    this.shownIds = [];
    this.total = 0; // products that match; Infinity where the service does not know
    this.cut = false; // whether products that fit less were left out
    this.ranked = true; // whether the best come first
    this.best = {}; // part -> the largest similarity that was shown
    this.titles = new Map(); // product id -> title, of everything that was shown
  }

  /** @returns {boolean} whether the answer of a search is shown */
  get areThere() {
    return this.shownIds.length > 0 || !this.ui.$("descriptions").hidden;
  }

  /** @param {string} id @param {number} step @returns {?string} the product so many places after it */
  adjacentId(id, step) {
    return this.shownIds.includes(id) ? (this.shownIds[this.shownIds.indexOf(id) + step] ?? null) : null;
  }

  /** Show nothing. */
  clear() {
    const { ui } = this;
    this.shownIds = [];
    ui.$("grid").replaceChildren();
    ui.$("descriptions").hidden = ui.$("more").hidden = ui.$("less-relevant").hidden = true;
    ui.$("count").textContent = ui.$("origin").textContent = "";
    ui.$("results").removeAttribute("aria-busy");
  }

  /**
   * @param {"products"|"descriptions"} show what is waited for
   * @param {boolean} keep what is there is only dimmed: while one types on, skeletons would flicker
   */
  showWaiting(show, keep) {
    const { ui } = this;
    ui.$("found").hidden = false;
    ui.$("browse").hidden = ui.$("hint").hidden = true;
    ui.$("results").setAttribute("aria-busy", "true");
    ui.$("more").hidden = ui.$("less-relevant").hidden = true;
    if (keep && show === "products" && (this.shownIds.length || !ui.$("notice").hidden)) return;
    if (show === "descriptions" && !ui.$("descriptions").hidden) return;
    this.shownIds = [];
    ui.$("descriptions").hidden = true;
    ui.$("count").textContent = ui.say("results.searching");
    ui.$("grid").replaceChildren(...Array.from({ length: GHOSTS }, ghostCard));
  }

  /** There is no answer: what was there before is all there is. */
  stopWaiting() {
    const { ui } = this;
    ui.$("results").removeAttribute("aria-busy");
    if (!ui.$("grid").querySelector(".ghost")) return;
    ui.$("grid").replaceChildren();
    ui.$("count").textContent = "";
  }

  /**
   * Make room for the results of a new search, and say where they come from.
   * @param {{total: ?number, cutoff: ?number, timing_ms: Object<string, number>, encoder_id: string,
   *   catalogue_version: number}} answer
   * @param {boolean} bestFirst whether they come in the order of their score
   */
  begin(answer, bestFirst) {
    const { ui } = this;
    ui.$("results").removeAttribute("aria-busy");
    ui.$("grid").replaceChildren();
    ui.$("descriptions").hidden = true;
    this.shownIds = [];
    this.total = answer.total ?? Infinity;
    this.cut = answer.cutoff !== null;
    this.ranked = bestFirst;
    this.best = { title: 0, image: 0 };
    const took = Object.values(answer.timing_ms).reduce((sum, one) => sum + one, 0).toFixed(1);
    const values = { took, encoder: answer.encoder_id, version: String(answer.catalogue_version) };
    ui.$("origin").textContent = ui.lab ? ui.say("results.origin", values) : "";
    performance.mark("answered"); // measured by the tests
  }

  /** @param {Hit[]} hits the next products */
  add(hits) {
    const { ui, best, shownIds } = this;
    for (const part of Object.keys(best)) best[part] = Math.max(best[part], ...hits.map((hit) => hit.signals?.[part] ?? 0));
    const first = shownIds.length ? 0 : AT_ONCE;
    ui.$("grid").append(...hits.map((hit, row) => this.card(hit, row >= first)));
    shownIds.push(...hits.map((hit) => hit.id));
    ui.$("more").hidden = !hits.length || shownIds.length >= Math.min(this.total, DEEPEST);
    ui.$("less-relevant").hidden = !(this.cut && ui.$("more").hidden);
    const known = this.ranked && !this.cut ? "results.bestOf" : "results.count";
    const count = this.total;
    ui.$("count").textContent = count === Infinity ? ui.say("results.best") : ui.say(known, { count });
  }

  /** @param {{score: number, relevance: ?number}} result @returns {?HTMLElement} how well it fits; none in a shop */
  score({ score, relevance }) {
    const { ui } = this;
    if (!ui.lab) return null;
    const percent = relevance < SMALL ? `< ${100 * SMALL} %` : `${Math.round(100 * relevance)} %`;
    const [text, title] = relevance === null
      ? [score.toFixed(2), ui.say("results.similarity")]
      : [percent, ui.say("results.relevance", { score: score.toFixed(3) })];
    return element("span", { className: "score", title }, text);
  }

  // Why a product is here: what it has in common with the query.
  why(signals) {
    const { ui } = this;
    if (!signals || !ui.lab) return null;
    const known = Object.keys(PARTS).filter((part) => signals[part] !== null);
    const matched = known.filter((part) => signals[part] >= (part === "words" ? CARRIES : NEAR * Math.max(this.best[part], 1e-6)));
    if (!matched.length) return null;
    const names = matched.map((part) => ui.say(PARTS[part]));
    const [first, second] = names;
    const two = second ? ui.say("results.matchesTwo", { first, second }) : ui.say("results.matches", { part: first });
    const figures = known.map((part) => `${ui.say(PARTS[part])} ${signals[part].toFixed(2)}`).join(" · ");
    return element("p", { className: "why", title: figures }, names.length > 2 ? ui.say("results.matchesAll") : two);
  }

  card(hit, lazy) {
    this.titles.set(hit.id, hit.title);
    const own = this.ui.own?.card(this.ui, hit); // as the page draws it
    return own ?? card(this.ui, hit, this.actions, { lazy, score: this.score(hit), why: this.why(hit.signals) });
  }

  /** @returns {HTMLElement[]} what is in the grid */
  get cards() {
    return [...this.ui.$("grid").children];
  }

  /** @param {Event} event @returns {number} the place of the card that it is on; -1: on none */
  rowOf(event) {
    const path = event.composedPath();
    return this.cards.findIndex((one) => path.includes(one));
  }

  /**
   * @param {?HTMLElement} card of which the link gets the focus; a card of the page's own is in a slot
   * @param {FocusOptions} [options]
   */
  focus(card, options) {
    const within = card?.querySelector("slot")?.assignedElements()[0] ?? card;
    within?.querySelector("a")?.focus(options);
  }

  /**
   * Move the focus over the cards with the arrow keys, Home and End; from the first row up to the search field.
   * @param {KeyboardEvent} event on a card
   */
  walk(event) {
    const { cards } = this;
    const here = this.rowOf(event);
    const columns = cards.filter((one) => one.offsetTop === cards[0].offsetTop).length;
    const forward = getComputedStyle(this.ui.$("grid")).direction === "rtl" ? -1 : 1;
    const steps = { ArrowLeft: -forward, ArrowRight: forward, ArrowUp: -columns, ArrowDown: columns, Home: -here, End: cards.length - 1 - here };
    if (!(event.key in steps)) return;
    event.preventDefault();
    const next = cards[here + steps[event.key]];
    if (next) this.focus(next);
    else if (event.key === "ArrowUp") this.ui.$("text").focus();
  }
}

const ghostCard = () =>
  element("li", { className: "card ghost", "aria-hidden": "true" }, element("span", { className: "image-box" }), element("i"), element("i"));
