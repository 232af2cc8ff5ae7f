// How figures of an evaluation are written in the page's language. Knows no elements.

/**
 * @param {string} language
 * @returns {(value: number, digits?: number) => string} a part of 1 in per cent, without the sign
 */
export function percentIn(language) {
  const formats = [0, 1, 2].map((digits) => new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  return (value, digits = 1) => formats[digits].format(100 * value);
}

/**
 * @param {string} language
 * @returns {(value: number) => string} a similarity
 */
export function scoreIn(language) {
  const format = new Intl.NumberFormat(language, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  return (value) => format.format(value);
}
