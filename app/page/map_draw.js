// Draws the map. Dots are written straight into the pixels: tens of thousands take a few milliseconds. Knows no page.

import { showPicture } from "./product_picture.js";
import { isDark, toCss } from "./map_colours.js";

/** @typedef {import("./map_view.js").ProductMap} ProductMap */
/** @typedef {import("./map_view.js").MapView} MapView */
/** @typedef {import("./map_colours.js").Colouring} Colouring */

const MAX_PICTURES = 70; // no more dots than this in view are drawn as pictures
const PICTURE = [42, 56]; // CSS pixels
const LABEL = 13; // CSS pixels of the letters of a label
const EDGE = 4; // CSS pixels between a label and the edge of the sheet
const CROWDED = 8000; // products; beyond it dots are smaller

const pictures = new Map(); // id -> its picture, loaded or on its way

/**
 * @typedef {object} Marks what is drawn besides the dots
 * @property {number} marked row with a ring, -1 for none
 * @property {number} hovered the same
 * @property {boolean} crosshair whether the middle is marked
 * @property {boolean} bright whether the dots that are not faded are larger
 * @property {[number, number][]} outline CSS pixels of the corners of what is being drawn
 * @property {import("./map_labels.js").ClusterLabel[]} labels
 */

/**
 * @param {ProductMap} map
 * @param {MapView} view
 * @param {Colouring} colouring
 * @param {Marks} marks
 * @param {import("./service.js").Service} service that has the pictures
 * @param {() => void} redraw called when a picture has arrived
 * @returns {{seen: number, shown: number}} how many products are in view, and how many of them are not faded
 */
export function drawMap(map, view, colouring, marks, service, redraw) {
  const context = view.canvas.getContext("2d");
  const { seen, shown, inView } = drawDots(context, map, view, colouring, marks.bright);
  const ink = isDark() ? "#fff" : "#1b1918";
  if (inView.length <= MAX_PICTURES && view.zoom > 2) {
    inView.forEach((row) => drawPicture(context, map, view, row, toCss(colouring.edges.get(colouring.words[row]) ?? colouring.words[row]), service, redraw));
  } else {
    drawLabels(context, view, marks.labels, ink);
  }
  context.strokeStyle = ink;
  if (marks.marked >= 0) drawRing(context, view.pixelOf(map, marks.marked), 11 * view.density, 3 * view.density);
  if (marks.hovered >= 0) drawRing(context, view.pixelOf(map, marks.hovered), 8 * view.density, 2 * view.density);
  if (marks.crosshair) drawCrosshair(context, view);
  if (marks.outline.length > 1) drawOutline(context, view, marks.outline);
  return { seen, shown };
}

// Returns how many dots are in view, and the rows of those not faded, up to one more than can be pictures.
function drawDots(context, map, view, { words, faded, edges }, bright) {
  const { width, height } = view.canvas;
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const radius = view.density * Math.min(5, (map.ids.length > CROWDED ? 1.1 : 2.1) * view.zoom ** 0.3);
  const disc = discOffsets(radius, width);
  const large = bright ? discOffsets(radius + view.density, width) : disc;
  const rim = discOffsets(radius + (bright ? 2 : 1) * view.density, width);
  const margin = Math.ceil(radius) + 5;
  const { left, top, unit } = view.projection;
  const inView = [];
  let [seen, shown] = [0, 0];
  // Faded dots come first, so that the others are drawn over them.
  for (const drawFaded of [true, false]) {
    for (let row = 0; row < words.length; row += 1) {
      if ((words[row] === 0) !== drawFaded) continue;
      const x = Math.round(left + unit * map.x[row]);
      const y = Math.round(top - unit * map.y[row]);
      if (x < margin || y < margin || x >= width - margin || y >= height - margin) continue;
      seen += 1;
      if (!drawFaded) {
        shown += 1;
        if (inView.length <= MAX_PICTURES) inView.push(row);
      }
      const middle = y * width + x;
      const word = words[row] || faded;
      const edge = edges.size && !drawFaded ? edges.get(word) : undefined;
      if (edge !== undefined) for (const offset of rim) pixels[middle + offset] = edge;
      for (const offset of drawFaded ? disc : large) pixels[middle + offset] = word;
    }
  }
  context.putImageData(image, 0, 0);
  return { seen, shown, inView };
}

// The pixels of a dot around its middle, as steps in an image of this width.
function discOffsets(wanted, width) {
  const offsets = [];
  const radius = wanted < 1.5 ? 1 : Math.floor(wanted) + 0.3; // discs of these radii look round
  const reach = Math.ceil(radius);
  for (let y = -reach; y <= reach; y += 1) {
    for (let x = -reach; x <= reach; x += 1) if (x * x + y * y <= radius * radius) offsets.push(y * width + x);
  }
  return offsets;
}

// The ground shines around a text, so that it is read on dots of any colour.
function drawLabels(context, view, labels, ink) {
  const { width, height } = view.canvas;
  const { left, top, unit } = view.projection;
  context.save();
  context.font = labelFont(view.canvas, view.density);
  Object.assign(context, { textAlign: "center", textBaseline: "middle", lineJoin: "round", lineWidth: 4 * view.density });
  context.strokeStyle = isDark() ? "rgb(32 29 31 / .85)" : "rgb(243 241 238 / .9)";
  context.fillStyle = ink;
  for (const { text, x, y } of labels) {
    const [across, down] = [left + unit * x, top - unit * y];
    if (across < 0 || across > width || down < 0 || down > height) continue;
    // At an edge a text is moved inwards: half a word tells nothing.
    const half = context.measureText(text).width / 2 + EDGE * view.density;
    const middle = Math.max(half, Math.min(width - half, across));
    context.strokeText(text, middle, down);
    context.fillText(text, middle, down);
  }
  context.restore();
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {number} [density] canvas pixels to a CSS pixel
 * @returns {string} the font of the labels: that of the page
 */
export const labelFont = (canvas, density = 1) => `650 ${LABEL * density}px ${getComputedStyle(canvas).fontFamily}`;

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

function drawOutline(context, view, outline) {
  context.save();
  context.beginPath();
  outline.forEach(([x, y]) => context.lineTo(x * view.density, y * view.density));
  context.closePath();
  Object.assign(context, { lineWidth: 2 * view.density, fillStyle: "rgb(128 128 128 / .18)" });
  context.setLineDash([6 * view.density, 4 * view.density]);
  context.fill();
  context.stroke();
  context.restore();
}
