// How numbers, prices and days are written in the page's language. Knows no elements.

/**
 * @param {import("./ui.js").Ui} ui
 * @param {"number"|"date"} kind
 * @param {string} currency of prices; "" for other numbers
 * @returns {(value: number|string) => string} as a person reads it
 */
export function valueFormat(ui, kind, currency) {
  const { language } = ui.words;
  if (kind === "date") {
    const days = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeZone: "UTC" });
    return (value) => days.format(new Date(value));
  }
  if (currency) return (value) => ui.price(value, currency);
  const numbers = new Intl.NumberFormat(language, { useGrouping: "min2" }); // a year has no mark of thousands
  return (value) => numbers.format(value);
}
