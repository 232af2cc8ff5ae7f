// What a shop says of the offer of a product, in attributes with reserved names: price, brand, availability, and where
// to buy it. Knows no page.

/**
 * @typedef {object} Offer
 * @property {?Amount} price what is to be paid
 * @property {?Amount} before the price before the sale; null without one
 * @property {string} brand "" for none
 * @property {""|"out_of_stock"|"preorder"|"backorder"} availability "" where it can be bought now, or nothing is said
 * @property {?string} url of the product in the shop, http or https
 */
/** @typedef {{amount: number, currency: string}} Amount the currency is of ISO 4217, or "" where none is known */

/** Attributes that are no plain attributes of the look: they are shown in places of their own. */
export const RESERVED = new Set([
  "url", "link", "price", "price_currency", "sale_price", "sale_price_currency", "currency", "brand", "availability",
]);
/** Those of them that one may filter by. */
export const FILTERED = new Set(["price", "brand", "availability"]);

const SYMBOLS = { "€": "EUR", "£": "GBP", $: "USD", "¥": "JPY", "₹": "INR", "₩": "KRW", "₽": "RUB", "₺": "TRY", zł: "PLN" };
const ABSENT = {
  outofstock: "out_of_stock",
  soldout: "out_of_stock",
  discontinued: "out_of_stock",
  preorder: "preorder",
  presale: "preorder",
  backorder: "backorder",
};

const textOf = (value) => String((Array.isArray(value) ? value[0] : value) ?? "").trim();

/**
 * @param {string} text such as "1,299.00", "1.299,00" or "19"
 * @returns {number} NaN where it is no number
 */
function numberIn(text) {
  const plain = text.replace(/[\s'’]/g, "");
  if (!/^-?\d[\d.,]*$/.test(plain)) return NaN;
  const last = Math.max(plain.lastIndexOf("."), plain.lastIndexOf(","));
  const places = last < 0 ? 0 : plain.length - last - 1;
  const marks = plain.replace(/[^.,]/g, "");
  const decimal = last >= 0 && (places !== 3 || (marks.length > 1 && marks[0] !== marks.at(-1)));
  if (!decimal) return Number(plain.replace(/[.,]/g, ""));
  return Number(`${plain.slice(0, last).replace(/[.,]/g, "")}.${plain.slice(last + 1)}`);
}

/**
 * @param {string|number|string[]|undefined} value of an attribute
 * @param {string} [currency] where the value names none
 * @returns {?Amount}
 */
export function amountOf(value, currency = "") {
  if (typeof value === "number") return { amount: value, currency };
  const text = textOf(value);
  const number = text.match(/-?\d[\d.,'’\s]*/)?.[0].trim().replace(/[.,]$/, "") ?? "";
  const mark = text.replace(number, "").trim();
  const named = SYMBOLS[mark] ?? (/^[A-Z]{3}$/i.test(mark) ? mark.toUpperCase() : mark ? null : currency);
  const amount = numberIn(number);
  return named === null || Number.isNaN(amount) ? null : { amount, currency: named };
}

/** @param {any} value @returns {string} the currency that it names, where it is one */
const codeOf = (value) => (/^[A-Za-z]{3}$/.test(textOf(value)) ? textOf(value).toUpperCase() : "");

/**
 * @param {any} value
 * @returns {?string} the address, where it is one of http or https: a link of another kind could run a script
 */
export function safeAddress(value) {
  try {
    const address = new URL(textOf(value));
    return address.protocol === "http:" || address.protocol === "https:" ? address.href : null;
  } catch {
    return null;
  }
}

/** @param {Object<string, any>} attributes of a product @returns {Offer} */
export function offerOf(attributes) {
  const { price, sale_price: sale, currency, availability } = attributes;
  const usual = amountOf(price, codeOf(attributes.price_currency ?? currency));
  const reduced = amountOf(sale, codeOf(attributes.sale_price_currency ?? currency) || usual?.currency);
  const onSale = reduced !== null && usual !== null && reduced.currency === usual.currency && reduced.amount < usual.amount;
  const stock = textOf(availability).toLowerCase().replace(/^.*\//, "").replace(/[^a-z]/g, "");
  return {
    price: onSale ? reduced : (usual ?? reduced),
    before: onSale ? usual : null,
    brand: textOf(attributes.brand),
    availability: ABSENT[stock] ?? "",
    url: safeAddress(attributes.url) ?? safeAddress(attributes.link),
  };
}
