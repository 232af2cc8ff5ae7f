// What a shop copies into its page: the markup of the elements, or of a frame. Knows no page.

/**
 * @typedef {object} Embedding
 * @property {"search"|"similar"} kind
 * @property {string} lang
 * @property {"auto"|"light"|"dark"} theme
 * @property {string} address prefix of the parameters, or "off"
 * @property {string} href address of a product's page with `{id}` in it
 * @property {string[]} show attributes on a card
 * @property {boolean} picture whether one may search with a picture
 * @property {string} product of which similar ones are shown
 * @property {string[]} same attributes that similar products have in common with it
 * @property {Object<string, string>} variables name -> value, such as accent -> #123456
 */

const DEFAULTS = { theme: "auto", address: "v" };

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");

// The attributes that say something, in the order that one reads them.
function attributesOf({ kind, lang, theme, address, href, show, picture, product, same }) {
  const search = [["show", show.join(" ")], ["address", address === DEFAULTS.address ? "" : address], ["picture", picture]];
  const similar = [["product", product], ["same", same.join(" ")]];
  const all = [["lang", lang], ["theme", theme === DEFAULTS.theme ? "" : theme], ["href", href], ...(kind === "search" ? search : similar)];
  return all.filter(([, value]) => value);
}

// The element alone, as it stands in a page.
function elementMarkup(embedding) {
  const attributes = attributesOf(embedding).map(([name, value]) => (value === true ? ` ${name}` : ` ${name}="${escaped(value)}"`));
  return `<vitrine-${embedding.kind}${attributes.join("")}></vitrine-${embedding.kind}>`;
}

/** @param {string} root address of the service @param {Embedding} embedding @returns {string} the two lines */
export const elementSnippet = (root, embedding) =>
  `<script type="module" src="${escaped(root)}embed.js"></script>\n${elementMarkup(embedding)}`;

/** @param {Embedding} embedding @returns {string} a rule for the shop's own style sheet; "": nothing is set */
export function styleSnippet({ kind, variables }) {
  const lines = Object.entries(variables).filter(([, value]) => value).map(([name, value]) => `  --vitrine-${name}: ${value};`);
  return lines.length ? `vitrine-${kind} {\n${lines.join("\n")}\n}` : "";
}

function frameAddress(root, embedding) {
  const { kind, picture, variables } = embedding;
  const said = attributesOf(embedding).filter(([name]) => !["picture", "address"].includes(name));
  const url = new URL(`${root}embed`);
  if (kind !== "search") url.searchParams.set("kind", kind);
  else if (!picture) url.searchParams.set("picture", "off");
  for (const [name, value] of [...said, ...Object.entries(variables)]) if (value) url.searchParams.set(name, value);
  return url.href;
}

/** @param {string} root @param {Embedding} embedding @param {string} title @returns {string} */
export const frameSnippet = (root, embedding, title) =>
  `<iframe src="${escaped(frameAddress(root, embedding))}" title="${escaped(title)}" width="100%" height="900" style="border: 0"></iframe>`;
