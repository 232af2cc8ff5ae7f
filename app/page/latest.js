// The newest of many wishes: one piece of work at a time, the newest wish next, so that one sees results while one
// types and the service has one search of a person at a time. Knows no page.

export const APART_MS = 60; // between the starts of two
const PATIENCE_MS = 3000; // what runs longer gives way: its connection may be dead

/**
 * The first wish starts at once. Those that come while it runs wait, and only the newest of them is done.
 * @template T
 */
export class Latest {
  #run;
  #apart;
  #patience;
  #controller = new AbortController(); // of what was started last
  #started = -Infinity;
  #running = false;
  #waiting = null; // {wish}, so that a wish may be anything
  #timer = 0;

  /**
   * @param {(wish: T, signal: AbortSignal) => Promise<void>} run does the work; its own errors are its own affair. The
   *   signal is aborted when the next begins, also after the work is done: what still goes on then ends.
   * @param {{apart?: number, patience?: number}} [options] milliseconds
   */
  constructor(run, { apart = APART_MS, patience = PATIENCE_MS } = {}) {
    this.#run = run;
    this.#apart = apart;
    this.#patience = patience;
  }

  /** @returns {boolean} whether something is done or waits for its turn */
  get busy() {
    return this.#running || this.#waiting !== null;
  }

  /** @param {T} wish done in its turn, unless a newer one comes before */
  ask(wish) {
    this.#waiting = { wish };
    this.#next();
  }

  /** @param {T} wish done at once: what is on its way is given up */
  now(wish) {
    this.cancel();
    this.#start(wish);
  }

  /** Give up what is on its way and what waits. */
  cancel() {
    clearTimeout(this.#timer);
    this.#waiting = null;
    this.#running = false;
    this.#controller.abort();
  }

  #next() {
    clearTimeout(this.#timer);
    const since = performance.now() - this.#started;
    const rest = (this.#running ? this.#patience : this.#apart) - since;
    if (rest > 0) this.#timer = setTimeout(() => this.#next(), rest);
    else this.#start(this.#waiting.wish);
  }

  async #start(wish) {
    this.#controller.abort();
    const controller = new AbortController();
    this.#controller = controller;
    this.#waiting = null;
    this.#started = performance.now();
    this.#running = true;
    try {
      await this.#run(wish, controller.signal);
    } finally {
      // What gave way has nothing to say any more.
      if (this.#controller === controller) {
        this.#running = false;
        if (this.#waiting) this.#next();
      }
    }
  }
}
