// What the catalogue has, read once: the attributes to filter by, the orders there are, whether products have variants.
// Knows no query.

import { VARIANTS } from "./elements.js";
import { LIMITS } from "./limits.js";

/**
 * @typedef {object} CatalogueFacts
 * @property {string} encoderId
 * @property {?number} version
 * @property {boolean} isEmpty
 * @property {Object<string, Object<string, number>>} counts attribute -> value -> products, of attributes to filter by
 * @property {Object<string, Object<string, number>>} all the same, of all attributes
 * @property {boolean} hasVariants whether products say which others they are variants of
 */

const FACET_VALUES = 300; // an attribute with more values is not one to choose from
const FEW_VALUES = 60; // an attribute with more is looked through less readily

/**
 * @param {import("./service.js").Service} service
 * @returns {Promise<CatalogueFacts>}
 * @throws {ApiError}
 */
export async function readCatalogue(service) {
  const facetsPath = `v1/facets?limit=${FACET_VALUES + 1}`;
  const [{ facets, total, catalogue_version }, models] = await Promise.all([service.get(facetsPath), service.get("v1/models")]);
  const useful = Object.entries(facets).filter(([name, counts]) => {
    const values = Object.keys(counts).length;
    return name !== VARIANTS && values > 1 && values <= FACET_VALUES;
  });
  return {
    encoderId: models.data[1].id,
    version: catalogue_version,
    isEmpty: !total,
    counts: Object.fromEntries(useful),
    all: facets,
    hasVariants: VARIANTS in facets,
  };
}

// An attribute is useful where many products have it, and where it has few values.
function usefulness(counts) {
  const having = Object.values(counts).reduce((sum, one) => sum + one, 0);
  return Object.keys(counts).length > FEW_VALUES ? having / 2 : having;
}

/**
 * The attributes whose values are asked for with a search: all, or the most useful ones of too many.
 * @param {Object<string, Object<string, number>>} counts attribute -> value -> products
 * @param {string[]} filtered attributes that the search filters by: theirs are always shown
 * @returns {string[]} in the catalogue's order
 */
export function askedFacets(counts, filtered) {
  const names = Object.keys(counts);
  if (names.length <= LIMITS.facets) return names;
  const wanted = filtered.filter((name) => name in counts);
  const best = [...names].sort((one, other) => usefulness(counts[other]) - usefulness(counts[one]));
  const chosen = [...new Set([...wanted, ...best])].slice(0, LIMITS.facets);
  return names.filter((name) => chosen.includes(name));
}
