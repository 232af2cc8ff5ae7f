// The map: all products as dots on a canvas that one can pan, zoom, colour and click; close up, dots become pictures.
// The view is in the address. Knows no search; where a product stands comes from the service.

import { get, productPath, showPicture } from "/page/api.js";
import { at, drawer, make, number, plate, smallCard, spoken } from "/page/drawer.js";

const NONE = 65535; // the code of a product without a value; also the side of the map
const NAMED = 12; // values that have a colour of their own
const PALETTE = ["#c2255c", "#1971c2", "#2f9e44", "#f08c00", "#7048e8", "#0c8599", "#d6336c", "#66a80f", "#a0522d", "#4263eb", "#e8590c", "#087f5b"];
const OTHER = "#9a938e";
const PICTURES = 70; // so few dots in view are shown as pictures
const REACH = 16; // how near to a dot a click must be, in pixels
const MARGIN = 0.92; // part of the sheet that the whole map takes
const MOST_ZOOM = 400;

const canvas = at("canvas");
const context = canvas.getContext("2d");
let map = null; // { ids, x, y, attributes }
let dots = null; // Uint32Array of each product's colour, as it stands in memory; 0 for one that is faded
let faded = 0;
const view = { x: 0.5, y: 0.5, z: 1 }; // middle, in parts of the map, and magnification
const only = new Set(); // values that are seen alone
let marked = -1; // the product that the address points at
let near = -1; // the product under the pointer
let keyed = false; // whether the keyboard moves the map: then its middle is marked

const bytes = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
const shorts = (text) => new Uint16Array(bytes(text).buffer);

/* The address */

function fromAddress() {
  const query = new URLSearchParams(location.search);
  const part = (name, otherwise, low, high) => {
    const value = query.has(name) ? Number(query.get(name)) : otherwise;
    return value >= low && value <= high ? value : otherwise;
  };
  Object.assign(view, { x: part("x", 0.5, 0, 1), y: part("y", 0.5, 0, 1), z: part("z", 1, 1, MOST_ZOOM) });
  marked = query.has("at") ? map.ids.indexOf(query.get("at")) : -1;
  if (marked >= 0 && !query.has("z")) Object.assign(view, { x: map.x[marked] / NONE, y: 1 - map.y[marked] / NONE, z: 12 });
  const name = query.get("colour");
  at("colour").value = name in map.attributes ? name : (["masterCategory", "articleType"].find((one) => one in map.attributes) ?? Object.keys(map.attributes)[0] ?? "");
  only.clear();
  query.getAll("only").forEach((value) => only.add(value));
  drawer.follow();
  paint();
  draw();
}

let remembering = 0;
function remember() {
  clearTimeout(remembering);
  remembering = setTimeout(() => {
    const url = new URL(location.href);
    for (const name of ["x", "y", "z"]) url.searchParams.set(name, String(Number(view[name].toFixed(4))));
    url.searchParams.set("colour", at("colour").value);
    url.searchParams.delete("only");
    only.forEach((value) => url.searchParams.append("only", value));
    history.replaceState(history.state, "", url);
    showMiddle();
  }, 250);
}

/* Colours */

const toWord = (red, green, blue, alpha = 255) => ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;
const dark = () => matchMedia("(prefers-color-scheme: dark)").matches;

const probe = make("canvas", { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
function components(css) {
  probe.fillStyle = css;
  probe.fillRect(0, 0, 1, 1);
  return [...probe.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}

// Names of colours stand for themselves ("Navy Blue" is navy), a little off the ground they would vanish in.
function coloursOf(values) {
  const names = values.slice(0, NAMED).map((value) => value.toLowerCase().replaceAll(" ", ""));
  const known = (name) => (CSS.supports("color", name) ? name : name === "navyblue" ? "navy" : null);
  if (names.filter(known).length * 2 < names.length) return PALETTE;
  const ground = dark() ? 32 : 243;
  return names.map((name, place) => {
    const rgb = components(known(name) ?? PALETTE[place]);
    const level = rgb.reduce((one, other) => one + other) / 3;
    const mixed = rgb.map((value) => (Math.abs(level - ground) < 25 ? value * 0.7 + (dark() ? 75 : 0) : value * 0.8 + 25));
    return `rgb(${mixed.map(Math.round).join(" ")})`;
  });
}

function paint() {
  const attribute = map.attributes[at("colour").value];
  dots = new Uint32Array(map.ids.length);
  const other = toWord(...components(OTHER));
  faded = toWord(...(dark() ? [58, 54, 57] : [222, 217, 212]));
  if (!attribute) {
    dots.fill(other);
    at("legend").replaceChildren();
    return;
  }
  const colours = coloursOf(attribute.values);
  const words = attribute.values.map((_, place) => (place < NAMED ? toWord(...components(colours[place])) : other));
  const seen = attribute.values.map((value) => !only.size || only.has(value));
  const counts = new Array(attribute.values.length).fill(0);
  attribute.codes.forEach((code, row) => {
    if (code !== NONE) counts[code] += 1;
    dots[row] = code === NONE ? (only.size ? 0 : other) : seen[code] ? words[code] : 0;
  });
  const named = attribute.values.map((value, place) => [value, place]).filter(([value, place]) => place < NAMED || only.has(value));
  const items = named.map(([value, place]) => {
    const dot = make("i");
    dot.style.setProperty("--dot", place < NAMED ? colours[place] : OTHER);
    const button = make("button", { type: "button", "aria-pressed": String(only.has(value)) }, dot, make("span", {}, value));
    button.append(make("span", { className: "soft" }, number(counts[place])));
    button.addEventListener("click", () => {
      if (!only.delete(value)) only.add(value);
      paint();
      draw();
      remember();
      at("legend").querySelectorAll("button")[named.findIndex(([one]) => one === value)]?.focus();
    });
    return make("li", {}, button);
  });
  const rest = counts.slice(NAMED).reduce((one, two) => one + two, 0);
  if (rest) items.push(make("li", { className: "soft" }, `${counts.length - NAMED} more: ${number(rest)}`));
  at("legend").replaceChildren(...items);
}

/* Drawing: dots are written straight into the pixels, which takes a few milliseconds for tens of thousands */

const density = () => Math.min(2, devicePixelRatio || 1);
const scale = () => Math.min(canvas.width, canvas.height) * MARGIN * view.z;
const screenX = (row) => (map.x[row] / NONE - view.x) * scale() + canvas.width / 2;
const screenY = (row) => (1 - map.y[row] / NONE - view.y) * scale() + canvas.height / 2;

let drawing = 0;
function draw() {
  drawing ||= requestAnimationFrame(() => {
    drawing = 0;
    if (map) drawNow();
  });
}

function disc(wanted) {
  const offsets = [];
  const radius = wanted < 1.5 ? 1 : Math.floor(wanted) + 0.3; // these look round
  const reach = Math.ceil(radius);
  for (let y = -reach; y <= reach; y += 1) for (let x = -reach; x <= reach; x += 1) if (x * x + y * y <= radius * radius) offsets.push([x, y]);
  return offsets;
}

function drawNow() {
  const { width, height } = canvas;
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const radius = density() * Math.min(5, (map.ids.length > 8000 ? 1.1 : 2.1) * view.z ** 0.3);
  const offsets = disc(radius);
  const edge = Math.ceil(radius) + 2;
  const [s, x0, y0] = [scale(), width / 2, height / 2];
  const inView = [];
  let count = 0;
  for (const behind of [true, false]) {
    for (let row = 0; row < dots.length; row += 1) {
      if ((dots[row] === 0) !== behind) continue;
      const x = Math.round((map.x[row] / NONE - view.x) * s + x0);
      const y = Math.round((1 - map.y[row] / NONE - view.y) * s + y0);
      if (x < edge || y < edge || x >= width - edge || y >= height - edge) continue;
      count += 1;
      if (!behind && inView.length <= PICTURES) inView.push(row);
      const word = dots[row] || faded;
      for (const [dx, dy] of offsets) pixels[(y + dy) * width + x + dx] = word;
    }
  }
  context.putImageData(image, 0, 0);
  if (inView.length <= PICTURES && view.z > 2) inView.forEach(drawPicture);
  if (marked >= 0) ring(marked, 11, 3);
  if (near >= 0) ring(near, 8, 2);
  if (keyed) cross();
  at("inview").textContent = count === map.ids.length ? `${number(count)} products` : `${number(count)} of ${number(map.ids.length)} products in view`;
}

const pictures = new Map(); // row -> its picture
function drawPicture(row) {
  let image = pictures.get(row);
  if (!image) {
    image = new Image();
    image.addEventListener("load", draw);
    pictures.set(row, image);
    showPicture(image, map.ids[row]);
  }
  if (!image.complete || !image.naturalWidth) return;
  const [width, height] = [42 * density(), 56 * density()];
  const [left, top] = [screenX(row) - width / 2, screenY(row) - height / 2];
  context.save();
  context.beginPath();
  context.roundRect(left, top, width, height, 6 * density());
  context.fillStyle = "#fff";
  context.fill();
  context.clip();
  context.drawImage(image, left, top, width, height);
  context.restore();
  context.lineWidth = 2 * density();
  context.strokeStyle = `rgb(${dots[row] & 255} ${(dots[row] >> 8) & 255} ${(dots[row] >> 16) & 255})`;
  context.stroke();
}

function ring(row, radius, width) {
  context.beginPath();
  context.arc(screenX(row), screenY(row), radius * density(), 0, 2 * Math.PI);
  context.lineWidth = width * density();
  context.strokeStyle = dark() ? "#fff" : "#1b1918";
  context.stroke();
}

function cross() {
  const [x, y, arm] = [canvas.width / 2, canvas.height / 2, 9 * density()];
  context.beginPath();
  context.moveTo(x - arm, y);
  context.lineTo(x + arm, y);
  context.moveTo(x, y - arm);
  context.lineTo(x, y + arm);
  context.lineWidth = 2 * density();
  context.strokeStyle = dark() ? "#fff" : "#1b1918";
  context.stroke();
}

/* Finding */

// The products nearest to a place on the canvas, those that are not faded.
function nearest(x, y, count, reach = Infinity) {
  const found = [];
  const [s, x0, y0] = [scale(), canvas.width / 2, canvas.height / 2];
  for (let row = 0; row < dots.length; row += 1) {
    if (!dots[row]) continue;
    const dx = (map.x[row] / NONE - view.x) * s + x0 - x;
    const dy = (1 - map.y[row] / NONE - view.y) * s + y0 - y;
    const distance = dx * dx + dy * dy;
    if (distance > reach * reach || (found.length === count && distance >= found[count - 1].distance)) continue;
    found.push({ row, distance });
    found.sort((one, other) => one.distance - other.distance);
    found.length = Math.min(count, found.length);
  }
  return found.map((one) => one.row);
}

const products = new Map(); // id -> promise of the product
function product(id) {
  if (!products.has(id)) products.set(id, get(productPath(id)).catch(() => ({ id, title: "No longer there" })));
  return products.get(id);
}

let middleOf = "";
async function showMiddle() {
  const ids = nearest(canvas.width / 2, canvas.height / 2, 6).map((row) => map.ids[row]);
  middleOf = ids.join("\n");
  const now = middleOf;
  if (!at("middle").checkVisibility()) return;
  const found = await Promise.all(ids.map(product));
  if (middleOf === now) at("middle").replaceChildren(...found.map(smallCard));
}

let pointing = 0;
function point(event) {
  const [x, y] = [event.offsetX * density(), event.offsetY * density()];
  const row = nearest(x, y, 1, REACH * density())[0] ?? -1;
  if (row === near) return;
  near = row;
  draw();
  clearTimeout(pointing);
  at("tip").hidden = true;
  if (row < 0) return;
  pointing = setTimeout(async () => {
    const found = await product(map.ids[row]);
    if (near !== row) return;
    at("tip").replaceChildren(plate(found.id, false), found.title);
    const [left, top] = [screenX(row) / density(), screenY(row) / density()];
    const [wide, high] = [canvas.clientWidth, canvas.clientHeight];
    const [x1, y1] = [left > wide - 190 ? left - 178 : left + 16, Math.max(8, Math.min(top - 30, high - 190))];
    at("tip").style.setProperty("transform", `translate(${x1}px, ${y1}px)`);
    at("tip").hidden = false;
  }, 80);
}

/* Moving */

function move(dx, dy) {
  view.x = Math.min(1, Math.max(0, view.x - dx / scale()));
  view.y = Math.min(1, Math.max(0, view.y - dy / scale()));
  draw();
  remember();
}

function zoom(factor, x = canvas.width / 2, y = canvas.height / 2) {
  const before = scale();
  view.z = Math.min(MOST_ZOOM, Math.max(1, view.z * factor));
  const change = 1 / before - 1 / scale();
  view.x = Math.min(1, Math.max(0, view.x + (x - canvas.width / 2) * change));
  view.y = Math.min(1, Math.max(0, view.y + (y - canvas.height / 2) * change));
  at("tip").hidden = true;
  draw();
  remember();
}

function whole() {
  Object.assign(view, { x: 0.5, y: 0.5, z: 1 });
  draw();
  remember();
}

const pointers = new Map();
let moved = 0;
canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
  if (pointers.size === 1) moved = 0;
  keyed = false;
});
canvas.addEventListener("pointermove", (event) => {
  const before = pointers.get(event.pointerId);
  if (!before) {
    if (map) point(event);
    return;
  }
  const here = [event.offsetX, event.offsetY];
  const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
  const [dx, dy] = [here[0] - before[0], here[1] - before[1]];
  moved += Math.abs(dx) + Math.abs(dy);
  if (other) {
    const [was, is] = [before, here].map(([x, y]) => Math.hypot(x - other[0], y - other[1]));
    zoom(is / Math.max(was, 1), ((here[0] + other[0]) / 2) * density(), ((here[1] + other[1]) / 2) * density());
  }
  move((dx * density()) / pointers.size, (dy * density()) / pointers.size);
  at("tip").hidden = true;
  pointers.set(event.pointerId, here);
});
for (const kind of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(kind, (event) => {
    pointers.delete(event.pointerId);
    if (kind === "pointerup" && map && moved < 5) {
      const row = nearest(event.offsetX * density(), event.offsetY * density(), 1, REACH * density())[0];
      if (row !== undefined) drawer.open(map.ids[row]);
    }
  });
}
canvas.addEventListener("pointerleave", () => {
  near = -1;
  clearTimeout(pointing);
  at("tip").hidden = true;
  draw();
});
canvas.addEventListener(
  "wheel",
  (event) => {
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 400), event.offsetX * density(), event.offsetY * density());
  },
  { passive: false },
);
canvas.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !map) return;
  const step = 60 * density();
  const moves = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
  keyed = true;
  if (event.key in moves) move(...moves[event.key]);
  else if (event.key === "+" || event.key === "=") zoom(1.4);
  else if (event.key === "-") zoom(1 / 1.4);
  else if (event.key === "0") whole();
  else if (event.key === "Enter") {
    const [row] = nearest(canvas.width / 2, canvas.height / 2, 1);
    if (row !== undefined) drawer.open(map.ids[row]);
  } else return;
  event.preventDefault();
});
canvas.addEventListener("blur", () => {
  keyed = false;
  draw();
});
at("closer").addEventListener("click", () => zoom(1.6));
at("further").addEventListener("click", () => zoom(1 / 1.6));
at("whole").addEventListener("click", whole);
at("colour").addEventListener("change", () => {
  only.clear();
  paint();
  draw();
  remember();
});

new ResizeObserver(() => {
  canvas.width = Math.round(canvas.clientWidth * density());
  canvas.height = Math.round(canvas.clientHeight * density());
  if (map) drawNow();
}).observe(at("sheet"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  if (!map) return;
  paint();
  draw();
});

const METHODS = { pca: "the two directions in which pictures differ most (PCA)", umap: "neighbourhoods (UMAP)" };

async function begin() {
  at("inview").textContent = "Unfolding …";
  try {
    const answer = await get("/v1/map");
    const attributes = Object.fromEntries(
      Object.entries(answer.attributes).map(([name, { values, codes }]) => [name, { values, codes: shorts(codes) }]),
    );
    map = { ids: answer.ids, x: shorts(answer.x), y: shorts(answer.y), attributes };
    at("colour").append(...Object.keys(attributes).map((name) => make("option", { value: name }, spoken(name))));
    const late = answer.left_out ? ` ${number(answer.left_out)} newer products have no place yet.` : "";
    at("method").textContent = `What looks alike stands together, by ${METHODS[answer.method]}.${late}`;
    fromAddress();
    showMiddle();
    addEventListener("popstate", fromAddress);
  } catch (error) {
    if (!error.words) console.error(error);
    at("inview").textContent = "";
    const words = error.status === 404 ? "This catalogue has no map yet. Whoever runs it can make one: vitrine map" : error.words;
    at("notice").replaceChildren(make("p", {}, words || "Something went wrong on this page. Please reload it."));
    at("notice").hidden = false;
  }
}
begin();
