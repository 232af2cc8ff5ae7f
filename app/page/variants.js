// The variants of a product on its card: how many there are, and a small picture of each. Knows no search.

import { element } from "./elements.js";
import { imageBox } from "./product_picture.js";

/**
 * @typedef {import("./drawer.js").Product & {attributes?: Object<string, any>}} Member
 * @typedef {{value: ?string, count: number, members: Member[]}} Group
 */

const SHOWN = 5; // variants with a picture; the others are counted

// What tells one variant from the others, such as "Red, M"; its title, where the attributes are the same.
function nameOf(ui, member, members) {
  const text = (one, name) => ui.sayValue(name, one.attributes?.[name] ?? "");
  const names = Object.keys(member.attributes ?? {}).filter((name) => {
    const values = new Set(members.map((one) => text(one, name)));
    return values.size > 1 && values.size <= members.length && name.toLowerCase() !== "id";
  });
  const values = names.map((name) => text(member, name)).filter((value) => value.length <= 40);
  return values.slice(0, 3).join(", ") || member.title;
}

function swatch(ui, member, members) {
  const name = nameOf(ui, member, members);
  const link = element("a", { title: name, "aria-label": name }, imageBox(ui.service, member, { place: "tiny" }));
  ui.showOnClick(link, member);
  return element("li", {}, link);
}

/**
 * @param {import("./ui.js").Ui} ui
 * @param {?Group} group of a result
 * @param {string} title of the result
 * @returns {?HTMLElement} its variants; null where it has none
 */
export function variants(ui, group, title) {
  if (!group || group.count < 2) return null;
  const shown = group.members.slice(0, SHOWN);
  const rest = group.count - shown.length;
  const items = shown.map((member) => swatch(ui, member, group.members));
  if (rest > 0) items.push(element("li", { className: "soft" }, `+${ui.number(rest)}`));
  const list = element("ul", { "aria-label": ui.say("results.variantsOf", { title }) }, ...items);
  return element("div", { className: "variants" }, element("p", { className: "soft" }, ui.say("results.variants", { count: group.count })), list);
}
