// Draws the map. Dots are written straight into the pixels: tens of thousands take a few milliseconds. Knows no page.

import { showPicture } from "./product_picture.js";
import { isDark, toCss } from "./map_colours.js";

/** @typedef {import("./map_view.js").ProductMap} ProductMap */
/** @typedef {import("./map_view.js").MapView} MapView */
/** @typedef {import("./map_colours.js").Colouring} Colouring */

const MAX_PICTURES = 70; // no more dots than this in view are drawn as pictures
const PICTURE = [42, 56]; // CSS pixels
const CROWDED = 8000; // products; beyond it dots are smaller

const pictures = new Map(); // id -> its picture, loaded or on its way

/**
 * @param {ProductMap} map
 * @param {MapView} view
 * @param {Colouring} colouring
 * @param {{marked: number, hovered: number, crosshair: boolean}} marks rows with a ring, -1 for none; and whether the
 *   middle is marked
 * @param {import("./service.js").Service} service that has the pictures
 * @param {() => void} redraw called when a picture has arrived
 * @returns {number} how many products are in view
 */
export function drawMap(map, view, colouring, { marked, hovered, crosshair }, service, redraw) {
  const context = view.canvas.getContext("2d");
  const { count, inView } = drawDots(context, map, view, colouring);
  if (inView.length <= MAX_PICTURES && view.zoom > 2) {
    inView.forEach((row) => drawPicture(context, map, view, row, toCss(colouring.words[row]), service, redraw));
  }
  context.strokeStyle = isDark() ? "#fff" : "#1b1918";
  if (marked >= 0) drawRing(context, view.pixelOf(map, marked), 11 * view.density, 3 * view.density);
  if (hovered >= 0) drawRing(context, view.pixelOf(map, hovered), 8 * view.density, 2 * view.density);
  if (crosshair) drawCrosshair(context, view);
  return count;
}

// Returns how many dots are in view, and the rows of those not faded, up to one more than can be pictures.
function drawDots(context, map, view, { words, faded }) {
  const { width, height } = view.canvas;
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const radius = view.density * Math.min(5, (map.ids.length > CROWDED ? 1.1 : 2.1) * view.zoom ** 0.3);
  const disc = discOffsets(radius);
  const edge = Math.ceil(radius) + 2;
  const { left, top, unit } = view.projection;
  const inView = [];
  let count = 0;
  // Faded dots come first, so that the others are drawn over them.
  for (const drawFaded of [true, false]) {
    for (let row = 0; row < words.length; row += 1) {
      if ((words[row] === 0) !== drawFaded) continue;
      const x = Math.round(left + unit * map.x[row]);
      const y = Math.round(top - unit * map.y[row]);
      if (x < edge || y < edge || x >= width - edge || y >= height - edge) continue;
      count += 1;
      if (!drawFaded && inView.length <= MAX_PICTURES) inView.push(row);
      const word = words[row] || faded;
      for (const [dx, dy] of disc) pixels[(y + dy) * width + x + dx] = word;
    }
  }
  context.putImageData(image, 0, 0);
  return { count, inView };
}

// The pixels of a dot around its middle.
function discOffsets(wanted) {
  const offsets = [];
  const radius = wanted < 1.5 ? 1 : Math.floor(wanted) + 0.3; // discs of these radii look round
  const reach = Math.ceil(radius);
  for (let y = -reach; y <= reach; y += 1) {
    for (let x = -reach; x <= reach; x += 1) if (x * x + y * y <= radius * radius) offsets.push([x, y]);
  }
  return offsets;
}

function drawPicture(context, map, view, row, frame, service, redraw) {
  const id = map.ids[row];
  let image = pictures.get(id);
  if (!image) {
    image = new Image();
    image.addEventListener("load", redraw);
    pictures.set(id, image);
    showPicture(service, image, { id }, "small");
  }
  if (!image.complete || !image.naturalWidth) return;
  const [width, height] = PICTURE.map((side) => side * view.density);
  const [x, y] = view.pixelOf(map, row);
  context.save();
  context.beginPath();
  context.roundRect(x - width / 2, y - height / 2, width, height, 6 * view.density);
  context.fillStyle = "#fff";
  context.fill();
  context.clip();
  const scale = Math.min(width / image.naturalWidth, height / image.naturalHeight);
  const [wide, high] = [image.naturalWidth * scale, image.naturalHeight * scale];
  context.drawImage(image, x - wide / 2, y - high / 2, wide, high);
  context.restore();
  context.lineWidth = 2 * view.density;
  context.strokeStyle = frame;
  context.stroke();
}

function drawRing(context, [x, y], radius, width) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.lineWidth = width;
  context.stroke();
}

function drawCrosshair(context, view) {
  const [x, y, arm] = [view.canvas.width / 2, view.canvas.height / 2, 9 * view.density];
  context.beginPath();
  context.moveTo(x - arm, y);
  context.lineTo(x + arm, y);
  context.moveTo(x, y - arm);
  context.lineTo(x, y + arm);
  context.lineWidth = 2 * view.density;
  context.stroke();
}
