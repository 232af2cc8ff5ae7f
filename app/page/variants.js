// The variants of a product on its card: how many there are, and a small picture of each. Knows no search.

import { ROOT } from "./api.js";
import { drawer } from "./drawer.js";
import { element, onPlainClick, valueText } from "./elements.js";
import { imageBox } from "./product_picture.js";

/**
 * @typedef {import("./drawer.js").Product & {attributes?: Object<string, any>}} Member
 * @typedef {{value: ?string, count: number, members: Member[]}} Group
 */

const SHOWN = 5; // variants with a picture; the others are counted

// What tells one variant from the others, such as "Red, M"; its title, where the attributes are the same.
function nameOf(member, members) {
  const names = Object.keys(member.attributes ?? {}).filter((name) => {
    const values = new Set(members.map((one) => valueText(one.attributes?.[name] ?? "")));
    return values.size > 1 && values.size <= members.length && name.toLowerCase() !== "id";
  });
  const values = names.map((name) => valueText(member.attributes[name])).filter((value) => value.length <= 40);
  return values.slice(0, 3).join(", ") || member.title;
}

function swatch(member, members) {
  const name = nameOf(member, members);
  const href = `${ROOT}?${new URLSearchParams({ product: member.id })}`;
  const link = element("a", { href, title: name, "aria-label": name }, imageBox(member, { place: "tiny" }));
  onPlainClick(link, () => drawer.open(member.id));
  return element("li", {}, link);
}

/**
 * @param {?Group} group of a result
 * @param {string} title of the result
 * @returns {?HTMLElement} its variants; null where it has none
 */
export function variants(group, title) {
  if (!group || group.count < 2) return null;
  const shown = group.members.slice(0, SHOWN);
  const rest = group.count - shown.length;
  const items = shown.map((member) => swatch(member, group.members));
  if (rest > 0) items.push(element("li", { className: "soft" }, `+${rest}`));
  const list = element("ul", { "aria-label": `Variants of ${title}` }, ...items);
  return element("div", { className: "variants" }, element("p", { className: "soft" }, `${group.count} variants`), list);
}
