// The notice of what went wrong, above the results that are there: what it is, whether the page tries again by itself, and
// a button for those who do not want to wait. Knows no query.

import { element, outlineButton, showNotice } from "./elements.js";
import { mayPass } from "./recover.js";

/** The trouble of one page or element. */
export class Trouble {
  /**
   * @param {import("./ui.js").Ui} ui
   * @param {() => void} again tries what failed
   */
  constructor(ui, again) {
    this.ui = ui;
    this.again = again;
    this.told = ""; // a screen reader is told once, however often the same fails
  }

  /**
   * @param {Error & {retryAfter?: number}} error
   * @param {?number} [milliseconds] until the page tries again; null: it does not
   */
  show(error, milliseconds = null) {
    const { ui } = this;
    const offline = mayPass(error) && error.status === undefined && !navigator.onLine;
    const message = offline ? ui.say("states.offline") : ui.messageOf(error);
    const asked = error.retryAfter ? ui.say("states.tryingAgainIn", { count: error.retryAfter }) : ui.say("states.tryingAgain");
    const line = milliseconds === null || offline ? "" : asked;
    const reference = ui.referenceOf(error);
    ui.$("found").hidden = false;
    const told = [message, line, reference].join("\n");
    if (told === this.told) return;
    this.told = told;
    const actions = [];
    if (line) actions.push(element("p", { className: "soft" }, line));
    if (mayPass(error)) actions.push(outlineButton(ui.say("states.tryAgain"), this.again));
    showNotice(ui.$("notice"), message, { reference, actions });
  }

  /** There is an answer: whatever it was, it is over. */
  hide() {
    this.told = "";
    showNotice(this.ui.$("notice"), "");
  }
}
