// The page "A beside B": a report of `vitrine evaluate --against` as a plot of differences, and a blind comparison of
// the results of both. The report stays in the browser; pictures come from the service.

import { plotDifferences } from "./beside_plot.js";
import { betterOf, MAX_BYTES, readReport, ReportError } from "./beside_report.js";
import { Blind, VOTES } from "./blind.js";
import { download } from "./downloads.js";
import { element, showNotice, showTabs } from "./elements.js";
import { sliceAttribute, sliceValue } from "./evaluation_slices.js";
import { percentIn } from "./figure_format.js";
import { imageBox } from "./product_picture.js";
import { documentUi } from "./ui.js";

const NAMES = {
  ...{ recall1: "recall@1", recall10: "recall@10", recall100: "recall@100", mrr10: "MRR@10" },
  ...{ top1: "Top-1", top5: "Top-5", top10: "Top-10", top100: "Top-100" },
  ...{ p10: "P@10", ndcg10: "nDCG@10", success1: "success@1" },
};
const KEYS = { ArrowLeft: "left", 1: "left", 2: "same", ArrowRight: "right", 3: "right" };

class BesidePage {
  /** @type {?import("./beside_report.js").Report} */
  report = null;

  /** @type {?Blind} */
  blind = null;

  /** @param {import("./ui.js").Ui} ui */
  constructor(ui) {
    this.ui = ui;
    this.percent = percentIn(ui.words.language);
    ui.$("file").addEventListener("change", (event) => this.open(event.target.files[0]));
    // The same file may be chosen again, after it was written again.
    ui.$("file").addEventListener("click", (event) => {
      event.target.value = "";
    });
    const page = document.body;
    page.addEventListener("dragover", (event) => event.preventDefault());
    page.addEventListener("drop", (event) => {
      event.preventDefault();
      this.open(event.dataTransfer.files[0]);
    });
    VOTES.forEach((vote) => ui.$(`vote-${vote}`).addEventListener("click", () => this.vote(vote)));
    ui.$("blind").addEventListener("keydown", (event) => this.onKey(event));
    ui.$("vote-undo").addEventListener("click", () => this.undo());
    ui.$("reveal").addEventListener("click", () => this.end());
    ui.$("votes-save").addEventListener("click", () => download("votes.jsonl", this.blind.lines(), "application/jsonl"));
    ui.$("begin").addEventListener("click", () => this.begin());
  }

  async open(file) {
    if (!file) return;
    const { ui } = this;
    showNotice(ui.$("notice"), "");
    try {
      if (file.size > MAX_BYTES) throw new ReportError("beside.tooLarge");
      this.report = readReport(await file.text());
    } catch (error) {
      const key = error instanceof ReportError ? error.message : "beside.unreadable";
      showNotice(ui.$("notice"), ui.say(key, { megabytes: MAX_BYTES / 1e6 }));
      return;
    }
    this.attribute = Object.keys(this.report.slices)[0];
    this.prepare();
    ui.$("shown").hidden = false;
    this.showFigures();
    ui.$("verdict").focus();
  }

  /* The figures. They tell which encoder is better, and not which of two lists is its own. */

  showFigures() {
    const { ui, report } = this;
    const { measures, judged } = report;
    ui.$("verdict").textContent = this.verdict(measures[0].difference);
    ui.$("about").textContent = ui.say("beside.about", { titles: report.titles, gallery: report.gallery, source: report.source, a: report.a.encoder_id, b: report.b.encoder_id });
    const lines = [...measures, ...(judged?.measures ?? [])].map((line) => ({ name: this.nameOf(line), note: this.bothOf(line), difference: line.difference }));
    plotDifferences(ui.$("differences"), lines, (difference) => this.points(difference));
    this.showSlices();
  }

  nameOf({ direction, right, measure }) {
    return `${this.ui.say(`beside.${direction}.${right}`)}: ${NAMES[measure] ?? measure}`;
  }

  bothOf({ a, b }) {
    return `A ${this.percent(a.value)} · B ${this.percent(b.value)}`;
  }

  points({ value, low, high }) {
    const signed = (part) => `${part < 0 ? "−" : "+"}${this.percent(Math.abs(part))}`;
    return `${signed(value)} (${signed(low)} … ${signed(high)})`;
  }

  verdict(difference) {
    const { value, low, high } = difference;
    const better = betterOf(difference);
    const values = better === "a" ? [-value, -high, -low] : [value, low, high];
    const [points, from, to] = values.map((part) => this.percent(part));
    return this.ui.say(`beside.verdict.${better}`, { points, from, to });
  }

  showSlices() {
    const { ui, report } = this;
    const names = Object.keys(report.slices);
    ui.$("slices-part").hidden = !names.length;
    if (!names.length) return;
    const labels = Object.fromEntries(names.map((name) => [name, sliceAttribute(ui, name)]));
    showTabs(ui.$("slice-names"), labels, this.attribute, (name) => {
      this.attribute = name;
      this.showSlices();
    });
    const lines = report.slices[this.attribute].map(({ value, queries: count, a, b, difference }) => ({
      name: sliceValue(ui, this.attribute, value),
      note: `${ui.say("evaluation.titles", { count })} · ${this.bothOf({ a, b })}`,
      difference,
    }));
    plotDifferences(ui.$("slices"), lines, (difference) => this.points(difference));
  }

  /* The blind comparison */

  prepare() {
    this.blind = new Blind(this.report.side_by_side, crypto.getRandomValues(new Uint32Array(1))[0]);
    this.turnTo("ready");
  }

  begin() {
    this.prepare();
    this.turnTo("voting");
    this.ui.$("blind").focus();
  }

  /** @param {"ready"|"voting"|"ended"} stage of the blind comparison */
  turnTo(stage) {
    const { ui, blind } = this;
    const can = blind.count > 0;
    ui.$("blind").hidden = stage !== "voting";
    ui.$("result").hidden = stage !== "ended";
    ui.$("begin").hidden = stage === "voting" || !can;
    ui.$("begin").textContent = ui.say(stage === "ended" ? "beside.again" : "beside.begin", { count: blind.count });
    ui.$("blind-note").textContent = ui.say(can ? "beside.note" : "beside.nothing");
    if (stage === "voting") this.showPair();
    if (stage === "ended") this.showResult();
  }

  showPair() {
    const { ui, blind } = this;
    const { query, left, right } = blind.at(blind.votes.length);
    ui.$("query").textContent = query;
    ui.$("progress").max = blind.count;
    ui.$("progress").value = blind.votes.length;
    ui.$("place").textContent = ui.say("beside.place", { done: blind.votes.length, count: blind.count });
    ui.$("vote-undo").disabled = !blind.votes.length;
    for (const [id, hits] of [["left", left], ["right", right]]) {
      // No link: an address says nothing about a side, but the mark of a visited one would.
      ui.$(id).replaceChildren(...hits.map((hit) => element("li", {}, imageBox(ui.service, hit), element("span", {}, hit.title))));
    }
  }

  vote(vote) {
    const { blind } = this;
    blind.votes.push(vote);
    if (blind.votes.length < blind.count) this.showPair();
    else this.end();
  }

  undo() {
    this.blind.votes.pop();
    this.showPair();
  }

  end() {
    this.turnTo("ended");
    this.ui.$("result").focus();
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "u" || event.key === "Backspace") this.undo();
    else if (KEYS[event.key]) this.vote(KEYS[event.key]);
    else return;
    event.preventDefault();
  }

  showResult() {
    const { ui, blind } = this;
    const { a, b, same, share, low, high, p } = blind.result();
    const voted = a + b + same;
    ui.$("votes-save").hidden = !voted;
    const [part, from, to] = [share, low, high].map((one) => this.percent(one, 0));
    const lines = voted
      ? [
          ui.say("beside.votes", { a, b, same }),
          ui.say("beside.share", { share: part, from, to }),
          ui.say(p < 0.05 ? (b > a ? "beside.preferB" : "beside.preferA") : "beside.preferNone", { p: p < 0.001 ? "< 0.001" : p.toFixed(3) }),
        ]
      : [ui.say("beside.noVotes")];
    if (blind.equal) lines.push(ui.say("beside.equal", { count: blind.equal }));
    ui.$("result-lines").replaceChildren(...lines.map((line) => element("p", {}, line)));
  }
}

const ui = await documentUi();
const page = new BesidePage(ui);
ui.$("file").disabled = false;
await ui.loadLabels();
if (page.report) page.showFigures();
