// The inside of <vitrine-search>, loaded when it is about to be seen.

import { SearchView } from "./search.js";
import { searchTemplate } from "./template.js";
import { followWidth } from "./width.js";

/** @param {import("./ui.js").Ui} ui */
export function fill(ui) {
  ui.root.replaceChildren(searchTemplate(ui));
  followWidth(ui.$("view"), ui.signal);
  new SearchView(ui).begin();
}
