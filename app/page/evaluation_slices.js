// The titles apart by an attribute of the catalogue, as bars: press one for its failures. Knows no call.

import { element, showTabs } from "./elements.js";
import { percentIn } from "./figure_format.js";

const TABS = 6; // attributes up to which each has a tab; more are in a list
const FREQUENCY = "title frequency"; // what the service calls the slices by products of a title
const OTHER = "other";
const NOT_GIVEN = "not given";

/** @param {import("./ui.js").Ui} ui @param {string} attribute of slices @returns {string} as a person reads it */
export const sliceAttribute = (ui, attribute) => (attribute === FREQUENCY ? ui.say("evaluation.frequency") : ui.sayAttribute(attribute));

/** @param {import("./ui.js").Ui} ui @param {string} attribute @param {string} value a slice of it @returns {string} as a person reads it */
export function sliceValue(ui, attribute, value) {
  if (value === OTHER) return ui.say("evaluation.other");
  if (value === NOT_GIVEN) return ui.say("evaluation.notGiven");
  return ui.sayValue(attribute, value);
}

/** The bars. */
export class Slices {
  /**
   * @param {import("./ui.js").Ui} ui
   * @param {{by: (attribute: string) => void, press: (attribute: string, value: string) => void}} actions
   */
  constructor(ui, actions) {
    this.ui = ui;
    this.actions = actions;
    this.percent = percentIn(ui.words.language);
    ui.$("slice-list").addEventListener("change", (event) => actions.by(event.target.value));
  }

  /**
   * Offer attributes: as tabs, or in a list where they are many.
   * @param {string[]} attributes
   * @param {string} current
   */
  offer(attributes, current) {
    const names = Object.fromEntries(attributes.map((name) => [name, sliceAttribute(this.ui, name)]));
    const many = attributes.length > TABS;
    const [tabs, list] = [this.ui.$("slice-names"), this.ui.$("slice-list")];
    tabs.hidden = many;
    list.hidden = !many;
    if (!many) showTabs(tabs, names, current, this.actions.by);
    else list.replaceChildren(...Object.entries(names).map(([value, label]) => element("option", { value, selected: value === current }, label)));
  }

  /**
   * @param {string} attribute
   * @param {{value: string, queries: number, recall10: import("./charts.js").Figure}[]} lines
   * @param {boolean} whole whether the rest, "other", is what the service finds under that name
   * @param {?string} chosen the value whose failures are shown
   */
  show(attribute, lines, whole, chosen) {
    const { ui, percent } = this;
    const bars = lines.map(({ value, queries: count, recall10 }) => {
      const track = element("span", { className: "track", "aria-hidden": "true" }, element("i"), element("u"));
      for (const part of ["value", "low", "high"]) track.style.setProperty(`--${part}`, recall10[part]);
      const name = element("span", { className: "name" }, sliceValue(ui, attribute, value), element("small", {}, ui.say("evaluation.titles", { count })));
      const interval = ui.say("evaluation.interval", { interval: `${percent(recall10.low)}–${percent(recall10.high)}` });
      const figure = element("span", { className: "value", title: interval }, percent(recall10.value));
      if (value === OTHER && !whole) return element("li", {}, element("span", { className: "bar" }, name, track, figure));
      const button = element("button", { type: "button", className: "bar", "aria-pressed": String(value === chosen) }, name, track, figure);
      button.title = ui.say("evaluation.showFailures");
      button.addEventListener("click", () => this.actions.press(attribute, value));
      return element("li", {}, button);
    });
    ui.$("slices").replaceChildren(...bars);
  }
}
