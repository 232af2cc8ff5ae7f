// The search field of the map: what is typed lights up its matches. Knows no drawing.

import { Latest } from "./latest.js";
import { wasAborted } from "./recover.js";

const MOST = 1000; // matches that light up, the best first: what one call answers

/**
 * @typedef {object} Found
 * @property {string} text that was searched for
 * @property {string[]} ids of the matches, best first
 * @property {?number} total how many there are; null where it is not known
 */

/** The search on one map. */
export class MapSearch {
  /**
   * @param {import("./ui.js").Ui} ui
   * @param {(found: ?Found) => void} show called with what was found; null: nothing is searched for
   * @param {(error: Error) => void} fail
   */
  constructor(ui, show, fail) {
    this.ui = ui;
    this.show = show;
    this.fail = fail;
    this.field = ui.$("map-search");
    this.latest = new Latest((text, signal) => this.#search(text, signal));
    this.field.addEventListener("input", (event) => !event.isComposing && this.start());
    this.field.addEventListener("compositionend", () => this.start());
    this.field.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.start();
    });
    ui.$("map-clear").addEventListener("click", () => {
      this.take("");
      this.field.focus();
    });
  }

  /** @returns {string} what is searched for */
  get text() {
    return this.field.value.trim();
  }

  /** @param {string} text put into the field and searched for */
  take(text) {
    this.field.value = text;
    this.start();
  }

  /** Search for what is in the field. */
  start() {
    this.ui.$("map-clear").hidden = !this.field.value;
    if (this.text) {
      this.latest.ask(this.text);
      return;
    }
    this.latest.cancel();
    this.show(null);
  }

  async #search(text, signal) {
    try {
      const { results, total } = await this.ui.service.post("v1/search/images", { text, k: MOST, cutoff: "auto" }, signal);
      if (!signal.aborted) this.show({ text, ids: results.map((one) => one.id), total });
    } catch (error) {
      if (!wasAborted(error)) this.fail(error);
    }
  }
}
