// What every part of a page gets: the root that its elements are in, the service, the words, the address. A document has
// one; each element that stands in a page has its own.

import { Address } from "./address.js";
import { onPlainClick } from "./elements.js";
import { lazy } from "./lazy.js";
import { ApiError, HOME, Service } from "./service.js";
import { Sheets } from "./sheets.js";
import { adopt } from "./styles.js";
import { LANGUAGES, languageOf, loadWords } from "./words.js";

/** @typedef {import("./words.js").Words} Words */
/**
 * @typedef {object} UiOptions
 * @property {Document|ShadowRoot} root
 * @property {HTMLElement} host the element, or the body of a document: events start here
 * @property {Service} service
 * @property {Words} words
 * @property {Address} address
 * @property {AbortSignal} signal ends what listens outside of the root
 * @property {boolean} [lab] whether figures for those who run the shop are shown
 * @property {boolean} [whole] whether the page is all ours: its title, its shortcuts, what is dropped and pasted on it
 * @property {string} [link] address of a product's page with `{id}` in it; without one the drawer shows products
 * @property {string} [target] where links to products open, as a link's target
 * @property {?import("./own_card.js").OwnCards} [own] cards that the page draws itself
 * @property {boolean} [pictures] whether one may search with a picture
 * @property {number} [count] products of a page of results; 0: as many as our pages show
 * @property {string} [placeholder] of the search field; "": ours
 * @property {string[]} [shown] attributes that cards show; none: those that say most
 */

/** The surroundings of one page or element. */
export class Ui {
  /** @type {?Promise<import("./drawer.js").Drawer>} the drawer, once somebody has asked for it */
  madeDrawer = null;

  /** @type {Promise<void>} settled when the labels that were asked for last are there */
  labelled = Promise.resolve();

  /** @type {(drawer: import("./drawer.js").Drawer) => void} what a page adds to its drawer */
  prepareDrawer = () => {};

  /** @param {UiOptions} options */
  constructor(options) {
    const defaults = { lab: false, whole: false, link: "", target: "", own: null, pictures: false, count: 0, placeholder: "", shown: [] };
    Object.assign(this, defaults, options);
    /** what lies over the page: the phone's filters, dialogs */
    this.sheets = new Sheets({ scope: this.address.prefix, keeps: !this.address.off });
    this.signal.addEventListener("abort", () => this.sheets.end());
    if (this.whole) this.service.askForKey = async (...why) => (await lazy("key_dialog.js", this.signal)).askForKey(this, ...why);
  }

  /** @param {string} id @returns {HTMLElement} the element of the root */
  $ = (id) => this.root.getElementById(id);

  /** @returns {HTMLElement} what dialogs are put into */
  get body() {
    return this.root.body ?? this.root.querySelector(".view");
  }

  /** @param {string} key @param {Object<string, string|number>} [values] @returns {string} */
  say(key, values) {
    return this.words.say(key, values);
  }

  /** @param {string} name of an attribute @returns {string} */
  sayAttribute(name) {
    return this.words.sayAttribute(name);
  }

  /** @param {string} attribute @param {string|number|boolean|string[]} value @returns {string} */
  sayValue(attribute, value) {
    return this.words.sayValue(attribute, value);
  }

  /**
   * Load what the catalogue's attributes and values are called in the language: without it they are as it writes them.
   * @returns {Promise<void>} also `labelled`, for those who only wait
   */
  loadLabels() {
    const load = async () => {
      const { language, labels } = this.words;
      if (language === LANGUAGES[0]) return;
      this.words.labels = await this.service.get(`v1/labels?lang=${language}`, this.signal).catch(() => labels);
    };
    return (this.labelled = load());
  }

  /** @param {number} value @returns {string} with the language's thousands */
  number(value) {
    return this.words.numbers.format(value);
  }

  /**
   * @param {number} amount
   * @param {string} currency three letters of ISO 4217; "": none is known
   * @returns {string}
   */
  price(amount, currency) {
    const style = currency ? { style: "currency", currency } : {};
    return new Intl.NumberFormat(this.words.language, style).format(amount);
  }

  /**
   * What a person reads about an error. One that is no ApiError is a mistake of the page and is logged.
   * @param {Error} error
   * @returns {string}
   */
  messageOf(error) {
    if (error instanceof ApiError) return this.say(error.key, error.values);
    console.error(error);
    return this.say("states.broken");
  }

  /** @param {Error} error @returns {string|undefined} what to tell those who run the service */
  referenceOf(error) {
    return error.requestId && this.say("states.reference", { id: error.requestId });
  }

  /**
   * @param {string} name of an event
   * @param {object} detail
   * @returns {boolean} whether the page that listens lets it go on
   */
  emit(name, detail) {
    return this.host.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true, cancelable: true }));
  }

  /** @param {{id: string}} product @returns {string} the address of its page, or of the host's with its drawer open */
  href({ id }) {
    const encoded = encodeURIComponent(id);
    if (this.link) return this.link.replaceAll("{id}", encoded);
    return this.whole || this.address.off ? this.service.address(`p/${encoded}`) : this.address.hrefOfProduct(id);
  }

  /**
   * Make a link show a product: on its own page, or in the drawer.
   * @param {HTMLAnchorElement} link
   * @param {{id: string, title?: string}} product
   */
  showOnClick(link, product) {
    link.href = this.href(product);
    if (this.target) link.target = this.target;
    link.addEventListener("click", (event) => {
      const { id, title } = product;
      if (!this.emit("vitrine-select", { id, title, href: link.href, product })) event.preventDefault();
    });
    if (!this.link) onPlainClick(link, () => this.drawer().then((drawer) => drawer.open(product.id), () => location.assign(link.href)));
  }

  /** @returns {Promise<import("./drawer.js").Drawer>} the drawer of this root, loaded when it is first needed */
  drawer() {
    this.madeDrawer ??= this.loadDrawer();
    this.madeDrawer.catch(() => {
      this.madeDrawer = null; // the next press tries again
    });
    return this.madeDrawer;
  }

  async loadDrawer() {
    const [{ Drawer }] = await Promise.all([lazy("drawer.js", this.signal), adopt(this.root, "drawer")]);
    const drawer = new Drawer(this);
    this.prepareDrawer(drawer);
    return drawer;
  }
}

/** @returns {Promise<Ui>} of a document that is all ours */
export async function documentUi() {
  const words = await loadWords(languageOf(document.documentElement.lang), true);
  return new Ui({
    root: document,
    host: document.body,
    service: new Service(HOME),
    words,
    address: new Address("", HOME),
    signal: new AbortController().signal,
    lab: true,
    whole: true,
  });
}
