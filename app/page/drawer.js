// The drawer with one product's details, whose id is in the address as `product`. Loaded when it is first needed.

import { element, icon, iconButton, VARIANTS } from "./elements.js";
import { RESERVED } from "./offer.js";
import { offerElements } from "./offer_shown.js";
import { imageBox } from "./product_picture.js";
import { keepTrying } from "./recover.js";
import { ApiError, productPath } from "./service.js";
import { share } from "./share.js";
import { smallCard } from "./small_card.js";

const SIMILAR = 8;

/**
 * @typedef {object} Product
 * @property {string} id
 * @property {string} title
 */

/** The drawer of one page or element. */
export class Drawer {
  /** @param {import("./ui.js").Ui} ui */
  constructor(ui) {
    this.ui = ui;
    this.id = null;
    /** @type {?AbortController} of what is asked about the product */
    this.loading = null;
    ui.signal.addEventListener("abort", () => this.loading?.abort());
    // What "more like this" and "less like this" do. A page without a search goes to the search page.
    const search = (name, id) => location.assign(`${ui.service.root}?${new URLSearchParams({ [name]: id })}`);
    /** @type {(id: string) => void} */
    this.like = (id) => search("like", id);
    /** @type {(id: string) => void} */
    this.unlike = (id) => search("unlike", id);
    /** @type {(id: string, step: number) => ?string} the product before or after, where a page has an order */
    this.adjacent = () => null;
    this.body = element("div", { className: "drawer-body" });
    this.dialog = element("dialog", { className: "drawer", part: "drawer", "aria-labelledby": "drawer-title" }, this.body);
    this.dialog.addEventListener("close", () => this.onClosed());
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    this.dialog.addEventListener("keydown", (event) => {
      const forward = getComputedStyle(this.dialog).direction === "rtl" ? -1 : 1;
      const step = { ArrowLeft: -forward, ArrowRight: forward }[event.key];
      if (step && !event.target.closest(".several")) this.step(step); // there the arrows scroll
    });
    ui.body.append(this.dialog);
  }

  /** @param {string} id of the product to show */
  open(id) {
    // Going from product to product replaces the entry: one step back closes the drawer.
    const change = this.dialog.open ? "replaceState" : "pushState";
    this.ui.address.setProduct(id, change, { ...this.ui.address.entry, drawer: true });
    this.followAddress();
  }

  /** Show what the address says. A page calls this when its address has changed. */
  followAddress() {
    const id = this.ui.address.product;
    if (id === this.id) return;
    this.id = id;
    if (!id) {
      this.loading?.abort();
      this.dialog.close();
      return;
    }
    if (!this.dialog.open) this.dialog.showModal();
    this.show(id);
  }

  onClosed() {
    if (this.id === null) return; // closed because the address has changed already
    this.id = null;
    this.loading?.abort();
    const { address } = this.ui;
    if (address.entry.drawer) history.back();
    else address.setProduct(null, "replaceState", address.entry);
  }

  // Close without a step back: a search follows, which adds an entry of its own to the history.
  closeInPlace() {
    const { address } = this.ui;
    this.id = null;
    this.loading?.abort();
    this.dialog.close();
    address.setProduct(null, "replaceState", { ...address.entry, drawer: false });
  }

  step(step) {
    const id = this.adjacent(this.id, step);
    if (id) this.open(id);
  }

  async show(id) {
    const { ui } = this;
    const title = element("h2", { id: "drawer-title" }, "…");
    const actions = this.actions(id);
    const heading = element("h3", {}, ui.say("product.similar"));
    const similar = element("ul", { className: "near" }, ...Array.from({ length: 4 }, () => element("li", { className: "ghost" })));
    const about = element("dl", { className: "about ghost" });
    const figure = element("figure", { className: "large" }, imageBox(ui.service, { id }, { lazy: false, place: "large" }));
    this.body.replaceChildren(this.bar(id), figure, title, actions, heading, similar, about);
    this.dialog.scrollTop = 0;
    const loading = this.renew();
    const told = element("p", { className: "notice", role: "alert" });
    const tell = (error) => {
      told.textContent = `${ui.messageOf(error)} ${ui.say("states.tryingAgain")}`;
      if (!told.isConnected) heading.before(told);
    };
    try {
      const [product, { results }] = await keepTrying(() => this.ask(id, loading), { signal: loading, failed: tell });
      await ui.labelled; // an address may open a product before the names of the language are there
      if (loading.aborted) return; // another product was opened meanwhile
      told.remove();
      title.textContent = product.title;
      this.showOffer(title, actions, product);
      this.showPictures(figure, product);
      this.showAbout(about, product);
      similar.replaceChildren(...results.map((one) => smallCard(ui, one)));
    } catch (error) {
      if (loading.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      title.textContent = ui.say(error.status === 404 ? "product.notFound" : "product.notShown");
      told.textContent = ui.messageOf(error);
      similar.replaceWith(told);
      for (const part of [actions, heading, about]) part.remove();
    }
  }

  // A signal that ends with the product that is shown.
  renew() {
    this.loading?.abort();
    this.loading = new AbortController();
    return this.loading.signal;
  }

  async ask(id, signal) {
    const { service } = this.ui;
    const search = service.post("v1/search/images", { like: [id], k: SIMILAR }, signal);
    search.catch(() => {}); // an error of the product itself is reported first
    return [await service.get(productPath(id), signal), await search];
  }

  shareButton(id) {
    const { ui } = this;
    const button = element("button", { type: "button", className: "outline", part: "button" }, ui.say("states.share"));
    button.addEventListener("click", () => share(ui, button, new URL(ui.href({ id }), location.href).href, this.body.querySelector("h2").textContent));
    return button;
  }

  // The price and the way into the shop, below the title.
  showOffer(title, actions, product) {
    const { brand, price, availability, link } = offerElements(this.ui, product, "primary");
    title.before(...[brand].filter(Boolean));
    title.after(...[price, availability].filter(Boolean));
    if (link) actions.prepend(link);
  }

  showAbout(about, { id, attributes }) {
    const { ui } = this;
    about.classList.remove("ghost");
    const shown = Object.entries(attributes).filter(([name, value]) => !RESERVED.has(name) && (ui.lab || name !== VARIANTS) && value !== "");
    for (const [name, value] of shown) {
      about.append(element("dt", {}, ui.sayAttribute(name)), element("dd", {}, ui.sayValue(name, value)));
    }
    if (ui.lab) about.append(element("dt", {}, ui.say("product.id")), element("dd", {}, id));
    about.hidden = !about.children.length;
  }

  // Several pictures stand side by side: they are swiped, or chosen from the small ones.
  showPictures(figure, product) {
    const { ui } = this;
    const addresses = product.image_urls ?? [];
    const count = addresses.length;
    if (count < 2) return;
    const of = (image_url) => ({ id: product.id, image_url });
    const large = addresses.map((image_url, row) => imageBox(ui.service, of(image_url), { lazy: row > 0, place: "large" }));
    figure.classList.add("several");
    figure.tabIndex = 0;
    figure.setAttribute("aria-label", ui.say("product.pictures"));
    figure.replaceChildren(...large);
    const press = (chosen) => buttons.forEach((one, row) => one.setAttribute("aria-pressed", String(row === chosen)));
    const buttons = addresses.map((image_url, row) => {
      const label = ui.say("product.picture", { number: row + 1, count });
      const button = element("button", { type: "button", title: label, "aria-label": label, "aria-pressed": String(!row) });
      button.append(imageBox(ui.service, of(image_url), { place: "tiny" }));
      button.addEventListener("click", () => {
        press(row);
        figure.scrollLeft += large[row].getBoundingClientRect().left - figure.getBoundingClientRect().left;
      });
      return button;
    });
    const seen = (entries) => entries.forEach((one) => one.isIntersecting && press(large.indexOf(one.target)));
    const watch = new IntersectionObserver(seen, { root: figure, threshold: 0.6 });
    large.forEach((one) => watch.observe(one));
    figure.after(element("div", { className: "pictures-of", role: "group", "aria-label": ui.say("product.pictures") }, ...buttons));
  }

  bar(id) {
    const { ui } = this;
    const steps = [
      ["previous", "product.previous", -1],
      ["next", "product.next", 1],
    ].map(([name, key, step]) => {
      const button = iconButton(name, ui.say(key), () => this.step(step));
      button.disabled = !this.adjacent(id, step);
      return button;
    });
    const close = iconButton("close", ui.say("product.close"), () => this.dialog.close());
    return element("div", { className: "drawer-bar" }, ...steps, element("span", { className: "space" }), close);
  }

  actions(id) {
    const { ui } = this;
    const buttons = [
      ["product.moreLike", "like", "more"],
      ["product.lessLike", "unlike", "less"],
    ].map(([key, action, name]) => {
      const button = element("button", { type: "button", className: "outline", part: "button" }, icon(name), ui.say(key));
      button.addEventListener("click", () => {
        this.closeInPlace();
        this[action](id);
      });
      return button;
    });
    const map = `${ui.service.root}map?at=${encodeURIComponent(id)}`;
    const onMap = ui.lab ? element("a", { className: "outline", href: map }, ui.say("product.onMap")) : null;
    return element("div", { className: "row" }, ...buttons, onMap, this.shareButton(id));
  }
}
