// The place of a person in the results: kept in the entry of the history, so that Back, Forward and a reload return to
// the same card. Knows no query.

const SCROLLED_MS = 150; // without scrolling, before the place is kept: browsers bound how often an entry may change

/**
 * @typedef {object} Kept what an entry of the history keeps
 * @property {number} [scroll] pixels from the top of the page
 * @property {{id: string, top: number}} [anchor] the first card in view, and where its upper edge is
 * @property {string} [left] id of the product whose page was opened
 */

/** The place in one page or element. */
export class Place {
  /**
   * @param {import("./ui.js").Ui} ui
   * @param {import("./results.js").Results} results
   */
  constructor(ui, results) {
    this.ui = ui;
    this.results = results;
    /** @type {?Kept} where to return to when the results are there */
    this.wanted = null;
    this.timer = 0;
    const listen = (target, event, action) => target.addEventListener(event, action, { signal: ui.signal, passive: true });
    listen(globalThis, "scroll", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.keep(), SCROLLED_MS);
    });
    listen(globalThis, "pagehide", () => this.keep());
    // Who has moved since is not moved back.
    for (const event of ["wheel", "touchstart", "keydown", "pointerdown"]) {
      listen(globalThis, event, () => {
        this.wanted = null;
      });
    }
    listen(ui.$("grid"), "click", (event) => this.leave(event));
    ui.signal.addEventListener("abort", () => clearTimeout(this.timer));
  }

  /** Keep where the page is scrolled to. */
  keep() {
    clearTimeout(this.timer);
    if (this.wanted) return; // the page is not there yet
    const { cards, shownIds: ids } = this.results;
    const row = cards.findIndex((card) => card.getBoundingClientRect().bottom > 0);
    const anchor = ids[row] && scrollY ? { id: ids[row], top: cards[row].getBoundingClientRect().top } : undefined;
    this.ui.address.keep({ scroll: scrollY, anchor });
  }

  leave(event) {
    const left = this.results.shownIds[this.results.rowOf(event)];
    if (left && event.target.closest("a")) this.ui.address.keep({ left });
  }

  /** @param {Kept} kept of the entry of the history that is followed: where to return to */
  follow(kept) {
    this.wanted = kept;
  }

  /** The results are there. */
  restore() {
    if (!this.wanted) return;
    const { scroll = 0, anchor, left } = this.wanted;
    this.wanted = null;
    const { results } = this;
    const card = (id) => results.cards[results.shownIds.indexOf(id)];
    const first = anchor && card(anchor.id);
    if (first) scrollBy({ top: first.getBoundingClientRect().top - anchor.top, behavior: "instant" });
    else if (scroll || this.ui.whole) scrollTo({ top: scroll, behavior: "instant" });
    if (left) results.focus(card(left), { preventScroll: true });
  }
}
