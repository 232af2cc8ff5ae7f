// The filters of a search: the chosen ones as chips, the sheet of a narrow page, and the panel to choose from, which is
// loaded with the first results. Knows no search.

import { filterChips } from "./chips.js";
import { element } from "./elements.js";
import { lazy } from "./lazy.js";
import { offerOf } from "./offer.js";
import { rove } from "./roving.js";
import { adopt } from "./styles.js";

/** @typedef {import("./query.js").SearchQuery} SearchQuery */
/** @typedef {import("./facets.js").Counted} Counted */

const currencyOf = (results) =>
  results.map(({ attributes }) => attributes && offerOf(attributes).price?.currency).find(Boolean) ?? "";

/** The filters of one page or element. */
export class Filters {
  /**
   * @param {import("./ui.js").Ui} ui
   * @param {import("./chips.js").SetFilter} setFilter
   * @param {(name: string, values: string[]) => void} setValues called with all values of a filter
   */
  constructor(ui, setFilter, setValues) {
    Object.assign(this, { ui, setFilter, setValues });
    /** @type {?import("./facets.js").Facets} */
    this.panel = null;
    /** @type {?Counted} */
    this.answer = null;
    this.currency = ""; // of the prices that were found
    ui.sheets.add("filters", { open: () => this.cover(true), close: () => this.cover(false), again: true });
  }

  /**
   * Show what may be chosen, and how many products there are.
   * @param {Counted} answer
   * @param {SearchQuery} query
   */
  async show(answer, query) {
    const { ui } = this;
    const { total: count } = answer;
    ui.$("filters-show").textContent = count === null ? ui.say("filters.showSome") : ui.say("filters.show", { count });
    this.answer = answer;
    this.currency = currencyOf(answer.results) || this.currency;
    this.showChosen(query); // with what is in the answer: the names in the page's language, the conditions in the words
    if (!this.panel) await this.load();
    // Another answer may have come meanwhile; without a panel the results are of use alone.
    if (this.answer === answer) this.panel?.show(answer, query, this.currency);
  }

  async load() {
    const { ui, setFilter, setValues } = this;
    try {
      const [{ Facets }] = await Promise.all([lazy("facets.js", ui.signal), adopt(ui.root, "facets")]);
      this.panel ??= new Facets(ui, setFilter, setValues);
    } catch (error) {
      console.warn(error);
    }
  }

  /**
   * Show the chosen filters above the results, and how many they are.
   * @param {SearchQuery} query
   */
  showChosen(query) {
    const { ui } = this;
    const chips = this.chips(query);
    ui.$("active").replaceChildren(...chips.map((chip) => element("li", {}, chip)));
    ui.$("active").hidden = ui.$("filters-clear").hidden = !chips.length;
    ui.$("filters-count").textContent = chips.length ? ` (${ui.number(chips.length)})` : "";
    rove(ui.$("chips"), ".chip, #strict");
  }

  /** @param {SearchQuery} query @returns {HTMLButtonElement[]} a button for each chosen filter, which removes it */
  chips(query) {
    return filterChips(this.ui, query, this.setFilter, this.currency);
  }

  /** @returns {boolean} whether the filters cover a narrow page */
  get isOpen() {
    return this.ui.$("view").classList.contains("filtering");
  }

  /** @param {boolean} open whether the filters cover a narrow page */
  open(open) {
    if (open) this.ui.sheets.open("filters");
    else this.ui.sheets.close("filters");
  }

  cover(open) {
    const { ui } = this;
    ui.$("view").classList.toggle("filtering", open);
    ui.$("filters-open").setAttribute("aria-expanded", String(open));
    ui.$(open ? "filters-close" : "filters-open").focus();
  }
}
