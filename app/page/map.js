// The map page: all products as dots that one can move, zoom, colour and open. The view is in the address. Where a
// product is comes from the service. Knows no search.

import { element, showNotice } from "./elements.js";
import { imageBox } from "./product_picture.js";
import { colourDots } from "./map_colours.js";
import { drawMap } from "./map_draw.js";
import { MapView, MAX_ZOOM, SIDE } from "./map_view.js";
import { productPath } from "./service.js";
import { smallCard } from "./small_card.js";
import { documentUi } from "./ui.js";

const METHODS = { pca: "their two main directions (PCA)", umap: "their neighbourhoods (UMAP)" };
const COLOUR_FIRST = ["masterCategory", "articleType"]; // attributes to colour by, where the catalogue has them
const REACH = 16; // CSS pixels from a dot that still press it
const STILL = 5; // CSS pixels that a press may move
const STEP = 60; // CSS pixels that an arrow key moves the map
const PRODUCT_ZOOM = 12; // for a product that an address points at
const NEAREST = 6; // products shown beside the map

const ui = await documentUi();
const drawer = await ui.drawer();
const byId = ui.$;
const canvas = byId("canvas");
const view = new MapView(canvas);
/** @type {?import("./map_view.js").ProductMap} */
let map = null;
/** @type {?import("./map_colours.js").Colouring} */
let colouring = null;
const selected = new Set(); // values of the attribute to colour by
let marked = -1; // row of the product that the address points at
let hovered = -1; // row of the product under the pointer
let byKeyboard = false; // whether keys move the map: then its middle is marked

const isShown = (row) => colouring.words[row] !== 0;
const pixelOf = (event) => [event.offsetX * view.density, event.offsetY * view.density];

/* The address */

function followAddress() {
  const params = new URLSearchParams(location.search);
  const read = (name, otherwise, low, high) => {
    const value = params.has(name) ? Number(params.get(name)) : otherwise;
    return value >= low && value <= high ? value : otherwise;
  };
  Object.assign(view, { x: read("x", 0.5, 0, 1), y: read("y", 0.5, 0, 1), zoom: read("z", 1, 1, MAX_ZOOM) });
  marked = params.has("at") ? map.ids.indexOf(params.get("at")) : -1;
  if (marked >= 0 && !params.has("z")) {
    Object.assign(view, { x: map.x[marked] / SIDE, y: 1 - map.y[marked] / SIDE, zoom: PRODUCT_ZOOM });
  }
  const names = Object.keys(map.attributes);
  const first = COLOUR_FIRST.find((name) => names.includes(name)) ?? names[0] ?? "";
  byId("colour").value = names.includes(params.get("colour")) ? params.get("colour") : first;
  selected.clear();
  params.getAll("only").forEach((value) => selected.add(value));
  drawer.followAddress();
  colour();
}

// Called with every movement; the address and the list follow when it ends.
let addressTimer = 0;
function changed() {
  if (!map) return;
  draw();
  clearTimeout(addressTimer);
  addressTimer = setTimeout(() => {
    const url = new URL(location.href);
    const { x, y, zoom: z } = view;
    for (const [name, value] of Object.entries({ x, y, z })) url.searchParams.set(name, String(Number(value.toFixed(4))));
    url.searchParams.set("colour", byId("colour").value);
    url.searchParams.delete("only");
    selected.forEach((value) => url.searchParams.append("only", value));
    history.replaceState(history.state, "", url);
    showNearest();
  }, 250);
}

/* Showing */

let frame = 0;
function draw() {
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    if (map) drawNow();
  });
}

function drawNow() {
  const count = drawMap(map, view, colouring, { marked, hovered, crosshair: byKeyboard }, ui.service, draw);
  const [seen, all] = [count, map.ids.length].map((one) => ui.number(one));
  byId("view-count").textContent = seen === all ? `${all} products` : `${seen} of ${all} products in view`;
}

function colour() {
  colouring = colourDots(map.ids.length, map.attributes[byId("colour").value], selected);
  const { legend, rest } = colouring;
  const items = legend.map((entry, row) => element("li", {}, legendButton(entry, row)));
  if (rest.products) items.push(element("li", { className: "soft" }, `${rest.values} more: ${ui.number(rest.products)}`));
  byId("legend").replaceChildren(...items);
  draw();
}

function legendButton({ value, colour: shade, count }, row) {
  const dot = element("i");
  dot.style.setProperty("--dot", shade);
  const name = element("span", {}, value);
  const number = element("span", { className: "soft" }, ui.number(count));
  const button = element("button", { type: "button", "aria-pressed": String(selected.has(value)) }, dot, name, number);
  button.addEventListener("click", () => {
    if (!selected.delete(value)) selected.add(value);
    colour();
    changed();
    byId("legend").querySelectorAll("button")[row]?.focus(); // the button was made again
  });
  return button;
}

const products = new Map(); // id -> promise of the product
function loadProduct(id) {
  if (!products.has(id)) products.set(id, ui.service.get(productPath(id)).catch(() => ({ id, title: "No longer in the catalogue" })));
  return products.get(id);
}

let nearestIds = "";
async function showNearest() {
  const ids = view.nearest(map, isShown, NEAREST).map((row) => map.ids[row]);
  const wanted = (nearestIds = ids.join("\n"));
  if (!byId("in-view").checkVisibility()) return; // a phone has no room for them
  const found = await Promise.all(ids.map(loadProduct));
  if (nearestIds === wanted) byId("in-view").replaceChildren(...found.map((one) => smallCard(ui, one)));
}

let tipTimer = 0;
function hideTip() {
  clearTimeout(tipTimer);
  byId("tip").hidden = true;
}

function hover(event) {
  const row = view.nearest(map, isShown, 1, pixelOf(event), REACH * view.density)[0] ?? -1;
  if (row === hovered) return;
  hovered = row;
  draw();
  hideTip();
  if (row >= 0) tipTimer = setTimeout(() => showTip(row), 80);
}

async function showTip(row) {
  const product = await loadProduct(map.ids[row]);
  if (hovered !== row) return;
  byId("tip").replaceChildren(imageBox(ui.service, product, { lazy: false, place: "card" }), product.title);
  const [x, y] = view.pixelOf(map, row).map((pixel) => pixel / view.density);
  // To the right of the dot, or to its left where there is no room; never out of the canvas.
  const left = x > canvas.clientWidth - 190 ? x - 178 : x + 16;
  const top = Math.max(8, Math.min(y - 30, canvas.clientHeight - 190));
  byId("tip").style.setProperty("transform", `translate(${left}px, ${top}px)`);
  byId("tip").hidden = false;
}

/* Moving */

function move(dx, dy) {
  view.move(dx, dy);
  changed();
}

function zoomBy(factor, pixel = []) {
  view.zoomBy(factor, ...pixel);
  byId("tip").hidden = true;
  changed();
}

function showAll() {
  view.showAll();
  changed();
}

function openNearest(pixel, reach) {
  const [row] = view.nearest(map, isShown, 1, pixel, reach);
  if (row !== undefined) drawer.open(map.ids[row]);
}

const pointers = new Map(); // id -> where it is, of pointers that are down
let moved = 0;
canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
  if (pointers.size === 1) moved = 0;
  byKeyboard = false;
});
canvas.addEventListener("pointermove", (event) => {
  const before = pointers.get(event.pointerId);
  if (!before) {
    if (map) hover(event);
    return;
  }
  const here = [event.offsetX, event.offsetY];
  const [dx, dy] = [here[0] - before[0], here[1] - before[1]];
  moved += Math.abs(dx) + Math.abs(dy);
  const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
  if (other) {
    // Two fingers: the map zooms as their distance changes, around the middle between them.
    const [was, is] = [before, here].map(([x, y]) => Math.hypot(x - other[0], y - other[1]));
    zoomBy(is / Math.max(was, 1), [0, 1].map((axis) => ((here[axis] + other[axis]) / 2) * view.density));
  }
  move((dx * view.density) / pointers.size, (dy * view.density) / pointers.size);
  byId("tip").hidden = true;
  pointers.set(event.pointerId, here);
});
for (const kind of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(kind, (event) => {
    pointers.delete(event.pointerId);
    if (kind === "pointerup" && map && moved < STILL) openNearest(pixelOf(event), REACH * view.density);
  });
}
canvas.addEventListener("pointerleave", () => {
  hovered = -1;
  hideTip();
  draw();
});
canvas.addEventListener(
  "wheel",
  (event) => {
    event.preventDefault();
    zoomBy(Math.exp(-event.deltaY / 400), pixelOf(event));
  },
  { passive: false },
);
canvas.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !map) return;
  const step = STEP * view.density;
  const moves = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
  byKeyboard = true;
  if (event.key in moves) move(...moves[event.key]);
  else if (event.key === "+" || event.key === "=") zoomBy(1.4);
  else if (event.key === "-") zoomBy(1 / 1.4);
  else if (event.key === "0") showAll();
  else if (event.key === "Enter") openNearest();
  else return;
  event.preventDefault();
});
canvas.addEventListener("blur", () => {
  byKeyboard = false;
  draw();
});
byId("zoom-in").addEventListener("click", () => zoomBy(1.6));
byId("zoom-out").addEventListener("click", () => zoomBy(1 / 1.6));
byId("show-all").addEventListener("click", showAll);
byId("colour").addEventListener("change", () => {
  selected.clear();
  colour();
  changed();
});
new ResizeObserver(() => {
  canvas.width = Math.round(canvas.clientWidth * view.density);
  canvas.height = Math.round(canvas.clientHeight * view.density);
  if (map) drawNow();
}).observe(byId("sheet"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => map && colour());

/* Beginning */

// The service sends 16-bit numbers, low byte first, in base64.
const toNumbers = (text) => new Uint16Array(Uint8Array.from(atob(text), (char) => char.charCodeAt(0)).buffer);

async function start() {
  byId("view-count").textContent = "Loading …";
  try {
    const answer = await ui.service.get("v1/map");
    const attributes = Object.entries(answer.attributes).map(([name, { values, codes }]) => [name, { values, codes: toNumbers(codes) }]);
    map = { ids: answer.ids, x: toNumbers(answer.x), y: toNumbers(answer.y), attributes: Object.fromEntries(attributes) };
    byId("colour").append(...attributes.map(([name]) => element("option", { value: name }, ui.sayAttribute(name))));
    const missing = answer.left_out ? ` ${ui.number(answer.left_out)} newer products are not on the map yet.` : "";
    byId("method").textContent = `Similar pictures are close to each other, by ${METHODS[answer.method]}.${missing}`;
    followAddress();
    showNearest();
    addEventListener("popstate", followAddress);
  } catch (error) {
    byId("view-count").textContent = "";
    showNotice(byId("notice"), error.status === 404 ? "This catalogue has no map yet. Its operator can make one: vitrine map" : ui.messageOf(error));
  }
}
start();
