// The products that a person has drawn around: how many, what they share, which they are, and what to do with them. Knows
// no drawing.

import { element } from "./elements.js";
import { byCentre, sharedValues } from "./map_region.js";
import { smallCard } from "./small_card.js";

const LIKE = 8; // products that a search for more of their kind names: those in the middle
const SHOWN = 24; // products in the list
const SHARED = 5; // values that are told
const COMMON = 0.25; // least part of the products that shares a value which is told

/** The panel of one map. */
export class SelectionPanel {
  /**
   * @param {import("./ui.js").Ui} ui
   * @param {(id: string) => Promise<import("./drawer.js").Product>} load
   * @param {() => void} clear called when the selection is given up
   */
  constructor(ui, load, clear) {
    this.ui = ui;
    this.load = load;
    this.panel = ui.$("selection");
    this.clear = clear;
    this.wanted = null;
  }

  /** @param {import("./map_view.js").ProductMap} map @param {?number[]} rows of the products; null: there is no selection */
  async show(map, rows) {
    this.wanted = rows;
    this.panel.hidden = !rows;
    if (!rows) {
      this.panel.replaceChildren();
      return;
    }
    const { ui } = this;
    const central = byCentre(map, rows);
    const title = element("h2", { tabIndex: -1 }, ui.say("map.selected", { count: rows.length }));
    const clear = element("button", { type: "button", className: "outline" }, ui.say("map.clearSelection"));
    clear.addEventListener("click", () => this.clear());
    if (!rows.length) {
      this.panel.replaceChildren(title, element("p", { className: "soft" }, ui.say("map.selectedNone")), clear);
      return;
    }
    const like = element("a", { className: "primary", href: this.#likeAddress(central.slice(0, LIKE).map((row) => map.ids[row])) });
    like.append(ui.say("map.like"));
    const list = element("ul", { className: "near" });
    this.panel.replaceChildren(title, element("div", { className: "row" }, like, clear), this.#shared(map, rows), list);
    const products = await Promise.all(central.slice(0, SHOWN).map((row) => this.load(map.ids[row])));
    if (this.wanted === rows) list.replaceChildren(...products.map((product) => smallCard(ui, product)));
  }

  /** Move the focus to the panel, so that what was selected is told. */
  focus() {
    this.panel.querySelector("h2")?.focus({ preventScroll: true });
  }

  #likeAddress(ids) {
    return this.ui.service.address(`?${new URLSearchParams(ids.map((id) => ["like", id]))}`);
  }

  // Each value is a link to all products that have it.
  #shared(map, rows) {
    const { ui } = this;
    const values = sharedValues(map, rows).filter(({ count }) => count >= COMMON * rows.length).slice(0, SHARED);
    const items = values.map(({ attribute, value, count }) => {
      const href = ui.service.address(`?${new URLSearchParams({ [`f.${attribute}`]: value })}`);
      const share = new Intl.NumberFormat(ui.words.language, { style: "percent" }).format(count / rows.length);
      const link = element("a", { href, title: ui.say("map.filter") }, ui.sayValue(attribute, value));
      return [element("dt", {}, ui.sayAttribute(attribute)), element("dd", {}, link, " ", element("span", { className: "soft" }, share))];
    });
    return element("dl", { className: "shared" }, ...items.flat());
  }
}
