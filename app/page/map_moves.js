// How a person moves over the map: pointer, two fingers, wheel, keys. Says what is wanted; does nothing to the map itself.

const STILL = 5; // CSS pixels that a press may move
const STEP = 60; // CSS pixels that an arrow key moves the map
const CORNER = 4; // CSS pixels between two corners of an outline

/** @typedef {[number, number]} Pixel CSS pixels of the canvas, from its left and top */
/**
 * @typedef {object} Wishes what the page does
 * @property {(dx: number, dy: number) => void} move by CSS pixels
 * @property {(factor: number, pixel?: Pixel) => void} zoom around a pixel, or the middle
 * @property {() => void} showAll
 * @property {(pixel: Pixel) => void} hover
 * @property {() => void} leave the pointer is gone
 * @property {(pixel?: Pixel) => void} open the product at a pixel, or in the middle
 * @property {(outline: Pixel[]) => void} draw an outline grows
 * @property {(outline: Pixel[]) => void} select an outline is closed
 * @property {() => void} selectView all that is in view
 * @property {() => void} escape
 * @property {(on: boolean) => void} keyboard whether keys move the map
 */

/** The moves on one canvas. */
export class Moves {
  /** whether the next drag draws an outline */
  drawing = false;
  #pointers = new Map(); // id -> where it is, of pointers that are down
  #moved = 0; // CSS pixels since the first went down
  #outline = null; // corners of the outline that is being drawn

  /** @param {HTMLCanvasElement} canvas @param {Wishes} wishes */
  constructor(canvas, wishes) {
    this.canvas = canvas;
    this.wishes = wishes;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event, true));
    canvas.addEventListener("pointercancel", (event) => this.#up(event, false));
    canvas.addEventListener("pointerleave", () => wishes.leave());
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener("keydown", (event) => this.#key(event));
    canvas.addEventListener("blur", () => wishes.keyboard(false));
  }

  #down(event) {
    this.canvas.setPointerCapture(event.pointerId);
    const here = [event.offsetX, event.offsetY];
    this.#pointers.set(event.pointerId, here);
    this.wishes.keyboard(false);
    if (this.#pointers.size === 1) {
      this.#moved = 0;
      this.#outline = this.drawing || event.shiftKey ? [here] : null;
    } else if (this.#outline) {
      // A second finger moves the map: nothing is drawn.
      this.#outline = null;
      this.wishes.draw([]);
    }
  }

  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    const here = [event.offsetX, event.offsetY];
    if (!before) {
      this.wishes.hover(here);
      return;
    }
    const [dx, dy] = [here[0] - before[0], here[1] - before[1]];
    this.#moved += Math.abs(dx) + Math.abs(dy);
    this.#pointers.set(event.pointerId, here);
    if (this.#outline) {
      const last = this.#outline.at(-1);
      if (Math.hypot(here[0] - last[0], here[1] - last[1]) >= CORNER) this.#outline.push(here);
      this.wishes.draw(this.#outline);
      return;
    }
    const other = [...this.#pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      // Two fingers: the map zooms as their distance changes, around the middle between them.
      const [was, is] = [before, here].map(([x, y]) => Math.hypot(x - other[0], y - other[1]));
      this.wishes.zoom(is / Math.max(was, 1), [(here[0] + other[0]) / 2, (here[1] + other[1]) / 2]);
    }
    this.wishes.move(dx / this.#pointers.size, dy / this.#pointers.size);
  }

  #up(event, isOver) {
    if (!this.#pointers.delete(event.pointerId)) return;
    const outline = this.#outline;
    this.#outline = null;
    if (outline && isOver && this.#moved >= STILL) this.wishes.select(outline);
    else if (outline) this.wishes.draw([]);
    if (isOver && this.#moved < STILL && !this.#pointers.size) this.wishes.open([event.offsetX, event.offsetY]);
  }

  #wheel(event) {
    event.preventDefault();
    this.wishes.zoom(Math.exp(-event.deltaY / 400), [event.offsetX, event.offsetY]);
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = { ArrowLeft: [STEP, 0], ArrowRight: [-STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] };
    const keys = {
      "+": () => this.wishes.zoom(1.4),
      "=": () => this.wishes.zoom(1.4),
      "-": () => this.wishes.zoom(1 / 1.4),
      0: () => this.wishes.showAll(),
      Enter: () => this.wishes.open(),
      s: () => this.wishes.selectView(),
      Escape: () => this.wishes.escape(),
    };
    const wish = event.key in moves ? () => this.wishes.move(...moves[event.key]) : keys[event.key];
    if (!wish) return;
    event.preventDefault();
    this.wishes.keyboard(true);
    wish();
  }
}
