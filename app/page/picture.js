// A picture to search with: how it comes in, and how it stands in an address. From then on its vector is the query, a
// byte per value, which moves the vector by less than a thousandth. Knows no query.

import { bytesOf, codeOf } from "./base64.js";
import { lazy } from "./lazy.js";
import { ApiError } from "./service.js";

/**
 * @typedef {object} Picture
 * @property {string} code what stands in the address: `encoder`, a dot, and the vector in base64url
 * @property {string} encoder the start of the id of the encoder that looked at it
 * @property {number[]} vector D values from -127 to 127; empty when the code cannot be read
 * @property {?import("./crop_box.js").Box} crop the part of the photo that it is; null: all of it
 */

/**
 * A photo that was added while this page is open.
 * @typedef {object} Added
 * @property {Blob} blob what was sent, and is shown
 * @property {?import("./photo.js").Photo} photo null: only a thumbnail came with the address
 * @property {?Picture} whole the picture of all of it
 * @property {?Promise<Region[]>} regions the things in it, once they are asked for
 * @property {string} encoderId
 *
 * @typedef {{box: number[], label: ?string, attribute: ?string, score: number, vector: number[]}} Region
 */

const ENCODER_LENGTH = 8; // of an encoder's id, in a code

/**
 * @param {string} code
 * @param {?import("./crop_box.js").Box} [crop]
 * @returns {Picture}
 */
export function pictureFromCode(code, crop = null) {
  const [encoder, text = ""] = code.split(".");
  try {
    return { code, encoder, crop, vector: [...new Int8Array(bytesOf(text).buffer)] };
  } catch {
    return { code, encoder, crop, vector: [] };
  }
}

function pictureCode(vector, encoderId) {
  const scale = 127 / Math.max(...vector.map(Math.abs));
  const bytes = Int8Array.from(vector, (value) => Math.round(value * scale));
  return `${encoderId.slice(0, ENCODER_LENGTH)}.${codeOf(new Uint8Array(bytes.buffer))}`;
}

/** @param {Picture} picture @param {string} encoderId @returns {boolean} whether this encoder looked at it */
export const encodedBy = (picture, encoderId) => picture.encoder === encoderId.slice(0, ENCODER_LENGTH);

/** @param {File} file @returns {boolean} whether it may be a picture; a file without a type may be one */
export const mayBePicture = (file) => !file.type || file.type.startsWith("image/");

// A vector as bytes of little-endian floats in base64: a third of the same as JSON.
function floatsOf(text) {
  const view = new DataView(bytesOf(text).buffer);
  return Array.from({ length: view.byteLength / 4 }, (_, at) => view.getFloat32(4 * at, true));
}

/** The pictures that were added to one page or element. */
export class Pictures {
  /** @type {Map<string, Added>} code -> the photo that the picture is, or is a part of */
  #added = new Map();

  /**
   * @param {import("./service.js").Service} service
   * @param {AbortSignal} signal ends what is on its way
   */
  constructor(service, signal) {
    Object.assign(this, { service, signal });
  }

  /** @returns {Promise<typeof import("./photo.js")>} what scales photos, loaded when somebody is about to add one */
  tools() {
    return lazy("photo.js", this.signal);
  }

  /** @param {Picture} picture @returns {Added|undefined} its photo; an address has only its vector */
  addedOf(picture) {
    return this.#added.get(picture.code);
  }

  /** @param {Picture} picture @returns {Blob|undefined} the photo itself */
  thumbnailOf(picture) {
    return this.addedOf(picture)?.blob;
  }

  /**
   * @param {Picture} picture
   * @param {Blob} blob a small one that came with the address: it is shown
   */
  addThumbnail(picture, blob) {
    if (!this.addedOf(picture)) this.#added.set(picture.code, { blob, photo: null, whole: null, regions: null, encoderId: "" });
  }

  /**
   * @param {File} file
   * @returns {Promise<Added>} ready to be sent
   * @throws {ApiError} it cannot be read
   */
  async read(file) {
    const { readPhoto } = await this.tools();
    try {
      const photo = await readPhoto(file);
      return { blob: photo.blob, photo, whole: null, regions: null, encoderId: "" };
    } catch {
      throw new ApiError("photo.unreadable");
    }
  }

  /**
   * Have the service encode a photo, or a part of it.
   * @param {Added} added
   * @param {?import("./crop_box.js").Box} box the part; null: all
   * @param {AbortSignal} signal
   * @returns {Promise<Picture>}
   * @throws {ApiError}
   */
  async encode(added, box, signal) {
    const blob = box ? await (await this.tools()).partOf(added.photo, box) : added.blob;
    const body = formOf(blob);
    body.append("encoding_format", "base64");
    const answer = await (await this.service.send("v1/embeddings", { method: "POST", body }, signal)).json();
    added.encoderId = answer.model;
    const picture = this.remember(added, floatsOf(answer.data[0].embedding), box);
    if (!box) added.whole = picture;
    return picture;
  }

  /**
   * @param {Picture} picture of an earlier model
   * @param {AbortSignal} signal
   * @returns {Promise<Picture>} the same of the model that is served
   * @throws {ApiError} its photo is not here
   */
  async encodeAgain(picture, signal) {
    const added = this.addedOf(picture);
    if (!added?.photo) throw new ApiError("states.olderModel");
    added.regions = null; // their vectors are of that model, too
    return this.encode(added, picture.crop, signal);
  }

  /**
   * @param {Added} added
   * @param {number[]} vector of a part of it, or of all
   * @param {?import("./crop_box.js").Box} box
   * @returns {Picture}
   */
  remember(added, vector, box) {
    const picture = pictureFromCode(pictureCode(vector, added.encoderId), box);
    this.#added.set(picture.code, added);
    return picture;
  }

  /**
   * @param {Added} added
   * @param {AbortSignal} signal
   * @returns {Promise<Region[]>} the things in the photo; asked for once
   * @throws {ApiError}
   */
  regions(added, signal) {
    added.regions ??= this.service
      .send("v1/regions", { method: "POST", body: formOf(added.blob) }, signal)
      .then((answer) => answer.json())
      .then(({ regions, encoder_id }) => (encoder_id === added.encoderId ? regions : []));
    added.regions.catch(() => {
      added.regions = null; // they may be asked for again
    });
    return added.regions;
  }
}

// A form is sent to another origin without a question before, which takes a round trip on a slow line.
function formOf(blob) {
  const body = new FormData();
  body.append("image", blob, "photo");
  return body;
}

/**
 * Call `take` with every file that is chosen, photographed, pasted or dropped. On a page that is all ours it may be
 * dropped and pasted anywhere; else only on the element and into it.
 * @param {import("./ui.js").Ui} ui
 * @param {(file: File) => void} take
 * @param {() => void} prepare called when somebody is about to add one
 */
export function listenForFiles(ui, take, prepare) {
  for (const [button, input] of [
    ["choose-file", "file"],
    ["take-photo", "photo"],
  ]) {
    ui.$(button).addEventListener("click", () => {
      prepare();
      ui.$(input).click();
    });
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
    if (!view.classList.contains("dropping")) prepare();
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
