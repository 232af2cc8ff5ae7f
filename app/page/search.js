// The search: takes what a person does, keeps the query, has the requests made, and has the other modules show it.
// Data flows one way: event -> change() -> address -> search() -> results.

import { PAGE_SIZE, sameSearch } from "./address.js";
import { Browse } from "./browse.js";
import { showEmptyCatalogue, showNothing, showPictureAddress } from "./empty.js";
import { Filters } from "./filters.js";
import { Flow } from "./flow.js";
import { lazy } from "./lazy.js";
import { More } from "./more.js";
import { Photos } from "./photos.js";
import { listenForFiles, Pictures } from "./picture.js";
import { Place } from "./place.js";
import { emptyQuery, examplesWith, filtersOf, filtersWith, hasPicture, isEdit, isEmpty, isPictureAddress, RELEVANCE, textWith } from "./query.js";
import { QueryBar } from "./query_bar.js";
import { Results } from "./results.js";
import { listenForKeys } from "./shortcuts.js";
import { Sort } from "./sort.js";
import { Suggest } from "./suggest.js";
import { Trouble } from "./trouble.js";
import { onText } from "./typing.js";
import { Understood } from "./understood.js";

/** @typedef {import("./query.js").SearchQuery} SearchQuery */

// What a page is told of a query.
const told = ({ text, filters, like, unlike, sort, picture }) => ({ text, filters, like, unlike, sort, picture: Boolean(picture) });

/** The search of one page or element, whose elements are there. */
export class SearchView {
  /** @param {import("./ui.js").Ui} ui */
  constructor(ui) {
    this.ui = ui;
    this.query = emptyQuery();
    this.flow = new Flow(ui, {
      attempt: (query, signal) => this.attempt(query, signal),
      failed: (error, milliseconds) => {
        this.results.stopWaiting();
        this.trouble.show(error, milliseconds);
      },
      learned: (facts) => {
        this.sort.offer(facts);
        this.sort.show(this.query.sort); // the orders are new: none is chosen
        // Now with the names of the language. The field stays as it is: somebody may be typing.
        this.bar.showTitle(this.query);
        this.filters.showChosen(this.query);
      },
    });
    this.pictures = new Pictures(ui.service, ui.signal);
    this.photos = new Photos(ui, this.pictures, this);
    const change = (fields) => this.change(fields);
    this.bar = new QueryBar(ui, this.pictures, change);
    const setFilter = (name, value, on) => change({ filters: filtersWith(this.query, name, value, on) });
    this.filters = new Filters(ui, setFilter, (name, values) => change({ filters: filtersOf(this.query, name, values) }));
    const isChosen = (name, value) => Boolean(this.query.filters[name]?.includes(value));
    this.results = new Results(ui, { prefer: (kind, id) => this.prefer(kind, id), setFilter, isChosen });
    this.understood = new Understood(ui, change);
    this.sort = new Sort(ui);
    this.browse = new Browse(ui, (filters) => change({ ...emptyQuery(), filters }));
    this.more = new More(ui, this.flow, this.results, { size: this.size, shown: () => this.keepCount() });
    this.trouble = new Trouble(ui, () => this.flow.again());
    this.place = new Place(ui, this.results);
    ui.prepareDrawer = (drawer) => {
      drawer.like = (id) => this.prefer("like", id);
      drawer.unlike = (id) => this.prefer("unlike", id);
      drawer.adjacent = (id, step) => this.results.adjacentId(id, step);
    };
  }

  /** Listen, and search for what the address says. */
  begin() {
    this.listen();
    this.followAddress();
  }

  get size() {
    return this.ui.count || PAGE_SIZE;
  }

  /* The query changes */

  /**
   * @param {Partial<SearchQuery>} fields
   * @param {boolean} [typing] a change that goes on
   */
  change(fields, typing = false) {
    this.query = { ...this.query, count: 0, ...fields };
    if (!typing) this.place.keep();
    this.ui.address.push(this.query, typing);
    this.ui.sheets.moved();
    this.search(typing);
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

  followAddress() {
    const { ui } = this;
    const { entry } = ui.address;
    const next = ui.address.read();
    if (ui.address.product || ui.madeDrawer) ui.drawer().then((drawer) => drawer.followAddress(), (error) => this.trouble.show(error));
    if (this.results.areThere && sameSearch(next, this.query)) return; // only the drawer has changed
    this.query = next;
    this.place.follow(entry);
    this.search();
    if (next.picture && location.hash) this.showThumbnail(next.picture).catch(() => {}); // an icon stands for it
  }

  async share() {
    const { ui } = this;
    const { linkOf, share } = await lazy("share.js", ui.signal);
    share(ui, ui.$("share"), await linkOf(ui, this.pictures, this.query), document.title);
  }

  // A link that was shared has a tiny picture for people to see.
  async showThumbnail(picture) {
    const { takeThumbnail } = await lazy("share.js", this.ui.signal);
    await takeThumbnail(this.pictures, picture);
    if (this.query.picture === picture) this.bar.showThumbnail(picture);
  }

  /* Searching */

  /** @param {boolean} [typing] whether the search may wait for its turn */
  search(typing = false) {
    this.bar.show(this.query, (id) => this.results.titles.get(id));
    this.photos.show(this.query.picture);
    this.filters.showChosen(this.query);
    this.ui.$("sort-label").hidden = this.query.show !== "products";
    if (!isEmpty(this.query)) this.results.showWaiting(this.query.show, true);
    this.flow.search(this.query, typing && !isEmpty(this.query));
  }

  async attempt(asked, signal) {
    const { ui, flow } = this;
    if (isEmpty(asked)) {
      await this.showTiles(signal);
      return;
    }
    if (isPictureAddress(asked.text)) return showPictureAddress(ui, this);
    if (!ui.emit("vitrine-search", told(asked))) {
      this.results.stopWaiting(); // the page searches itself
      return;
    }
    await flow.known();
    const query = await this.withCurrentPicture(asked, signal);
    this.sort.show(query.sort);
    if (query.show === "descriptions" && ui.lab) await this.searchDescriptions(query, signal);
    else await this.searchProducts(query, signal);
  }

  // Nothing is searched for. What went wrong stays to be read until it works.
  async showTiles(signal) {
    const { ui, flow } = this;
    const clear = () => {
      this.results.clear();
      this.trouble.hide();
      ui.$("found").hidden = true;
    };
    const failed = flow.failures > 0;
    if (!failed) clear();
    await flow.facts.get();
    await this.browse.show(flow.catalogue.counts);
    if (signal.aborted) return;
    if (failed) clear();
    this.place.restore();
  }

  // A picture that an earlier model has encoded is encoded again, as long as the page has it.
  async withCurrentPicture(query, signal) {
    if (this.flow.isCurrent(query)) return query;
    const picture = await this.pictures.encodeAgain(query.picture, signal);
    this.query = { ...this.query, picture };
    this.ui.address.replace(this.query);
    return { ...query, picture };
  }

  async searchProducts(query, signal) {
    const answer = await this.flow.products(query, this.size, signal);
    if (answer.results.length) {
      this.showAnswer(answer, query);
      this.results.add(answer.results);
      this.more.begin(query.count, signal).then(() => this.place.restore(), () => {});
    } else {
      // Half a word that finds nothing is no news.
      this.flow.settled(signal).then(() => this.showAnswer(answer, query), () => {});
    }
  }

  keepCount() {
    this.query = { ...this.query, count: this.results.shownIds.length };
    this.ui.address.replace(this.query);
  }

  async searchDescriptions(query, signal) {
    const { ui, flow } = this;
    const [answer, { showDescriptions }] = await Promise.all([flow.descriptions(query, signal), lazy("descriptions.js", signal)]);
    this.showAnswer(answer, query);
    this.place.restore();
    if (!answer.results.length) return;
    const shown = { thumbnail: Boolean(query.picture), productId: query.like[0] };
    const searchText = (text) => {
      this.change({ ...emptyQuery(), text });
      this.toTop();
    };
    const show = (explained) => showDescriptions(ui, this.results, answer.results, explained, shown, searchText);
    // The descriptions are shown at once, and again whenever the service has said which words carry the match.
    show(null);
    flow.explained(query, answer.results.map((result) => result.description), signal, show);
  }

  /* Showing */

  showAnswer(answer, query) {
    const { ui } = this;
    this.trouble.hide();
    ui.$("empty").hidden = answer.results.length > 0;
    this.results.begin(answer, query.sort === RELEVANCE);
    this.understood.show(answer, query);
    this.filters.show(answer, query);
    ui.emit("vitrine-results", { ...told(query), total: answer.total, results: answer.results });
    if (answer.results.length) return;
    if (this.flow.catalogue.isEmpty) {
      showEmptyCatalogue(ui);
      return;
    }
    const narrowing = [...(query.strict || isEdit(query) ? this.understood.chips(answer, query) : []), ...this.filters.chips(query)];
    showNothing(ui, answer, query, narrowing, (fields) => this.change(fields));
  }

  /* Events */

  takeText() {
    const text = this.ui.$("text").value.trim();
    if (text !== this.query.text) this.change(textWith(this.query, text), true);
  }

  listen() {
    const { ui, filters } = this;
    const on = (id, name, action) => ui.$(id).addEventListener(name, action);
    const takeText = () => this.takeText();
    onText(ui.$("text"), takeText); // before the completions, which must not delay the results
    on("search", "submit", (event) => {
      event.preventDefault();
      this.takeText();
      if (matchMedia("(pointer: coarse)").matches) ui.$("text").blur(); // the keyboard makes room for the results
    });
    on("weight", "input", () => this.change({ weight: Number(ui.$("weight").value) }, true));
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
    on("filters-open", "click", () => filters.open(true));
    on("filters-close", "click", () => filters.open(false));
    on("filters-show", "click", () => filters.open(false));
    on("share", "click", () => this.share());
    on("skip", "click", () => ui.$(isEmpty(this.query) ? "browse" : "results").focus());
    if (ui.pictures) listenForFiles(ui, (file) => this.photos.take(file), () => this.photos.prepare());
    this.suggest = new Suggest(ui, takeText, () => !hasPicture(this.query)); // words beside a picture are no titles
    listenForKeys(ui, this.results, filters);
    ui.address.onChange(() => this.followAddress(), ui.signal);
    if (ui.whole) history.scrollRestoration = "manual";
  }
}
