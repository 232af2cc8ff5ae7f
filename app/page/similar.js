// Products that look like one, below it on the page of a shop. Nothing is shown where there is none.

import { card } from "./card.js";
import { element } from "./elements.js";
import { keepTrying } from "./recover.js";
import { productPath } from "./service.js";

const COUNT = 8;

// With `same`, only what has the same values of these attributes.
async function find(ui, product, same) {
  const filters = {};
  if (same.length) {
    const { attributes } = await ui.service.get(productPath(product), ui.signal);
    for (const name of same) if (attributes[name] !== undefined) filters[name] = [attributes[name]].flat().map(String);
  }
  const body = { like: [product], k: ui.count || COUNT, filters };
  return (await ui.service.post("v1/search/images", body, ui.signal)).results;
}

/**
 * @param {import("./ui.js").Ui} ui
 * @param {import("./element_base.js").VitrineElement} host whose attributes name the product, and what others have in common with it
 */
export async function fill(ui, host) {
  const heading = element("slot", { name: "heading" }, element("h2", { id: "title", part: "heading" }, ui.say("product.similar")));
  const grid = element("ul", { className: "grid", part: "grid", id: "grid", "aria-labelledby": "title" });
  const view = element("div", { className: "view similar", id: "view", hidden: true }, heading, grid);
  ui.root.replaceChildren(view);
  ui.loadLabels(); // for the drawer, and for cards of the shop's own
  const follow = async () => (ui.address.product || ui.madeDrawer) && (await ui.drawer()).followAddress();
  ui.address.onChange(follow, ui.signal);
  follow();
  const product = host.getAttribute("product");
  if (!product) return;
  try {
    const found = keepTrying(() => find(ui, product, host.names("same")), { signal: ui.signal });
    const [results] = await Promise.all([found, ui.labelled]);
    if (!ui.emit("vitrine-results", { product, results, total: results.length })) return;
    grid.replaceChildren(...results.map((hit) => ui.own?.card(ui, hit) ?? card(ui, hit, null, { lazy: true, score: null, why: null })));
    view.hidden = !results.length;
  } catch (error) {
    if (!ui.signal.aborted) console.error("<vitrine-similar> shows nothing:", ui.messageOf(error));
  }
}
