// The map page: all products as dots that one can move, zoom, colour, search, draw around and open. What is seen is in
// the address. Where a product is comes from the service.

import { element, showNotice } from "./elements.js";
import { colourDots } from "./map_colours.js";
import { drawMap } from "./map_draw.js";
import { readAddress, writeAddress } from "./map_address.js";
import { nameRegions } from "./map_labels.js";
import { Legend } from "./map_legend.js";
import { Moves } from "./map_moves.js";
import { rowsWithin } from "./map_region.js";
import { MapSearch } from "./map_search.js";
import { SelectionPanel } from "./map_selection.js";
import { Tip } from "./map_tip.js";
import { MapView, SIDE } from "./map_view.js";
import { productPath } from "./service.js";
import { smallCard } from "./small_card.js";
import { documentUi } from "./ui.js";

const COLOUR_FIRST = ["masterCategory", "articleType"]; // attributes to colour by, where the catalogue has them
const REACH = 16; // CSS pixels from a dot that still press it
const PRODUCT_ZOOM = 12; // for a product that an address points at
const NEAREST = 6; // products shown beside the map
const SETTLED_MS = 250; // after a movement, until the address and the list follow

// The service sends 16-bit numbers, low byte first, in base64.
const toNumbers = (text) => new Uint16Array(Uint8Array.from(atob(text), (char) => char.charCodeAt(0)).buffer);

/** The page. */
class MapPage {
  /** @type {?import("./map_view.js").ProductMap} */
  map = null;
  /** @type {?import("./map_colours.js").Colouring} */
  colouring = null;
  /** @type {?import("./map_labels.js").ClusterLabels} */
  labels = null;
  values = new Set(); // of the attribute to colour by: only their products are shown
  found = null; // what was searched for: {text, rows best first, total}
  selection = null; // rows that were drawn around
  marked = -1; // row of the product that the address points at
  outline = []; // that is being drawn
  byKeyboard = false; // whether keys move the map: then its middle is marked
  products = new Map(); // id -> promise of the product
  timers = { settle: 0, frame: 0 };

  /** @param {import("./ui.js").Ui} ui @param {import("./drawer.js").Drawer} drawer */
  constructor(ui, drawer) {
    Object.assign(this, { ui, drawer, canvas: ui.$("canvas") });
    this.view = new MapView(this.canvas);
    this.tip = new Tip(ui, this.view, (row) => this.product(this.map.ids[row]));
    this.legend = new Legend(ui, (value) => this.chooseValue(value));
    this.search = new MapSearch(ui, (found) => this.showFound(found), (error) => this.fail(error));
    this.panel = new SelectionPanel(ui, (id) => this.product(id), () => this.select(null));
    this.moves = new Moves(this.canvas, {
      move: (dx, dy) => this.move(dx, dy),
      zoom: (factor, pixel) => this.zoom(factor, pixel),
      showAll: () => this.zoom(0),
      hover: (pixel) => this.map && this.hover(pixel),
      leave: () => this.map && this.hover(null),
      open: (pixel) => this.open(pixel),
      draw: (outline) => this.drawOutline(outline),
      select: (outline) => this.selectWithin(outline),
      selectView: () => this.selectWithin(),
      escape: () => this.escape(),
      keyboard: (on) => {
        this.byKeyboard = on;
        this.draw();
      },
    });
    this.listen();
  }

  listen() {
    const { $ } = this.ui;
    $("zoom-in").addEventListener("click", () => this.zoom(1.6));
    $("zoom-out").addEventListener("click", () => this.zoom(1 / 1.6));
    $("show-all").addEventListener("click", () => this.zoom(0));
    $("lasso").addEventListener("click", () => this.setDrawing(!this.moves.drawing));
    $("select-view").addEventListener("click", () => this.selectWithin());
    $("colour").addEventListener("change", () => {
      this.values.clear();
      this.colour();
      this.changed();
    });
    new ResizeObserver(() => {
      this.canvas.width = Math.round(this.canvas.clientWidth * this.view.density);
      this.canvas.height = Math.round(this.canvas.clientHeight * this.view.density);
      if (this.map) this.drawNow();
    }).observe($("sheet"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.map && this.colour());
  }

  async start() {
    const { ui } = this;
    ui.$("view-count").textContent = ui.say("map.loading");
    try {
      const [answer] = await Promise.all([ui.service.get("v1/map"), ui.loadLabels()]);
      const attributes = Object.entries(answer.attributes).map(([name, { values, codes }]) => [name, { values, codes: toNumbers(codes) }]);
      this.map = { ids: answer.ids, x: toNumbers(answer.x), y: toNumbers(answer.y), attributes: Object.fromEntries(attributes) };
      this.rowOf = new Map(answer.ids.map((id, row) => [id, row]));
      ui.$("colour").append(...attributes.map(([name]) => element("option", { value: name }, ui.sayAttribute(name))));
      ui.$("method").textContent = ui.say(`map.${answer.method}`);
      if (answer.left_out) ui.$("method").append(" ", ui.say("map.leftOut", { count: answer.left_out }));
      this.labels = nameRegions(answer.labels, ui, this.canvas);
      this.followAddress();
      addEventListener("popstate", () => this.followAddress());
    } catch (error) {
      ui.$("view-count").textContent = "";
      if (error.status === 404) showNotice(ui.$("notice"), ui.say("map.none"));
      else this.fail(error);
    }
  }

  fail(error) {
    showNotice(this.ui.$("notice"), this.ui.messageOf(error), { reference: this.ui.referenceOf(error) });
  }

  /* The address */

  followAddress() {
    const { map, view } = this;
    const { x, y, zoom, colour, values, text, at } = readAddress();
    Object.assign(view, { x, y, zoom: zoom ?? 1 });
    this.marked = this.rowOf.get(at) ?? -1;
    if (this.marked >= 0 && zoom === null) {
      Object.assign(view, { x: map.x[this.marked] / SIDE, y: 1 - map.y[this.marked] / SIDE, zoom: PRODUCT_ZOOM });
    }
    const names = Object.keys(map.attributes);
    const first = COLOUR_FIRST.find((name) => names.includes(name)) ?? names[0] ?? "";
    this.ui.$("colour").value = names.includes(colour) ? colour : first;
    this.values = new Set(values);
    this.drawer.followAddress();
    if (text !== this.search.text) this.search.take(text);
    this.colour();
    this.showNearest();
  }

  // Called with every movement; the address and the list follow when it ends.
  changed() {
    if (!this.map) return;
    this.draw();
    clearTimeout(this.timers.settle);
    this.timers.settle = setTimeout(() => {
      const { x, y, zoom } = this.view;
      writeAddress({ x, y, zoom, colour: this.ui.$("colour").value, values: [...this.values], text: this.search.text });
      this.showNearest();
    }, SETTLED_MS);
  }

  /* Showing */

  isShown = (row) => this.colouring.words[row] !== 0;

  draw() {
    this.timers.frame ||= requestAnimationFrame(() => {
      this.timers.frame = 0;
      if (this.map) this.drawNow();
    });
  }

  drawNow() {
    const { map, view, ui, marked, outline } = this;
    const labels = this.labels?.at(view.zoom, view.side / view.density) ?? [];
    const marks = { marked, hovered: this.tip.row, outline, labels, crosshair: this.byKeyboard, bright: Boolean(this.selection ?? this.found) };
    const { seen, shown } = drawMap(map, view, this.colouring, marks, ui.service, () => this.draw());
    ui.$("view-count").textContent = marks.bright || this.values.size
      ? ui.say("map.shownOf", { count: shown, seen })
      : ui.say(seen === map.ids.length ? "map.products" : "map.seenOf", { seen, count: map.ids.length });
  }

  // What is searched for and what is drawn around light up; all else is faded.
  get lit() {
    const rows = this.selection ?? this.found?.rows;
    if (!rows) return null;
    const lit = new Uint8Array(this.map.ids.length);
    for (const row of rows) lit[row] = 1;
    return lit;
  }

  colour() {
    const name = this.ui.$("colour").value;
    this.colouring = colourDots(this.map.ids.length, name, this.map.attributes[name], this.values, this.lit);
    this.legend.show(name, this.colouring, this.values);
    this.draw();
  }

  chooseValue(value) {
    if (!this.values.delete(value)) this.values.add(value);
    this.colour();
    this.changed();
  }

  showFound(found) {
    if (!this.map) return;
    const { ui } = this;
    showNotice(ui.$("notice"), "");
    this.found = found && { ...found, rows: found.ids.map((id) => this.rowOf.get(id)).filter((row) => row !== undefined) };
    const [count, total] = [this.found?.rows.length ?? 0, found?.total ?? 0];
    const key = total > found?.ids.length ? "map.bestMatches" : "map.matches";
    ui.$("matches").textContent = found ? ui.say(count ? key : "map.noMatch", { count, total }) : "";
    this.colour();
    this.changed();
  }

  product(id) {
    const gone = () => ({ id, title: this.ui.say("map.gone") });
    if (!this.products.has(id)) this.products.set(id, this.ui.service.get(productPath(id)).catch(gone));
    return this.products.get(id);
  }

  // Of what is found the best in view, else what is nearest to the middle.
  async showNearest() {
    const { ui, view, map } = this;
    const best = this.found && !this.selection ? this.found.rows.filter((row) => this.isShown(row) && view.shows(map, row)) : null;
    const rows = best?.slice(0, NEAREST) ?? view.nearest(map, this.isShown, NEAREST);
    const wanted = (this.nearest = rows.map((row) => map.ids[row]));
    const list = ui.$("in-view");
    if (!list.checkVisibility()) return; // a phone has no room for them
    const found = await Promise.all(wanted.map((id) => this.product(id)));
    if (this.nearest === wanted) list.replaceChildren(...found.map((one) => smallCard(ui, one)));
  }

  /* The pointer */

  hover(pixel) {
    const { density } = this.view;
    const row = pixel ? this.view.nearest(this.map, this.isShown, 1, pixel.map((one) => one * density), REACH * density)[0] : -1;
    if (this.tip.point(this.map, row ?? -1)) this.draw();
  }

  move(dx, dy) {
    this.tip.hide();
    this.view.move(dx * this.view.density, dy * this.view.density);
    this.changed();
  }

  // By a factor, 0 for all of the map.
  zoom(factor, pixel = null) {
    if (!this.map) return;
    this.tip.hide();
    if (!factor) this.view.showAll();
    else this.view.zoomBy(this.map, factor, ...(pixel ?? []).map((one) => one * this.view.density));
    this.changed();
  }

  open(pixel = null) {
    if (!this.map) return;
    const { density } = this.view;
    const near = pixel ? [pixel.map((one) => one * density), REACH * density] : [];
    const [row] = this.view.nearest(this.map, this.isShown, 1, ...near);
    if (row !== undefined) this.drawer.open(this.map.ids[row]);
  }

  /* What is drawn around */

  setDrawing(on) {
    this.moves.drawing = on;
    this.ui.$("lasso").setAttribute("aria-pressed", String(on));
    this.canvas.classList.toggle("drawing", on);
  }

  drawOutline(outline) {
    this.outline = outline;
    this.tip.hide();
    this.draw();
  }

  /** @param {[number, number][]} [corners] CSS pixels of an outline; without them all that is in view */
  selectWithin(corners = this.view.corners) {
    this.outline = [];
    this.setDrawing(false);
    if (!this.map) return;
    if (this.selection) {
      // What was faded for the last selection can be in the next one.
      this.selection = null;
      this.colour();
    }
    const places = corners.map((pixel) => this.view.placeOf(pixel));
    this.select(rowsWithin(this.map, places, this.isShown));
  }

  select(rows) {
    const focused = this.ui.$("selection").contains(document.activeElement);
    this.selection = rows;
    this.panel.show(this.map, rows);
    this.colour();
    this.changed();
    if (rows) this.panel.focus();
    else if (focused) this.canvas.focus();
  }

  escape() {
    if (this.moves.drawing) this.setDrawing(false);
    else if (this.selection) this.select(null);
    else if (this.search.text) this.search.take("");
  }
}

const ui = await documentUi();
new MapPage(ui, await ui.drawer()).start();
