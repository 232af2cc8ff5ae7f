// A measurement that one waits for: its stage, how much of it is done, its time, and a button that gives it up.
// Measures nothing itself: it waits for the call that does.

import { element, outlineButton } from "./elements.js";
import { pause } from "./recover.js";

const EVERY_MS = 500;

/** A box that tells how far a measurement is. */
export class Measuring {
  /**
   * @param {import("./ui.js").Ui} ui
   * @param {HTMLElement} box that is filled while one waits, and hidden otherwise
   * @param {() => void} cancel
   */
  constructor(ui, box, cancel) {
    this.ui = ui;
    this.box = box;
    this.stage = element("p", { className: "stage" });
    this.bar = element("progress", { max: 1, "aria-label": ui.say("evaluation.progress") });
    this.time = element("p", { className: "soft" });
    box.replaceChildren(this.stage, this.bar, this.time, outlineButton(ui.say("evaluation.cancel"), cancel));
    box.hidden = true;
  }

  /**
   * Wait for a call, and tell how far the measurement behind it is.
   * @template T
   * @param {Promise<T>} call
   * @param {string} split
   * @param {"figures"|"details"} report
   * @param {AbortSignal} signal gives it up
   * @returns {Promise<T>} what the call gives
   */
  async during(call, split, report, signal) {
    const ended = new AbortController();
    this.show({ state: "idle", stage: null, done: 0, seconds: 0, left_s: null });
    this.box.hidden = false;
    this.follow(split, report, AbortSignal.any([ended.signal, signal]));
    try {
      return await call;
    } finally {
      ended.abort();
      this.box.hidden = true;
    }
  }

  async follow(split, report, signal) {
    const wait = (milliseconds) => pause(milliseconds, signal).catch(() => {}); // the signal ends the loop
    await wait(EVERY_MS / 2); // what is kept comes at once
    while (!signal.aborted) {
      try {
        const told = await this.ui.service.get(`v1/evaluation/progress?split=${split}&report=${report}`, signal);
        // A process of the service that does not measure knows nothing: what another one said stays.
        if (!signal.aborted && told.state !== "idle") this.show(told);
      } catch {
        // the call that one waits for tells what is wrong
      }
      await wait(EVERY_MS);
    }
  }

  show({ state, stage, done, seconds, left_s: left }) {
    const { ui } = this;
    this.stage.textContent = ui.say(state === "waiting" ? "evaluation.waiting" : `evaluation.stage.${stage ?? "reading"}`);
    if (done) this.bar.value = done;
    else this.bar.removeAttribute("value");
    const spent = ui.say("evaluation.seconds", { count: Math.round(seconds) });
    this.time.textContent = left === null ? spent : `${spent} · ${ui.say("evaluation.left", { count: Math.max(1, Math.round(left)) })}`;
  }
}
