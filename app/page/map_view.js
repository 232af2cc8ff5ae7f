// What part of the map is seen: the place in the middle and the zoom, how both become pixels, and which products are
// near a pixel. Knows no drawing and no page.

/**
 * Where the products are, row by row.
 * @typedef {object} ProductMap
 * @property {string[]} ids
 * @property {Uint16Array} x 0 (left) to SIDE
 * @property {Uint16Array} y 0 (bottom) to SIDE
 * @property {Object<string, {values: string[], codes: Uint16Array}>} attributes a code is the row of a value, or NONE
 */

export const SIDE = 65535;
export const NONE = 65535; // the code of a product without a value
export const MAX_ZOOM = 400;
const FILL = 0.92; // part of the canvas that the whole map takes
const TRIES = 6; // zooms that are tried
const MARGIN = 20; // canvas pixels at the edges in which nothing is drawn
const LEAST_SEEN = 12; // products that stay in view, however far one zooms
const FEW = 16; // of so many products one stays in view: a small map has fewer

const within = (value, low, high) => Math.min(high, Math.max(low, value));

export class MapView {
  x = 0.5; // the middle, as part of the map from the left
  y = 0.5; // the same, from the top
  zoom = 1;

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
  }

  /** @returns {number} canvas pixels to a CSS pixel */
  get density() {
    return Math.min(2, devicePixelRatio || 1);
  }

  /** @returns {number} canvas pixels that the map's side takes */
  get scale() {
    return this.side * this.zoom;
  }

  /** @returns {number} the same where all of the map is seen */
  get side() {
    return Math.min(this.canvas.width, this.canvas.height) * FILL;
  }

  /**
   * A product is drawn at (left + unit * x, top - unit * y).
   * @returns {{left: number, top: number, unit: number}} in canvas pixels
   */
  get projection() {
    const { width, height } = this.canvas;
    const left = width / 2 - this.x * this.scale;
    const top = height / 2 + (1 - this.y) * this.scale;
    return { left, top, unit: this.scale / SIDE };
  }

  /** @param {ProductMap} map @param {number} row @returns {[number, number]} its canvas pixel */
  pixelOf(map, row) {
    const { left, top, unit } = this.projection;
    return [left + unit * map.x[row], top - unit * map.y[row]];
  }

  /** @returns {[number, number][]} CSS pixels of the corners of the canvas */
  get corners() {
    const [right, bottom] = [this.canvas.width, this.canvas.height].map((side) => side / this.density);
    return [[0, 0], [right, 0], [right, bottom], [0, bottom]];
  }

  /** @param {[number, number]} pixel CSS pixel of the canvas @returns {[number, number]} place there, as a product's x and y */
  placeOf([x, y]) {
    const { left, top, unit } = this.projection;
    return [(x * this.density - left) / unit, (top - y * this.density) / unit];
  }

  /** @param {ProductMap} map @param {number} row @returns {boolean} whether the product is in view */
  shows(map, row) {
    const [x, y] = this.pixelOf(map, row);
    return x >= 0 && y >= 0 && x <= this.canvas.width && y <= this.canvas.height;
  }

  /** Move the map by so many canvas pixels. */
  move(dx, dy) {
    this.x = within(this.x - dx / this.scale, 0, 1);
    this.y = within(this.y - dy / this.scale, 0, 1);
  }

  /**
   * @param {ProductMap} map
   * @returns {number} the largest zoom at which some products are seen around the middle: in an empty part it is small
   */
  largestZoom(map) {
    const { width, height } = this.canvas;
    const least = Math.min(LEAST_SEEN, Math.ceil(map.ids.length / FEW));
    const nearest = []; // how much of the view a product is away from its middle at a zoom of 1, the least first
    for (let row = 0; row < map.ids.length; row += 1) {
      const dx = (Math.abs(map.x[row] / SIDE - this.x) * this.side) / (width / 2 - MARGIN);
      const dy = (Math.abs(1 - map.y[row] / SIDE - this.y) * this.side) / (height / 2 - MARGIN);
      const away = Math.max(dx, dy);
      if (nearest.length === least && away >= nearest[least - 1]) continue;
      nearest.push(away);
      nearest.sort((one, other) => one - other);
      nearest.length = Math.min(least, nearest.length);
    }
    return within(1 / Math.max(nearest.at(-1) ?? 0, 1 / MAX_ZOOM), 1, MAX_ZOOM);
  }

  /**
   * Zoom around a canvas pixel, which stays where it is; by default around the middle. Closer than `largestZoom` it does
   * not go.
   * @param {ProductMap} map
   * @param {number} factor
   * @param {number} [x]
   * @param {number} [y]
   */
  zoomBy(map, factor, x = this.canvas.width / 2, y = this.canvas.height / 2) {
    const start = { x: this.x, y: this.y, zoom: this.zoom };
    let wanted = within(this.zoom * factor, 1, MAX_ZOOM);
    for (let tries = 0; tries < TRIES; tries += 1) {
      Object.assign(this, start);
      const before = this.scale;
      this.zoom = wanted;
      const change = 1 / before - 1 / this.scale;
      this.x = within(this.x + (x - this.canvas.width / 2) * change, 0, 1);
      this.y = within(this.y + (y - this.canvas.height / 2) * change, 0, 1);
      const largest = factor > 1 ? this.largestZoom(map) : MAX_ZOOM;
      if (wanted <= largest) return;
      // With a smaller zoom its middle is another one.
      wanted = Math.max(start.zoom, largest);
    }
    Object.assign(this, start);
  }

  showAll() {
    Object.assign(this, { x: 0.5, y: 0.5, zoom: 1 });
  }

  /**
   * @param {ProductMap} map
   * @param {(row: number) => boolean} isShown
   * @param {number} count
   * @param {[number, number]} [pixel] of the canvas; by default its middle
   * @param {number} [reach] canvas pixels from it
   * @returns {number[]} the rows of the shown products nearest to the pixel, nearest first
   */
  nearest(map, isShown, count, pixel = [this.canvas.width / 2, this.canvas.height / 2], reach = Infinity) {
    const { left, top, unit } = this.projection;
    const found = [];
    for (let row = 0; row < map.ids.length; row += 1) {
      if (!isShown(row)) continue;
      const dx = left + unit * map.x[row] - pixel[0];
      const dy = top - unit * map.y[row] - pixel[1];
      const distance = dx * dx + dy * dy;
      if (distance > reach * reach || (found.length === count && distance >= found[count - 1].distance)) continue;
      found.push({ row, distance });
      found.sort((one, other) => one.distance - other.distance);
      found.length = Math.min(count, found.length);
    }
    return found.map((one) => one.row);
  }
}
