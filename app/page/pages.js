// The pages of one search: what comes next, without repeats and without gaps where the catalogue changes meanwhile.
// Knows no elements and no call.

/** @typedef {{results: {id: string}[], catalogue_version: number}} Answer */

const OVERLAP = 150; // results that are asked for again when the catalogue has changed: products may have moved so far

/** What was received of one search. */
export class Pages {
  #ask;
  #seen = new Set(); // ids
  #received = 0; // results of the service, with those that were left out
  #version = 0; // of the catalogue that they are of
  /** Whether the service has no more. */
  ended = false;

  /**
   * @param {(offset: number, k: number, signal?: AbortSignal) => Promise<Answer>} ask
   * @param {Answer} first
   */
  constructor(ask, first) {
    this.#ask = ask;
    this.#version = first.catalogue_version;
    this.#received = first.results.length;
    this.#unseen(first);
  }

  /**
   * @param {number} k how many to ask for
   * @param {AbortSignal} [signal] gives it up
   * @returns {Promise<Answer["results"]>} the next ones that were not there before
   * @throws what asking throws; then nothing has changed
   */
  async next(k, signal) {
    let offset = this.#received;
    let answer = await this.#ask(offset, k, signal);
    if (answer.catalogue_version !== this.#version) {
      // Where products were taken out, others moved up to places that were passed already.
      offset = Math.max(0, offset - OVERLAP);
      answer = await this.#ask(offset, this.#received - offset + k, signal);
      this.#version = answer.catalogue_version;
    }
    this.ended = !answer.results.length;
    this.#received = Math.max(this.#received, offset + answer.results.length);
    return this.#unseen(answer);
  }

  #unseen({ results }) {
    const unseen = results.filter(({ id }) => !this.#seen.has(id));
    for (const { id } of unseen) this.#seen.add(id);
    return unseen;
  }
}
