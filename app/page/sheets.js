// Sheets and dialogs as entries of the history: a step back closes the topmost, and what was chosen in it stays. Knows
// nothing of what a sheet shows, and no query.
//
// While a sheet is open, a change of the search replaces the sheet's own entry (`isUnderSheet` tells the address so). The
// entry before it is the search as it was: a step back from the sheet lands there, and the changed search is added again.

/**
 * @typedef {object} Sheet
 * @property {() => void} open shows it
 * @property {() => void} close hides it
 * @property {boolean} [again] whether a reload and a step forward may show it again
 */

/** @returns {boolean} whether the current entry of the history is that of an open sheet */
export const isUnderSheet = () => Boolean(history.state?.sheets?.length);

export class Sheets {
  #scope;
  #keeps;
  /** @type {Map<string, Sheet>} */
  #known = new Map();
  /** @type {string[]} keys of those that are open, the topmost last */
  #open = [];
  #before = ""; // the address without sheets, when the first of them was opened
  #address = ""; // the address now
  #listening = new AbortController();

  /**
   * @param {{scope?: string, keeps?: boolean}} [options] scope: told apart from other elements of the page by it;
   *   keeps: whether the history is used at all
   */
  constructor({ scope = "", keeps = true } = {}) {
    this.#scope = scope;
    this.#keeps = keeps;
    // Before those that follow the address: where a changed search stays, the address that was left is not followed.
    if (keeps) addEventListener("popstate", (event) => this.#follow(event), { capture: true, signal: this.#listening.signal });
  }

  /** Listen no longer. */
  end() {
    this.#listening.abort();
  }

  /** @param {string} name @param {Sheet} sheet */
  add(name, sheet) {
    const key = this.#key(name);
    this.#known.set(key, sheet);
    if (this.#keeps && listed().includes(key)) this.#showAgain(key);
  }

  /** @param {string} name of a sheet to show on top of all others */
  open(name) {
    const key = this.#key(name);
    if (this.#open.includes(key)) return;
    this.#enter(key);
    if (this.#keeps) history.pushState({ ...history.state, sheets: [...listed(), key] }, "");
    this.#known.get(key).open();
  }

  /** @param {string} name of a sheet that a person closed, or that is to be closed */
  close(name) {
    const key = this.#key(name);
    if (!this.#open.includes(key)) return;
    this.#open = this.#open.filter((one) => one !== key);
    this.#known.get(key).close();
    // What is done in one go with the closing, such as a search, has changed the address by then.
    if (this.#keeps) setTimeout(() => this.#leave(key));
  }

  /** Tell that the search has put another address into the current entry. */
  moved() {
    this.#address = location.href;
  }

  #key(name) {
    return `${this.#scope}${name}`;
  }

  #enter(key) {
    if (!this.#open.length) this.#before = this.#address = location.href;
    this.#open.push(key);
  }

  // The sheet is closed: its entry goes, or becomes that of the search that was changed in it.
  #leave(key) {
    if (listed().at(-1) === key && this.#address === this.#before && location.href === this.#before) {
      history.back();
    } else if (listed().includes(key)) {
      history.replaceState({ ...history.state, sheets: listed().filter((one) => one !== key) }, "");
    }
  }

  #follow(event) {
    const closed = this.#open.filter((key) => !listed().includes(key));
    this.#open = this.#open.filter((key) => !closed.includes(key));
    for (const key of closed.reverse()) this.#known.get(key).close();
    if (closed.length && this.#address !== this.#before) {
      event.stopImmediatePropagation();
      history.pushState({ ...history.state }, "", this.#address);
      this.#before = this.#address;
    }
    for (const key of listed()) {
      if (this.#known.has(key) && !this.#open.includes(key)) this.#showAgain(key);
    }
  }

  // The history has an entry of a sheet that is not shown: after a reload, or a step forward.
  #showAgain(key) {
    const sheet = this.#known.get(key);
    if (sheet.again) {
      this.#enter(key);
      sheet.open();
    } else {
      history.replaceState({ ...history.state, sheets: listed().filter((one) => one !== key) }, "");
    }
  }
}

/** @returns {string[]} keys of the sheets that the current entry shows */
const listed = () => history.state?.sheets ?? [];
