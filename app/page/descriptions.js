// Descriptions that a picture or a product has, with the words that carry them: for those who run the shop.

import { element } from "./elements.js";
import { imageBox, showPicture } from "./product_picture.js";

/** @typedef {{description: string, score: number, product_ids: string[]}} Description */
/** @typedef {{words: {word: string, weight: number}[]}} Explanation */

const STRONG = 0.5; // of the strongest word's weight: drawn bold
const SLIGHT = 0.12; // of it: words below are not tinted

/**
 * @param {import("./ui.js").Ui} ui
 * @param {import("./results.js").Results} list whose scores and count are shown
 * @param {Description[]} found
 * @param {?Explanation[]} explanations of the first results, in their order
 * @param {{thumbnail: boolean, productId: ?string}} shown the picture that is described: the one in the search field,
 *   or a product's
 * @param {(text: string) => void} search called with the description that is pressed
 */
export function showDescriptions(ui, list, found, explanations, { thumbnail, productId }, search) {
  ui.$("descriptions").hidden = false;
  ui.$("descriptions-key").hidden = !explanations;
  ui.$("descriptions-picture").hidden = !thumbnail && !productId;
  const { total } = list;
  const count = found.length;
  const said = total === Infinity ? ui.say("results.bestDescriptions", { count }) : ui.say("results.bestDescriptionsOf", { count, total });
  ui.$("count").textContent = said;
  if (thumbnail || productId) {
    const image = thumbnail ? ui.$("picture-image").cloneNode() : element("img");
    image.removeAttribute("id");
    image.alt = "";
    if (!thumbnail) showPicture(ui.service, image, { id: productId }, "card");
    ui.$("descriptions-picture").replaceChildren(image);
  }
  const strongest = Math.max(1e-6, ...(explanations || []).flatMap(({ words }) => words.map(({ weight }) => weight)));
  const items = found.map((result, row) => {
    const words = explanations?.[row] ? markedWords(explanations[row].words, strongest) : [result.description];
    const button = element("button", { type: "button", title: ui.say("results.searchWords") }, ...words);
    button.addEventListener("click", () => search(result.description));
    const boxes = result.product_ids.slice(0, 3).map((id) => imageBox(ui.service, { id }, { place: "tiny" }));
    const pictures = element("span", { className: "pictures" }, ...boxes);
    return element("li", {}, element("span", { className: "place" }, ui.number(row + 1)), button, pictures, list.score(result));
  });
  ui.$("description-list").replaceChildren(...items);
}

function markedWords(words, strongest) {
  return words.flatMap(({ word, weight }) => {
    const share = Math.max(0, weight) / strongest;
    const title = `${word}: ${weight.toFixed(3)}`;
    const mark = element("mark", { className: share > STRONG ? "strong" : "", title }, word);
    mark.style.setProperty("--share", share > SLIGHT ? share.toFixed(3) : "0");
    return [mark, " "];
  });
}
