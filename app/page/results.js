// The results of a search: cards of products, or descriptions with the words that carry them, and what is shown while
// one waits. Knows what is shown, and no query.

import { ROOT } from "./api.js";
import { drawer } from "./drawer.js";
import { badges, byId, element, formatNumber, iconButton, onPlainClick, showNotice } from "./elements.js";
import { imageBox, showPicture } from "./product_picture.js";
import { variants } from "./variants.js";

/** @typedef {{words: ?number, title: ?number, image: ?number}} Signals */
/**
 * @typedef {import("./drawer.js").Product & {score: number, relevance: ?number, signals: ?Signals,
 *   attributes: Object<string, any>, group?: ?import("./variants.js").Group}} Hit
 */
/** @typedef {{description: string, score: number, product_ids: string[]}} Description */
/** @typedef {{words: {word: string, weight: number}[]}} Explanation */

const GHOSTS = 15;
const AT_ONCE = 12; // cards whose pictures are loaded at once; those of others when they are about to be seen
const STRONG = 0.5; // of the strongest word's weight: drawn bold
const SLIGHT = 0.12; // of it: words below are not tinted
const CARRIES = 0.5; // part of the words from which a product matches them
const NEAR = 0.8; // part of the best similarity from which one carries a match, too
const DEEPEST = 9000; // results after which no more can be asked for
const SMALL = 0.05; // a relevance below it is not told more exactly
const PARTS = { words: "words", title: "title", image: "picture" };

/** @type {string[]} ids of the products that are shown, in order */
let shownIds = [];
let total = 0; // products that match; Infinity where the service does not know
let cut = false; // whether products that fit less were left out
let ranked = true; // whether the best come first
let best = {}; // part -> the largest similarity that was shown
const titles = new Map(); // product id -> title, of everything that was shown

/** @returns {number} how many products are shown */
export const shownCount = () => shownIds.length;

/** @returns {boolean} whether the answer of a search is shown */
export const hasResults = () => shownIds.length > 0 || !byId("descriptions").hidden;

/** @param {string} id @returns {string|undefined} the product's title, where it was shown */
export const titleOf = (id) => titles.get(id);

/** @param {string} id @param {number} step @returns {?string} the product so many places after it */
export const adjacentId = (id, step) => (shownIds.includes(id) ? shownIds[shownIds.indexOf(id) + step] : null);

/** Show nothing. */
export function clearResults() {
  showNotice("");
  shownIds = [];
  byId("grid").replaceChildren();
  byId("descriptions").hidden = byId("more").hidden = byId("less-relevant").hidden = true;
  byId("count").textContent = byId("origin").textContent = "";
  byId("results").removeAttribute("aria-busy");
}

/**
 * @param {"products"|"descriptions"} show what is waited for
 * @param {boolean} keep what is there is only dimmed: while one types on, skeletons would flicker
 */
export function showWaiting(show, keep) {
  byId("found").hidden = false;
  byId("browse").hidden = byId("hint").hidden = true;
  byId("results").setAttribute("aria-busy", "true");
  byId("more").hidden = byId("less-relevant").hidden = true;
  showNotice("");
  if (keep && show === "products" && shownIds.length) return;
  if (show === "descriptions" && !byId("descriptions").hidden) return;
  shownIds = [];
  byId("descriptions").hidden = true;
  byId("count").textContent = "Searching …";
  byId("grid").replaceChildren(...Array.from({ length: GHOSTS }, ghostCard));
}

/**
 * Make room for the results of a new search, and say where they come from.
 * @param {{total: ?number, cutoff: ?number, timing_ms: Object<string, number>, encoder_id: string,
 *   catalogue_version: number}} answer
 * @param {boolean} bestFirst whether they come in the order of their score
 */
export function beginResults(answer, bestFirst) {
  byId("results").removeAttribute("aria-busy");
  byId("grid").replaceChildren();
  byId("descriptions").hidden = true;
  shownIds = [];
  total = answer.total ?? Infinity;
  cut = answer.cutoff !== null;
  ranked = bestFirst;
  best = { title: 0, image: 0 };
  const took = Object.values(answer.timing_ms).reduce((sum, one) => sum + one, 0).toFixed(1);
  byId("origin").textContent = `Searched in ${took} ms · encoder ${answer.encoder_id} · catalogue version ${answer.catalogue_version}`;
  performance.mark("answered"); // measured by the tests
}

/**
 * @param {Hit[]} hits the next products
 * @param {(kind: "like"|"unlike", id: string) => void} prefer
 */
export function addProducts(hits, prefer) {
  for (const part of Object.keys(best)) best[part] = Math.max(best[part], ...hits.map((hit) => hit.signals?.[part] ?? 0));
  const first = shownIds.length ? 0 : AT_ONCE;
  byId("grid").append(...hits.map((hit, row) => card(hit, row >= first, prefer)));
  shownIds.push(...hits.map((hit) => hit.id));
  byId("more").hidden = !hits.length || shownIds.length >= Math.min(total, DEEPEST);
  byId("less-relevant").hidden = !(cut && byId("more").hidden);
  if (total === Infinity) byId("count").textContent = "Best matches";
  else if (total === 1) byId("count").textContent = "One product";
  else byId("count").textContent = `${ranked && !cut ? "Best matches of " : ""}${formatNumber(total)} products`;
}

const ghostCard = () =>
  element("li", { className: "card ghost", "aria-hidden": "true" }, element("span", { className: "image-box" }), element("i"), element("i"));

function scoreOf({ score, relevance }) {
  const [text, title] = relevance === null
    ? [score.toFixed(2), "Similarity (0–1)"]
    : [relevance < SMALL ? `< ${100 * SMALL} %` : `${Math.round(100 * relevance)} %`, `Relevance. The score that ranks is ${score.toFixed(3)}.`];
  return element("span", { className: "score", title }, text);
}

// Why a product is here: what it has in common with the query.
function why(signals) {
  if (!signals) return null;
  const known = Object.keys(PARTS).filter((part) => signals[part] !== null);
  const matched = known.filter((part) => signals[part] >= (part === "words" ? CARRIES : NEAR * Math.max(best[part], 1e-6)));
  if (!matched.length) return null;
  const listed = matched.length > 2 ? "in every way" : matched.map((part) => PARTS[part]).join(" and ");
  const figures = known.map((part) => `${PARTS[part]} ${signals[part].toFixed(2)}`).join(" · ");
  return element("p", { className: "why", title: figures }, `matches ${listed}`);
}

function card(hit, lazy, prefer) {
  titles.set(hit.id, hit.title);
  const address = `${ROOT}?${new URLSearchParams({ product: hit.id })}`;
  const link = element("a", { href: address, title: hit.title }, hit.title);
  onPlainClick(link, () => drawer.open(hit.id));
  const more = iconButton("more", `More like ${hit.title}`, () => prefer("like", hit.id));
  const less = iconButton("less", `Less like ${hit.title}`, () => prefer("unlike", hit.id));
  const picture = imageBox(hit, { lazy, place: "card" });
  const about = [variants(hit.group, hit.title), badges(hit.attributes), why(hit.signals)];
  const foot = element("div", { className: "foot" }, scoreOf(hit), more, less);
  return element("li", { className: "card" }, picture, element("h3", {}, link), ...about, foot);
}

/**
 * @param {Description[]} results
 * @param {?Explanation[]} explanations of the first results, in their order
 * @param {{thumbnail: boolean, productId: ?string}} shown the picture that is described: the one in the search field,
 *   or a product's
 * @param {(text: string) => void} search called with the description that is pressed
 */
export function showDescriptions(results, explanations, { thumbnail, productId }, search) {
  byId("descriptions").hidden = false;
  byId("descriptions-key").hidden = !explanations;
  byId("descriptions-picture").hidden = !thumbnail && !productId;
  const all = total === Infinity ? "" : ` of ${formatNumber(total)}`;
  byId("count").textContent = `Best ${results.length}${all} descriptions`;
  if (thumbnail || productId) {
    const image = thumbnail ? byId("picture-image").cloneNode() : element("img");
    image.removeAttribute("id");
    image.alt = "";
    if (!thumbnail) showPicture(image, { id: productId }, "card");
    byId("descriptions-picture").replaceChildren(image);
  }
  const strongest = Math.max(1e-6, ...(explanations || []).flatMap(({ words }) => words.map(({ weight }) => weight)));
  const items = results.map((result, row) => {
    const words = explanations?.[row] ? markedWords(explanations[row].words, strongest) : [result.description];
    const button = element("button", { type: "button", title: "Search for these words" }, ...words);
    button.addEventListener("click", () => search(result.description));
    const pictures = element("span", { className: "pictures" }, ...result.product_ids.slice(0, 3).map((id) => imageBox({ id }, { place: "tiny" })));
    return element("li", {}, element("span", { className: "place" }, String(row + 1)), button, pictures, scoreOf(result));
  });
  byId("description-list").replaceChildren(...items);
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

/**
 * Move the focus over the cards with the arrow keys, Home and End; from the first row up to the search field.
 * @param {KeyboardEvent} event on a card
 */
export function walkCards(event) {
  const cards = [...byId("grid").children];
  const here = cards.indexOf(event.target.closest(".card"));
  const columns = cards.filter((one) => one.offsetTop === cards[0].offsetTop).length;
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, Home: -here, End: cards.length - 1 - here };
  if (!(event.key in steps)) return;
  event.preventDefault();
  const next = cards[here + steps[event.key]];
  if (next) next.querySelector("a").focus();
  else if (event.key === "ArrowUp") byId("text").focus();
}
