// The query as the search page shows it: the words, the picture, the products that it is like or unlike, their balance.

import { ROOT } from "./api.js";
import { byId, element, iconButton } from "./elements.js";
import { thumbnailOf } from "./picture.js";
import { showPicture } from "./product_picture.js";
import { filterPairs, hasPicture, isEmpty } from "./query.js";

/** @typedef {import("./query.js").SearchQuery} SearchQuery */

const EXAMPLES = { like: "More like", unlike: "Less like" };

/**
 * @param {SearchQuery} query
 * @param {(id: string) => string|undefined} titleOf a product, where it is known
 * @param {(change: Partial<SearchQuery>) => void} change called when an example is removed
 */
export function showQuery(query, titleOf, change) {
  // A field that is being typed into keeps its spaces.
  const typing = document.activeElement === byId("text") && byId("text").value.trim() === query.text;
  if (!typing) byId("text").value = query.text;
  byId("text").placeholder = hasPicture(query) ? "Add words: in blue, for men …" : "What are you looking for?";
  showThumbnail(query.picture);
  byId("balance").hidden = !(hasPicture(query) && query.text);
  byId("weight").value = query.weight;
  showBalance(query.weight);
  const chips = Object.keys(EXAMPLES).flatMap((kind) =>
    query[kind].map((id) => exampleChip(kind, id, titleOf(id), () => change({ [kind]: query[kind].filter((one) => one !== id) }))),
  );
  byId("examples").replaceChildren(...chips);
  byId("query-parts").hidden = !chips.length && byId("balance").hidden;
  const empty = isEmpty(query);
  document.body.classList.toggle("searching", !empty);
  byId("hint").hidden = byId("browse").hidden = !empty;
  const parts = [query.text, query.picture && "a picture", ...filterPairs(query).map(([, value]) => value)].filter(Boolean);
  document.title = parts.length ? `${parts.join(", ")} · Vitrine` : "Vitrine";
  for (const show of ["products", "descriptions"]) byId(`show-${show}`).setAttribute("aria-pressed", String(query.show === show));
}

/** @param {number} weight of the words, 0 to 1 */
export function showBalance(weight) {
  const percent = Math.round(100 * weight);
  byId("weight").setAttribute("aria-valuetext", `${percent} percent words, ${100 - percent} percent picture`);
}

let thumbnailUrl = "";
function showThumbnail(picture) {
  URL.revokeObjectURL(thumbnailUrl);
  thumbnailUrl = "";
  const blob = picture && thumbnailOf(picture);
  const image = byId("picture-image");
  byId("picture").hidden = !picture;
  image.removeAttribute("src");
  image.classList.toggle("unknown", Boolean(picture && !blob));
  if (!picture) return;
  image.alt = "Searching with your picture";
  // A shared address has the picture's vector, not the picture: an icon stands for it.
  if (blob) thumbnailUrl = URL.createObjectURL(blob);
  image.src = thumbnailUrl || `${ROOT}page/icon.svg`;
}

function exampleChip(kind, id, title, remove) {
  const label = EXAMPLES[kind];
  const image = element("img", { alt: "" });
  showPicture(image, { id }, "tiny");
  const button = iconButton("close", `Remove: ${label.toLowerCase()} ${title ?? id}`, remove);
  return element("li", { className: kind, title: title ?? "" }, image, label, button);
}
