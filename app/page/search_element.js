// <vitrine-search>: a field, the results and the filters of a catalogue, in any page.

import { VitrineElement } from "./element_base.js";
import { SearchView } from "./search.js";
import { searchTemplate } from "./template.js";

/** The element. */
export class VitrineSearch extends VitrineElement {
  static sheets = ["base", "search"];
  static observedAttributes = ["src", "key", "lang", "href", "show", "picture", "address", "count", "placeholder"];

  options() {
    return {
      ...super.options(),
      pictures: this.hasAttribute("picture") && this.getAttribute("picture") !== "off",
      count: Math.min(100, Math.max(0, Number.parseInt(this.getAttribute("count"), 10) || 0)),
      placeholder: this.getAttribute("placeholder") ?? "",
      shown: (this.getAttribute("show") ?? "").split(/[\s,]+/).filter(Boolean),
      // Of our own pages: the laboratory's figures, and a page that is all ours.
      lab: this.hasAttribute("lab"),
      whole: this.hasAttribute("page"),
    };
  }

  /** @param {import("./ui.js").Ui} ui */
  show(ui) {
    ui.root.replaceChildren(searchTemplate(ui));
    this.view = new SearchView(ui);
  }
}
