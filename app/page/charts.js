// The charts of the evaluation page, drawn by uPlot in the page's colours. Knows neither calls nor addresses.

import uPlot from "./vendor/uplot-1.6.32/uPlot.esm.js";

/** @typedef {{value: number, low: number, high: number}} Figure parts of 1, with a 95 % interval */

const HEIGHT = 270; // CSS pixels
const FONT = "12px system-ui";

const byId = (id) => document.getElementById(id);
const charts = new Map(); // id of the element -> its chart

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const tint = (name, percent) => `color-mix(in srgb, ${colour(name)} ${percent}%, transparent)`;
const sum = (counts) => counts.reduce((one, other) => one + other, 0);
const shownAs = (format) => (_, value) => (value === null ? "–" : format(value));

// A chart reads its colours when it is drawn: it is drawn again when they change.
function draw(id, options, data) {
  const box = byId(id);
  charts.get(id)?.destroy();
  box.replaceChildren();
  charts.set(id, new uPlot({ width: box.clientWidth, height: HEIGHT, ...options }, data, box));
}

/** Make the charts as wide as their elements. */
export function resizeCharts() {
  for (const [id, chart] of charts) {
    const width = byId(id).clientWidth;
    if (width) chart.setSize({ width, height: HEIGHT });
  }
}

function axis(options) {
  const line = { stroke: colour("--line"), width: 1 };
  return { stroke: colour("--soft"), grid: line, ticks: line, font: FONT, labelFont: FONT, ...options };
}

const percentAxis = () => axis({ values: (_, ys) => ys.map((y) => `${y} %`), size: 56 });

/**
 * Draw recall over the number of results, with its intervals as bands.
 * @param {string} id of the element
 * @param {number[]} cutoffs numbers of results
 * @param {{label: string, figures: Figure[]}[]} lines at most two, each with a figure for each cutoff
 */
export function drawRecall(id, cutoffs, lines) {
  const colours = ["--accent", "--ink"];
  const parts = ["value", "low", "high"];
  const data = lines.flatMap(({ figures }) => parts.map((part) => figures.map((figure) => 100 * figure[part])));
  const hidden = { label: "interval", class: "band", stroke: "transparent", points: { show: false } };
  const series = lines.flatMap(({ label }, row) => {
    const stroke = colour(colours[row]);
    const points = { size: 7, fill: stroke };
    return [{ label, stroke, width: 2, points, value: shownAs((value) => `${value.toFixed(1)} %`) }, hidden, { ...hidden }];
  });
  // uPlot numbers series from 1, as 0 is the x axis: a line, its low and its high make three.
  const bands = lines.map((_, row) => ({ series: [3 * row + 3, 3 * row + 2], fill: tint(colours[row], 14) }));
  const logarithmic = 3;
  const options = {
    scales: { x: { time: false, distr: logarithmic }, y: { range: [0, 100] } },
    axes: [axis({ splits: () => cutoffs, values: (_, ks) => ks.map(String), filter: (_, ks) => ks, label: "k" }), percentAxis()],
    series: [{ label: "k" }, ...series],
    bands,
    legend: { show: true },
  };
  draw(id, options, [cutoffs, ...data]);
}

/**
 * Draw how similar right and wrong pairs are, as parts of all such pairs.
 * @param {string} id of the element
 * @param {{edges: number[], right: number[], wrong: number[], nearest_wrong: number[]}} histogram edges of the bins,
 *   one more than bins, and how many pairs each bin has
 * @param {string[]} names of the cosine, and of right, wrong and most similar wrong pairs
 */
export function drawSimilarity(id, { edges, right, wrong, nearest_wrong: nearest }, [cosine, ofRight, ofWrong, ofNearest]) {
  // Empty bins at both ends are left out.
  const used = right.map((count, bin) => count + wrong[bin] + nearest[bin] > 0);
  const [first, last] = [used.indexOf(true), used.lastIndexOf(true)];
  const middles = edges.slice(first, last + 1).map((edge, bin) => (edge + edges[first + bin + 1]) / 2);
  const shares = (counts) => counts.slice(first, last + 1).map((count) => (100 * count) / (sum(counts) || 1));
  const line = (label, name, options = {}) => ({
    label,
    stroke: colour(name),
    fill: tint(name, 10),
    width: 2,
    points: { show: false },
    value: shownAs((value) => `${value.toFixed(2)} %`),
    paths: uPlot.paths.stepped({ align: 0 }),
    ...options,
  });
  const options = {
    scales: { x: { time: false } },
    axes: [axis({ label: cosine }), percentAxis()],
    series: [
      { label: cosine, value: shownAs((value) => value.toFixed(2)) },
      line(ofRight, "--accent"),
      line(ofWrong, "--soft"),
      line(ofNearest, "--ink", { fill: undefined, dash: [6, 4] }),
    ],
  };
  draw(id, options, [middles, shares(right), shares(wrong), shares(nearest)]);
}

/**
 * @param {number[]} edges of the bins, one more than bins
 * @param {number[]} counts of the bins
 * @returns {number} the middle of the bin that the median is in
 */
export function medianOf(edges, counts) {
  const half = sum(counts) / 2;
  let below = 0;
  const bin = counts.findIndex((count) => (below += count) >= half);
  return (edges[bin] + edges[bin + 1]) / 2;
}
