// The photo that one searches with, under the search field: shown at once, sent as often as needed, and kept until it is
// there. Then a part of it can be chosen. Loaded with the first photo.

import { element, outlineButton } from "./elements.js";
import { isWhole, within } from "./crop_box.js";
import { lazy } from "./lazy.js";
import { keepTrying, mayPass, wasAborted } from "./recover.js";

/** @typedef {import("./picture.js").Added} Added */
/** @typedef {import("./picture.js").Picture} Picture */

/** The photo of one page or element. */
export class PhotoPanel {
  /** @type {?Added} the photo that is shown */
  #added = null;
  #url = "";
  #sending = new AbortController();
  #cropping = new AbortController();
  #isSending = false;
  #told = "";
  #lens = null;

  /**
   * @param {import("./ui.js").Ui} ui
   * @param {import("./picture.js").Pictures} pictures
   * @param {import("./photos.js").Photos} photos whose it is
   */
  constructor(ui, pictures, photos) {
    Object.assign(this, { ui, pictures, photos });
    this.panel = ui.$("photo-panel");
    this.image = element("img", { id: "photo-image", alt: "", draggable: false });
    this.stage = element("div", { className: "photo-stage", id: "photo-stage", dir: "ltr" }, this.image);
    this.status = element("p", { id: "photo-status", role: "status" });
    this.progress = element("progress", { "aria-label": ui.say("photo.sending"), hidden: true });
    this.buttons = element("p", { className: "photo-buttons" });
    this.things = element("div", { className: "photo-things" });
    const side = element("div", { className: "photo-side" }, this.status, this.progress, this.buttons, this.things);
    this.panel.setAttribute("aria-label", ui.say("photo.title"));
    this.panel.replaceChildren(this.stage, side);
    this.image.addEventListener("error", () => this.image.classList.add("unknown"));
    ui.host.addEventListener("vitrine-results", () => this.offerParts(), { signal: ui.signal });
    ui.signal.addEventListener("abort", () => {
      this.#sending.abort();
      this.#cropping.abort();
      URL.revokeObjectURL(this.#url);
    });
  }

  /**
   * Show a photo, and search with it as soon as the service has encoded it.
   * @param {File} file
   */
  async take(file) {
    this.#sending.abort();
    this.#sending = new AbortController();
    this.#isSending = true;
    const { signal } = this.#sending;
    this.present(file);
    this.tell("photo.reading", { busy: true });
    const again = () => this.take(file);
    const failed = (error) => this.tell(navigator.onLine ? "photo.waiting" : "photo.offline", { busy: true, again });
    try {
      const added = await keepTrying(() => this.pictures.read(file), { signal, failed });
      if (added.photo.detail) this.present(added.blob);
      this.tell(added.photo.detail ? "photo.sending" : "photo.sendingWhole", { busy: true });
      const picture = await keepTrying(() => this.pictures.encode(added, null, signal), { signal, failed });
      if (signal.aborted) return;
      this.#isSending = false;
      this.#added = added;
      this.tell("", {});
      this.photos.search(picture, false);
    } catch (error) {
      if (signal.aborted || wasAborted(error)) return;
      if (mayPass(error)) {
        this.tell("photo.failed", { again });
      } else {
        this.close();
        this.photos.refuse(error);
      }
    }
  }

  /** @param {?Picture} picture that is searched for: its photo is shown, where it is known */
  show(picture) {
    if (this.#isSending) return;
    const added = picture ? this.pictures.addedOf(picture) : null;
    if (!added?.photo) {
      this.close();
      return;
    }
    if (added !== this.#added || this.panel.hidden) {
      this.present(added.blob);
      this.tell("", {});
      this.#added = added;
    }
    this.#lens?.show(picture.crop);
  }

  present(blob) {
    this.#leave();
    URL.revokeObjectURL(this.#url);
    this.#url = URL.createObjectURL(blob);
    this.image.classList.remove("unknown");
    this.image.src = this.#url;
    this.image.alt = this.ui.say("photo.title");
    this.panel.hidden = false;
  }

  // The photo goes, and with it a part of it that is on its way.
  #leave() {
    this.#cropping.abort();
    this.#added = null;
    this.#lens?.clear();
  }

  close() {
    this.#isSending = false;
    this.#leave();
    this.panel.hidden = true;
    this.image.removeAttribute("src");
    this.image.alt = "";
    this.tell("", {});
  }

  cancel() {
    this.#sending.abort();
    this.close();
    this.photos.cancel();
  }

  // Say what happens with the photo; busy: something goes on; again: the person may ask for another attempt.
  tell(key, { busy = false, again = null }) {
    const { ui } = this;
    const told = [key, busy, Boolean(again)].join(" ");
    if (told === this.#told) return; // a button stays in its place from one attempt to the next
    this.#told = told;
    this.status.textContent = key && ui.say(key);
    this.status.hidden = !key;
    this.progress.hidden = !busy;
    const buttons = [];
    if (again) buttons.push(outlineButton(ui.say("photo.tryAgain"), again));
    if (busy || again) buttons.push(outlineButton(ui.say("photo.cancel"), () => this.cancel()));
    this.buttons.replaceChildren(...buttons);
  }

  /* Parts of it */

  // After results, so that they are not held up: the frame, and the things that the service finds in the photo.
  async offerParts() {
    const added = this.#added;
    if (!added?.photo?.detail || this.#lens?.isOf(added)) return;
    try {
      const { Lens } = await lazy("lens.js", this.ui.signal);
      this.#lens ??= new Lens(this.ui, this.stage, this.things, (box, region) => this.search(box, region));
      if (added !== this.#added) return;
      this.#lens.begin(added);
      const regions = await this.pictures.regions(added, this.ui.signal);
      if (added === this.#added) this.#lens.offer(regions);
    } catch (error) {
      if (!wasAborted(error)) console.warn("Vitrine:", error); // the photo is searched with all the same
    }
  }

  /**
   * Search with a part of the photo.
   * @param {?import("./crop_box.js").Box} box null: with all of it
   * @param {?import("./picture.js").Region} region that it is, where the service has encoded it
   */
  async search(box, region) {
    this.#cropping.abort();
    this.#cropping = new AbortController();
    const { signal } = this.#cropping;
    const added = this.#added;
    if (isWhole(box)) {
      this.photos.search(added.whole, false);
    } else if (region) {
      this.photos.search(this.pictures.remember(added, region.vector, within(box)), false);
    } else {
      try {
        const picture = await keepTrying(() => this.pictures.encode(added, box, signal), { signal });
        if (!signal.aborted) this.photos.search(picture, true);
      } catch (error) {
        if (!signal.aborted && !wasAborted(error)) this.photos.refuse(error);
      }
    }
  }
}
