// What the custom elements share: a life from being connected to being taken away, which starts again when an attribute
// changes, and what they take from their attributes. Until an element is ready, what the page put into it is shown.

import { Address } from "./address.js";
import { HOME, Service } from "./service.js";
import { sheetsOf } from "./styles.js";
import { Ui } from "./ui.js";
import { languageOf, loadWords } from "./words.js";

const PREFIX = "v"; // of the parameters in the page's address, where the element names no other

/** An element that shows something of the service. */
export class VitrineElement extends HTMLElement {
  /** @type {string[]} style sheets of its root */
  static sheets = ["base"];

  #life = null; // ends with the elements that it was made for
  #waiting = false;

  connectedCallback() {
    this.#startSoon();
  }

  // A page that moves the element takes it away and puts it back at once: it goes on.
  disconnectedCallback() {
    queueMicrotask(() => this.isConnected || this.#end());
  }

  attributeChangedCallback(name, before, after) {
    if (this.#life && before !== after) {
      this.#end();
      this.#startSoon();
    }
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
      const [words, sheets] = await Promise.all([loadWords(this.language), sheetsOf(...this.constructor.sheets)]);
      if (signal.aborted) return;
      const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
      root.adoptedStyleSheets = sheets;
      this.show(new Ui({ root, host: this, words, signal, ...this.options() }));
    } catch (error) {
      if (!signal.aborted) console.error(`<${this.localName}> cannot start:`, error);
    }
  }

  /** @returns {string} the language of its texts: its own, or that of the page around it */
  get language() {
    return languageOf(this.closest("[lang]")?.lang || "en");
  }

  /** @returns {Partial<import("./ui.js").UiOptions>} what its attributes say */
  options() {
    const address = this.getAttribute("address") ?? PREFIX;
    const home = new URL(this.getAttribute("src") ?? HOME, document.baseURI);
    if (!home.pathname.endsWith("/")) home.pathname += "/";
    return {
      service: new Service(home.href, this.getAttribute("key")),
      address: new Address(address === "off" ? null : address),
      link: this.getAttribute("href") ?? "",
    };
  }

  /**
   * Fill the root.
   * @param {Ui} ui
   * @abstract
   */
  show() {}
}
