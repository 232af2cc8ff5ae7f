// What to begin with: the most frequent values of the attribute that best says what a product is, each with a picture.

import { element, onPlainClick } from "./elements.js";
import { RESERVED } from "./offer.js";
import { imageBox } from "./product_picture.js";
import { emptyQuery } from "./query.js";

const TILES = 12;
const KIND = "articleType"; // the attribute to browse by, where the catalogue has it
const KINDS = /type|categor|kategor|genre$/i; // names of others that say what a product is
const FEW = 3; // values that an attribute to browse by has, at least

// The attribute that best says what a product is: nobody begins with the offer.
function kindAmong(counts) {
  if (KIND in counts) return KIND;
  const several = Object.keys(counts).filter((name) => Object.keys(counts[name]).length >= FEW && !RESERVED.has(name));
  return several.find((name) => KINDS.test(name)) ?? several[0] ?? Object.keys(counts)[0];
}

/** The tiles before the first search. */
export class Browse {
  /**
   * @param {import("./ui.js").Ui} ui
   * @param {(filters: Object<string, string[]>) => void} search called with the filter of a tile
   */
  constructor(ui, search) {
    this.ui = ui;
    this.search = search;
    this.shown = false;
  }

  /**
   * Show the tiles; once, as they do not change.
   * @param {Object<string, Object<string, number>>} counts attribute -> value -> products, of attributes to filter by
   * @throws {ApiError}
   */
  async show(counts) {
    const { ui } = this;
    const name = kindAmong(counts);
    if (this.shown || !name) return;
    this.shown = true;
    try {
      const values = Object.entries(counts[name]).slice(0, TILES);
      const queries = values.map(([value]) => ({ text: value, mode: "vector", hub_correction: false, filters: { [name]: value }, k: 1 }));
      const { answers } = await ui.service.post("v1/search/images/batch", { queries }, ui.signal);
      const said = ui.sayAttribute(name);
      const by = ui.say("search.browse", { attribute: ui.words.language === "de" ? said : said.toLowerCase() });
      ui.$("browse-title").textContent = name === KIND ? ui.say("search.browseType") : by;
      ui.$("tiles").replaceChildren(...values.map(([value, count], row) => this.tile(name, value, count, answers[row].results?.[0])));
    } catch (error) {
      this.shown = false;
      throw error;
    }
  }

  tile(name, value, count, product) {
    const { ui } = this;
    const filters = { [name]: [value] };
    const empty = element("span", { className: "image-box" });
    const picture = product ? imageBox(ui.service, product, { lazy: false, place: "tile" }) : empty;
    const number = element("span", { className: "soft" }, ui.number(count));
    const href = ui.address.href({ ...emptyQuery(), filters });
    const link = element("a", { href, part: "tile" }, picture, element("b", {}, ui.sayValue(name, value)), number);
    onPlainClick(link, () => this.search(filters));
    return element("li", {}, link);
  }
}
