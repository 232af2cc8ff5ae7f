// Files that a page makes: figures as JSON, CSV and Markdown, and how the browser saves them.

/** @typedef {{value: number, low: number, high: number}} Figure parts of 1, with a 95 % interval */

/**
 * Let the browser save a text as a file.
 * @param {string} name
 * @param {string} text
 * @param {string} [type]
 */
export function download(name, text, type = "text/plain") {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/**
 * The figures of an evaluation, one after another, in the order of the answer.
 * @param {object} answer of /v1/evaluation
 * @returns {{table: string, row: string, column: string, figure: Figure}[]}
 */
function figureRows({ image_to_text: toText, text_to_image: toImage, titles, titles_hub_corrected: corrected, slices }) {
  const rows = [];
  const add = (table, row, figures) => {
    for (const [column, figure] of Object.entries(figures)) if (figure?.low !== undefined) rows.push({ table, row, column, figure });
  };
  for (const [direction, rules] of Object.entries({ image_to_text: toText, text_to_image: toImage })) {
    for (const [rule, figures] of Object.entries(rules)) add(direction, rule, figures);
  }
  add("titles", String(titles.queries), titles);
  if (corrected) add("titles_hub_corrected", String(corrected.queries), corrected);
  for (const [attribute, lines] of Object.entries(slices)) {
    for (const line of lines) add(attribute, `${line.value} / ${line.queries}`, line);
  }
  return rows;
}

// A cell that begins like a formula is one to a spreadsheet: a mark before it makes it a text.
const safe = (text) => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);
const cell = (value) => (typeof value === "number" ? String(value) : `"${safe(value).replaceAll('"', '""')}"`);

/** @param {object} answer of /v1/evaluation @returns {string} a line for each figure, as parts of 1 */
export function figuresCsv(answer) {
  const lines = figureRows(answer).map(({ table, row, column, figure }) => [table, row, column, figure.value, figure.low, figure.high]);
  return [["table", "row", "column", "value", "low", "high"], ...lines].map((line) => `${line.map(cell).join(",")}\n`).join("");
}

const plain = (text) => text.replace(/[|\n\r]/g, " ");

/** @param {object} answer of /v1/evaluation @returns {string} in per cent, with intervals */
export function figuresMarkdown(answer) {
  const percent = (value) => (100 * value).toFixed(1);
  const head =
    `${plain(answer.source)}, split ${answer.split}: ${answer.queries} products ask, ${answer.gallery} are in the gallery; ` +
    `encoder ${answer.encoder_id}, catalogue version ${answer.catalogue_version}, measured ${answer.measured.at}. ` +
    "Per cent, with 95 % intervals.";
  const lines = figureRows(answer).map(
    ({ table, row, column, figure }) => `| ${plain(table)} | ${plain(row)} | ${column} | ${percent(figure.value)} | ${percent(figure.low)}–${percent(figure.high)} |`,
  );
  return `${[head, "", "| table | row | figure | value | interval |", "|---|---|---|---:|---:|", ...lines].join("\n")}\n`;
}
