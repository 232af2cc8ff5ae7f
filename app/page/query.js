// What is searched for. A query is not changed in place: a change makes a copy. Knows neither addresses nor elements.

/**
 * @typedef {object} SearchQuery
 * @property {string} text
 * @property {?import("/page/picture.js").Picture} picture
 * @property {number} weight of the words against picture and likes, 0 to 1
 * @property {string[]} like ids of products
 * @property {string[]} unlike ids of products
 * @property {Object<string, string[]>} filters attribute -> wanted values
 * @property {"products"|"descriptions"} show
 * @property {number} count products that are shown; 0 for the first page
 */

export const EVEN = 0.5; // the weight that treats words and picture alike

/** @returns {SearchQuery} */
export const emptyQuery = () => ({
  text: "",
  picture: null,
  weight: EVEN,
  like: [],
  unlike: [],
  filters: {},
  show: "products",
  count: 0,
});

/** @param {SearchQuery} query @returns {[string, string][]} each filter as a name and one value */
export const filterPairs = (query) =>
  Object.entries(query.filters).flatMap(([name, values]) => values.map((value) => [name, value]));

/** @param {SearchQuery} query @returns {boolean} whether it shows what the product looks like */
export const hasPicture = (query) => Boolean(query.picture || query.like.length);

/** @param {SearchQuery} query @returns {boolean} whether there is nothing to search for */
export const isEmpty = (query) => !(query.text || hasPicture(query) || query.unlike.length || filterPairs(query).length);

/**
 * @param {SearchQuery} query
 * @param {string} name of an attribute
 * @param {string} value
 * @param {boolean} on
 * @returns {Object<string, string[]>} the filters with this value wanted or not
 */
export function filtersWith(query, name, value, on) {
  const { [name]: values = [], ...others } = query.filters;
  const wanted = values.filter((one) => one !== value);
  if (on) wanted.push(value);
  return wanted.length ? { ...others, [name]: wanted } : others;
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

/** @param {SearchQuery} query @returns {object} the body of a search */
export function searchBody(query) {
  const body = { filters: query.filters };
  if (query.text) body.text = query.text;
  if (query.picture) body.vector = query.picture.vector;
  if (query.like.length) body.like = query.like;
  if (query.unlike.length) body.unlike = query.unlike;
  if (query.text && hasPicture(query)) {
    // Both weights are 1 in the middle, which is what the service takes without any.
    const rest = 2 * (1 - query.weight);
    body.weights = { text: 2 * query.weight, vector: rest, like: rest };
  }
  // A search needs something to rank by. Filters alone rank by their own words: typical products come first.
  if (!query.text && !hasPicture(query) && !query.unlike.length) {
    body.text = filterPairs(query).map(([, value]) => value).join(" ");
  }
  return body;
}
