// The end of the results: more come as one scrolls, up to a bound, and then with a button, so that what stands below can
// be reached. Knows no query.

import { keepTrying, wasAborted } from "./recover.js";

const ENDLESS = 120; // products that come by themselves: at first, and again after the button was pressed
const NEAR = "600px"; // from the end: then the next ones are asked for
const RESTORED = 300; // products of one request when many are brought back

/** The end of the results of one page or element. */
export class More {
  /**
   * @param {import("./ui.js").Ui} ui
   * @param {import("./flow.js").Flow} flow
   * @param {import("./results.js").Results} results
   * @param {{size: number, shown: () => void}} options size: products of a page; shown: called when more are there
   */
  constructor(ui, flow, results, { size, shown }) {
    Object.assign(this, { ui, flow, results, size, shown });
    this.button = ui.$("more");
    this.loading = new AbortController();
    this.free = ENDLESS; // products up to which more come by themselves
    const inView = (entries) => entries.some((one) => one.isIntersecting) && this.count < this.free && this.load(this.size);
    this.observer = new IntersectionObserver(inView, { rootMargin: NEAR });
    this.button.addEventListener("click", () => {
      this.free = this.count + ENDLESS;
      this.loading.abort(); // a person does not wait for the next attempt
      this.load(this.size);
    });
    ui.signal.addEventListener("abort", () => {
      this.loading.abort();
      this.observer.disconnect();
    });
  }

  get count() {
    return this.results.shownIds.length;
  }

  /**
   * The first page of a search is shown.
   * @param {number} count products to bring back
   * @param {AbortSignal} signal of the search
   * @returns {Promise<void>} they are there, or cannot be had
   */
  async begin(count, signal) {
    this.loading.abort();
    this.free = ENDLESS;
    signal.addEventListener("abort", () => this.loading.abort());
    while (this.count < count && !this.button.hidden && !signal.aborted) {
      if (!(await this.load(Math.min(RESTORED, count - this.count)))) break;
    }
    if (!signal.aborted) this.watch();
  }

  // An observer reports changes only. Observed again, it reports once more that the end is in view.
  watch() {
    this.observer.unobserve(this.button);
    this.observer.observe(this.button);
  }

  say(key) {
    this.button.textContent = this.ui.say(key);
  }

  // Whether more are shown now.
  async load(k) {
    if (this.button.hidden || (this.button.ariaBusy === "true" && !this.loading.signal.aborted)) return false;
    const loading = new AbortController();
    this.loading = loading;
    this.button.ariaBusy = "true";
    const failed = () => this.say("states.moreFailed");
    try {
      const hits = await keepTrying(() => this.flow.more(k), { signal: loading.signal, failed });
      if (loading.signal.aborted) return false;
      this.say("results.more");
      this.results.add(hits);
      this.shown();
      this.watch();
      return true;
    } catch (error) {
      if (!wasAborted(error)) failed();
      return false;
    } finally {
      if (this.loading === loading) this.button.ariaBusy = "false";
    }
  }
}
