// A link to what is shown: handed to the device, copied, or shown to be copied by hand. Loaded when it is first needed.

import { element } from "./elements.js";
import { wasAborted } from "./recover.js";

const TOLD_MS = 2500;
const THUMBNAIL = "t"; // in the fragment, which is not sent to any service

/**
 * @param {import("./ui.js").Ui} ui
 * @param {import("./picture.js").Pictures} pictures
 * @param {import("./query.js").SearchQuery} query
 * @returns {Promise<string>} its address; with a picture, a tiny one goes along for people to see
 */
export async function linkOf(ui, pictures, query) {
  const url = new URL(ui.address.href({ ...query, count: 0 }));
  const blob = query.picture && pictures.thumbnailOf(query.picture);
  const code = blob && (await (await pictures.tools()).thumbnailCode(blob));
  if (code) url.hash = new URLSearchParams({ [THUMBNAIL]: code });
  return url.href;
}

/**
 * Take the tiny picture out of the page's address.
 * @param {import("./picture.js").Pictures} pictures
 * @param {import("./picture.js").Picture} picture that the address is of
 * @returns {Promise<void>}
 */
export async function takeThumbnail(pictures, picture) {
  const { thumbnailFromCode } = await pictures.tools();
  const blob = thumbnailFromCode(new URLSearchParams(location.hash.slice(1)).get(THUMBNAIL) ?? "");
  if (blob) pictures.addThumbnail(picture, blob);
}

/**
 * @param {import("./ui.js").Ui} ui
 * @param {HTMLButtonElement} button that was pressed: it says what has become of it
 * @param {string} url
 * @param {string} title what it is called
 */
export async function share(ui, button, url, title) {
  if (!(await handedOn(url, title))) {
    showLink(ui, url);
    return;
  }
  button.textContent = ui.say("states.linkCopied");
  setTimeout(() => {
    button.textContent = ui.say("states.share");
  }, TOLD_MS);
}

// On a phone people share with an app, elsewhere they paste.
async function handedOn(url, title) {
  try {
    if (navigator.share && matchMedia("(pointer: coarse)").matches) await navigator.share({ title, url });
    else await navigator.clipboard.writeText(url); // there is none on a page without HTTPS
    return true;
  } catch (error) {
    return wasAborted(error); // the person has changed their mind
  }
}

function showLink(ui, link) {
  const title = element("h2", { id: "share-title" }, ui.say("states.copyLink"));
  const field = element("input", { type: "text", readOnly: true, value: link, "aria-labelledby": "share-title" });
  const close = element("button", { className: "primary" }, ui.say("states.close"));
  const dialog = element("dialog", { className: "ask-key", "aria-labelledby": "share-title" });
  dialog.append(element("form", { method: "dialog" }, title, field, element("div", { className: "row" }, close)));
  dialog.addEventListener("close", () => {
    dialog.remove();
    ui.sheets.close("share");
  });
  ui.sheets.add("share", { open: () => dialog.showModal(), close: () => dialog.close() });
  ui.body.append(dialog);
  ui.sheets.open("share");
  field.select();
}
