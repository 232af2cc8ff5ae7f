// The order of the results: a choice of relevance, newest, and the attributes that are numbers or dates. Knows no search.

import { element } from "./elements.js";

const NUMBER = /^-?\d+(\.\d+)?(e[-+]?\d+)?( [A-Z]{3})?$/i; // also a price with its currency
const DATE = /^\d{4}-\d\d-\d\d(T[\d:.]+([-+][\d:]+|Z)?)?$/;

// The attributes of which every value is of a kind.
const attributesOf = (facets, kind) =>
  Object.entries(facets)
    .filter(([, counts]) => Object.keys(counts).length > 1 && Object.keys(counts).every((value) => kind.test(value)))
    .map(([name]) => name);

/** The choice of an order. */
export class Sort {
  /** @param {import("./ui.js").Ui} ui */
  constructor(ui) {
    this.ui = ui;
    this.select = ui.$("sort");
  }

  /**
   * Offer the orders there are: by attributes that are numbers, prices or dates, too.
   * @param {Object<string, Object<string, number>>} facets attribute -> value -> products
   */
  offer(facets) {
    const { ui } = this;
    const both = [
      ...attributesOf(facets, NUMBER).map((name) => [name, "results.sortHighest", "results.sortLowest"]),
      ...attributesOf(facets, DATE).map((name) => [name, "results.sortLatest", "results.sortEarliest"]),
    ].flatMap(([name, falling, rising]) => [
      [`${name}:desc`, ui.say(falling, { attribute: ui.sayAttribute(name) })],
      [`${name}:asc`, ui.say(rising, { attribute: ui.sayAttribute(name) })],
    ]);
    const fixed = [
      ["relevance", ui.say("results.sortRelevance")],
      ["newest", ui.say("results.sortNewest")],
    ];
    this.select.replaceChildren(...[...fixed, ...both].map(([value, label]) => element("option", { value }, label)));
  }

  /** @param {string} sort the order in use; one that is not offered is added, as an address may name any */
  show(sort) {
    if (![...this.select.options].some((one) => one.value === sort)) this.select.append(element("option", { value: sort }, sort));
    this.select.value = sort;
  }
}
