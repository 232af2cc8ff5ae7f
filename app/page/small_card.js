// A picture and a title that show a product: beside a map, below a product, among similar ones. Knows no search.

import { element } from "./elements.js";
import { imageBox } from "./product_picture.js";

/**
 * @param {import("./ui.js").Ui} ui
 * @param {import("./drawer.js").Product} product
 * @returns {HTMLLIElement}
 */
export function smallCard(ui, product) {
  const title = element("span", {}, product.title);
  const link = element("a", { className: "small" }, imageBox(ui.service, product), title);
  ui.showOnClick(link, product);
  return element("li", {}, link);
}
