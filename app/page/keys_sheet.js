// The sheet that tells every shortcut of the keyboard. Knows no search.

import { element, iconButton } from "./elements.js";

const KEYS = [
  [["/"], "results.keysSearch"],
  [["↓"], "results.keysResults"],
  [["←", "→", "↑", "↓"], "results.keysWalk"],
  [["Home", "End"], "results.keysEnds"],
  [["←", "→"], "results.keysGroups"],
  [["←", "→"], "results.keysDrawer"],
  [["Ctrl", "V"], "results.keysPaste"],
  [["Esc"], "results.keysClose"],
  [["?"], "results.keysHelp"],
];

/** The sheet of one page. */
export class KeysSheet {
  /** @param {import("./ui.js").Ui} ui */
  constructor(ui) {
    this.ui = ui;
    const close = iconButton("close", ui.say("product.close"), () => this.dialog.close());
    const title = element("h2", { id: "keys-title" }, ui.say("results.keys"));
    const rows = KEYS.map(([keys, key]) => {
      const names = keys.flatMap((name) => [" ", element("kbd", {}, name)]).slice(1);
      return element("div", {}, element("dt", {}, ...names), element("dd", {}, ui.say(key)));
    });
    const head = element("div", { className: "row" }, title, close);
    this.dialog = element("dialog", { className: "keys", "aria-labelledby": "keys-title" }, head, element("dl", {}, ...rows));
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    this.dialog.addEventListener("close", () => ui.sheets.close("keys"));
    ui.body.append(this.dialog);
    ui.sheets.add("keys", { open: () => this.dialog.showModal(), close: () => this.dialog.close() });
  }

  /** Show it. */
  open() {
    this.ui.sheets.open("keys");
  }
}
