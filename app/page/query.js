// What is searched for. A query is not changed in place: a change makes a copy. Knows neither addresses nor elements.

import { filtersOfBody, rangeOf } from "./ranges.js";

/**
 * @typedef {object} SearchQuery
 * @property {string} text
 * @property {?import("./picture.js").Picture} picture
 * @property {number} weight of the words against picture and likes, 0 to 1: beside these, words say what differs
 * @property {string[]} like ids of products
 * @property {string[]} unlike ids of products
 * @property {Object<string, string[]>} filters attribute -> wanted values
 * @property {boolean} correct whether unknown words of the text are corrected
 * @property {string[]} dismissed phrases of the text that are to be no conditions
 * @property {boolean} strict whether the conditions in the text filter
 * @property {boolean} keep whether words beside a picture leave the kind of product as it is there
 * @property {boolean} all whether what fits the text less is shown as well
 * @property {string} sort "relevance", "newest", or an attribute with ":asc" or ":desc"
 * @property {"products"|"descriptions"} show
 * @property {number} count products that are shown; 0 for the first page
 */

export const EVEN = 0.5; // the weight in the middle, at which the service decides
const MIDDLE = 1.5; // what words count there beside a picture
const SPREAD = 6; // times as much at the end of the words, and as little at the end of the picture
const ADDRESS = /^https?:\/\/\S+\.(jpe?g|png|webp|avif|gif|bmp|heic|tiff?)([?#]\S*)?$/i;
export const RELEVANCE = "relevance"; // the order without a choice

/** @returns {SearchQuery} */
export const emptyQuery = () => ({
  text: "",
  picture: null,
  weight: EVEN,
  like: [],
  unlike: [],
  filters: {},
  correct: true,
  dismissed: [],
  strict: false,
  keep: true,
  all: false,
  sort: RELEVANCE,
  show: "products",
  count: 0,
});

/** @param {SearchQuery} query @returns {[string, string][]} each filter as a name and one value */
export const filterPairs = (query) =>
  Object.entries(query.filters).flatMap(([name, values]) => values.map((value) => [name, value]));

/** @param {SearchQuery} query @returns {boolean} whether it shows what the product looks like */
export const hasPicture = (query) => Boolean(query.picture || query.like.length);

/** @param {SearchQuery} query @returns {boolean} whether its words say how what is looked for differs from a picture */
export const isEdit = (query) => Boolean(query.text && hasPicture(query));

/** @param {string} text @returns {boolean} whether it is the address of a picture, which nobody can search for */
export const isPictureAddress = (text) => ADDRESS.test(text) || /^data:image\//i.test(text);

/** @param {SearchQuery} query @returns {boolean} whether there is nothing to search for */
export const isEmpty = (query) => !(query.text || hasPicture(query) || query.unlike.length || filterPairs(query).length);

/**
 * @param {SearchQuery} query
 * @param {string} name of an attribute
 * @param {string[]} values that are wanted of it
 * @returns {Object<string, string[]>} the filters with these
 */
export function filtersOf(query, name, values) {
  const { [name]: before, ...others } = query.filters;
  return values.length ? { ...others, [name]: values } : others;
}

/**
 * @param {SearchQuery} query
 * @param {string} name of an attribute
 * @param {string} value
 * @param {boolean} on
 * @returns {Object<string, string[]>} the filters with this value wanted or not
 */
export function filtersWith(query, name, value, on) {
  const wanted = (query.filters[name] ?? []).filter((one) => one !== value);
  return filtersOf(query, name, on ? [...wanted, value] : wanted);
}

/**
 * @param {SearchQuery} query
 * @param {"like"|"unlike"} kind
 * @param {string} id of a product
 * @returns {{like: string[], unlike: string[]}} the examples with this one added; it counts once, on one side
 */
export function examplesWith(query, kind, id) {
  const other = kind === "like" ? "unlike" : "like";
  const same = query[kind].includes(id) ? query[kind] : [...query[kind], id];
  return { [kind]: same, [other]: query[other].filter((one) => one !== id) };
}

/**
 * @param {SearchQuery} query
 * @param {string} text
 * @returns {Partial<SearchQuery>} the text, and what was said of the one before: it holds as far as it is about both
 */
export const textWith = (query, text) => ({
  text,
  correct: true,
  all: false,
  dismissed: query.dismissed.filter((phrase) => text.toLowerCase().includes(phrase.toLowerCase())),
});

/** @param {SearchQuery} query @returns {object} the body of a search */
export function searchBody(query) {
  const body = { filters: filtersOfBody(query.filters) };
  if (query.show === "products") body.image_versions = true; // pictures that are shown again are not asked for again
  if (query.text) {
    body.correct = query.correct;
    body.dismiss = query.dismissed;
  }
  if (isEdit(query)) {
    body.modify = query.text;
    body.keep = query.keep;
    if (query.weight !== EVEN) body.weights = { modify: MIDDLE * SPREAD ** (2 * query.weight - 1) };
  } else if (query.text) {
    body.text = query.text;
    body.cutoff = query.all ? "none" : "auto";
    body.strict = query.strict;
  }
  if (query.sort !== RELEVANCE && query.show === "products") body.sort = query.sort;
  if (query.picture) body.vector = query.picture.vector;
  if (query.like.length) body.like = query.like;
  if (query.unlike.length) body.unlike = query.unlike;
  // A search needs something to rank by. Filters alone rank by their own words: typical products come first.
  if (!query.text && !hasPicture(query) && !query.unlike.length) {
    const words = filterPairs(query).map(([, value]) => value).filter((value) => !rangeOf(value));
    if (words.length) Object.assign(body, { text: words.join(" "), mode: "vector", hub_correction: false }); // not typed: it leaves nothing out
  }
  return body;
}
