// The offer of a product on its card and in the drawer: brand, price, availability and the way into the shop. Knows no
// search.

import { element } from "./elements.js";
import { offerOf } from "./offer.js";

/** @typedef {{id: string, title: string, attributes?: Object<string, any>}} Product */

/**
 * @param {import("./ui.js").Ui} ui
 * @param {import("./offer.js").Amount} amount
 * @returns {string}
 */
export function priceText(ui, { amount, currency }) {
  try {
    return ui.price(amount, currency);
  } catch {
    return `${ui.number(amount)} ${currency}`; // three letters that are no currency
  }
}

// What is to be paid; beside a price before the sale, which is struck through and said in words to who cannot see it.
function priceLine(ui, { price, before }) {
  const now = priceText(ui, price);
  if (!before) return element("p", { className: "price", part: "price" }, now);
  const was = priceText(ui, before);
  const hidden = (text) => element("span", { className: "visually-hidden" }, text);
  return element(
    "p",
    { className: "price sale", part: "price" },
    hidden(ui.say("product.priceNow", { price: now })),
    element("span", { "aria-hidden": "true" }, now),
    " ",
    hidden(ui.say("product.priceBefore", { price: was })),
    element("s", { "aria-hidden": "true" }, was),
  );
}

// The address in the shop: that of the product's own, or the one that the host names.
function shopLink(ui, product, url, className) {
  const href = url ?? (ui.link ? ui.href(product) : null);
  if (!href) return null;
  const link = element("a", { className, href, part: "shop" }, ui.say("product.viewInShop"));
  link.setAttribute("aria-label", `${ui.say("product.viewInShop")}: ${product.title}`);
  link.rel = "noopener";
  if (url) link.target = "_blank";
  return link;
}

/**
 * @param {import("./ui.js").Ui} ui
 * @param {Product} product
 * @param {string} linkClass
 * @returns {{brand: ?HTMLElement, price: ?HTMLElement, availability: ?HTMLElement, link: ?HTMLAnchorElement}}
 */
export function offerElements(ui, product, linkClass) {
  const offer = offerOf(product.attributes ?? {});
  return {
    brand: offer.brand ? element("p", { className: "brand-line", part: "brand" }, offer.brand) : null,
    price: offer.price && priceLine(ui, offer),
    availability: offer.availability
      ? element("p", { className: "availability", part: "availability" }, ui.say(`product.${offer.availability}`))
      : null,
    link: shopLink(ui, product, offer.url, linkClass),
  };
}
