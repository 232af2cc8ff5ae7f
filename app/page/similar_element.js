// <vitrine-similar>: products that look like one, below it on the page of a shop. It shows nothing where there is none.

import { card } from "./card.js";
import { element } from "./elements.js";
import { VitrineElement, withProperties } from "./element_base.js";
import { keepTrying } from "./recover.js";
import { productPath } from "./service.js";

const COUNT = 8;

/** The element. */
export class VitrineSimilar extends VitrineElement {
  static sheets = ["base", "search"];
  static observedAttributes = ["src", "key", "lang", "href", "target", "count", "address", "product", "same"];

  /** @param {import("./ui.js").Ui} ui */
  async fill(ui) {
    const heading = element("slot", { name: "heading" }, element("h2", { id: "title", part: "heading" }, ui.say("product.similar")));
    const grid = element("ul", { className: "grid", part: "grid", id: "grid", "aria-labelledby": "title" });
    const view = element("div", { className: "view similar", id: "view", hidden: true }, heading, grid);
    ui.root.replaceChildren(view);
    if (ui.address.product) ui.drawer().then((drawer) => drawer.followAddress());
    ui.address.onChange(() => ui.drawer().then((drawer) => drawer.followAddress()), ui.signal);
    const product = this.getAttribute("product");
    if (!product) return;
    try {
      const results = await keepTrying(() => this.find(ui, product), { signal: ui.signal });
      if (!ui.emit("vitrine-results", { product, results, total: results.length })) return;
      grid.replaceChildren(...results.map((hit) => ui.own?.card(ui, hit) ?? card(ui, hit, null, { lazy: true, score: null, why: null })));
      view.hidden = !results.length;
    } catch (error) {
      if (!ui.signal.aborted) console.error("<vitrine-similar> shows nothing:", ui.messageOf(error));
    }
  }

  // With `same`, only what has the same values of these attributes.
  async find(ui, product) {
    const names = (this.getAttribute("same") ?? "").split(/[\s,]+/).filter(Boolean);
    const filters = {};
    if (names.length) {
      const { attributes } = await ui.service.get(productPath(product), ui.signal);
      for (const name of names) if (attributes[name] !== undefined) filters[name] = [attributes[name]].flat().map(String);
    }
    const body = { like: [product], k: ui.count || COUNT, filters };
    return (await ui.service.post("v1/search/images", body, ui.signal)).results;
  }
}

withProperties(VitrineSimilar);
