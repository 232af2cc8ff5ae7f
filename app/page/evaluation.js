// The evaluation page: the figures of one split, the source paper's beside them, and the queries that fail and succeed.
// Its state (split, direction, slice, queries) is in the address. Measures nothing itself.

import { drawRecall, drawSimilarity, medianOf, resizeCharts } from "./charts.js";
import { element, outlineButton, showNotice, showTabs } from "./elements.js";
import { wasAborted } from "./service.js";
import { smallCard } from "./small_card.js";
import { documentUi } from "./ui.js";

/** @typedef {import("./charts.js").Figure} Figure */

// The paper's table (docs/paper.json): image to text, all pairs of the same data set, only the pair itself is right.
const PAPER = [
  ["BERT + ResNet", 0.0074, 0.3451],
  ["BERT + ViT", 0.0087, 0.3711],
  ["GPT-2 + ViT", 0, 0.001],
];
const SPLITS = { test: "Held-out titles", validation: "Validation", train: "Training", all: "All pairs" };
const DIRECTIONS = { text_to_image: "Text → image", image_to_text: "Image → text" };
const RULES = { strict_id: "same product", same_title: "same title" };
const QUERIES = { worst: "Failures", best: "Successes" };
const CUTOFFS = [1, 5, 10, 100];

const ui = await documentUi();
const drawer = await ui.drawer();
const byId = ui.$;
const percent = (value) => (100 * value).toFixed(1);
const interval = ({ low, high }) => `${percent(low)}–${percent(high)}`;

let figures = null; // the answer of /v1/evaluation
let details = null; // the answer of /v1/evaluation/details
let running = new AbortController();

/* The address */

function param(name, options, otherwise) {
  const value = new URLSearchParams(location.search).get(name);
  return value in options ? value : otherwise;
}
const split = () => param("split", SPLITS, "test");
const direction = () => param("direction", DIRECTIONS, "text_to_image");
const queries = () => param("queries", QUERIES, "worst");
const slice = () => param("by", figures.slices, Object.keys(figures.slices)[0]);

function choose(name, value) {
  const url = new URL(location.href);
  url.searchParams.set(name, value);
  history.pushState({}, "", url);
  followAddress();
}

let shownSplit = null;
function followAddress() {
  drawer.followAddress();
  showTabs(byId("splits"), SPLITS, split(), (value) => choose("split", value));
  showTabs(byId("directions"), DIRECTIONS, direction(), (value) => choose("direction", value));
  showTabs(byId("ends"), QUERIES, queries(), (value) => choose("queries", value));
  if (shownSplit !== split()) {
    shownSplit = split();
    load();
    return;
  }
  if (figures) showSlices();
  if (details) showDetails();
}

/* Loading */

async function load() {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  figures = details = null;
  showNotice(byId("notice"), "");
  byId("figures").hidden = byId("details-body").hidden = true;
  byId("details").hidden = byId("details-wait").hidden = false;
  byId("status").textContent = "Measuring";
  try {
    figures = await ui.service.get(`v1/evaluation?split=${shownSplit}`, signal);
    showFigures();
    details = await ui.service.get(`v1/evaluation/details?split=${shownSplit}`, signal);
    showDetails();
    byId("status").textContent = "Measured";
  } catch (error) {
    if (wasAborted(error)) return;
    byId("details").hidden = true;
    byId("status").textContent = "";
    showNotice(byId("notice"), ui.messageOf(error), { reference: ui.referenceOf(error), actions: [outlineButton("Try again", load)] });
  }
}

/* The figures */

function showFigures() {
  byId("figures").hidden = false;
  const heldOut = split() === "test" ? " The encoder was not trained on these titles." : "";
  byId("about").textContent =
    `${ui.number(figures.queries)} queries, searched among all ${ui.number(figures.gallery)} products of “${figures.source}”.` + heldOut;
  const { titles, image_to_text: toText } = figures;
  byId("headline").replaceChildren(
    headline("Titles find their pictures", titles.recall10, "recall@10"),
    headline("Rank of the first right picture", titles.mrr10, "mean reciprocal rank, first 10"),
    headline("Pictures find their title", toText.same_title.top1, "image → text, first result"),
    headline("Pictures find their title", toText.same_title.top100, "image → text, first 100"),
  );
  showTable();
  showPaper();
  showSlices();
  showRecall();
  byId("origin").textContent = `Encoder ${figures.encoder_id} · catalogue version ${figures.catalogue_version}`;
}

function headline(name, figure, measure) {
  const value = element("b", {}, percent(figure.value), element("small", {}, "%"));
  const lines = [measure, `95 % interval ${interval(figure)}`].map((line) => element("span", {}, line));
  return element("li", {}, element("span", {}, name), value, ...lines);
}

const headerRow = (labels) =>
  element("thead", {}, element("tr", {}, ...labels.map((label) => element("th", { scope: "col" }, label))));

/** @param {Figure} figure */
const figureCell = (figure) => element("td", {}, percent(figure.value), element("small", {}, interval(figure)));

const tableRow = (label, cells, properties = {}) =>
  element("tr", properties, element("th", { scope: "row" }, label), ...cells);

function showTable() {
  const columns = Object.keys(DIRECTIONS).flatMap((one) => Object.keys(RULES).map((rule) => [one, rule]));
  const measures = [...CUTOFFS.map((k) => [`top${k}`, `Top-${k}`]), ["mrr10", "MRR@10"]];
  const rows = measures.map(([name, label]) => tableRow(label, columns.map(([one, rule]) => figureCell(figures[one][rule][name]))));
  const labels = columns.map(([one, rule]) => `${DIRECTIONS[one]}, ${RULES[rule]}`);
  byId("table").replaceChildren(headerRow(["", ...labels]), element("tbody", {}, ...rows));
}

function showPaper() {
  const ours = figures.image_to_text.strict_id;
  const comparable = split() === "all";
  byId("paper-note").replaceChildren(
    "Image → text. Only the pair itself counts as right. The paper trains and scores on the same pairs, all of them. ",
    comparable ? "The last row uses the same protocol." : "The last row is of other products: ",
  );
  if (!comparable) {
    const button = element("button", { type: "button", className: "plain" }, "measure all pairs to compare like with like.");
    button.addEventListener("click", () => choose("split", "all"));
    byId("paper-note").append(button);
  }
  const plain = (value) => element("td", {}, (100 * value).toFixed(2));
  const rows = PAPER.map(([name, top1, top100]) => tableRow(`${name} (paper)`, [plain(top1), plain(top100)]));
  const cells = [figureCell(ours.top1), figureCell(ours.top100)];
  rows.push(tableRow(`This service, ${SPLITS[split()].toLowerCase()}`, cells, { className: "ours" }));
  byId("paper").replaceChildren(headerRow(["Model", "Top-1, %", "Top-100, %"]), element("tbody", {}, ...rows));
}

function showSlices() {
  const names = Object.fromEntries(Object.keys(figures.slices).map((name) => [name, ui.sayAttribute(name)]));
  showTabs(byId("slice-names"), names, slice(), (value) => choose("by", value));
  const bars = figures.slices[slice()].map(({ value, queries: count, recall10 }) => {
    const track = element("span", { className: "track", "aria-hidden": "true" }, element("i"), element("u"));
    for (const part of ["value", "low", "high"]) track.style.setProperty(`--${part}`, recall10[part]);
    const titles = element("small", {}, `${ui.number(count)} titles`);
    const name = element("span", { className: "name" }, value.replace(/^other$/, "Other"), titles);
    const figure = element("span", { className: "value", title: `95 % interval ${interval(recall10)}` }, percent(recall10.value));
    return element("li", {}, name, track, figure);
  });
  byId("slices").replaceChildren(...bars);
}

function showRecall() {
  const lines = Object.entries(DIRECTIONS).map(([name, label]) => ({
    label,
    figures: CUTOFFS.map((k) => figures[name].same_title[`top${k}`]),
  }));
  drawRecall("recall", CUTOFFS, lines);
}

/* The error analysis */

function showDetails() {
  byId("details-wait").hidden = true;
  byId("details-body").hidden = false;
  const shown = details[direction()];
  showSimilarity(shown.similarity);
  byId("queries-title").textContent = `${QUERIES[queries()]} among ${ui.number(shown.queries)} queries`;
  byId("queries").replaceChildren(...shown[queries()].map(queryCard));
}

function showSimilarity(histogram) {
  const { edges, right, wrong, nearest_wrong: nearest } = histogram;
  const [ofRight, ofWrong, ofNearest] = [right, wrong, nearest].map((counts) => medianOf(edges, counts).toFixed(2));
  byId("similarity-note").textContent =
    `Median cosine: ${ofRight} of right pairs, ${ofWrong} of wrong pairs. A query fails when a wrong result is more ` +
    `similar than the right one; the most similar wrong result has a median of ${ofNearest}.`;
  drawSimilarity("similarity", histogram);
}

function queryCard(query) {
  const rank = element("small", {}, `Rank ${ui.number(query.rank)}, cosine ${query.score.toFixed(2)}`);
  const own = smallCard(ui, { id: query.id, title: query.title }).firstChild;
  own.setAttribute("aria-label", `${direction() === "text_to_image" ? "Expected" : "Query"}: ${query.title}`);
  const found = query.found.map((hit) => {
    const item = smallCard(ui, hit);
    if (hit.right) item.className = "right";
    item.firstChild.title = `${hit.title}: ${hit.score.toFixed(2)}${hit.right ? ", right" : ""}`;
    return item;
  });
  const head = element("div", { className: "asked-for" }, own, element("p", {}, query.title, rank));
  return element("li", {}, head, element("ul", { className: "near", "aria-label": "First results" }, ...found));
}

let width = 0;
new ResizeObserver(() => {
  if (byId("figures").clientWidth === width) return;
  width = byId("figures").clientWidth;
  resizeCharts();
}).observe(byId("main"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  if (figures) showRecall();
  if (details) showDetails();
});
addEventListener("popstate", followAddress);
followAddress();
