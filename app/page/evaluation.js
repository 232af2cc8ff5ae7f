// The evaluation page: the figures of one split, and the queries that fail and succeed. Its state (split, direction,
// attribute, slice, queries, page) is in the address. Measures nothing itself.

import { drawSimilarity, medianOf, resizeCharts } from "./charts.js";
import { download, figuresCsv, figuresMarkdown } from "./downloads.js";
import { outlineButton, showNotice, showTabs } from "./elements.js";
import { DIRECTIONS, Figures } from "./evaluation_figures.js";
import { Slices } from "./evaluation_slices.js";
import { Failures, PAGE } from "./failures.js";
import { Judgements } from "./judgements.js";
import { Measuring } from "./measuring.js";
import { wasAborted } from "./recover.js";
import { documentUi } from "./ui.js";

const SPLITS = ["test", "validation", "train", "all"];
const ENDS = ["worst", "best"];

class EvaluationPage {
  figures = null; // the answer of /v1/evaluation
  details = null; // that of /v1/evaluation/details
  measured = null; // the split and the page that they are of, and the slices by further attributes
  running = new AbortController();

  /** @param {import("./ui.js").Ui} ui @param {import("./drawer.js").Drawer} drawer */
  constructor(ui, drawer) {
    this.ui = ui;
    this.drawer = drawer;
    const cancel = () => this.cancel();
    this.waitings = { figures: new Measuring(ui, ui.$("figures-wait"), cancel), details: new Measuring(ui, ui.$("details-wait"), cancel) };
    this.shownFigures = new Figures(ui, () => this.choose({ split: "all", slice: null, from: null }));
    const by = (attribute) => this.choose({ by: attribute });
    this.slices = new Slices(ui, { by, press: (attribute, value) => this.pressSlice(attribute, value) });
    const turnTo = (offset) => this.choose({ from: String(offset) });
    this.failures = new Failures(ui, { turnTo, leaveSlice: () => this.choose({ slice: null, from: null }) });
    ui.$("save-json").addEventListener("click", () => this.save("json", "application/json", (all) => `${JSON.stringify(all, null, 2)}\n`));
    ui.$("save-csv").addEventListener("click", () => this.save("csv", "text/csv", figuresCsv));
    ui.$("save-markdown").addEventListener("click", () => this.save("md", "text/markdown", figuresMarkdown));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
    addEventListener("popstate", () => this.followAddress());
    this.watchWidth();
  }

  watchWidth() {
    let width = 0;
    new ResizeObserver(() => {
      if (this.ui.$("figures").clientWidth === width) return;
      width = this.ui.$("figures").clientWidth;
      resizeCharts();
    }).observe(this.ui.$("main"));
  }

  /* The address */

  param(name) {
    return new URLSearchParams(location.search).get(name);
  }

  // What the address says, as far as it is one of the options.
  one(name, options) {
    return options.includes(this.param(name)) ? this.param(name) : options[0];
  }

  get view() {
    const [attribute, ...rest] = (this.param("slice") ?? "").split(":");
    return {
      split: this.one("split", SPLITS),
      direction: this.one("direction", DIRECTIONS),
      end: this.one("queries", ENDS),
      slice: rest.length ? { attribute, value: rest.join(":") } : null,
      offset: Math.max(0, Math.floor(Number(this.param("from")) || 0)),
    };
  }

  choose(changes) {
    const url = new URL(location.href);
    for (const [name, value] of Object.entries(changes)) {
      if (value === null) url.searchParams.delete(name);
      else url.searchParams.set(name, value);
    }
    history.pushState({}, "", url);
    this.followAddress();
  }

  pressSlice(attribute, value) {
    this.choose({ slice: `${attribute}:${value}`, queries: "worst", from: null });
    this.ui.$("queries-title").scrollIntoView({ block: "start" });
  }

  followAddress() {
    const { ui, view } = this;
    this.drawer.followAddress();
    const named = (names, prefix) => Object.fromEntries(names.map((name) => [name, ui.say(`evaluation.${prefix}${name}`)]));
    showTabs(ui.$("splits"), named(SPLITS, "split."), view.split, (value) => this.choose({ split: value, slice: null, from: null }));
    showTabs(ui.$("directions"), named(DIRECTIONS, ""), view.direction, (value) => this.choose({ direction: value, from: null }));
    showTabs(ui.$("ends"), named(ENDS, ""), view.end, (value) => this.choose({ queries: value, from: null }));
    if (this.measured?.split !== view.split) this.load();
    else this.update();
  }

  /* Loading */

  restart() {
    this.running.abort();
    this.running = new AbortController();
    showNotice(this.ui.$("notice"), "");
    return this.running.signal;
  }

  async load() {
    const { ui, view } = this;
    const signal = this.restart();
    this.figures = this.details = null;
    this.measured = { split: view.split, page: null, slices: {} };
    for (const id of ["figures", "details-body", "details"]) ui.$(id).hidden = true;
    ui.$("status").textContent = ui.say("evaluation.measuring");
    await this.report(signal, async () => {
      const call = ui.service.get(`v1/evaluation?split=${view.split}`, signal);
      this.figures = await this.waitings.figures.during(call, view.split, "figures", signal);
      this.measured.slices = { ...this.figures.slices };
      this.failures.judgements = new Judgements(this.figures.source);
      ui.$("figures").hidden = false;
      this.shownFigures.show(this.figures);
      ui.$("details").hidden = false;
      await this.showAll(signal);
      ui.$("status").textContent = ui.say("evaluation.measured");
    });
  }

  async update() {
    if (!this.figures) return; // they are being measured, or it was given up
    const signal = this.restart();
    await this.report(signal, () => this.showAll(signal));
  }

  async showAll(signal) {
    await this.showSlices(signal);
    await this.showDetails(signal);
  }

  async report(signal, work) {
    const { ui } = this;
    try {
      await work();
    } catch (error) {
      if (wasAborted(error) || signal.aborted) return;
      ui.$("status").textContent = "";
      this.offer(ui.messageOf(error), "states.tryAgain", ui.referenceOf(error));
    }
  }

  // Say why there is nothing, and let a person measure.
  offer(message, action, reference) {
    const again = () => (this.figures ? this.update() : this.load());
    showNotice(this.ui.$("notice"), message, { reference, actions: [outlineButton(this.ui.say(action), again)] });
    this.ui.$("notice").scrollIntoView({ block: "nearest" });
  }

  cancel() {
    this.restart();
    this.ui.$("status").textContent = "";
    this.ui.$("details").hidden = !this.details;
    this.offer(this.ui.say("evaluation.cancelled"), "evaluation.measure");
  }

  async showSlices(signal) {
    const { ui, view, measured } = this;
    const attributes = [...new Set([...Object.keys(this.figures.slices), ...this.figures.attributes])];
    const attribute = this.one("by", attributes);
    this.slices.offer(attributes, attribute);
    if (!measured.slices[attribute]) {
      ui.$("slices").setAttribute("aria-busy", "true");
      try {
        const found = await ui.service.get(`v1/evaluation?split=${view.split}&slices=${encodeURIComponent(attribute)}`, signal);
        Object.assign(measured.slices, found.slices);
      } finally {
        ui.$("slices").removeAttribute("aria-busy");
      }
    }
    const chosen = view.slice?.attribute === attribute ? view.slice.value : null;
    this.slices.show(attribute, measured.slices[attribute], !(attribute in this.figures.slices), chosen);
  }

  async showDetails(signal) {
    const { ui, view, measured } = this;
    const params = new URLSearchParams({ split: view.split, offset: String(view.offset), limit: String(PAGE) });
    if (view.slice) params.set("slice", `${view.slice.attribute}:${view.slice.value}`);
    if (measured.page !== params.toString()) {
      const call = ui.service.get(`v1/evaluation/details?${params}`, signal);
      // A page of what is kept comes at once: then the old one stays until it is there.
      this.details = this.details ? await call : await this.waitings.details.during(call, view.split, "details", signal);
      measured.page = params.toString();
    }
    ui.$("details-body").hidden = false;
    this.showSimilarity();
    this.failures.show(this.details[view.direction], view);
  }

  /* The error analysis */

  showSimilarity() {
    const { ui } = this;
    const { similarity } = this.details[this.view.direction];
    const { edges, right, wrong, nearest_wrong: nearest } = similarity;
    const score = new Intl.NumberFormat(ui.words.language, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
    const [ofRight, ofWrong, ofNearest] = [right, wrong, nearest].map((counts) => score.format(medianOf(edges, counts)));
    ui.$("similarity-note").textContent = ui.say("evaluation.similarityNote", { right: ofRight, wrong: ofWrong, nearest: ofNearest });
    const names = ["cosine", "rightPairs", "wrongPairs", "nearestWrong"].map((key) => ui.say(`evaluation.${key}`));
    drawSimilarity("similarity", similarity, names);
  }

  redraw() {
    this.shownFigures.showRecall();
    if (this.details) this.showSimilarity();
  }

  save(ending, type, write) {
    download(`evaluation-${this.figures.split}.${ending}`, write({ ...this.figures, slices: this.measured.slices }), type);
  }
}

const ui = await documentUi();
const [drawer] = await Promise.all([ui.drawer(), ui.loadLabels()]);
new EvaluationPage(ui, drawer).followAddress();
