// What of the map is in the page's address: the part that is seen, the colours, what is searched for. Knows no map.

import { MAX_ZOOM } from "./map_view.js";

/**
 * @typedef {object} MapState
 * @property {number} x the middle, as part of the map
 * @property {number} y
 * @property {?number} zoom null: the address does not say it
 * @property {?string} colour attribute to colour by
 * @property {string[]} values of it whose products alone are shown
 * @property {string} text that is searched for
 * @property {?string} at id of the product that the address points at
 */

/** @returns {MapState} what the page's address says */
export function readAddress() {
  const params = new URLSearchParams(location.search);
  const read = (name, otherwise, low, high) => {
    const value = params.has(name) ? Number(params.get(name)) : otherwise;
    return value !== null && value >= low && value <= high ? value : otherwise;
  };
  return {
    x: read("x", 0.5, 0, 1),
    y: read("y", 0.5, 0, 1),
    zoom: read("z", null, 1, MAX_ZOOM),
    colour: params.get("colour"),
    values: params.getAll("only"),
    text: params.get("q") ?? "",
    at: params.get("at"),
  };
}

/** @param {Omit<MapState, "at">} state put into the page's address, in place of the current entry */
export function writeAddress({ x, y, zoom, colour, values, text }) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries({ x, y, z: zoom })) url.searchParams.set(name, String(Number(value.toFixed(4))));
  url.searchParams.set("colour", colour);
  url.searchParams.delete("only");
  for (const value of values) url.searchParams.append("only", value);
  if (text) url.searchParams.set("q", text);
  else url.searchParams.delete("q");
  history.replaceState(history.state, "", url);
}
