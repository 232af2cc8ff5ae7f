// The order of the results: a choice of relevance, newest, and the attributes that are numbers. Knows no search.

import { byId, element, humanName } from "/page/elements.js";

const FIXED = { relevance: "Relevance", newest: "Newest" };
const NUMBER = /^-?\d+(\.\d+)?$/;

/**
 * @param {Object<string, Object<string, number>>} facets attribute -> value -> products
 * @returns {string[]} the attributes of which every value is a number
 */
export const numericAttributes = (facets) =>
  Object.entries(facets)
    .filter(([, counts]) => Object.keys(counts).length > 1 && Object.keys(counts).every((value) => NUMBER.test(value)))
    .map(([name]) => name);

/**
 * Offer the orders there are.
 * @param {string[]} numeric attributes
 */
export function offerOrders(numeric) {
  const both = numeric.flatMap((name) => [
    [`${name}:desc`, `${humanName(name)}, highest first`],
    [`${name}:asc`, `${humanName(name)}, lowest first`],
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
