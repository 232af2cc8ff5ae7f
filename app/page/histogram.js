// A range of numbers, prices or days to choose: a histogram with two handles, and a field for each end. Knows no search.

import { element } from "./elements.js";
import { valueFormat } from "./value_format.js";

/** @typedef {import("./ranges.js").Range} Range */
/** @typedef {{gte: number|string, lt: number|string, count: number}} Bucket */
/**
 * @typedef {object} Spread how an attribute is spread, as the service answers it
 * @property {"number"|"date"} kind
 * @property {boolean} whole
 * @property {?number|?string} min
 * @property {?number|?string} max
 * @property {Bucket[]} buckets
 */

const DAY_MS = 86_400_000;

const dayBefore = (day) => new Date(Date.parse(day) - DAY_MS).toISOString().slice(0, 10);

/**
 * The last value of a bucket: with a whole number or a day it is one that a person would name.
 * @param {Spread} spread
 * @param {Bucket} bucket
 * @returns {number|string}
 */
const lastOf = ({ kind, whole }, { lt }) => (kind === "date" ? dayBefore(lt) : whole ? lt - 1 : lt);

/**
 * @param {Spread} spread
 * @param {Range} range
 * @returns {[number, number]} the first and the last bucket that the range reaches
 */
export function reached(spread, { gte, lte }) {
  const { buckets } = spread;
  let first = gte === undefined ? 0 : buckets.findLastIndex((bucket) => bucket.gte <= gte);
  let last = lte === undefined ? buckets.length - 1 : buckets.findIndex((bucket) => lastOf(spread, bucket) >= lte);
  if (first < 0) first = 0;
  if (last < 0) last = buckets.length - 1;
  return [Math.min(first, last), last];
}

/**
 * @param {Spread} spread
 * @param {number} first
 * @param {number} last
 * @returns {Range} from the beginning of one bucket to the end of another; the outer ones have no end
 */
export function rangeBetween(spread, first, last) {
  const range = {};
  if (first > 0) range.gte = spread.buckets[first].gte;
  if (last < spread.buckets.length - 1) range.lte = lastOf(spread, spread.buckets[last]);
  return range;
}

/** The choice of a range of one attribute. */
export class Histogram {
  /**
   * @param {import("./ui.js").Ui} ui
   * @param {string} name of the attribute
   * @param {Spread} spread
   * @param {Range} range that is chosen; without ends where none is
   * @param {{currency: string, choose: (range: Range) => void}} options choose: called with another range
   */
  constructor(ui, name, spread, range, { currency, choose }) {
    Object.assign(this, { ui, name, spread, range, choose });
    this.format = valueFormat(ui, spread.kind, currency);
    [this.first, this.last] = reached(spread, range);
    const highest = Math.max(1, ...spread.buckets.map((bucket) => bucket.count));
    this.bars = spread.buckets.map(({ count }) => {
      const bar = element("span");
      bar.style.setProperty("--share", String(Math.sqrt(count / highest))); // few products are seen beside many
      return bar;
    });
    this.handles = [this.handle("low"), this.handle("high")];
    this.fields = [this.field("low"), this.field("high")];
    const bars = element("div", { className: "bars", "aria-hidden": "true" }, ...this.bars);
    const [low, high] = this.fields;
    /** @type {HTMLElement} */
    this.element = element(
      "div",
      { className: "histogram" },
      bars,
      element("div", { className: "handles" }, ...this.handles),
      element("div", { className: "ends" }, low, element("span", { "aria-hidden": "true" }, "–"), high),
    );
    this.paint();
  }

  label(end) {
    return this.ui.say(`filters.${end}`, { attribute: this.ui.sayAttribute(this.name) });
  }

  handle(end) {
    const { spread, name } = this;
    const value = end === "low" ? this.first : this.last;
    const properties = { type: "range", min: "0", max: String(spread.buckets.length - 1), step: "1", className: end };
    const handle = element("input", { ...properties, "aria-label": this.label(end), "data-key": `${name}:${end}` });
    handle.value = String(value);
    handle.addEventListener("input", () => this.move(end, Number(handle.value)));
    handle.addEventListener("change", () => this.take(rangeBetween(spread, this.first, this.last)));
    return handle;
  }

  field(end) {
    const { spread, range, name } = this;
    const [value, rim] = end === "low" ? [range.gte, spread.min] : [range.lte, spread.max];
    const kind = spread.kind === "date" ? { type: "date" } : { type: "number", inputMode: "decimal", step: spread.whole ? "1" : "any" };
    const label = `${this.label(end)} (${this.format(rim)})`;
    const field = element("input", { ...kind, "aria-label": label, title: label, "data-key": `${name}:${end}:field` });
    if (spread.kind === "number") field.placeholder = String(rim);
    field.value = value === undefined ? "" : String(value);
    field.addEventListener("change", () => this.takeFields());
    return field;
  }

  // A handle does not pass the other one.
  move(end, place) {
    if (end === "low") this.first = Math.min(place, this.last);
    else this.last = Math.max(place, this.first);
    this.paint();
    const { gte, lte } = rangeBetween(this.spread, this.first, this.last);
    this.fields[0].value = gte ?? "";
    this.fields[1].value = lte ?? "";
  }

  paint() {
    const { spread, first, last } = this;
    this.bars.forEach((bar, place) => bar.classList.toggle("in", place >= first && place <= last));
    [first, last].forEach((place, end) => {
      const bucket = spread.buckets[place];
      const outer = end ? place === spread.buckets.length - 1 : place === 0;
      const value = outer ? (end ? spread.max : spread.min) : end ? lastOf(spread, bucket) : bucket.gte;
      this.handles[end].value = String(place);
      this.handles[end].setAttribute("aria-valuetext", this.format(value));
    });
  }

  takeFields() {
    const ends = this.fields.map((field) => {
      if (field.value === "") return undefined;
      return this.spread.kind === "date" ? field.value : Number(field.value);
    });
    if (ends[0] !== undefined && ends[1] !== undefined && ends[0] > ends[1]) ends.reverse();
    this.take({ gte: ends[0], lte: ends[1] });
  }

  take(range) {
    if (range.gte === this.range.gte && range.lte === this.range.lte) return;
    this.range = range;
    this.choose(range);
  }
}
