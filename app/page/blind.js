// A blind comparison: queries in an order by chance, each with its two lists on sides by chance, votes, and what the
// votes say. Nobody learns from it which side is which before the end. Knows no elements.

/** @typedef {"left"|"same"|"right"} Vote */
/** @typedef {import("./beside_report.js").Pair} Pair */

export const VOTES = ["left", "same", "right"];

// A small generator of numbers from 0 to 1 (mulberry32): the same seed gives the same order.
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const sameList = (one, other) => one.length === other.length && one.every((hit, row) => hit.id === other[row].id);

/** One session of votes. */
export class Blind {
  /** @type {Vote[]} in the order shown: the next one is on the first query without any */
  votes = [];

  /**
   * @param {Pair[]} pairs queries with equal lists are left out: nobody can prefer one
   * @param {number} seed a whole number
   */
  constructor(pairs, seed) {
    this.seed = seed;
    const random = generator(seed);
    const different = pairs.filter(({ a, b }) => !sameList(a, b));
    this.equal = pairs.length - different.length;
    this.shown = different.map((pair) => ({ pair, order: random(), swapped: random() < 0.5 })).sort((one, other) => one.order - other.order);
  }

  /** @returns {number} queries to vote on */
  get count() {
    return this.shown.length;
  }

  /** @param {number} at @returns {{query: string, left: Pair["a"], right: Pair["a"]}} what is shown of a query */
  at(at) {
    const { pair, swapped } = this.shown[at];
    return { query: pair.query, left: swapped ? pair.b : pair.a, right: swapped ? pair.a : pair.b };
  }

  // The side that a vote was for.
  winnerOf(at) {
    const vote = this.votes[at];
    if (vote === "same") return "same";
    return (vote === "right") === this.shown[at].swapped ? "a" : "b";
  }

  /** @returns {{a: number, b: number, same: number, share: number, low: number, high: number, p: number}} of the votes:
   * the share of B among those that prefer a side, its 95 % interval and the probability of such a split by chance */
  result() {
    const counts = { a: 0, b: 0, same: 0 };
    this.votes.forEach((_, at) => (counts[this.winnerOf(at)] += 1));
    return { ...counts, ...signTest(counts.b, counts.a + counts.b) };
  }

  /** @returns {string} the votes as JSON lines, with the encoder that each was for */
  lines() {
    return this.votes.map((_, at) => `${JSON.stringify({ query: this.shown[at].pair.query, better: this.winnerOf(at), seed: this.seed })}\n`).join("");
  }
}

/**
 * The sign test: of so many that prefer a side, some prefer B. The interval is Wilson's (1927), the probability that of
 * the exact binomial test with two sides.
 * @param {number} wins
 * @param {number} count
 * @returns {{share: number, low: number, high: number, p: number}} share is 0.5 where nobody prefers a side
 */
export function signTest(wins, count) {
  if (!count) return { share: 0.5, low: 0, high: 1, p: 1 };
  const z = 1.959964;
  const share = wins / count;
  const middle = (share + z ** 2 / (2 * count)) / (1 + z ** 2 / count);
  const half = (z * Math.sqrt((share * (1 - share)) / count + z ** 2 / (4 * count ** 2))) / (1 + z ** 2 / count);
  let tail = 0;
  let logarithm = -count * Math.LN2; // of the probability of k wins
  for (let k = 0; k <= Math.min(wins, count - wins); k += 1) {
    tail += Math.exp(logarithm);
    logarithm += Math.log((count - k) / (k + 1));
  }
  return { share, low: Math.max(0, middle - half), high: Math.min(1, middle + half), p: Math.min(1, 2 * tail) };
}
