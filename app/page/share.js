// A link to what is shown: handed to the device, copied, or shown to be copied by hand. Knows no query.

import { element } from "./elements.js";

const TOLD_MS = 2500;

/**
 * @param {import("./ui.js").Ui} ui
 * @param {() => Promise<string>|string} linkOf the address to share
 * @param {() => string} titleOf what it is called
 * @returns {HTMLButtonElement} shares it
 */
export function shareButton(ui, linkOf, titleOf) {
  const button = element("button", { type: "button", className: "plain share", part: "button" }, ui.say("states.share"));
  const told = element("span", { className: "visually-hidden", role: "status" });
  let timer = 0;
  button.addEventListener("click", async () => {
    const link = await linkOf();
    if (!(await share(link, titleOf()))) {
      showLink(ui, link);
      return;
    }
    clearTimeout(timer);
    button.firstChild.data = told.textContent = ui.say("states.linkCopied");
    timer = setTimeout(() => {
      button.firstChild.data = ui.say("states.share");
      told.textContent = "";
    }, TOLD_MS);
  });
  button.append(told);
  return button;
}

// Whether the link has been handed on. On a phone people share with an app, elsewhere they paste.
async function share(url, title) {
  try {
    if (navigator.share && matchMedia("(pointer: coarse)").matches) await navigator.share({ title, url });
    else await navigator.clipboard.writeText(url); // there is none on a page without HTTPS
    return true;
  } catch (error) {
    return error.name === "AbortError"; // the person has changed their mind
  }
}

function showLink(ui, link) {
  const field = element("input", { type: "text", readOnly: true, value: link, "aria-labelledby": "share-title" });
  const close = element("button", { className: "primary" }, ui.say("states.close"));
  const title = element("h2", { id: "share-title" }, ui.say("states.copyLink"));
  const dialog = element("dialog", { className: "ask-key", "aria-labelledby": "share-title" });
  dialog.append(element("form", { method: "dialog" }, title, field, element("div", { className: "row" }, close)));
  dialog.addEventListener("close", () => dialog.remove());
  ui.body.append(dialog);
  dialog.showModal();
  field.select();
}
