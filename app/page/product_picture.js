// Pictures of products: addresses of small ones in the width that their place needs, from the screen's own pixels.
// Knows no page.

import { pause } from "./recover.js";
import { productPath } from "./service.js";

/**
 * @typedef {object} Pictured
 * @property {string} id of a product
 * @property {string} [image_url] path of the picture, where it is known; else the product's first one is shown
 */

const AGAIN_MS = 2000;
const WIDTHS = [160, 320, 640, 1280]; // what the service makes: it rounds up to one of them

/**
 * Widths that a picture is shown at, as `sizes` says it to the browser; the grid's columns are in search.css.
 * @enum {string}
 */
export const SIZES = {
  card: "(max-width: 620px) 45vw, 210px",
  tile: "(max-width: 620px) 30vw, 190px",
  small: "110px",
  tiny: "40px",
  large: "min(30rem, 100vw)",
};
const WIDEST = { card: 640, tile: 640, small: 320, tiny: 160, large: 1280 };

// The path of a small picture, from the root of the service: what stands before it in an answer is where the service is.
function smallPath({ id, image_url }, width) {
  const path = image_url ? image_url.slice(image_url.lastIndexOf("/v1/") + 1) : `${productPath(id)}/image`;
  return `${path}${path.includes("?") ? "&" : "?"}w=${width}`;
}

/**
 * Show a product's picture in `image`. With a key it cannot be loaded by its address: it is fetched, and shown from
 * memory.
 * @param {import("./service.js").Service} service
 * @param {HTMLImageElement} image
 * @param {Pictured} product
 * @param {keyof typeof SIZES} place where it is shown
 */
export function showPicture(service, image, product, place) {
  againOnce(image, () => load(service, image, product, place));
  load(service, image, product, place);
}

// A picture that does not come is asked for once more; then its place stays empty.
function againOnce(image, reload) {
  let failures = 0;
  image.addEventListener("error", async () => {
    failures += 1;
    image.classList.add("broken");
    if (failures > 1) return;
    await pause(AGAIN_MS * (1 + Math.random()));
    if (image.isConnected) reload();
  });
  image.addEventListener("load", () => image.classList.remove("broken"));
}

function load(service, image, product, place) {
  const widths = WIDTHS.filter((width) => width <= WIDEST[place]);
  if (!service.hasKey()) {
    image.sizes = SIZES[place];
    image.srcset = widths.map((width) => `${service.address(smallPath(product, width))} ${width}w`).join(", ");
    image.src = service.address(smallPath(product, widths[widths.length - 1]));
    return;
  }
  service
    .blob(smallPath(product, widths[Math.min(1, widths.length - 1)]))
    .then((blob) => {
      image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
      image.src = URL.createObjectURL(blob);
    })
    .catch(() => image.dispatchEvent(new Event("error")));
}

/**
 * A product's picture on its ground.
 * @param {import("./service.js").Service} service
 * @param {Pictured} product
 * @param {{lazy?: boolean, place?: keyof typeof SIZES}} [options] lazy: load it only when it is about to be seen
 * @returns {HTMLElement}
 */
export function imageBox(service, product, { lazy = true, place = "small" } = {}) {
  const image = document.createElement("img");
  // Before its address: a lazy picture must not begin to load. Width and height keep the place until it is there.
  Object.assign(image, { alt: "", decoding: "async", loading: lazy ? "lazy" : "eager", width: 60, height: 80 });
  showPicture(service, image, product, place);
  const box = document.createElement("span");
  box.className = "image-box";
  box.append(image);
  return box;
}
