// What the catalogue has, read once: the attributes to filter by, the orders there are, whether products have variants.
// Knows no query.

import { VARIANTS } from "./elements.js";
import { LIMITS } from "./limits.js";
import { FILTERED, RESERVED } from "./offer.js";

/**
 * @typedef {object} CatalogueFacts
 * @property {string} encoderId
 * @property {?number} version
 * @property {boolean} isEmpty
 * @property {Object<string, Object<string, number>>} counts attribute -> value -> products, of attributes to filter by
 * @property {string[]} spread attributes of numbers, prices or days, of which a range is chosen
 * @property {Object<string, string>} types attribute -> what all its values are
 * @property {Object<string, Object<string, number>>} all as `counts`, of all attributes
 * @property {boolean} hasVariants whether products say which others they are variants of
 */

const FACET_VALUES = 300; // an attribute with more values is not one to choose from
const FEW_NUMBERS = 4; // numbers and days: of fewer, single ones are chosen
const SPREAD = new Set(["number", "date"]);
const FEW_VALUES = 60; // an attribute with more is looked through less readily

/**
 * @param {import("./service.js").Service} service
 * @returns {Promise<CatalogueFacts>}
 * @throws {ApiError}
 */
export async function readCatalogue(service) {
  const facetsPath = `v1/facets?limit=${FACET_VALUES + 1}`;
  const [{ facets, types, total, catalogue_version }, models] = await Promise.all([service.get(facetsPath), service.get("v1/models")]);
  const offered = (name) => name !== VARIANTS && (!RESERVED.has(name) || FILTERED.has(name));
  const several = Object.entries(facets).filter(([name, counts]) => offered(name) && Object.keys(counts).length > 1);
  const isSpread = ([name, counts]) => SPREAD.has(types[name]) ? Object.keys(counts).length >= FEW_NUMBERS : name === "price";
  const useful = several.filter(([name, counts]) => Object.keys(counts).length <= FACET_VALUES || name === "brand");
  return {
    encoderId: models.data[1].id,
    version: catalogue_version,
    isEmpty: !total,
    counts: Object.fromEntries(useful.filter((one) => !isSpread(one))),
    spread: several.filter(isSpread).map(([name]) => name),
    types,
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
 * What is counted with a search: the values of all attributes, or of the most useful ones of too many, and how numbers
 * and days are spread.
 * @param {CatalogueFacts} catalogue
 * @param {string[]} filtered attributes that the search filters by: theirs are always shown
 * @returns {{facets: string[], histograms: string[]}} as a search takes it, in the catalogue's order
 */
export function countedWith({ counts, spread }, filtered) {
  return { facets: chosenAmong(Object.keys(counts), counts, filtered), histograms: spread.slice(0, LIMITS.histograms) };
}

function chosenAmong(names, counts, filtered) {
  if (names.length <= LIMITS.facets) return names;
  const wanted = filtered.filter((name) => name in counts);
  const best = [...names].sort((one, other) => usefulness(counts[other]) - usefulness(counts[one]));
  const chosen = [...new Set([...wanted, ...best])].slice(0, LIMITS.facets);
  return names.filter((name) => chosen.includes(name));
}
