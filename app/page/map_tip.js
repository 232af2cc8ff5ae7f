// The product under the pointer: a ring on the map, and a tip with its picture and title. Knows no movement.

import { imageBox } from "./product_picture.js";

const WAIT_MS = 80; // that the pointer rests on a dot before the tip comes
const WIDTH = 190; // CSS pixels that the tip takes, with the room beside it
const BESIDE = 16; // CSS pixels from the dot

/** The tip of one map. */
export class Tip {
  row = -1; // of the product under the pointer
  #timer = 0;

  /**
   * @param {import("./ui.js").Ui} ui
   * @param {import("./map_view.js").MapView} view
   * @param {(row: number) => Promise<import("./drawer.js").Product>} load
   */
  constructor(ui, view, load) {
    Object.assign(this, { ui, view, load, box: ui.$("tip") });
  }

  /**
   * @param {import("./map_view.js").ProductMap} map
   * @param {number} row under the pointer; -1: none
   * @returns {boolean} whether it is another one than before
   */
  point(map, row) {
    if (row === this.row) return false;
    this.hide();
    this.row = row;
    if (row >= 0) this.#timer = setTimeout(() => this.#show(map, row), WAIT_MS);
    return true;
  }

  hide() {
    clearTimeout(this.#timer);
    this.box.hidden = true;
  }

  async #show(map, row) {
    const product = await this.load(row);
    if (this.row !== row) return;
    this.box.replaceChildren(imageBox(this.ui.service, product, { lazy: false, place: "card" }), product.title);
    const { canvas, density } = this.view;
    const [x, y] = this.view.pixelOf(map, row).map((pixel) => pixel / density);
    // To the right of the dot, or to its left where there is no room; never out of the canvas.
    const left = x > canvas.clientWidth - WIDTH ? x - WIDTH + 12 : x + BESIDE;
    const top = Math.max(8, Math.min(y - 30, canvas.clientHeight - WIDTH));
    this.box.style.setProperty("transform", `translate(${left}px, ${top}px)`);
    this.box.hidden = false;
  }
}
