// What the custom elements share: a life from being connected to being taken away, which starts again when an attribute
// changes, and what they take from their attributes. Until an element is ready, what the page put into it is shown.

import { Address } from "./address.js";
import { lazy } from "./lazy.js";
import { keepTrying } from "./recover.js";
import { HOME, Service } from "./service.js";
import { sheetsOf } from "./styles.js";
import { Ui } from "./ui.js";
import { languageOf, loadWords } from "./words.js";

const NEAR = "400px"; // below what is seen, an element begins

// Wait until a person is about to see an element: what it needs is loaded only then.
function seen(element, signal) {
  return new Promise((resolve, reject) => {
    const observer = new IntersectionObserver((entries) => {
      if (!entries.some((one) => one.isIntersecting)) return;
      observer.disconnect();
      resolve();
    }, { rootMargin: NEAR });
    observer.observe(element);
    signal.addEventListener("abort", () => {
      observer.disconnect();
      reject(signal.reason);
    });
  });
}

/** An element that shows something of the service. */
export class VitrineElement extends HTMLElement {
  /** @type {string[]} style sheets of its root */
  static sheets = ["base"];

  /** @type {string} the file that has `fill(ui, host)`, which puts its elements into the root */
  static module = "";

  /** @type {string} where its state is, if it names no place: see the attribute `address` */
  static address = "off";

  /** Draws a card in place of ours: (product) -> what is put into the card; the page styles it. @type {?Function} */
  #renderCard = null;
  #life = null; // ends with the elements that it was made for
  #waiting = false;
  #told = false;

  connectedCallback() {
    // What a page has set before the element was defined.
    for (const name of [...this.constructor.observedAttributes, "renderCard"]) {
      if (!Object.hasOwn(this, name)) continue;
      const value = this[name];
      delete this[name];
      this[name] = value;
    }
    this.#startSoon();
  }

  // A page that moves the element takes it away and puts it back at once: it goes on.
  disconnectedCallback() {
    queueMicrotask(() => this.isConnected || this.#end());
  }

  attributeChangedCallback(name, before, after) {
    if (before !== after) this.#startAgain();
  }

  get renderCard() {
    return this.#renderCard;
  }

  set renderCard(render) {
    this.#renderCard = render;
    this.#startAgain();
  }

  #startAgain() {
    if (!this.#life) return;
    this.#end();
    this.#startSoon();
  }

  // Once for all attributes that change together.
  #startSoon() {
    if (this.#waiting || this.#life) return;
    this.#waiting = true;
    queueMicrotask(() => {
      this.#waiting = false;
      if (this.isConnected) this.#start();
    });
  }

  #end() {
    this.#life?.abort();
    this.#life = null;
  }

  async #start() {
    this.#life = new AbortController();
    const { signal } = this.#life;
    try {
      await seen(this, signal);
      const { sheets, module } = this.constructor;
      const needed = () => Promise.all([loadWords(this.language), sheetsOf(...sheets), lazy(module, signal)]);
      const [words, styles, { fill }] = await keepTrying(needed, { signal, failed: (error) => this.#tell(error) });
      const own = await this.cards();
      if (signal.aborted) return;
      const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
      root.adoptedStyleSheets = styles;
      fill(new Ui({ root, host: this, words, signal, own, ...this.options() }), this);
    } catch (error) {
      if (!signal.aborted) console.error(`<${this.localName}> cannot start:`, error);
    }
  }

  // To those who put the element into a page, once: a visitor sees what the page has put into it.
  #tell(error) {
    if (!this.#told) console.warn(`<${this.localName}> waits for its service, and tries again:`, error.message);
    this.#told = true;
  }

  // How the page draws cards: by a function, or by a template that it has put into the element.
  async cards() {
    const template = this.querySelector(':scope > template[slot="card"]');
    if (!this.#renderCard && !template) return null;
    return (await lazy("own_card.js", this.#life.signal)).ownCards(this, this.#renderCard, template);
  }

  /** @returns {string} the language of its texts: its own, or that of the page around it */
  get language() {
    return languageOf(this.closest("[lang]")?.lang || "en");
  }

  /** @param {string} name of an attribute @returns {number} what it says, from 1 to 100; 0: nothing */
  number(name) {
    return Math.min(100, Math.max(0, Number.parseInt(this.getAttribute(name), 10) || 0));
  }

  /** @param {string} name of an attribute @returns {string[]} the names in it, between spaces or commas */
  names(name) {
    return (this.getAttribute(name) ?? "").split(/[\s,]+/).filter(Boolean);
  }

  /** @returns {Partial<import("./ui.js").UiOptions>} what its attributes say */
  options() {
    const address = this.getAttribute("address") ?? this.constructor.address;
    const home = new URL(this.getAttribute("src") || HOME, document.baseURI);
    if (!home.pathname.endsWith("/")) home.pathname += "/";
    return {
      service: new Service(home.href, this.getAttribute("key")),
      address: new Address(address === "off" ? null : address),
      link: this.getAttribute("href") ?? "",
      target: this.getAttribute("target") ?? "",
      count: this.number("count"),
      shown: this.names("show"),
    };
  }
}

/**
 * Give a class of elements a property for each of its attributes, as frameworks set them.
 * @param {typeof VitrineElement} made
 */
export function withProperties(made) {
  for (const name of made.observedAttributes.filter((one) => !(one in HTMLElement.prototype))) {
    const isSwitch = name === "picture";
    Object.defineProperty(made.prototype, name, {
      configurable: true,
      enumerable: true,
      get() {
        return isSwitch ? this.hasAttribute(name) : (this.getAttribute(name) ?? "");
      },
      set(value) {
        if (isSwitch) this.toggleAttribute(name, Boolean(value));
        else if (value === null || value === undefined) this.removeAttribute(name);
        else this.setAttribute(name, Array.isArray(value) ? value.join(" ") : value);
      },
    });
  }
}
