// The part of a photo that is searched for: a frame to drag, pinch or move with the arrow keys, and dots on the things that
// the service finds in the photo. Loaded after the first results of a photo.

import { element, outlineButton } from "./elements.js";
import { afterKey, isWhole, moved, resized, scaledBy, spanned, WHOLE } from "./crop_box.js";

/** @typedef {import("./crop_box.js").Box} Box */
/** @typedef {import("./picture.js").Region} Region */

const CORNERS = ["start-start", "end-start", "start-end", "end-end"];
const SOON_MS = 180; // a frame that rests so long is searched for
const DRAGGED = 6; // pixels: less is a click

/** The frame and the dots of one photo at a time. */
export class Lens {
  #added = null;
  #box = WHOLE;
  #timer = 0;
  #pointers = new Map(); // id -> where it is, in parts of the photo
  #grip = null; // what a pointer does: (x, y) -> box

  /**
   * @param {import("./ui.js").Ui} ui
   * @param {HTMLElement} stage that the photo is in, and nothing else
   * @param {HTMLElement} side where the things are named
   * @param {(box: ?Box, region: ?Region) => void} choose called with the part to search for; null: all
   */
  constructor(ui, stage, side, choose) {
    Object.assign(this, { ui, stage, side, choose });
    const help = element("p", { className: "visually-hidden", id: "lens-help" }, ui.say("lens.help"));
    const handles = CORNERS.map((corner) => element("span", { className: `lens-corner ${corner}` }));
    this.frame = element("div", { className: "lens-frame", id: "lens-frame", tabIndex: 0, role: "application" }, ...handles);
    this.frame.setAttribute("aria-label", ui.say("lens.label"));
    this.frame.setAttribute("aria-describedby", "lens-help");
    this.value = element("p", { className: "visually-hidden", id: "lens-value", role: "status" });
    this.dots = element("div", { className: "lens-dots", "aria-hidden": "true" });
    this.whole = outlineButton(ui.say("lens.whole"), () => this.set(WHOLE));
    this.whole.id = "lens-whole";
    this.list = element("ul", { className: "lens-things", id: "lens-things", "aria-label": ui.say("lens.things") });
    stage.append(this.frame, this.dots, this.value, help);
    side.append(this.list, this.whole);
    stage.addEventListener("pointerdown", (event) => this.press(event));
    stage.addEventListener("pointermove", (event) => this.drag(event));
    for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, (event) => this.release(event));
    this.frame.addEventListener("keydown", (event) => this.key(event));
    this.clear();
  }

  /** @param {import("./picture.js").Added} added @returns {boolean} whether the frame is over this photo */
  isOf(added) {
    return this.#added === added;
  }

  /** @param {import("./picture.js").Added} added a photo that can be cut */
  begin(added) {
    this.#added = added;
    this.frame.hidden = false;
    this.draw();
  }

  /** There is no photo, or another one. */
  clear() {
    this.#stop();
    this.#added = null;
    this.#box = WHOLE;
    this.#grip = null;
    this.#pointers.clear();
    this.frame.hidden = this.whole.hidden = this.list.hidden = true;
    this.dots.replaceChildren();
    this.list.replaceChildren();
  }

  /** @param {?Box} box that is searched for; a frame that a person moves stays in the hand */
  show(box) {
    if (this.#grip || this.#timer) return;
    this.#box = box ?? WHOLE;
    this.draw();
  }

  /** @param {Region[]} regions the things in the photo, the clearest first */
  offer(regions) {
    const { ui } = this;
    const parts = regions.filter(({ box }) => !isWhole(box));
    const nameOf = ({ attribute, label }) => (label === null ? ui.say("lens.thing") : ui.sayValue(attribute, label));
    const press = (region) => {
      this.#stop();
      this.#box = region.box;
      this.draw();
      this.choose(region.box, region);
    };
    this.dots.replaceChildren(
      ...parts.map((region) => {
        const [left, top, width, height] = region.box;
        const dot = element("button", { type: "button", className: "lens-dot", tabIndex: -1, title: nameOf(region) });
        dot.style.left = `${100 * (left + width / 2)}%`;
        dot.style.top = `${100 * (top + height / 2)}%`;
        dot.addEventListener("click", () => press(region));
        return dot;
      }),
    );
    this.list.replaceChildren(...parts.map((region) => element("li", {}, outlineButton(nameOf(region), () => press(region)))));
    this.list.hidden = !parts.length;
  }

  // The frame that was moved last is not searched for.
  #stop() {
    clearTimeout(this.#timer);
    this.#timer = 0;
  }

  set(box) {
    this.#box = box;
    this.draw();
    this.#stop();
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.choose(isWhole(this.#box) ? null : this.#box, null);
    }, SOON_MS);
  }

  draw() {
    const percent = this.#box.map((side) => Math.round(1000 * side) / 10);
    const [left, top, width, height] = percent;
    Object.assign(this.frame.style, { left: `${left}%`, top: `${top}%`, width: `${width}%`, height: `${height}%` });
    const whole = isWhole(this.#box);
    this.frame.classList.toggle("whole", whole);
    this.whole.hidden = whole || !this.#added;
    const [x, y, wide, high] = percent.map((value) => this.ui.number(Math.round(value)));
    const said = whole ? this.ui.say("lens.whole") : this.ui.say("lens.value", { left: x, top: y, width: wide, height: high });
    if (this.value.textContent !== said && this.#added) this.value.textContent = said;
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const next = event.key === "Escape" && !isWhole(this.#box) ? WHOLE : afterKey(this.#box, event.key, event.shiftKey);
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    this.set(next);
  }

  /* Pointers */

  // Where a pointer is, in parts of the photo.
  at(event) {
    const { left, top, width, height } = this.stage.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top].map((way, axis) => Math.min(1, Math.max(0, way / (axis ? height : width))));
  }

  press(event) {
    if (!this.#added || event.button > 0 || event.target.closest(".lens-dot")) return;
    const at = this.at(event);
    this.#pointers.set(event.pointerId, at);
    this.#grip = this.#pointers.size === 2 ? this.pinch() : this.grip(event.target, at, [event.clientX, event.clientY]);
    if (event.pointerType === "mouse") event.preventDefault(); // no text is selected, no picture dragged
    this.frame.focus({ preventScroll: true });
  }

  // What one pointer does: a corner is pulled, the frame is moved, or a new one is drawn.
  grip(target, [x, y]) {
    const start = this.#box;
    const corner = CORNERS.find((one) => target.classList.contains(one));
    if (corner) return ([toX, toY]) => resized(start, corner, toX - x, toY - y);
    if (target === this.frame && !isWhole(start)) return ([toX, toY]) => moved(start, toX - x, toY - y);
    return (to) => spanned([x, y], to);
  }

  pinch() {
    const start = this.#box;
    const distance = () => {
      const [[x, y], [toX, toY]] = [...this.#pointers.values()];
      return Math.hypot(toX - x, toY - y);
    };
    const before = Math.max(0.02, distance());
    return () => scaledBy(start, distance() / before);
  }

  drag(event) {
    const from = this.#pointers.get(event.pointerId);
    if (!from || !this.#grip) return;
    const at = this.at(event);
    const { width, height } = this.stage.getBoundingClientRect();
    const far = Math.hypot((at[0] - from[0]) * width, (at[1] - from[1]) * height) >= DRAGGED;
    if (!far && !this.stage.hasPointerCapture(event.pointerId)) return;
    this.stage.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, at);
    this.set(this.#grip(at));
  }

  release(event) {
    this.#pointers.delete(event.pointerId);
    this.#grip = null;
  }
}
