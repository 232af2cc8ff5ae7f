// <vitrine-similar>: products that look like one, on its page in a shop.

import { VitrineElement, withProperties } from "./element_base.js";

/** The element. */
export class VitrineSimilar extends VitrineElement {
  static sheets = ["base", "search"];
  static module = "similar.js";
  static observedAttributes = ["src", "key", "lang", "href", "target", "count", "address", "product", "same"];
}

withProperties(VitrineSimilar);
