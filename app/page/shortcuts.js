// The keys of the search: over the cards, out of the filters, to the field, and the sheet that tells them. Knows no query.

import { lazy } from "./lazy.js";

/**
 * Listen to the keys of a page or an element.
 * @param {import("./ui.js").Ui} ui
 * @param {import("./results.js").Results} results
 * @param {import("./filters.js").Filters} filters
 */
export function listenForKeys(ui, results, filters) {
  const isOurs = (event) => !(event.ctrlKey || event.metaKey || event.altKey || ui.root.querySelector("dialog[open]"));
  ui.root.addEventListener("keydown", (event) => {
    if (!isOurs(event)) return;
    if (event.key === "Escape" && filters.isOpen) filters.open(false);
    else if (event.key === "ArrowDown" && event.target === ui.$("text")) results.focus(ui.$("grid").firstElementChild);
    else if (!event.target.closest("input, select") && event.composedPath().includes(ui.$("grid"))) results.walk(event);
  });
  if (!ui.whole) return; // in the page of others, the other keys are theirs
  let keys = null;
  const showKeys = async () => {
    const { KeysSheet } = await lazy("keys_sheet.js", ui.signal);
    keys ??= new KeysSheet(ui);
    keys.open();
  };
  ui.$("keys").addEventListener("click", showKeys);
  const onPageKey = (event) => {
    const [target] = event.composedPath();
    const inField = target instanceof Element && target.closest("input:not([type=checkbox], [type=range]), textarea, select");
    if (inField || !isOurs(event)) return;
    if (event.key === "?") showKeys();
    if (event.key !== "/") return;
    event.preventDefault();
    ui.$("text").focus();
    ui.$("text").select();
  };
  addEventListener("keydown", onPageKey, { signal: ui.signal });
}
