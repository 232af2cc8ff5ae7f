// Defines the elements. Loaded twice, or in two versions, the first stands.

import { VitrineSearch } from "./search_element.js";
import { VitrineSimilar } from "./similar_element.js";

const ELEMENTS = { "vitrine-search": VitrineSearch, "vitrine-similar": VitrineSimilar };

for (const [name, made] of Object.entries(ELEMENTS)) {
  if (!customElements.get(name)) customElements.define(name, made);
}
