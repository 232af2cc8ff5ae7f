// A picture to search with: how it comes in, is encoded once, and stands in an address. From then on its vector is the
// query, a byte per value, which moves the vector by less than a thousandth. Knows no query.

import { element } from "./elements.js";
import { ApiError } from "./service.js";

/**
 * @typedef {object} Picture
 * @property {string} code what stands in the address: `encoder`, a dot, and the vector in base64url
 * @property {string} encoder the start of the id of the encoder that looked at it
 * @property {number[]} vector D values from -127 to 127; empty when the code cannot be read
 */

const LARGE_BYTES = 1_500_000; // a file beyond this is scaled down before it is sent
const LARGE_SIDE = 1280; // pixels
const ENCODER_LENGTH = 8; // of an encoder's id, in a code

/** @param {string} code @returns {Picture} */
export function pictureFromCode(code) {
  const [encoder, text = ""] = code.split(".");
  try {
    const bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    // Shifting there and back makes a byte a signed number.
    return { code, encoder, vector: [...bytes].map((char) => (char.charCodeAt(0) << 24) >> 24) };
  } catch {
    return { code, encoder, vector: [] };
  }
}

function codeOf(vector, encoderId) {
  const scale = 127 / Math.max(...vector.map(Math.abs));
  const bytes = vector.map((value) => String.fromCharCode((Math.round(value * scale) + 256) % 256)).join("");
  const text = btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return `${encoderId.slice(0, ENCODER_LENGTH)}.${text}`;
}

/** @param {Picture} picture @param {string} encoderId @returns {boolean} whether this encoder looked at it */
export const encodedBy = (picture, encoderId) => picture.encoder === encoderId.slice(0, ENCODER_LENGTH);

const toDataUri = (blob) =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(new ApiError("photo.unreadable"));
    reader.readAsDataURL(blob);
  });

async function scaledDown(file) {
  try {
    const bitmap = await createImageBitmap(file);
    const scale = Math.min(1, LARGE_SIDE / Math.max(bitmap.width, bitmap.height));
    const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
    const canvas = element("canvas", { width, height });
    const context = canvas.getContext("2d", { alpha: false, colorSpace: "srgb" });
    // A JPEG has no transparency, and its ground would be black: the service lays pictures on white, too.
    context.fillStyle = "#fff";
    context.fillRect(0, 0, width, height);
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, width, height);
    return await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
  } catch {
    return file; // the browser cannot read it: the service says why
  }
}

/** @param {File} file @returns {boolean} whether it may be a picture; a file without a type may be one */
export const mayBePicture = (file) => !file.type || file.type.startsWith("image/");

/** The pictures that were added to one page or element. */
export class Pictures {
  /** @param {import("./service.js").Service} service */
  constructor(service) {
    this.service = service;
    this.thumbnails = new Map(); // code -> blob of the picture, while this page is open
  }

  /** @param {Picture} picture @returns {Blob|undefined} the picture itself; an address has only its vector */
  thumbnailOf(picture) {
    return this.thumbnails.get(picture.code);
  }

  /**
   * Have the service encode a file.
   * @param {File} file
   * @param {AbortSignal} signal
   * @returns {Promise<{picture: Picture, encoderId: string}>}
   * @throws {ApiError}
   */
  async encode(file, signal) {
    const blob = file.size > LARGE_BYTES ? await scaledDown(file) : file;
    const uri = await toDataUri(blob);
    // The service looks at the content, whatever the type says, but takes only what is called a picture.
    const input = uri.replace(/^data:[^;,]*/, (head) => (head.startsWith("data:image/") ? head : "data:image/jpeg"));
    const answer = await this.service.post("v1/embeddings", { input }, signal);
    const picture = pictureFromCode(codeOf(answer.data[0].embedding, answer.model));
    this.thumbnails.set(picture.code, blob);
    return { picture, encoderId: answer.model };
  }
}

/**
 * Call `take` with every file that is chosen, photographed, pasted or dropped. On a page that is all ours it may be
 * dropped and pasted anywhere; else only on the element and into it.
 * @param {import("./ui.js").Ui} ui
 * @param {(file: File) => void} take
 */
export function listenForFiles(ui, take) {
  for (const [button, input] of [
    ["choose-file", "file"],
    ["take-photo", "photo"],
  ]) {
    ui.$(button).addEventListener("click", () => ui.$(input).click());
    ui.$(input).addEventListener("change", () => {
      const [file] = ui.$(input).files;
      if (file) take(file);
      ui.$(input).value = ""; // the same file may be chosen again
    });
  }
  const place = ui.whole ? window : ui.host;
  const on = (name, action) => place.addEventListener(name, action, { signal: ui.signal });
  on("paste", (event) => {
    const file = [...event.clipboardData.files].find((one) => one.type.startsWith("image/"));
    if (!file) return;
    event.preventDefault();
    take(file);
  });
  const view = ui.$("view");
  on("dragover", (event) => {
    if (![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault(); // without it the browser would open the file
    view.classList.add("dropping");
  });
  on("dragleave", (event) => {
    if (!event.relatedTarget) view.classList.remove("dropping");
  });
  on("drop", (event) => {
    view.classList.remove("dropping");
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    take(event.dataTransfer.files[0]);
  });
}
