// Recovery: which errors pass by themselves, and when to try again. Nothing that failed once stays failed. Knows no page
// and no call.

/** @typedef {Error & {status?: number, retryAfter?: number}} Failure without a status there was no answer */

const PASSING = [408, 425, 429, 500, 502, 503, 504]; // statuses of HTTP after which the same request may succeed
const FIRST_MS = 1000;
const LONGEST_MS = 10_000;
const GROWTH = 1.7; // from one pause to the next
const ATTEMPTS = 60; // some eight minutes
const ATTEMPTS_BROKEN = 3; // after a fault of the service itself, which the same request may meet again
const LONGEST_ASKED_S = 120; // a service that asks for more is not waited for without a person
const SPREAD_MS = 500; // those whose network returns together do not come together

/** @param {Error} error @returns {boolean} whether the page itself gave the call up */
export const wasAborted = (error) => error.name === "AbortError";

/** @param {Failure} error @returns {boolean} whether the same call may succeed later */
export const mayPass = (error) =>
  !wasAborted(error) && "status" in error && (error.status === undefined || PASSING.includes(error.status));

/**
 * How long to wait before the next attempt. The pauses grow, and a part of each is drawn, so that the pages of many
 * people do not return in one moment (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 * @param {Failure} error of the last attempt
 * @param {number} attempt how many failed before it
 * @returns {?number} milliseconds; null: not without a person
 */
export function pauseAfter(error, attempt) {
  if (!mayPass(error) || attempt >= (error.status === 500 ? ATTEMPTS_BROKEN : ATTEMPTS)) return null;
  if (error.retryAfter > LONGEST_ASKED_S) return null;
  const grown = Math.min(LONGEST_MS, FIRST_MS * GROWTH ** attempt);
  return Math.max(1000 * (error.retryAfter ?? 0), grown / 2) + (Math.random() * grown) / 2;
}

/**
 * Wait, at least until somebody sees the page; the return of the network ends it early.
 * @param {number} milliseconds
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 * @throws the signal's reason when it is aborted
 */
export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    let due = false;
    let timer = setTimeout(arrive, milliseconds);
    const listening = new AbortController();
    const end = (settle) => {
      clearTimeout(timer);
      listening.abort();
      settle();
    };
    function arrive() {
      due = true;
      if (!document.hidden) end(resolve);
    }
    const hear = (target, event, action) => target.addEventListener(event, action, { signal: listening.signal });
    hear(document, "visibilitychange", () => due && arrive());
    hear(globalThis, "online", () => {
      clearTimeout(timer);
      timer = setTimeout(arrive, Math.random() * SPREAD_MS);
    });
    if (signal) hear(signal, "abort", () => end(() => reject(signal.reason)));
    if (signal?.aborted) end(() => reject(signal.reason));
  });
}

/**
 * Do something until it succeeds.
 * @template T
 * @param {() => Promise<T>} action
 * @param {{signal?: AbortSignal, failed?: (error: Failure, milliseconds: number) => void}} [options] failed: told of
 *   each failure, and of the pause that follows
 * @returns {Promise<T>}
 * @throws {Failure} the last error, when it does not pass by itself; the signal's reason when it is aborted
 */
export async function keepTrying(action, { signal, failed = () => {} } = {}) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await action();
    } catch (error) {
      const wait = pauseAfter(error, attempt);
      if (wait === null) throw error;
      if (signal?.aborted) throw signal.reason;
      failed(error, wait);
      await pause(wait, signal);
    }
  }
}

/**
 * What is loaded once: everybody who asks shares it, and after a failure the next who asks begins again.
 * @template T
 */
export class Kept {
  #load;
  #promise = null;
  /** @type {T|undefined} what was loaded */
  value;

  /** @param {() => Promise<T>} load */
  constructor(load) {
    this.#load = load;
  }

  /** @returns {Promise<T>} @throws what loading throws */
  get() {
    this.#promise ??= this.#load().then(
      (value) => (this.value = value),
      (error) => {
        this.#promise = null;
        throw error;
      },
    );
    return this.#promise;
  }

  /** Load again when it is asked for next; the value stays until then. */
  forget() {
    this.#promise = null;
  }
}
