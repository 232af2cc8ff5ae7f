// The card of one product: picture, title, offer, badges to filter by, and what one may do with it. Knows no query.

import { element, VARIANTS } from "./elements.js";
import { RESERVED } from "./offer.js";
import { offerElements } from "./offer_shown.js";
import { imageBox } from "./product_picture.js";
import { rove } from "./roving.js";
import { variants } from "./variants.js";

/** @typedef {import("./results.js").Hit} Hit */
/**
 * @typedef {object} CardActions
 * @property {(kind: "like"|"unlike", id: string) => void} prefer
 * @property {(name: string, value: string, on: boolean) => void} setFilter
 * @property {(name: string, value: string) => boolean} isChosen whether it is filtered by a value
 */

const BADGES = 3;
const BADGES_FIRST = ["articleType", "baseColour", "gender"]; // what a badge says first, where a product has it

// Whether a value says much without the name of its attribute: a number, a date, a yes do not.
const saysMuch = (value) => typeof value !== "boolean" && Number.isNaN(Number(value)) && !/^\d{4}-\d\d-\d\d/.test(value);

/**
 * The few attributes that say most about a product; what says little without its name is left out.
 * @param {import("./ui.js").Ui} ui
 * @param {Object<string, any>} attributes
 * @returns {[string, string][]} name and value of each
 */
export function badgesOf(ui, attributes) {
  const own = Object.keys(attributes).filter((name) => name !== VARIANTS && !RESERVED.has(name));
  const first = ui.shown.length ? ui.shown : [...BADGES_FIRST, ...own];
  const names = [...new Set(first)].filter((name) => name in attributes && !RESERVED.has(name));
  const found = names.flatMap((name) => [attributes[name]].flat().filter(saysMuch).map((value) => [name, value]));
  const said = new Set();
  return found.filter(([name, value]) => !said.has(ui.sayValue(name, value)) && said.add(ui.sayValue(name, value))).slice(0, BADGES);
}

function badge(ui, name, value, { setFilter, isChosen }) {
  const said = ui.sayValue(name, value);
  const attribute = ui.sayAttribute(name);
  const chosen = isChosen(name, value);
  const label = ui.say(chosen ? "filters.remove" : "filters.by", { attribute, value: said });
  const button = element("button", { type: "button", className: chosen ? "badge chosen" : "badge", part: "badge", title: label }, said);
  button.addEventListener("click", () => setFilter(name, value, !chosen));
  return element("li", {}, button);
}

function badges(ui, attributes, actions) {
  const items = badgesOf(ui, attributes).map(([name, value]) => badge(ui, name, value, actions));
  if (!items.length) return null;
  const list = element("ul", { className: "badges", "aria-label": ui.say("results.attributes") }, ...items);
  rove(list, "button");
  return list;
}

function action(text, label, act) {
  const button = element("button", { type: "button", className: "plain", title: label, "aria-label": label }, text);
  button.addEventListener("click", act);
  return button;
}

/**
 * @param {import("./ui.js").Ui} ui
 * @param {Hit} hit
 * @param {?CardActions} actions null: nothing but to open it
 * @param {{lazy: boolean, score: ?HTMLElement, why: ?HTMLElement}} shown lazy: whether its picture waits until it is
 *   about to be seen; score and why: for those who run the shop
 * @returns {HTMLLIElement}
 */
export function card(ui, hit, actions, { lazy, score, why }) {
  const { id, title, attributes } = hit;
  const link = element("a", { title, part: "title" }, title);
  ui.showOnClick(link, hit);
  const { brand, price, availability, link: shop } = offerElements(ui, hit, "shop-link");
  const picture = imageBox(ui.service, hit, { lazy, place: "card" });
  if (!actions) return element("li", { className: "card", part: "card" }, picture, brand, element("h3", {}, link), price, availability);
  const similar = action(ui.say("results.similar"), `${ui.say("results.similar")}: ${title}`, () => actions.prefer("like", id));
  const less = action(ui.say("results.notThis"), `${ui.say("results.notThis")}: ${title}`, () => actions.prefer("unlike", id));
  const foot = element("div", { className: "foot" }, score, similar, less);
  const about = [price, availability, variants(ui, hit.group, title), badges(ui, attributes, actions), why, shop];
  return element("li", { className: "card", part: "card" }, picture, brand, element("h3", {}, link), ...about, foot);
}
