// Which attribute to offer first as a filter: one that many of the products have, and that splits them well. Knows no
// elements.

const ENOUGH_BITS = 3.5; // eleven values alike: more of them are not easier to choose from
const FEW_VALUES = 60; // an attribute with more is looked through less readily
const LEAD = 1.25; // how much more useful an attribute must be to change places: what is read must not jump

/**
 * How far a choice of one value narrows the results down: the entropy of the values in bits, of the products that have
 * one, times the part of the products that have one.
 * @param {number[]} counts products of each value
 * @param {number} total products that were found
 * @returns {number} 0 for an attribute of which one value is all
 */
export function usefulness(counts, total) {
  const having = counts.reduce((sum, one) => sum + one, 0);
  if (!having || !total) return 0;
  const bits = counts.reduce((sum, one) => (one ? sum - (one / having) * Math.log2(one / having) : sum), 0);
  const covered = Math.min(1, having / total);
  return covered * Math.min(bits, ENOUGH_BITS) * (counts.length > FEW_VALUES ? 0.5 : 1);
}

/**
 * @param {string[]} before the attributes as they are shown; those that are gone are left out
 * @param {Object<string, number>} worth attribute -> usefulness
 * @param {boolean} [still] whether those that are shown keep their places: while one chooses among them
 * @returns {string[]} all attributes, the most useful first; one passes another only where it is clearly more useful
 */
export function ordered(before, worth, still = false) {
  const shown = before.filter((name) => name in worth);
  const fresh = Object.keys(worth).filter((name) => !shown.includes(name));
  fresh.sort((one, other) => worth[other] - worth[one]);
  if (!shown.length) return fresh;
  if (still) return [...shown, ...fresh];
  const found = [];
  for (const name of [...shown, ...fresh]) {
    let place = found.length;
    while (place > 0 && worth[name] > LEAD * worth[found[place - 1]]) place -= 1;
    found.splice(place, 0, name);
  }
  return found;
}
