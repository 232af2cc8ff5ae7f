// The way of a photo into the search: what it needs is loaded when somebody is about to add one.

import { lazy } from "./lazy.js";
import { mayBePicture } from "./picture.js";
import { wasAborted } from "./recover.js";
import { ApiError } from "./service.js";
import { adopt } from "./styles.js";

/** @typedef {import("./search.js").SearchView} SearchView */

/** The photos of one page or element. */
export class Photos {
  #panel = null;

  /**
   * @param {import("./ui.js").Ui} ui
   * @param {import("./picture.js").Pictures} pictures
   * @param {SearchView} view that searches with them
   */
  constructor(ui, pictures, view) {
    Object.assign(this, { ui, pictures, view });
  }

  /** Somebody is about to add a photo. */
  prepare() {
    this.panel().catch(() => {}); // it is asked for again
  }

  /** @returns {Promise<import("./photo_panel.js").PhotoPanel>} */
  async panel() {
    const modules = [lazy("photo_panel.js", this.ui.signal), this.pictures.tools(), adopt(this.ui.root, "photo")];
    const [{ PhotoPanel }] = await Promise.all(modules);
    this.#panel ??= new PhotoPanel(this.ui, this.pictures, this);
    return this.#panel;
  }

  /** @param {File} file to search with */
  async take(file) {
    if (!mayBePicture(file)) {
      this.refuse(new ApiError("photo.noPicture"));
      return;
    }
    this.begin();
    try {
      (await this.panel()).take(file);
    } catch (error) {
      this.refuse(error);
    }
  }

  /** @param {?import("./picture.js").Picture} picture that is searched for */
  show(picture) {
    this.#panel?.show(picture);
  }

  // A photo is on its way: the search before it is over, and what is typed stays.
  begin() {
    const { ui, view } = this;
    view.flow.latest.cancel();
    view.query = { ...view.query, text: ui.$("text").value.trim() };
    ui.$("view").classList.add("searching");
    ui.$("browse").hidden = true;
    view.results.showWaiting(view.query.show, false);
  }

  /**
   * @param {import("./picture.js").Picture} picture to search with
   * @param {boolean} goesOn whether it may change again soon
   */
  search(picture, goesOn) {
    this.view.change({ picture }, goesOn);
  }

  /** @param {Error} error that another attempt does not help */
  refuse(error) {
    this.view.results.stopWaiting();
    if (!wasAborted(error)) this.view.trouble.show(error);
  }

  /** A photo is given up before it was sent. */
  cancel() {
    this.view.results.stopWaiting();
    this.view.search();
  }
}
