// Cards that the page draws itself. They are put into the element, not into its root, so that the page's own style holds.

import { element } from "./elements.js";
import { offerOf } from "./offer.js";
import { priceText } from "./offer_shown.js";
import { showPicture } from "./product_picture.js";

/** @typedef {import("./results.js").Hit} Hit */
/** @typedef {{card: (ui: import("./ui.js").Ui, hit: Hit) => HTMLLIElement}} OwnCards */

const MARK = "data-vitrine-card";

// What the place of a template says about a product.
function textOf(ui, hit, offer, name) {
  if (name === "title") return hit.title;
  if (name === "id") return hit.id;
  if (name === "price") return offer.price ? priceText(ui, offer.price) : "";
  if (name === "price-before") return offer.before ? priceText(ui, offer.before) : "";
  return name in hit.attributes ? ui.sayValue(name, hit.attributes[name]) : "";
}

function fromTemplate(ui, template, hit) {
  const made = template.content.cloneNode(true);
  const offer = offerOf(hit.attributes);
  for (const place of made.querySelectorAll("[data-text]")) place.textContent = textOf(ui, hit, offer, place.dataset.text);
  for (const image of made.querySelectorAll("img[data-picture]")) showPicture(ui.service, image, hit, "card");
  for (const link of made.querySelectorAll("a[data-link]")) ui.showOnClick(link, hit);
  return made;
}

/**
 * @param {HTMLElement} host the element that the cards are in
 * @param {?(hit: Hit) => Node|string} render what is in a card; it says itself what a press does
 * @param {?HTMLTemplateElement} template of a card, where there is no function: `data-text` names an attribute, `title`,
 *   `price` or `price-before`; an image with `data-picture` and a link with `data-link` are the product's
 * @returns {OwnCards}
 */
export function ownCards(host, render, template) {
  let made = 0;
  let tidying = false;
  for (const old of host.querySelectorAll(`:scope > [${MARK}]`)) old.remove();
  // The results change in the root: what is no longer there goes from the element, too.
  const tidy = (ui) => {
    tidying = false;
    for (const one of host.querySelectorAll(`:scope > [${MARK}]`)) {
      if (!ui.root.querySelector(`slot[name="${one.slot}"]`)) one.remove();
    }
  };
  return {
    card(ui, hit) {
      const name = `card-${(made += 1)}`;
      const place = element("div", { slot: name, [MARK]: hit.id }, render ? render(hit) : fromTemplate(ui, template, hit));
      host.append(place);
      if (!tidying) {
        tidying = true;
        setTimeout(() => tidy(ui));
      }
      return element("li", { className: "card", part: "card" }, element("slot", { name }));
    },
  };
}
