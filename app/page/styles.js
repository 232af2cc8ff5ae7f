// Style sheets for a document or a shadow root, made from the service's files: a host page needs to allow no style.

import { fetchFile } from "./lazy.js";
import { keepTrying, Kept } from "./recover.js";

/** @type {Map<string, Kept<CSSStyleSheet>>} name -> sheet: files do not change, and all elements share theirs */
const sheets = new Map();

// A host's rem is of its own root: here it is 16 pixels, as on our pages.
const inPixels = (css) => css.replace(/(\d*\.?\d+)rem\b/g, (_, size) => `${16 * Number(size)}px`);

async function load(name) {
  const response = await fetchFile(`${name}.css`);
  return new CSSStyleSheet().replace(inPixels(await response.text()));
}

/**
 * @param {...string} names of style sheets
 * @returns {Promise<CSSStyleSheet[]>}
 * @throws {Error} one cannot be loaded
 */
export const sheetsOf = (...names) =>
  Promise.all(
    names.map((name) => {
      if (!sheets.has(name)) sheets.set(name, new Kept(() => load(name)));
      return sheets.get(name).get();
    }),
  );

/**
 * Style a root. A sheet that it has already is not added again.
 * @param {Document|ShadowRoot} root
 * @param {...string} names of style sheets, the first first
 * @throws {Error} one cannot be loaded
 */
export async function adopt(root, ...names) {
  const made = await keepTrying(() => sheetsOf(...names));
  root.adoptedStyleSheets = [...new Set([...root.adoptedStyleSheets, ...made])];
}
