// The search: takes what a person does, keeps the query, has the requests made, and has the other modules show it.
// Data flows one way: event -> change() -> address -> search() -> results.

import { MAX_RESTORED, PAGE_SIZE, sameSearch } from "./address.js";
import { Browse } from "./browse.js";
import { outlineButton, showNotice } from "./elements.js";
import { showEmptyCatalogue, showNothing } from "./empty.js";
import { Facets } from "./facets.js";
import { Flow } from "./flow.js";
import { listenForFiles, mayBePicture, Pictures } from "./picture.js";
import { emptyQuery, examplesWith, filtersWith, isEmpty, RELEVANCE, textWith } from "./query.js";
import { QueryBar } from "./query_bar.js";
import { Results } from "./results.js";
import { ApiError, wasAborted } from "./service.js";
import { Sort } from "./sort.js";
import { Suggest } from "./suggest.js";
import { Understood } from "./understood.js";

/** @typedef {import("./query.js").SearchQuery} SearchQuery */

const TYPING_MS = 160; // between a key stroke and the search

/** The search of one page or element, whose elements are there. */
export class SearchView {
  /** @param {import("./ui.js").Ui} ui */
  constructor(ui) {
    this.ui = ui;
    this.query = emptyQuery();
    this.typingTimer = 0;
    this.flow = new Flow(ui);
    this.pictures = new Pictures(ui.service);
    const change = (fields) => this.change(fields);
    this.bar = new QueryBar(ui, this.pictures, change);
    this.facets = new Facets(ui, (name, value, on) => change({ filters: filtersWith(this.query, name, value, on) }));
    this.results = new Results(ui, (kind, id) => this.prefer(kind, id));
    this.understood = new Understood(ui, change);
    this.sort = new Sort(ui);
    this.browse = new Browse(ui, (filters) => change({ ...emptyQuery(), filters }));
    this.flow.ready.then(() => this.sort.offer(this.flow.catalogue.all)).catch(() => {});
    ui.prepareDrawer = (drawer) => {
      drawer.like = (id) => this.prefer("like", id);
      drawer.unlike = (id) => this.prefer("unlike", id);
      drawer.adjacent = (id, step) => this.results.adjacentId(id, step);
    };
    this.listen();
    this.followAddress();
  }

  /* The query changes */

  /**
   * @param {Partial<SearchQuery>} fields
   * @param {boolean} [typing] a change that goes on
   */
  change(fields, typing = false) {
    this.query = { ...this.query, count: 0, ...fields };
    this.ui.address.push(this.query, typing);
    this.search();
  }

  prefer(kind, id) {
    this.change(examplesWith(this.query, kind, id)); // first, as the entry that is left remembers its scroll
    this.toTop();
    this.ui.$("results").focus({ preventScroll: true }); // the card that was pressed goes
  }

  toTop() {
    if (this.ui.whole) scrollTo({ top: 0 });
    else if (this.ui.host.getBoundingClientRect().top < 0) this.ui.host.scrollIntoView();
  }

  async takeFile(file) {
    if (!mayBePicture(file)) {
      this.showError(new ApiError("photo.noPicture"));
      return;
    }
    const signal = this.flow.begin();
    this.query = { ...this.query, text: this.ui.$("text").value.trim() };
    this.ui.$("view").classList.add("searching");
    this.results.showWaiting(this.query.show, false);
    try {
      const encoded = await this.pictures.encode(file, signal);
      this.flow.encoderId = encoded.encoderId;
      this.change({ picture: encoded.picture });
    } catch (error) {
      this.showError(error);
    }
  }

  async followAddress() {
    const { ui } = this;
    const { scroll = 0 } = ui.address.entry;
    const next = ui.address.read();
    if (ui.address.product || ui.madeDrawer) ui.drawer().then((drawer) => drawer.followAddress(), (error) => this.showError(error));
    if (this.results.areThere && sameSearch(next, this.query)) return; // only the drawer has changed
    this.query = next;
    await this.search();
    if (scroll && ui.whole) scrollTo({ top: scroll });
  }

  /* Searching */

  async search() {
    const { ui, query, flow } = this;
    const signal = flow.begin();
    this.bar.show(query, (id) => this.results.titles.get(id));
    this.facets.showChosen(query);
    ui.$("sort-label").hidden = query.show !== "products";
    try {
      if (isEmpty(query)) {
        this.results.clear();
        ui.$("found").hidden = true;
        await flow.ready;
        if (isEmpty(this.query)) await this.browse.show(flow.catalogue.counts);
        return;
      }
      if (!ui.emit("vitrine-search", { query })) return;
      this.results.showWaiting(query.show, true);
      await flow.ready;
      this.sort.show(query.sort);
      flow.check(query);
      if (query.show === "descriptions") await this.searchDescriptions(signal);
      else await this.searchProducts(signal);
    } catch (error) {
      this.showError(error);
    }
  }

  async searchProducts(signal) {
    const answer = await this.flow.products(this.query, this.ui.count || PAGE_SIZE, signal);
    this.showAnswer(answer);
    if (answer.results.length) this.showProducts(answer.results);
  }

  async searchMore() {
    const { ui, flow, results } = this;
    const more = ui.$("more");
    if (more.hidden || more.disabled) return;
    more.disabled = true;
    try {
      this.showProducts(await flow.more(this.query, ui.count || PAGE_SIZE, results.shownIds.length));
      this.query = { ...this.query, count: Math.min(MAX_RESTORED, results.shownIds.length) };
      ui.address.replace(this.query);
    } catch (error) {
      if (!wasAborted(error)) showNotice(ui.$("notice"), ui.messageOf(error), { reference: ui.referenceOf(error) });
    } finally {
      more.disabled = false;
    }
  }

  async searchDescriptions(signal) {
    const { ui, query, flow } = this;
    const [answer, { showDescriptions }] = await Promise.all([flow.descriptions(query, signal), import("./descriptions.js")]);
    this.showAnswer(answer);
    if (!answer.results.length) return;
    const shown = { thumbnail: Boolean(query.picture), productId: query.like[0] };
    const searchText = (text) => {
      this.change({ ...emptyQuery(), text });
      this.toTop();
    };
    const show = (explained) => showDescriptions(ui, this.results, answer.results, explained, shown, searchText);
    // The descriptions are shown at once, and again whenever the service has said which words carry the match.
    show(null);
    const descriptions = answer.results.map((result) => result.description);
    for await (const explained of flow.explanations(query, descriptions, signal)) show(explained);
  }

  /* Showing */

  showAnswer(answer) {
    const { ui, query } = this;
    this.results.begin(answer, query.sort === RELEVANCE);
    this.understood.show(answer, query);
    this.facets.show(this.flow.facets(query), answer.facets, query);
    ui.emit("vitrine-results", { query, total: answer.total, results: answer.results });
    if (answer.results.length) return;
    if (this.flow.catalogue.isEmpty) {
      showEmptyCatalogue(ui);
      return;
    }
    const narrowing = [...(query.strict ? this.understood.chips(answer.interpreted, query) : []), ...this.facets.chips(query)];
    showNothing(ui, answer, query, narrowing, (fields) => this.change(fields));
  }

  showProducts(hits) {
    this.results.add(hits);
    // An observer reports changes only. Observed again, it reports once more that the end is in view.
    this.moreInView.unobserve(this.ui.$("more"));
    this.moreInView.observe(this.ui.$("more"));
  }

  showError(error) {
    const { ui } = this;
    if (wasAborted(error)) return;
    this.results.clear();
    this.understood.hide();
    ui.$("found").hidden = false;
    // A request that the service refuses would be refused again.
    const mayHelp = !isEmpty(this.query) && !(error.status >= 400 && error.status < 500);
    const actions = mayHelp ? [outlineButton(ui.say("states.tryAgain"), () => this.search())] : [];
    showNotice(ui.$("notice"), ui.messageOf(error), { reference: ui.referenceOf(error), actions });
  }

  /* Events */

  soon(action, wait = TYPING_MS) {
    clearTimeout(this.typingTimer);
    this.typingTimer = setTimeout(action, wait);
  }

  takeText() {
    const text = this.ui.$("text").value.trim();
    this.flow.typed();
    if (text !== this.query.text) this.change(textWith(this.query, text), true);
  }

  listen() {
    const { ui, facets } = this;
    const on = (id, name, action) => ui.$(id).addEventListener(name, action);
    const takeText = () => this.takeText();
    this.moreInView = new IntersectionObserver((entries) => entries.some((one) => one.isIntersecting) && this.searchMore(), { rootMargin: "600px" });
    ui.signal.addEventListener("abort", () => {
      clearTimeout(this.typingTimer);
      this.moreInView.disconnect();
    });
    on("text", "input", () => this.soon(takeText));
    on("search", "submit", (event) => {
      event.preventDefault();
      this.soon(takeText, 0);
      if (matchMedia("(pointer: coarse)").matches) ui.$("text").blur(); // the keyboard makes room for the results
    });
    on("weight", "input", () => {
      const weight = Number(ui.$("weight").value);
      this.bar.showBalance(weight);
      this.soon(() => this.change({ weight }, true));
    });
    on("picture-remove", "click", () => {
      this.change({ picture: null });
      ui.$("text").focus();
    });
    for (const show of ["products", "descriptions"]) on(`show-${show}`, "click", () => this.change({ show, count: this.query.count }));
    on("strict", "change", () => this.change({ strict: ui.$("strict").checked }));
    on("sort", "change", () => this.change({ sort: ui.$("sort").value }));
    on("less-relevant", "click", () => this.change({ all: true, count: this.results.shownIds.length }));
    on("relevant-only", "click", () => this.change({ all: false }));
    on("filters-clear", "click", () => this.change({ filters: {} }));
    on("filters-open", "click", () => facets.open(true));
    on("filters-close", "click", () => facets.open(false));
    on("filters-show", "click", () => facets.open(false));
    on("more", "click", () => this.searchMore());
    on("skip", "click", () => ui.$(isEmpty(this.query) ? "browse" : "results").focus());
    if (ui.pictures) listenForFiles(ui, (file) => this.takeFile(file));
    this.suggest = new Suggest(ui, () => this.soon(takeText, 0));
    ui.root.addEventListener("keydown", (event) => this.onKey(event));
    if (ui.whole) addEventListener("keydown", (event) => this.onPageKey(event), { signal: ui.signal });
    ui.address.onChange(() => this.followAddress(), ui.signal);
    if (ui.whole) history.scrollRestoration = "manual";
  }

  // The arrows walk over the cards, Escape closes the filters.
  onKey(event) {
    const { ui } = this;
    if (event.ctrlKey || event.metaKey || event.altKey || ui.root.querySelector("dialog[open]")) return;
    if (event.key === "Escape" && this.facets.isOpen) this.facets.open(false);
    else if (event.key === "ArrowDown" && event.target === ui.$("text")) ui.$("grid").querySelector("a")?.focus();
    else if (!event.target.closest("input, select") && event.target.closest(".grid")) this.results.walk(event);
  }

  // "/" goes to the search field, where the page is all ours.
  onPageKey(event) {
    const { ui } = this;
    const [target] = event.composedPath();
    const inField = target instanceof Element && target.closest("input, textarea, select");
    if (event.key !== "/" || inField || event.ctrlKey || event.metaKey || event.altKey || ui.root.querySelector("dialog[open]")) return;
    event.preventDefault();
    ui.$("text").focus();
    ui.$("text").select();
  }
}
