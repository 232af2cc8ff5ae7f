// The order of the results: a choice of relevance, newest, and the attributes that are numbers or dates. Knows no search.

import { element } from "./elements.js";
import { RESERVED } from "./offer.js";
import { RELEVANCE } from "./query.js";

const WAYS = {
  price: ["results.sortDearest", "results.sortCheapest"],
  number: ["results.sortHighest", "results.sortLowest"],
  date: ["results.sortLatest", "results.sortEarliest"],
};

/** The choice of an order. */
export class Sort {
  /** @param {import("./ui.js").Ui} ui */
  constructor(ui) {
    this.ui = ui;
    this.select = ui.$("sort");
  }

  /**
   * Offer the orders there are: by attributes that are numbers, prices or days, too.
   * @param {import("./catalogue.js").CatalogueFacts} catalogue
   */
  offer({ all, types }) {
    const { ui } = this;
    const kinds = Object.keys(all)
      .filter((name) => Object.keys(all[name]).length > 1 && (name === "price" || !RESERVED.has(name)))
      .map((name) => [name, name === "price" ? name : types[name]]);
    const ways = kinds
      .filter(([, kind]) => kind in WAYS)
      .sort(([one], [other]) => Number(other === "price") - Number(one === "price"))
      .flatMap(([name, kind]) => WAYS[kind].map((key, row) => [`${name}:${row ? "asc" : "desc"}`, key, name]));
    const both = ways.map(([value, key, name]) => [value, ui.say(key, { attribute: ui.sayAttribute(name) })]);
    const fixed = [
      [RELEVANCE, ui.say("results.sortRelevance")],
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
