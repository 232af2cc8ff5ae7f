// The way of a photo into the search: what it needs is loaded when somebody is about to add one. Knows no query.

import { mayBePicture } from "./picture.js";
import { keptModule } from "./lazy.js";
import { keepTrying } from "./recover.js";
import { ApiError } from "./service.js";
import { adopt } from "./styles.js";

/**
 * @typedef {object} PhotoActions
 * @property {() => void} begin called when a photo is on its way: results are waited for
 * @property {(picture: import("./picture.js").Picture, goesOn: boolean) => void} search called with a picture to search
 *   with; goesOn: it may change again soon
 * @property {(error: Error, milliseconds: ?number) => void} refuse called with what went wrong, and the time until the
 *   page tries again; null: it does not
 * @property {() => void} cancel called when a photo is given up before it was sent
 */

/** The photos of one page or element. */
export class Photos {
  #module = keptModule("photo_panel.js");
  #panel = null;

  /**
   * @param {import("./ui.js").Ui} ui
   * @param {import("./picture.js").Pictures} pictures
   * @param {PhotoActions} actions
   */
  constructor(ui, pictures, actions) {
    Object.assign(this, { ui, pictures, actions });
  }

  /** Somebody is about to add a photo. */
  prepare() {
    this.panel().catch(() => {}); // it is asked for again
  }

  /** @returns {Promise<import("./photo_panel.js").PhotoPanel>} */
  async panel() {
    const [{ PhotoPanel }] = await Promise.all([this.#module.get(), this.pictures.tools(), adopt(this.ui.root, "photo")]);
    this.#panel ??= new PhotoPanel(this.ui, this.pictures, this.actions);
    return this.#panel;
  }

  /** @param {File} file to search with */
  async take(file) {
    const { actions, ui } = this;
    if (!mayBePicture(file)) {
      actions.refuse(new ApiError("photo.noPicture"), null);
      return;
    }
    actions.begin();
    try {
      const panel = await keepTrying(() => this.panel(), { signal: ui.signal, failed: actions.refuse });
      panel.take(file);
    } catch (error) {
      if (!ui.signal.aborted) actions.refuse(error, null);
    }
  }

  /** @param {?import("./picture.js").Picture} picture that is searched for */
  show(picture) {
    this.#panel?.show(picture);
  }
}
