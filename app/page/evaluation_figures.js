// The figures of one split: the most important ones, the table of all, the source paper's, recall over k.
// Knows no call.

import { drawRecall } from "./charts.js";
import { element } from "./elements.js";
import { percentIn } from "./figure_format.js";

/** @typedef {import("./charts.js").Figure} Figure */

// The paper's table (docs/paper.json): image to text, all pairs of the same data set, only the pair itself is right.
const PAPER = [
  ["BERT + ResNet", 0.0074, 0.3451],
  ["BERT + ViT", 0.0087, 0.3711],
  ["GPT-2 + ViT", 0, 0.001],
];
const CUTOFFS = [1, 5, 10, 100];
export const DIRECTIONS = ["text_to_image", "image_to_text"];
const RULES = ["strict_id", "same_title"];

/** The part of the page with the figures. */
export class Figures {
  /** @param {import("./ui.js").Ui} ui @param {() => void} measureAll asks for all pairs, as the paper does */
  constructor(ui, measureAll) {
    this.ui = ui;
    this.measureAll = measureAll;
    this.percent = percentIn(ui.words.language);
  }

  /** @param {Figure} figure @returns {string} its interval in per cent */
  interval({ low, high }) {
    return `${this.percent(low)}–${this.percent(high)}`;
  }

  /** @param {object} answer of /v1/evaluation */
  show(answer) {
    const { ui } = this;
    this.answer = answer;
    const about = ui.say("evaluation.about", { queries: answer.queries, gallery: answer.gallery, source: answer.source });
    ui.$("about").textContent = answer.split === "test" ? `${about} ${ui.say("evaluation.heldOut")}` : about;
    const { titles, titles_hub_corrected: corrected, image_to_text: toText } = answer;
    const measures = [
      [titles.recall10, "titlesFind", "recall@10", corrected?.recall10],
      [titles.mrr10, "firstRight", ui.say("evaluation.mrr"), corrected?.mrr10],
      [toText.same_title.top1, "picturesFind", ui.say("evaluation.toText1")],
      [toText.same_title.top100, "picturesFind", ui.say("evaluation.toText100")],
    ];
    ui.$("headline").replaceChildren(...measures.map((one) => this.headline(...one)));
    this.showTable();
    this.showPaper();
    this.showRecall();
    const { at, seconds, threads } = answer.measured;
    const when = new Intl.DateTimeFormat(ui.words.language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(at));
    const ids = ui.say("evaluation.origin", { encoder: answer.encoder_id, version: String(answer.catalogue_version) });
    const took = ui.say("evaluation.took", { when, threads, count: Math.max(1, Math.round(seconds)) });
    ui.$("origin").textContent = `${ids} · ${took}`;
  }

  /**
   * @param {Figure} figure
   * @param {string} name
   * @param {string} measure
   * @param {Figure} [corrected] the same with hub correction
   */
  headline(figure, name, measure, corrected) {
    const value = element("b", {}, this.percent(figure.value), element("small", {}, "%"));
    const lines = [measure, this.ui.say("evaluation.interval", { interval: this.interval(figure) })];
    if (corrected) lines.push(this.ui.say("evaluation.hubCorrected", { value: this.percent(corrected.value), interval: this.interval(corrected) }));
    return element("li", {}, element("span", {}, this.ui.say(`evaluation.${name}`)), value, ...lines.map((line) => element("span", {}, line)));
  }

  nameOf(direction) {
    return this.ui.say(`evaluation.${direction}`);
  }

  cell(figure) {
    return element("td", {}, this.percent(figure.value), element("small", {}, this.interval(figure)));
  }

  showTable() {
    const { ui, answer } = this;
    const columns = DIRECTIONS.flatMap((one) => RULES.map((rule) => [one, rule]));
    const measures = [...CUTOFFS.map((k) => [`top${k}`, `Top-${k}`]), ["mrr10", "MRR@10"]];
    const rows = measures.map(([name, label]) => row(label, columns.map(([one, rule]) => this.cell(answer[one][rule][name]))));
    const labels = columns.map(([one, rule]) => `${this.nameOf(one)}, ${ui.say(`evaluation.${rule}`)}`);
    ui.$("table").replaceChildren(headerRow(["", ...labels]), element("tbody", {}, ...rows));
  }

  showPaper() {
    const { ui, answer, percent } = this;
    const ours = answer.image_to_text.strict_id;
    const comparable = answer.split === "all";
    const note = [ui.say("evaluation.paperNote"), " ", ui.say(comparable ? "evaluation.paperSame" : "evaluation.paperOther"), " "];
    if (!comparable) {
      const button = element("button", { type: "button", className: "plain" }, ui.say("evaluation.measureAll"));
      button.addEventListener("click", this.measureAll);
      note.push(button);
    }
    ui.$("paper-note").replaceChildren(...note);
    const theirs = PAPER.map(([name, top1, top100]) => row(ui.say("evaluation.ofPaper", { name }), [top1, top100].map((value) => element("td", {}, percent(value, 2)))));
    const measures = [ours.top1, ours.top100].map((figure) => this.cell(figure));
    const own = row(ui.say("evaluation.thisService", { queries: answer.queries }), measures, { className: "ours" });
    ui.$("paper").replaceChildren(headerRow([ui.say("evaluation.model"), "Top-1 %", "Top-100 %"]), element("tbody", {}, ...theirs, own));
  }

  /** Draw the chart again, as when the colours have changed. */
  showRecall() {
    if (!this.answer) return;
    const lines = DIRECTIONS.map((name) => ({ label: this.nameOf(name), figures: CUTOFFS.map((k) => this.answer[name].same_title[`top${k}`]) }));
    drawRecall("recall", CUTOFFS, lines);
  }
}

const headerRow = (labels) => element("thead", {}, element("tr", {}, ...labels.map((label) => element("th", { scope: "col" }, label))));

const row = (label, cells, properties = {}) => element("tr", properties, element("th", { scope: "row" }, label), ...cells);
