// A photo on its way to the service: scaled down to what an encoder sees, in the colours that the service would see, and
// as a thumbnail short enough for an address. Knows no page and no call; loaded with the first photo.

import { bytesOf, codeOf } from "./base64.js";

const SIDE = 448; // pixels of the longer side that is sent: four times what encoders look at
const DETAIL_SIDE = 1344; // of what stays here, to cut parts out of
const SMALL_BYTES = 24_000; // a file of no more, and of no more pixels, is sent as it is
const QUALITY = 0.9;
const THUMBNAIL_SIDE = 64;
const THUMBNAIL_BYTES = 1500;
const THUMBNAIL_QUALITIES = [0.6, 0.4, 0.25, 0.1];

/**
 * @typedef {object} Photo
 * @property {Blob} blob what is sent
 * @property {?HTMLCanvasElement} detail the photo, upright; null where the browser cannot read it
 */

function canvasOf(width, height) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: Math.max(1, Math.round(width)), height: Math.max(1, Math.round(height)) });
  // The canvas converts the colours of wider profiles to sRGB, as the service does.
  const context = canvas.getContext("2d", { alpha: false, colorSpace: "srgb" });
  // The service lays what is transparent on white.
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  return { canvas, context };
}

/**
 * Scale a part of a picture. Not to less than half in one step: browsers skip pixels then.
 * @param {CanvasImageSource & {width: number, height: number}} source
 * @param {number} longest side, in pixels; a smaller part keeps its size
 * @param {number[]} [box] left, top, width and height in parts of the source
 * @returns {HTMLCanvasElement} on white, in sRGB
 */
function scaled(source, longest, [left, top, wide, high] = [0, 0, 1, 1]) {
  let [x, y, width, height] = [left * source.width, top * source.height, wide * source.width, high * source.height];
  const factor = Math.min(1, longest / Math.max(width, height));
  const [endWidth, endHeight] = [width * factor, height * factor];
  let from = source;
  for (;;) {
    const last = width / 2 <= endWidth;
    const [toWidth, toHeight] = last ? [endWidth, endHeight] : [Math.ceil(width / 2), Math.ceil(height / 2)];
    const { canvas, context } = canvasOf(toWidth, toHeight);
    context.drawImage(from, x, y, width, height, 0, 0, canvas.width, canvas.height);
    if (last) return canvas;
    [from, x, y, width, height] = [canvas, 0, 0, canvas.width, canvas.height];
  }
}

const blobOf = (canvas, type, quality) => new Promise((resolve) => canvas.toBlob(resolve, type, quality));

// WebP where the browser writes it: a third less than JPEG. One that does not gives PNG, which is many times more.
async function packed(canvas, quality = QUALITY) {
  const webp = await blobOf(canvas, "image/webp", quality);
  return webp?.type === "image/webp" ? webp : blobOf(canvas, "image/jpeg", quality);
}

/**
 * @param {File} file
 * @returns {Promise<Photo>} one that the browser cannot read is sent whole: the service knows more kinds
 * @throws {DOMException} the file is not there any more
 */
export async function readPhoto(file) {
  await file.slice(0, 1).arrayBuffer();
  let bitmap;
  try {
    bitmap = await createImageBitmap(file); // upright; the first frame of an animation
  } catch {
    return { blob: file, detail: null };
  }
  const detail = scaled(bitmap, DETAIL_SIDE);
  const small = file.size <= SMALL_BYTES && Math.max(bitmap.width, bitmap.height) <= SIDE;
  bitmap.close();
  return { blob: small ? file : await packed(scaled(detail, SIDE)), detail };
}

/**
 * @param {Photo} photo that the browser can read
 * @param {number[]} box left, top, width and height in parts of the photo
 * @returns {Promise<Blob>} that part, as it is sent
 */
export const partOf = (photo, box) => packed(scaled(photo.detail, SIDE, box));

/**
 * @param {Blob} blob of a picture
 * @returns {Promise<string>} a thumbnail in base64url, short enough for the fragment of an address; "" where there is none
 */
export async function thumbnailCode(blob) {
  try {
    const canvas = scaled(await createImageBitmap(blob), THUMBNAIL_SIDE);
    for (const quality of THUMBNAIL_QUALITIES) {
      const small = await packed(canvas, quality);
      if (small.size > THUMBNAIL_BYTES) continue;
      return codeOf(new Uint8Array(await small.arrayBuffer()));
    }
  } catch {
    // it is a comfort: the search is found without it
  }
  return "";
}

/** @param {string} code @returns {?Blob} the thumbnail; null: the code is none */
export function thumbnailFromCode(code) {
  if (!code || code.length > 2 * THUMBNAIL_BYTES) return null;
  try {
    const bytes = bytesOf(code);
    const type = bytes[0] === 0xff && bytes[1] === 0xd8 ? "image/jpeg" : bytes[8] === 0x57 ? "image/webp" : "";
    return type ? new Blob([bytes], { type }) : null;
  } catch {
    return null;
  }
}
