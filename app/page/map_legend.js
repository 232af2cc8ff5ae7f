// The legend beside the map: the values that have a colour, and on demand all others. Knows no map.

import { element } from "./elements.js";

/** The legend of one map. */
export class Legend {
  isOpen = false; // whether the values without a colour of their own are listed

  /**
   * @param {import("./ui.js").Ui} ui
   * @param {(value: string) => void} choose called when a value is pressed
   */
  constructor(ui, choose) {
    this.ui = ui;
    this.choose = choose;
    this.list = ui.$("legend");
  }

  /**
   * @param {string} attribute
   * @param {import("./map_colours.js").Colouring} colouring
   * @param {Set<string>} selected values
   */
  show(attribute, { legend, rest }, selected) {
    const focused = this.ui.root.activeElement?.dataset.value;
    const others = this.isOpen ? rest.values : [];
    const items = [...legend, ...others].map((entry) => element("li", {}, this.#button(attribute, entry, selected)));
    if (rest.values.length) items.push(element("li", {}, this.#more(attribute, { legend, rest }, selected)));
    this.list.replaceChildren(...items);
    // The buttons were made again.
    if (focused !== undefined) [...this.list.querySelectorAll("button")].find((one) => one.dataset.value === focused)?.focus();
  }

  #button(attribute, { value, colour = "", edge = "", count }, selected) {
    const dot = element("i", { className: colour ? "" : "plain" });
    if (colour) dot.style.setProperty("--dot", colour);
    if (edge) dot.style.setProperty("--edge", edge);
    const name = element("span", {}, this.ui.sayValue(attribute, value));
    const number = element("span", { className: "soft" }, this.ui.number(count));
    const button = element("button", { type: "button", "aria-pressed": String(selected.has(value)) }, dot, name, number);
    button.dataset.value = value;
    button.addEventListener("click", () => this.choose(value));
    return button;
  }

  #more(attribute, colouring, selected) {
    const { values, products } = colouring.rest;
    const text = this.isOpen ? this.ui.say("map.fewer") : this.ui.say("map.more", { count: values.length, products });
    const button = element("button", { type: "button", className: "soft", "aria-expanded": String(this.isOpen) }, text);
    button.dataset.value = "";
    button.addEventListener("click", () => {
      this.isOpen = !this.isOpen;
      this.show(attribute, colouring, selected);
    });
    return button;
  }
}
