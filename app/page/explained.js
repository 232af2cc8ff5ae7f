// Which words of descriptions carry their match with a picture, asked for a few at a time. Knows no elements.

import { LIMITS } from "./limits.js";

/** @typedef {import("./results.js").Explanation} Explanation */

const WORDS_AT_ONCE = 200; // each word is a text for the encoder: more would take long

const wordsOf = (description) => description.split(/\s+/).filter(Boolean).length;

// Descriptions in parts of few words each, the best first; those beyond what the service explains stay out.
function parts(descriptions) {
  const found = [];
  let [total, words] = [0, Infinity];
  for (const description of descriptions) {
    const count = wordsOf(description);
    total += count;
    if (total > LIMITS.explainedWords) break;
    if (words + count > WORDS_AT_ONCE) {
      found.push([]);
      words = 0;
    }
    found[found.length - 1].push(description);
    words += count;
  }
  return found;
}

/**
 * @param {import("./service.js").Service} service
 * @param {object} match what they are matched with: `vector` or `like`, as `/v1/explain` takes them
 * @param {string[]} descriptions best first
 * @param {AbortSignal} signal
 * @yields {Explanation[]} of the first descriptions, more each time
 * @throws {ApiError} none is explained
 */
export async function* explain(service, match, descriptions, signal) {
  let explained = [];
  for (const part of parts(descriptions)) {
    const { results } = await service.post("v1/explain", { ...match, descriptions: part }, signal);
    explained = [...explained, ...results];
    yield explained;
  }
}
