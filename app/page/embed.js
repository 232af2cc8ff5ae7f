// Defines the elements. Loaded twice, or in two versions, the first stands.

import { VitrineSearch } from "./search_element.js";

for (const [name, made] of [["vitrine-search", VitrineSearch]]) {
  if (!customElements.get(name)) customElements.define(name, made);
}
