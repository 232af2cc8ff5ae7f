// The values of one attribute to choose from, with their counts: a swatch beside a colour, and a search field where there
// are many. Knows no search.

import { element } from "./elements.js";
import { rove } from "./roving.js";
import { isColour, plainText, swatchOf } from "./swatches.js";

/**
 * @typedef {object} ListState what outlives a list that is made again
 * @property {boolean} all whether all values are shown
 * @property {string} typed into the search field
 */

const SHOWN = 7; // values before "All"
const MANY = 12; // values from which one searches among them
const MOST = 100; // values that are drawn at a time

/** @returns {ListState} */
export const listState = () => ({ all: false, typed: "" });

/** The list of one attribute. */
export class ValueList {
  /**
   * @param {import("./ui.js").Ui} ui
   * @param {string} name of the attribute
   * @param {Object<string, number>} counts value -> products, the most frequent first
   * @param {string[]} wanted values
   * @param {ListState} state
   * @param {(value: string, on: boolean) => void} choose
   */
  constructor(ui, name, counts, wanted, state, choose) {
    Object.assign(this, { ui, name, counts, wanted, state, choose });
    this.values = [...new Set([...Object.keys(counts), ...wanted])];
    this.coloured = isColour(name);
    this.list = element("ul", {});
    this.toggle = element("button", { type: "button", className: "plain", "data-key": `${name}:all` });
    this.toggle.addEventListener("click", () => {
      this.state.all = !this.state.all;
      this.fill();
    });
    this.fill();
  }

  /** @returns {HTMLElement[]} what the section of the attribute holds */
  get elements() {
    return this.values.length > MANY ? [this.field(), this.list, this.toggle] : [this.list, this.toggle];
  }

  field() {
    const { ui, state } = this;
    const label = ui.say("filters.search", { attribute: ui.sayAttribute(this.name) });
    const field = element("input", { type: "search", className: "find", autocomplete: "off", "data-key": `${this.name}:find` });
    field.placeholder = label;
    field.setAttribute("aria-label", label);
    field.value = state.typed;
    field.addEventListener("input", () => {
      state.typed = field.value;
      this.fill();
    });
    return field;
  }

  // The words of what is typed are looked for in the name in the page's language, and in the catalogue's own.
  found() {
    const { ui, name, values, wanted } = this;
    const words = plainText(this.state.typed).split(" ").filter(Boolean);
    if (!words.length) return values.filter((value, row) => this.state.all || row < SHOWN || wanted.includes(value));
    return values.filter((value) => {
      const text = plainText(`${ui.sayValue(name, value)} ${value}`);
      return words.every((word) => text.includes(word));
    });
  }

  fill() {
    const { ui, toggle, state } = this;
    const found = this.found().slice(0, MOST);
    const items = found.map((value) => this.item(value));
    if (!items.length) items.push(element("li", { className: "soft" }, ui.say("filters.noValue")));
    this.list.replaceChildren(...items);
    rove(this.list, "input", { column: true });
    const attribute = ui.sayAttribute(this.name);
    const count = this.values.length;
    toggle.hidden = count <= SHOWN || Boolean(state.typed.trim());
    toggle.textContent = state.all ? ui.say("filters.fewer") : ui.say("filters.all", { count });
    toggle.setAttribute("aria-label", state.all ? ui.say("filters.fewerOf", { attribute }) : ui.say("filters.allOf", { count, attribute }));
  }

  item(value) {
    const { ui, name, counts, wanted } = this;
    const box = element("input", { type: "checkbox", checked: wanted.includes(value), "data-key": `${name}=${value}` });
    box.addEventListener("change", () => this.choose(value, box.checked));
    const swatch = this.coloured ? swatchOf(value) : null;
    if (swatch) {
      box.className = "swatch";
      box.style.setProperty("--swatch", swatch);
    }
    const count = element("span", { className: "soft" }, ui.number(counts[value] || 0));
    return element("li", {}, element("label", {}, box, element("span", {}, ui.sayValue(name, value)), count));
  }
}
