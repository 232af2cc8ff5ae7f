// What to begin with: the most frequent values of the attribute that best says what a product is, each with a picture.

import { post } from "./api.js";
import { addressOf } from "./address.js";
import { byId, element, formatNumber, humanName, onPlainClick } from "./elements.js";
import { imageBox } from "./product_picture.js";
import { emptyQuery } from "./query.js";

const TILES = 12;
const KIND = "articleType"; // the attribute to browse by, where the catalogue has it

let shown = false;

/**
 * Show the tiles; once, as they do not change.
 * @param {Object<string, Object<string, number>>} counts attribute -> value -> products, of attributes to filter by
 * @param {(filters: Object<string, string[]>) => void} search called with the filter of a tile
 * @throws {ApiError}
 */
export async function showTiles(counts, search) {
  const name = KIND in counts ? KIND : Object.keys(counts)[0];
  if (shown || !name) return;
  shown = true;
  try {
    const values = Object.entries(counts[name]).slice(0, TILES);
    const queries = values.map(([value]) => ({ text: value, mode: "vector", filters: { [name]: value }, k: 1 }));
    const { answers } = await post("v1/search/images/batch", { queries });
    byId("browse-title").textContent = `Browse by ${name === KIND ? "type" : humanName(name).toLowerCase()}`;
    byId("tiles").replaceChildren(...values.map(([value, count], row) => tile(name, value, count, answers[row].results?.[0], search)));
  } catch (error) {
    shown = false;
    throw error;
  }
}

function tile(name, value, count, product, search) {
  const filters = { [name]: [value] };
  const picture = product ? imageBox(product, { lazy: false, place: "tile" }) : element("span", { className: "image-box" });
  const number = element("span", { className: "soft" }, formatNumber(count));
  const link = element("a", { href: addressOf({ ...emptyQuery(), filters }) }, picture, element("b", {}, value), number);
  onPlainClick(link, () => search(filters));
  return element("li", {}, link);
}
