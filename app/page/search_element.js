// <vitrine-search>: a field, the results and the filters of a catalogue, in any page.

import { VitrineElement, withProperties } from "./element_base.js";

/** The element. */
export class VitrineSearch extends VitrineElement {
  static sheets = ["base", "search"];
  static module = "search_fill.js";
  static address = "v";
  static observedAttributes = ["src", "key", "lang", "href", "target", "show", "count", "address", "picture", "placeholder"];

  options() {
    return {
      ...super.options(),
      pictures: this.hasAttribute("picture") && this.getAttribute("picture") !== "off",
      placeholder: this.getAttribute("placeholder") ?? "",
      // Of our own pages: the laboratory's figures, and a page that is all ours.
      lab: this.hasAttribute("lab"),
      whole: this.hasAttribute("page"),
    };
  }
}

withProperties(VitrineSearch);
