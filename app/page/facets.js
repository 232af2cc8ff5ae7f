// The filters: of each attribute the values to choose from, or a histogram of its numbers or days, the most useful first.
// Knows no search.

import { element } from "./elements.js";
import { Histogram } from "./histogram.js";
import { rangeAmong, rangeText } from "./ranges.js";
import { ordered, usefulness } from "./usefulness.js";
import { listState, ValueList } from "./value_list.js";

/** @typedef {import("./query.js").SearchQuery} SearchQuery */
/**
 * @typedef {object} Counted what an answer says of the attributes
 * @property {Object<string, Object<string, number>>} facets attribute -> value -> products
 * @property {Object<string, import("./histogram.js").Spread>} [histograms]
 * @property {?number} total
 * @property {{attributes?: Object<string, any>}[]} results
 */

const NOTHING = Object.freeze({});

// What is searched for, but for the filters: while it stays, the attributes keep their places.
const askedOf = ({ text, picture, like, unlike, dismissed, correct }) =>
  JSON.stringify([text, picture?.code, like, unlike, dismissed, correct]);

// The only value of a filter that is a number, as a range of that number.
function exactly(values) {
  const number = values.length === 1 ? Number(values[0]) : NaN;
  return Number.isNaN(number) ? NOTHING : { gte: number, lte: number };
}

/** The filters of one page or element. */
export class Facets {
  /**
   * @param {import("./ui.js").Ui} ui
   * @param {import("./chips.js").SetFilter} setFilter
   * @param {(name: string, values: string[]) => void} setValues called with all values of a filter
   */
  constructor(ui, setFilter, setValues) {
    Object.assign(this, { ui, setFilter, setValues });
    /** @type {string[]} attributes as they are shown */
    this.order = [];
    this.asked = "";
    /** @type {Map<string, import("./value_list.js").ListState>} */
    this.states = new Map();
  }

  /**
   * @param {Counted} answer
   * @param {SearchQuery} query
   * @param {string} currency of the prices that were found
   */
  show(answer, query, currency) {
    const { ui } = this;
    const list = ui.$("facets");
    const histograms = answer.histograms ?? {};
    const worth = { ...worthOf(answer.facets, answer), ...worthOf(histograms, answer) };
    for (const name of Object.keys(query.filters)) worth[name] ??= 0; // what is chosen can be taken off
    const asked = askedOf(query);
    this.order = ordered(this.order, worth, asked === this.asked);
    this.asked = asked;
    const sections = this.order.map((name) => {
      const wanted = query.filters[name] ?? [];
      const spread = histograms[name];
      return spread?.buckets.length ? this.histogram(name, spread, wanted, currency) : this.values(name, answer.facets[name] ?? {}, wanted);
    });
    // The list is made again: the focus goes back to where it was.
    const active = ui.root.activeElement;
    const focused = active && list.contains(active) && active.dataset.key;
    list.replaceChildren(...sections.filter(Boolean));
    if (focused) [...list.querySelectorAll("[data-key]")].find((one) => one.dataset.key === focused)?.focus();
  }

  values(name, counts, wanted) {
    if (Object.keys(counts).length < 2 && !wanted.length) return null; // nothing to choose
    if (!this.states.has(name)) this.states.set(name, listState());
    const choose = (value, on) => this.setFilter(name, value, on);
    return this.section(name, ...new ValueList(this.ui, name, counts, wanted, this.states.get(name), choose).elements);
  }

  histogram(name, spread, wanted, currency) {
    const range = rangeAmong(wanted) ?? exactly(wanted);
    if (spread.buckets.length < 2 && range === NOTHING) return null;
    const choose = (chosen) => this.setValues(name, [rangeText(chosen)].filter(Boolean));
    const options = { currency: name === "price" ? currency : "", choose };
    return this.section(name, new Histogram(this.ui, name, spread, range, options).element);
  }

  section(name, ...children) {
    return element("fieldset", { part: "filter" }, element("legend", {}, this.ui.sayAttribute(name)), ...children);
  }
}

function worthOf(counted, { total, results }) {
  const found = total ?? results.length;
  return Object.fromEntries(
    Object.entries(counted).map(([name, of]) => {
      const counts = of.buckets ? of.buckets.map((bucket) => bucket.count) : Object.values(of);
      return [name, usefulness(counts, found)];
    }),
  );
}
