// The drawer with one product's details, whose id is in the address as `product`, and the small cards that open it.
// Knows no search.

import { ApiError, get, post, productPath, ROOT } from "./api.js";
import { element, humanName, icon, iconButton, onPlainClick, valueText } from "./elements.js";
import { imageBox } from "./product_picture.js";

const SIMILAR = 8;

/**
 * @typedef {object} Product
 * @property {string} id
 * @property {string} title
 */

// The address of this page with the drawer open, or closed without an id.
function addressWithProduct(id) {
  const url = new URL(location.href);
  if (id) url.searchParams.set("product", id);
  else url.searchParams.delete("product");
  return url.pathname + url.search;
}

const searchAddress = (name, id) => `${ROOT}?${new URLSearchParams({ [name]: id })}`;

/**
 * A picture and a title that open the drawer.
 * @param {Product} product
 * @returns {HTMLLIElement}
 */
export function smallCard(product) {
  const title = element("span", {}, product.title);
  const link = element("a", { href: addressWithProduct(product.id), className: "small" }, imageBox(product), title);
  onPlainClick(link, () => drawer.open(product.id));
  return element("li", {}, link);
}

// Of several pictures the first is large, and each can be chosen.
function showPictures(figure, product) {
  const addresses = product.image_urls ?? [];
  if (addresses.length < 2) return;
  const buttons = addresses.map((image_url, row) => {
    const label = `Picture ${row + 1} of ${addresses.length}`;
    const button = element("button", { type: "button", title: label, "aria-label": label, "aria-pressed": String(!row) });
    button.append(imageBox({ id: product.id, image_url }, { place: "tiny" }));
    button.addEventListener("click", () => {
      for (const one of buttons) one.setAttribute("aria-pressed", String(one === button));
      figure.replaceChildren(imageBox({ id: product.id, image_url }, { lazy: false, place: "large" }));
    });
    return button;
  });
  figure.after(element("div", { className: "pictures-of", role: "group", "aria-label": "Pictures" }, ...buttons));
}

class Drawer {
  // What "more like this" and "less like this" do. A page without a search goes to the search page.
  like = (id) => location.assign(searchAddress("like", id));
  unlike = (id) => location.assign(searchAddress("unlike", id));
  // (id, step) -> the id of the product before or after, where a page has an order.
  adjacent = () => null;

  constructor() {
    this.id = null;
    this.body = element("div", { className: "drawer-body" });
    this.dialog = element("dialog", { className: "drawer", "aria-labelledby": "drawer-title" }, this.body);
    this.dialog.addEventListener("close", () => this.onClosed());
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    this.dialog.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step) this.step(step);
    });
    document.body.append(this.dialog);
  }

  /** @param {string} id of the product to show */
  open(id) {
    // Going from product to product replaces the entry: one step back closes the drawer.
    const change = this.dialog.open ? "replaceState" : "pushState";
    history[change]({ ...history.state, drawer: true }, "", addressWithProduct(id));
    this.followAddress();
  }

  /** Show what the address says. A page calls this when its address has changed. */
  followAddress() {
    const id = new URLSearchParams(location.search).get("product");
    if (id === this.id) return;
    this.id = id;
    if (!id) {
      this.dialog.close();
      return;
    }
    if (!this.dialog.open) this.dialog.showModal();
    this.show(id);
  }

  onClosed() {
    if (this.id === null) return; // closed because the address has changed already
    this.id = null;
    if (history.state?.drawer) history.back();
    else history.replaceState(history.state, "", addressWithProduct(null));
  }

  // Close without a step back: a search follows, which adds an entry of its own to the history.
  closeInPlace() {
    this.id = null;
    this.dialog.close();
    history.replaceState({ ...history.state, drawer: false }, "", addressWithProduct(null));
  }

  step(step) {
    const id = this.adjacent(this.id, step);
    if (id) this.open(id);
  }

  async show(id) {
    const title = element("h2", { id: "drawer-title" }, "…");
    const actions = this.actions(id);
    const heading = element("h3", {}, "Similar products");
    const similar = element("ul", { className: "near" }, ...Array.from({ length: 4 }, () => element("li", { className: "ghost" })));
    const about = element("dl", { className: "about ghost" });
    const figure = element("figure", { className: "large" }, imageBox({ id }, { lazy: false, place: "large" }));
    this.body.replaceChildren(this.bar(id), figure, title, actions, heading, similar, about);
    this.dialog.scrollTop = 0;
    try {
      const search = post("v1/search/images", { like: [id], k: SIMILAR });
      search.catch(() => {}); // an error of the product itself is reported first
      const product = await get(productPath(id));
      const { results } = await search;
      if (this.id !== id) return; // another product was opened meanwhile
      title.textContent = product.title;
      showPictures(figure, product);
      about.classList.remove("ghost");
      for (const [name, value] of [...Object.entries(product.attributes), ["product", product.id]]) {
        about.append(element("dt", {}, humanName(name)), element("dd", {}, valueText(value)));
      }
      similar.replaceChildren(...results.map(smallCard));
    } catch (error) {
      if (this.id !== id) return;
      if (!(error instanceof ApiError)) throw error;
      title.textContent = error.status === 404 ? "Product not found" : "Product not shown";
      similar.replaceWith(element("p", { className: "notice", role: "alert" }, error.message));
      for (const part of [actions, heading, about]) part.remove();
    }
  }

  bar(id) {
    const steps = [
      ["previous", "Previous product", -1],
      ["next", "Next product", 1],
    ].map(([name, label, step]) => {
      const button = iconButton(name, label, () => this.step(step));
      button.disabled = !this.adjacent(id, step);
      return button;
    });
    const close = iconButton("close", "Close", () => this.dialog.close());
    return element("div", { className: "drawer-bar" }, ...steps, element("span", { className: "space" }), close);
  }

  actions(id) {
    const buttons = [
      ["More like this", "like", "more"],
      ["Less like this", "unlike", "less"],
    ].map(([label, action, name]) => {
      const button = element("button", { type: "button", className: "outline" }, icon(name), label);
      button.addEventListener("click", () => {
        this.closeInPlace();
        this[action](id);
      });
      return button;
    });
    const onMap = element("a", { className: "outline", href: `${ROOT}map?at=${encodeURIComponent(id)}` }, "On the map");
    return element("div", { className: "row" }, ...buttons, onMap);
  }
}

export const drawer = new Drawer();
