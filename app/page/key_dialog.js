// The dialog that asks a person for a key, where a service that is keyed is searched on its own pages.

import { element, outlineButton } from "./elements.js";

/**
 * @param {import("./ui.js").Ui} ui
 * @param {number} status of the refusal: 401 or 403
 * @param {boolean} known whether a key was sent
 * @returns {Promise<?string>} the key; null when none is given
 */
export function askForKey(ui, status, known) {
  return new Promise((resolve) => {
    const why = status === 403 ? "states.keyForbidden" : known ? "states.keyUnknown" : "states.keyAsk";
    const field = element("input", { id: "key", type: "password", autocomplete: "off", spellcheck: false, required: true, placeholder: "vtr_…" });
    const dialog = element("dialog", { className: "ask-key", "aria-labelledby": "key-title" });
    const end = (given) => {
      dialog.close();
      dialog.remove();
      resolve(given);
    };
    const form = element(
      "form",
      { method: "dialog" },
      element("h2", { id: "key-title" }, ui.say("states.keyTitle")),
      element("p", {}, ui.say(why)),
      element("label", { for: "key" }, ui.say("states.key")),
      field,
      element("p", { className: "soft" }, ui.say("states.keyKept")),
      element("div", { className: "row" }, outlineButton(ui.say("states.notNow"), () => end(null)), element("button", { className: "primary" }, ui.say("states.continue"))),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      end(field.value.trim());
    });
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      end(null);
    });
    dialog.append(form);
    ui.body.append(dialog);
    dialog.showModal();
  });
}
