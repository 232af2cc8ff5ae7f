// What a person judges about failures: kept in the browser, and written as the queries that `vitrine evaluate --queries`
// reads. Knows no elements.

/** @typedef {"right"|"wrong"|"duplicate"} Verdict what the first wrong result is after all */
/**
 * @typedef {object} Failure
 * @property {string} id of the product that is looked for, or whose picture asks
 * @property {string} title
 * @property {{id: string, title: string, right: boolean}[]} found the first results
 */
/** @typedef {{direction: string, verdict: Verdict, text: string, ids: string[]}} Judgement */

/** @type {Verdict[]} in the order of their keys, 1 to 3 */
export const VERDICTS = ["right", "wrong", "duplicate"];
const MOST = 5000; // judgements that are kept

/** The judgements about one data set. */
export class Judgements {
  /** @type {Map<string, Judgement>} by direction and id, in the order in which they were made */
  made = new Map();

  /** @param {string} source the data set @param {?Storage} [storage] without one they last as long as the page */
  constructor(source, storage = ownStorage()) {
    this.slot = `vitrine-judged:${source}`;
    this.storage = storage;
    try {
      for (const one of JSON.parse(storage?.getItem(this.slot) ?? "[]")) {
        if (isJudgement(one)) this.made.set(`${one.direction}:${one.ids[0]}`, one);
      }
    } catch {
      // what is stored is not ours: it is written over with the next judgement
    }
  }

  /** @returns {number} */
  get count() {
    return this.made.size;
  }

  /** @param {string} direction @param {string} id @returns {?Verdict} */
  verdictOf(direction, id) {
    return this.made.get(`${direction}:${id}`)?.verdict ?? null;
  }

  /**
   * Keep a verdict about the first wrong result of a query; one that is right, or the same product, is right from now on.
   * @param {string} direction
   * @param {Failure} failure
   * @param {Verdict} verdict
   */
  judge(direction, failure, verdict) {
    const key = `${direction}:${failure.id}`;
    const right = failure.found.filter((hit) => hit.right).map((hit) => hit.id);
    const first = failure.found.find((hit) => !hit.right);
    if (verdict !== "wrong" && first) right.push(first.id);
    this.made.delete(key);
    this.made.set(key, { direction, verdict, text: failure.title, ids: [...new Set([failure.id, ...right])] });
    if (this.made.size > MOST) this.made.delete(this.made.keys().next().value);
    this.store();
  }

  /** @returns {boolean} whether there was a judgement to take back: the last one */
  undo() {
    const last = [...this.made.keys()].at(-1);
    if (last === undefined) return false;
    this.made.delete(last);
    this.store();
    return true;
  }

  /** Forget all of them. */
  clear() {
    this.made.clear();
    this.store();
  }

  /** @returns {string} a query a line: its text, what the verdict was, and the ids that are right */
  lines() {
    const lines = [...this.made.values()].map(({ verdict, text, ids }) => JSON.stringify({ text, kind: verdict, ids }));
    return lines.map((line) => `${line}\n`).join("");
  }

  store() {
    try {
      this.storage?.setItem(this.slot, JSON.stringify([...this.made.values()]));
    } catch {
      // the storage is full: they last as long as the page
    }
  }
}

const isText = (value) => typeof value === "string" && value.trim() !== "";
const isJudgement = (one) =>
  isText(one?.text) && isText(one.direction) && VERDICTS.includes(one.verdict) && Array.isArray(one.ids) && one.ids.length > 0 && one.ids.every(isText);

// A page may be denied the storage.
function ownStorage() {
  try {
    return localStorage;
  } catch {
    return null;
  }
}
