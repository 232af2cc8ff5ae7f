// What the pages share in showing products: elements, plates, cards, and the drawer with one product's details, whose
// id is in the address as `product`. Knows no search.

import { get, post, productPath, showPicture } from "/page/api.js";

const NEIGHBOURS = 8;
const BADGES = 3;
const TELLING = ["articleType", "baseColour", "gender"]; // what a badge says first, where a product has it

export const at = (id) => document.getElementById(id);

// An element with properties and children: make("p", { className: "soft" }, "Hello").
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const ICONS = {
  more: "M12 5v14M5 12h14",
  less: "M5 12h14",
  close: "m6 6 12 12M18 6 6 18",
  before: "m14.5 5-7 7 7 7",
  after: "m9.5 5 7 7-7 7",
};

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

export function iconButton(name, label, action) {
  const button = make("button", { type: "button", className: "icon", title: label, "aria-label": label }, icon(name));
  button.addEventListener("click", action);
  return button;
}

// "articleType" as a person would write it.
export const spoken = (name) =>
  name.replace(/([a-z])([A-Z])/g, (_, one, two) => `${one} ${two.toLowerCase()}`).replace(/^./, (c) => c.toUpperCase());

export const number = (value) => value.toLocaleString("en");

export function plate(id, lazy = true) {
  const image = make("img", { alt: "", decoding: "async", loading: lazy ? "lazy" : "eager", width: 60, height: 80 });
  showPicture(image, id);
  return make("span", { className: "plate" }, image);
}

export function badges(attributes) {
  const names = [...TELLING.filter((name) => name in attributes), ...Object.keys(attributes)];
  const values = [...new Set(names.filter((name) => Number.isNaN(Number(attributes[name]))).map((name) => attributes[name]))];
  return make(
    "ul",
    { className: "badges", "aria-label": "Attributes" },
    ...values.slice(0, BADGES).map((value) => make("li", {}, value)),
  );
}

// The address of this page with the drawer open, or closed without an id.
function withProduct(id) {
  const url = new URL(location.href);
  if (id) url.searchParams.set("product", id);
  else url.searchParams.delete("product");
  return url.pathname + url.search;
}

export const toSearch = (name, id) => `/?${new URLSearchParams({ [name]: id })}`;

// A small card that opens the drawer: picture and title.
export function smallCard(product) {
  const link = make("a", { href: withProduct(product.id), className: "small" }, plate(product.id), make("span", {}, product.title));
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    drawer.open(product.id);
  });
  return make("li", {}, link);
}

class Drawer {
  // What "more like this" and "less like this" do; a page that is no search goes to one.
  like = (id) => location.assign(toSearch("like", id));
  unlike = (id) => location.assign(toSearch("unlike", id));
  beside = () => null; // (id, step) -> the id of the product before or after, where a page has an order

  constructor() {
    this.body = make("div", { className: "drawer-body" });
    this.dialog = make("dialog", { className: "drawer", "aria-labelledby": "drawer-title" }, this.body);
    this.dialog.addEventListener("close", () => this.closed());
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    this.dialog.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step) this.step(step);
    });
    document.body.append(this.dialog);
    this.id = null;
  }

  open(id) {
    const replace = this.dialog.open; // a way of ten neighbours is one step back
    history[replace ? "replaceState" : "pushState"]({ ...history.state, drawer: true }, "", withProduct(id));
    this.follow();
  }

  // Show what the address says; to be called when it changes.
  follow() {
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

  closed() {
    if (this.id === null) return;
    this.id = null;
    if (history.state?.drawer) history.back();
    else history.replaceState(history.state, "", withProduct(null));
  }

  // Close without going back: what comes next makes an entry of its own.
  leave() {
    this.id = null;
    this.dialog.close();
    history.replaceState({ ...history.state, drawer: false }, "", withProduct(null));
  }

  step(step) {
    const id = this.beside(this.id, step);
    if (id) this.open(id);
  }

  async show(id) {
    const close = iconButton("close", "Close", () => this.dialog.close());
    const steps = [
      ["before", "Previous product", -1],
      ["after", "Next product", 1],
    ].map(([name, label, step]) => {
      const button = iconButton(name, label, () => this.step(step));
      button.disabled = !this.beside(id, step);
      return button;
    });
    const bar = make("div", { className: "drawer-bar" }, ...steps, make("span", { className: "space" }), close);
    const title = make("h2", { id: "drawer-title" }, "…");
    const about = make("dl", { className: "about ghost" });
    const near = make("ul", { className: "near" }, ...Array.from({ length: 4 }, () => make("li", { className: "ghost" })));
    const actions = make("div", { className: "row" });
    this.body.replaceChildren(
      bar,
      make("figure", { className: "large" }, plate(id, false)),
      title,
      actions,
      make("h3", {}, "Nearest neighbours"),
      near,
      about,
    );
    this.dialog.scrollTop = 0;
    for (const [label, action, name] of [
      ["More like this", "like", "more"],
      ["Less like this", "unlike", "less"],
    ]) {
      const button = make("button", { type: "button", className: "outline" }, icon(name), label);
      button.addEventListener("click", () => {
        this.leave();
        this[action](id);
      });
      actions.append(button);
    }
    actions.append(make("a", { className: "outline", href: `/map?at=${encodeURIComponent(id)}` }, "On the map"));
    try {
      const neighbours = post("/v1/search/images", { like: [id], k: NEIGHBOURS });
      neighbours.catch(() => {}); // what is wrong with the product itself is said first
      const product = await get(productPath(id));
      const found = await neighbours;
      if (this.id !== id) return;
      title.textContent = product.title;
      about.classList.remove("ghost");
      about.append(
        ...[...Object.entries(product.attributes), ["product", product.id]].flatMap(([name, value]) => [
          make("dt", {}, spoken(name)),
          make("dd", {}, value),
        ]),
      );
      near.replaceChildren(...found.results.map(smallCard));
    } catch (error) {
      if (this.id !== id) return;
      if (!error.words) throw error;
      title.textContent = "Not to be seen";
      actions.remove();
      this.body.querySelector("h3").remove();
      near.replaceWith(make("p", { className: "notice", role: "alert" }, error.words));
      about.remove();
    }
  }
}

export const drawer = new Drawer();
