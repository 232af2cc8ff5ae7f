// How the service has read the text: words that were corrected, what is meant as conditions, whether those filter, and
// whether what fits less is shown as well. Knows no search: what a person changes is handed over.

import { element } from "./elements.js";
import { isEdit } from "./query.js";

/** @typedef {import("./query.js").SearchQuery} SearchQuery */
/**
 * @typedef {object} Interpreted
 * @property {string} text the words as they were typed
 * @property {string} attribute
 * @property {string[]} values
 * @property {boolean} negated
 * @property {?number} gte
 * @property {?number} gt
 * @property {?number} lte
 * @property {?number} lt
 */

const MAX_VALUES = 3; // of a chip

/** How the text of one search was read. */
export class Understood {
  /**
   * @param {import("./ui.js").Ui} ui
   * @param {(change: Partial<SearchQuery>) => void} change
   */
  constructor(ui, change) {
    this.ui = ui;
    this.change = change;
  }

  /**
   * Show how a text was read, above the results.
   * @param {{corrected: ?{from: string, to: string}, interpreted: Interpreted[], kept: Object<string, string[]>}} answer
   * @param {SearchQuery} query
   */
  show(answer, query) {
    const { ui } = this;
    const { corrected } = answer;
    const told = ui.$("corrected");
    told.hidden = !corrected;
    told.replaceChildren(...(corrected ? this.correction(corrected) : []));
    const chips = this.chips(answer, query);
    ui.$("conditions").replaceChildren(...chips.map((chip) => element("li", {}, chip)));
    ui.$("understood").hidden = !chips.length;
    ui.$("strict").checked = query.strict;
    ui.$("strict").parentElement.hidden = isEdit(query); // what words beside a picture say of values always filters
    ui.$("all-shown").hidden = !(query.text && query.all) || isEdit(query);
  }

  /** Show nothing: there is no answer. */
  hide() {
    for (const id of ["corrected", "understood", "all-shown"]) this.ui.$(id).hidden = true;
  }

  correction({ from, to }) {
    const { ui } = this;
    const instead = ui.words.parts("search.insteadOf", { from: element("em", {}, from) });
    const button = element("button", { type: "button", className: "plain" }, ...instead);
    button.addEventListener("click", () => {
      this.change({ correct: false });
      ui.$("text").focus();
    });
    return [...ui.words.parts("search.searchedFor", { to: element("strong", {}, to) }), " ", button];
  }

  /**
   * @param {{interpreted: Interpreted[], kept: Object<string, string[]>}} answer
   * @param {SearchQuery} query
   * @returns {HTMLButtonElement[]} a button for each condition and for what is kept of a picture, which takes it off
   */
  chips({ interpreted, kept = {} }, query) {
    return [
      ...interpreted.map((condition) => this.condition(condition, query)),
      ...Object.entries(kept).map(([attribute, values]) => this.asInPicture(attribute, values)),
    ];
  }

  condition(condition, query) {
    const { ui } = this;
    const name = `${ui.sayAttribute(condition.attribute)}: `;
    const meant = this.meaning(condition);
    const label = name + meant;
    return this.chip(name, meant, ui.say("search.readAs", { text: condition.text, label }), {
      dismissed: [...new Set([...query.dismissed, condition.text])],
    });
  }

  asInPicture(attribute, values) {
    const { ui } = this;
    const meant = this.listed(attribute, values);
    const label = `${ui.sayAttribute(attribute)}: ${meant}`;
    return this.chip(`${ui.say("edit.asInPicture")} `, meant, ui.say("edit.kept", { label }), { keep: false });
  }

  /**
   * @param {string} name what it is about
   * @param {string} meant
   * @param {string} title
   * @param {Partial<SearchQuery>} without the change of the query that takes it off
   * @returns {HTMLButtonElement}
   */
  chip(name, meant, title, without) {
    const { ui } = this;
    const cross = element("span", { "aria-hidden": "true" }, "×");
    const remove = ui.say("search.removeCondition", { label: name + meant });
    const chip = element("button", { type: "button", className: "chip", part: "chip", title, "aria-label": remove });
    chip.append(element("span", { className: "name" }, name), meant, cross);
    chip.addEventListener("click", () => {
      this.change(without);
      ui.$("results").focus({ preventScroll: true }); // the chip that was pressed goes
    });
    return chip;
  }

  /** @param {Interpreted} condition @returns {string} as a person says it: "Red or Maroon", "not Floral", "at most 50" */
  meaning({ attribute, values, negated, gte, gt, lte, lt }) {
    const { ui } = this;
    const exact = gte !== null && gte === lte;
    const bounds = [
      exact ? ui.number(gte) : null,
      gte !== null && !exact ? ui.say("search.atLeast", { bound: gte }) : null,
      gt === null ? null : ui.say("search.above", { bound: gt }),
      lte !== null && !exact ? ui.say("search.atMost", { bound: lte }) : null,
      lt === null ? null : ui.say("search.below", { bound: lt }),
    ].filter((bound) => bound !== null);
    if (!values.length) return bounds.join(", ");
    const all = this.listed(attribute, values);
    return [negated ? ui.say("search.not", { values: all }) : all, ...bounds].join(", ");
  }

  listed(attribute, values) {
    const { ui } = this;
    const shown = values.slice(0, MAX_VALUES).map((value) => ui.sayValue(attribute, value));
    const rest = values.length - shown.length;
    if (rest) return ui.say("search.orMore", { values: shown.join(", "), count: rest });
    return shown.join(` ${ui.say("search.or")} `);
  }
}
