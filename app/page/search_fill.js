// The inside of <vitrine-search>, loaded when it is about to be seen.

import { SearchView } from "./search.js";
import { searchTemplate } from "./template.js";
import { followWidth } from "./width.js";

/** @param {import("./ui.js").Ui} ui */
export function fill(ui) {
  const view = searchTemplate(ui);
  followWidth(view, ui.host, ui.signal);
  ui.root.replaceChildren(view);
  new SearchView(ui).begin();
}
