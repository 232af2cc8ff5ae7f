// The evaluation view: the figures of one split, the source paper's beside them, and what lies behind them. Its state
// (split, direction, slice, end) is in the address. Measures nothing itself.

import uPlot from "/page/vendor/uplot-1.6.32/uPlot.esm.js";
import { get } from "/page/api.js";
import { at, drawer, make, number, smallCard, spoken } from "/page/drawer.js";

// The paper's table (docs/paper.json): image to text, all pairs of the same data set, only the pair itself is right.
const PAPER = [
  ["BERT + ResNet", 0.0074, 0.3451],
  ["BERT + ViT", 0.0087, 0.3711],
  ["GPT-2 + ViT", 0, 0.001],
];
const SPLITS = { test: "Held-out titles", validation: "Validation", train: "Training", all: "All pairs" };
const DIRECTIONS = { text_to_image: "Text → image", image_to_text: "Image → text" };
const ENDS = { worst: "Worst", best: "Best" };
const CUTOFFS = [1, 5, 10, 100];
const HEIGHT = 270;

const percent = (value) => (100 * value).toFixed(1);
const interval = ({ low, high }) => `${percent(low)}–${percent(high)}`;
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

let figures = null;
let details = null;
let running = null;
let charts = [];

/* The address */

const chosen = (name, options, otherwise) => {
  const value = new URLSearchParams(location.search).get(name);
  return value in options ? value : otherwise;
};
const split = () => chosen("split", SPLITS, "test");
const direction = () => chosen("direction", DIRECTIONS, "text_to_image");
const end = () => chosen("queries", ENDS, "worst");
const slice = () => chosen("by", figures.slices, Object.keys(figures.slices)[0]);

function choose(name, value) {
  const url = new URL(location.href);
  url.searchParams.set(name, value);
  history.pushState({}, "", url);
  follow();
}

function tabs(id, name, options, now) {
  at(id).replaceChildren(
    ...Object.entries(options).map(([value, label]) => {
      const button = make("button", { type: "button", "aria-pressed": String(value === now) }, label);
      button.addEventListener("click", () => {
        choose(name, value);
        at(id).querySelector('[aria-pressed="true"]').focus();
      });
      return button;
    }),
  );
}

/* Asking */

async function load() {
  running?.abort();
  const { signal } = (running = new AbortController());
  const wanted = split();
  figures = details = null;
  at("notice").hidden = true;
  at("figures").hidden = at("details-body").hidden = true;
  at("details").hidden = at("details-wait").hidden = false;
  at("status").textContent = "Measuring";
  try {
    figures = await get(`/v1/evaluation?split=${wanted}`, signal);
    showFigures();
    details = await get(`/v1/evaluation/details?split=${wanted}`, signal);
    showDetails();
    at("status").textContent = "Measured";
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!error.words) console.error(error);
    at("details").hidden = true;
    const again = make("button", { type: "button", className: "outline" }, "Try again");
    again.addEventListener("click", load);
    at("notice").replaceChildren(make("p", {}, error.words || "Something went wrong on this page. Please reload it."), again);
    at("notice").hidden = false;
    at("status").textContent = "";
  }
}

let shownSplit = null;
function follow() {
  drawer.follow();
  tabs("splits", "split", SPLITS, split());
  tabs("directions", "direction", DIRECTIONS, direction());
  tabs("ends", "queries", ENDS, end());
  if (shownSplit !== split()) {
    shownSplit = split();
    load();
    return;
  }
  if (figures) showSlices();
  if (details) showDetails();
}

/* The figures */

function showFigures() {
  at("figures").hidden = false;
  at("about").textContent =
    `${number(figures.queries)} products ask, all ${number(figures.gallery)} of “${figures.source}” are looked through. ` +
    (split() === "test" ? "The encoder was never trained on their titles." : "");
  const { titles, image_to_text: reads } = figures;
  at("headline").replaceChildren(
    ...[
      ["Titles find their pictures", titles.recall10, "recall among the first 10"],
      ["Rank of the first right one", titles.mrr10, "mean reciprocal rank, first 10"],
      ["Pictures find their title", reads.same_title.top1, "image → text, first place"],
      ["… among the first hundred", reads.same_title.top100, "image → text, top-100"],
    ].map(([name, figure, what]) =>
      make(
        "li",
        {},
        make("span", {}, name),
        make("b", {}, percent(figure.value), make("small", {}, "%")),
        make("span", {}, what),
        make("span", {}, `95 % interval ${interval(figure)}`),
      ),
    ),
  );
  showTable();
  showPaper();
  showSlices();
  showRecall();
  at("origin").textContent = `Encoder ${figures.encoder_id} · catalogue version ${figures.catalogue_version}`;
}

function cell(figure) {
  return make("td", {}, percent(figure.value), make("small", {}, interval(figure)));
}

function showTable() {
  const columns = ["text_to_image", "image_to_text"].flatMap((one) => [
    [one, "strict_id", `${DIRECTIONS[one]}, itself`],
    [one, "same_title", `${DIRECTIONS[one]}, its title`],
  ]);
  const rows = [...CUTOFFS.map((k) => [`top${k}`, `Top-${k}`]), ["mrr10", "MRR@10"]];
  const head = ["", ...columns.map(([, , label]) => label)].map((label) => make("th", { scope: "col" }, label));
  at("table").replaceChildren(
    make("thead", {}, make("tr", {}, ...head)),
    make(
      "tbody",
      {},
      ...rows.map(([name, label]) =>
        make(
          "tr",
          {},
          make("th", { scope: "row" }, label),
          ...columns.map(([one, rule]) => cell(figures[one][rule][name])),
        ),
      ),
    ),
  );
}

function showPaper() {
  const ours = figures.image_to_text.strict_id;
  const same = split() === "all";
  at("paper-note").replaceChildren(
    "Image → text, only the very pair counts. The paper trains and scores on the same pairs, all of them",
    same ? ": the row below is by the same protocol." : "; the row below is of other products than that: ",
  );
  if (!same) {
    const button = make("button", { type: "button", className: "plain" }, "measure all pairs to compare like with like.");
    button.addEventListener("click", () => choose("split", "all"));
    at("paper-note").append(button);
  }
  const row = (name, first, hundred, properties = {}) =>
    make("tr", properties, make("th", { scope: "row" }, name), first, hundred);
  const plain = (value) => make("td", {}, (100 * value).toFixed(2));
  const head = ["Model", "Top-1, %", "Top-100, %"].map((label) => make("th", { scope: "col" }, label));
  at("paper").replaceChildren(
    make("thead", {}, make("tr", {}, ...head)),
    make(
      "tbody",
      {},
      ...PAPER.map(([name, first, hundred]) => row(`${name} (paper)`, plain(first), plain(hundred))),
      row(`This service, ${SPLITS[split()].toLowerCase()}`, cell(ours.top1), cell(ours.top100), { className: "ours" }),
    ),
  );
}

function showSlices() {
  const names = Object.fromEntries(Object.keys(figures.slices).map((name) => [name, spoken(name)]));
  tabs("slice-names", "by", names, slice());
  at("slices").replaceChildren(
    ...figures.slices[slice()].map(({ value, queries, recall10 }) => {
      const track = make("span", { className: "track", "aria-hidden": "true" }, make("i"), make("u"));
      for (const part of ["value", "low", "high"]) track.style.setProperty(`--${part}`, recall10[part]);
      const name = make("span", { className: "name" }, value.replace(/^other$/, "Other"), make("small", {}, `${number(queries)} titles`));
      const shown = make("span", { className: "value", title: `95 % interval ${interval(recall10)}` }, percent(recall10.value));
      return make("li", {}, name, track, shown);
    }),
  );
}

/* Charts */

function draw(id, options, data) {
  const place = at(id);
  const begin = () => {
    place.replaceChildren();
    return new uPlot({ width: place.clientWidth, height: HEIGHT, ...options() }, data, place);
  };
  const known = charts.find((one) => one.id === id);
  known?.chart.destroy();
  charts = charts.filter((one) => one.id !== id);
  charts.push({ id, chart: begin(), begin });
}

function axis(options) {
  const line = { stroke: colour("--line"), width: 1 };
  return { stroke: colour("--soft"), grid: line, ticks: line, font: "12px system-ui", ...options };
}

function showRecall() {
  const lines = [
    ["text_to_image", colour("--accent")],
    ["image_to_text", colour("--ink")],
  ];
  const data = [CUTOFFS];
  for (const [one] of lines) {
    for (const part of ["value", "low", "high"]) data.push(CUTOFFS.map((k) => 100 * figures[one].same_title[`top${k}`][part]));
  }
  const shown = (_, value) => (value === null ? "–" : `${value.toFixed(1)} %`);
  draw(
    "recall",
    () => ({
      scales: { x: { time: false, distr: 3 }, y: { range: [0, 100] } },
      axes: [
        axis({ splits: () => CUTOFFS, values: (_, ks) => ks.map(String), filter: (_, ks) => ks, label: "k", labelFont: "12px system-ui" }),
        axis({ values: (_, ys) => ys.map((y) => `${y} %`), size: 56 }),
      ],
      series: [
        { label: "k" },
        ...lines.flatMap(([one], place) => {
          const stroke = colour(place ? "--ink" : "--accent");
          const hidden = { label: "interval", class: "band", stroke: "transparent", points: { show: false } };
          return [{ label: DIRECTIONS[one], stroke, width: 2, points: { size: 7, fill: stroke }, value: shown }, hidden, { ...hidden }];
        }),
      ],
      bands: lines.map((_, place) => ({ series: [3 * place + 3, 3 * place + 2], fill: `color-mix(in srgb, ${colour(place ? "--ink" : "--accent")} 14%, transparent)` })),
      legend: { show: true },
    }),
    data,
  );
}

function showSimilarity({ edges, right, wrong, nearest_wrong: nearest }) {
  const used = edges.slice(0, -1).map((_, place) => right[place] + wrong[place] + nearest[place] > 0);
  const [first, last] = [used.indexOf(true), used.lastIndexOf(true)];
  const middle = edges.slice(first, last + 1).map((edge, place) => (edge + edges[first + place + 1]) / 2);
  const share = (counts) => {
    const sum = counts.reduce((one, other) => one + other, 0) || 1;
    return counts.slice(first, last + 1).map((count) => (100 * count) / sum);
  };
  const half = (counts) => {
    const total = counts.reduce((one, other) => one + other, 0);
    let sum = 0;
    const place = counts.findIndex((count) => (sum += count) >= total / 2);
    return ((edges[place] + edges[place + 1]) / 2).toFixed(2);
  };
  at("similarity-note").textContent =
    `Half of the right pairs are more similar than ${half(right)}, half of the wrong ones than ${half(wrong)}. What a query ` +
    `has to beat is the most similar wrong answer: half of those reach ${half(nearest)}.`;
  const shown = (_, value) => (value === null ? "–" : `${value.toFixed(2)} %`);
  const stepped = uPlot.paths.stepped({ align: 0 }) ?? undefined;
  const line = (label, name, extra = {}) => ({
    label,
    stroke: colour(name),
    fill: `color-mix(in srgb, ${colour(name)} 10%, transparent)`,
    width: 2,
    points: { show: false },
    value: shown,
    paths: stepped,
    ...extra,
  });
  draw(
    "similarity",
    () => ({
      scales: { x: { time: false } },
      axes: [
        axis({ label: "cosine", labelFont: "12px system-ui" }),
        axis({ values: (_, ys) => ys.map((y) => `${y} %`), size: 56 }),
      ],
      series: [
        { label: "Cosine", value: (_, value) => (value === null ? "–" : value.toFixed(2)) },
        line("Right pairs", "--accent"),
        line("Wrong pairs", "--soft"),
        line("Most similar wrong one", "--ink", { fill: undefined, dash: [6, 4] }),
      ],
    }),
    [middle, share(right), share(wrong), share(nearest)],
  );
}

/* What lies behind */

function showDetails() {
  at("details-wait").hidden = true;
  at("details-body").hidden = false;
  const shown = details[direction()];
  showSimilarity(shown.similarity);
  const ofText = direction() === "text_to_image";
  at("queries-title").textContent = `${ENDS[end()]} of ${number(shown.queries)} queries`;
  at("queries").replaceChildren(
    ...shown[end()].map((query) => {
      const place = query.rank === 1 ? "Found first" : `Found at place ${number(query.rank)}`;
      const words = make("p", {}, query.title, make("small", {}, `${place}, cosine ${query.score.toFixed(2)}`));
      const own = smallCard({ id: query.id, title: query.title }).firstChild;
      own.setAttribute("aria-label", `${ofText ? "Looked for" : "Asked with"}: ${query.title}`);
      const found = query.found.map((one) => {
        const item = smallCard(one);
        if (one.right) item.className = "right";
        item.firstChild.title = `${one.title}: ${one.score.toFixed(2)}${one.right ? ", right" : ""}`;
        return item;
      });
      const list = make("ul", { className: "near", "aria-label": "Found first" }, ...found);
      return make("li", {}, make("div", { className: "asked-for" }, own, words), list);
    }),
  );
}

let width = 0;
new ResizeObserver(() => {
  if (at("figures").clientWidth === width) return;
  width = at("figures").clientWidth;
  for (const { id, chart } of charts) if (at(id).clientWidth) chart.setSize({ width: at(id).clientWidth, height: HEIGHT });
}).observe(at("main"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  if (figures) showRecall();
  if (details) showDetails();
});
addEventListener("popstate", follow);
follow();
