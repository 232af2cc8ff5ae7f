// The inside of <vitrine-search>, loaded when it is about to be seen.

import { SearchView } from "./search.js";
import { searchTemplate } from "./template.js";

/** @param {import("./ui.js").Ui} ui */
export function fill(ui) {
  ui.root.replaceChildren(searchTemplate(ui));
  new SearchView(ui).begin();
}
