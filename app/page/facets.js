// The filters: values of the attributes to choose from with their counts, and the chosen ones as chips. Knows no search.

import { element } from "./elements.js";
import { filterPairs } from "./query.js";

/** @typedef {import("./query.js").SearchQuery} SearchQuery */
/** @typedef {(name: string, value: string, on: boolean) => void} SetFilter */

const SHOWN_VALUES = 7; // of an attribute, before "All"

/** The filters of one page or element. */
export class Facets {
  /**
   * @param {import("./ui.js").Ui} ui
   * @param {SetFilter} setFilter
   */
  constructor(ui, setFilter) {
    this.ui = ui;
    this.setFilter = setFilter;
    this.expanded = new Set(); // attributes that show all values
  }

  /**
   * @param {string[]} names of the attributes to filter by
   * @param {Object<string, Object<string, number>>} counts attribute -> value -> products
   * @param {SearchQuery} query
   */
  show(names, counts, query) {
    const list = this.ui.$("facets");
    // The list is made again: the focus goes back to where it was.
    const active = this.ui.root.activeElement;
    const focused = active && list.contains(active) && active.dataset.key;
    const again = () => this.show(names, counts, query);
    const sections = names.map((name) => this.facet(name, counts[name] || {}, query.filters[name] || [], again));
    list.replaceChildren(...sections.filter(Boolean));
    if (focused) [...list.querySelectorAll("[data-key]")].find((one) => one.dataset.key === focused)?.focus();
  }

  facet(name, counts, wanted, again) {
    const { ui } = this;
    const values = [...new Set([...Object.keys(counts), ...wanted])];
    if (values.length < 2 && !wanted.length) return null; // nothing to choose
    const all = this.expanded.has(name);
    const shown = values.filter((value, row) => all || row < SHOWN_VALUES || wanted.includes(value));
    const items = shown.map((value) => {
      const box = element("input", { type: "checkbox", checked: wanted.includes(value), "data-key": `${name}=${value}` });
      box.addEventListener("change", () => this.setFilter(name, value, box.checked));
      const count = element("span", { className: "soft" }, ui.number(counts[value] || 0));
      return element("li", {}, element("label", {}, box, element("span", {}, ui.sayValue(name, value)), count));
    });
    const attribute = ui.sayAttribute(name);
    const section = element("fieldset", { part: "filter" }, element("legend", {}, attribute), element("ul", {}, ...items));
    if (values.length > SHOWN_VALUES) {
      const count = values.length;
      const toggle = element("button", { type: "button", className: "plain", "data-key": name });
      toggle.textContent = all ? ui.say("filters.fewer") : ui.say("filters.all", { count });
      toggle.setAttribute("aria-label", all ? ui.say("filters.fewerOf", { attribute }) : ui.say("filters.allOf", { count, attribute }));
      toggle.addEventListener("click", () => {
        if (!this.expanded.delete(name)) this.expanded.add(name);
        again();
      });
      section.append(toggle);
    }
    return section;
  }

  /**
   * Show the chosen filters above the results, and how many they are.
   * @param {SearchQuery} query
   */
  showChosen(query) {
    const { ui } = this;
    const chips = this.chips(query);
    ui.$("active").replaceChildren(...chips.map((chip) => element("li", {}, chip)));
    ui.$("active").hidden = ui.$("filters-clear").hidden = !chips.length;
    ui.$("filters-count").textContent = chips.length ? ` (${ui.number(chips.length)})` : "";
  }

  /**
   * @param {SearchQuery} query
   * @returns {HTMLButtonElement[]} a button for each chosen filter, which removes it
   */
  chips(query) {
    const { ui } = this;
    return filterPairs(query).map(([name, value]) => {
      const cross = element("span", { "aria-hidden": "true" }, "×");
      const attribute = ui.sayAttribute(name);
      const said = ui.sayValue(name, value);
      const label = ["true", "false"].includes(value) ? `${attribute}: ${said}` : said; // a yes says nothing alone
      const title = ui.say("filters.remove", { attribute, value: said });
      const chip = element("button", { type: "button", className: "chip", part: "chip", title }, label, cross);
      chip.addEventListener("click", () => this.setFilter(name, value, false));
      return chip;
    });
  }

  /** @returns {boolean} whether the filters cover a narrow page */
  get isOpen() {
    return this.ui.$("view").classList.contains("filtering");
  }

  /** @param {boolean} open whether the filters cover a narrow page */
  open(open) {
    const { ui } = this;
    ui.$("view").classList.toggle("filtering", open);
    ui.$("filters-open").setAttribute("aria-expanded", String(open));
    ui.$(open ? "filters-close" : "filters-open").focus();
  }
}
