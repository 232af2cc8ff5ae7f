// The order of the results: a choice of relevance, newest, and the attributes that are numbers or dates. Knows no search.

import { byId, element, humanName } from "./elements.js";

const FIXED = { relevance: "Relevance", newest: "Newest" };
const NUMBER = /^-?\d+(\.\d+)?(e[-+]?\d+)?( [A-Z]{3})?$/i; // also a price with its currency
const DATE = /^\d{4}-\d\d-\d\d(T[\d:.]+([-+][\d:]+|Z)?)?$/;

// The attributes of which every value is of a kind.
const attributesOf = (facets, kind) =>
  Object.entries(facets)
    .filter(([, counts]) => Object.keys(counts).length > 1 && Object.keys(counts).every((value) => kind.test(value)))
    .map(([name]) => name);

/**
 * Offer the orders there are: by attributes that are numbers, prices or dates, too.
 * @param {Object<string, Object<string, number>>} facets attribute -> value -> products
 */
export function offerOrders(facets) {
  const both = [
    ...attributesOf(facets, NUMBER).map((name) => [name, "highest first", "lowest first"]),
    ...attributesOf(facets, DATE).map((name) => [name, "latest first", "earliest first"]),
  ].flatMap(([name, falling, rising]) => [
    [`${name}:desc`, `${humanName(name)}, ${falling}`],
    [`${name}:asc`, `${humanName(name)}, ${rising}`],
  ]);
  const options = [...Object.entries(FIXED), ...both].map(([value, label]) => element("option", { value }, label));
  byId("sort").replaceChildren(...options);
}

/** @param {string} sort the order in use; one that is not offered is added, as an address may name any */
export function showOrder(sort) {
  const select = byId("sort");
  if (![...select.options].some((one) => one.value === sort)) select.append(element("option", { value: sort }, sort));
  select.value = sort;
}
