// The elements that every page is made of: icons, buttons, badges, tabs, the notice. Knows no page and no call.

/** The attribute that variants of one product share: what it says is for machines. */
export const VARIANTS = "item_group_id";

const BADGES = 3;
const BADGES_FIRST = ["articleType", "baseColour", "gender"]; // what a badge says first, where a product has it
const ICONS = {
  more: "M12 5v14M5 12h14",
  less: "M5 12h14",
  close: "m6 6 12 12M18 6 6 18",
  previous: "m14.5 5-7 7 7 7",
  next: "m9.5 5 7 7-7 7",
};

/** @param {string} id @returns {HTMLElement} */
export const byId = (id) => document.getElementById(id);

/**
 * Make an element: element("p", { className: "soft" }, "Hello").
 * @param {string} tag
 * @param {Object<string, any>} [properties] of the element, or attributes where it has no such property
 * @param {...(Node|string|null)} children null and undefined are left out
 * @returns {HTMLElement}
 */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** @param {keyof typeof ICONS} name @returns {SVGElement} */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/**
 * @param {keyof typeof ICONS} name
 * @param {string} label what a screen reader and the tooltip say
 * @param {() => void} action
 * @returns {HTMLButtonElement}
 */
export function iconButton(name, label, action) {
  const button = element("button", { type: "button", className: "icon", title: label, "aria-label": label }, icon(name));
  button.addEventListener("click", action);
  return button;
}

/**
 * @param {string} label
 * @param {() => void} action
 * @returns {HTMLButtonElement}
 */
export function outlineButton(label, action) {
  const button = element("button", { type: "button", className: "outline" }, label);
  button.addEventListener("click", action);
  return button;
}

/**
 * Follow a link without loading a page, unless a key asks the browser for another tab or window.
 * @param {HTMLAnchorElement} link
 * @param {() => void} action
 */
export function onPlainClick(link, action) {
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    action();
  });
}

/** @param {string} name of an attribute @returns {string} as a person writes it: "Article type" for "articleType" */
export const humanName = (name) =>
  name.replace(/_+/g, " ").replace(/([a-z])([A-Z])/g, (_, one, two) => `${one} ${two.toLowerCase()}`).replace(/^./, (c) => c.toUpperCase());

/** @param {number} value @returns {string} with commas between thousands */
export const formatNumber = (value) => value.toLocaleString("en");

/**
 * @param {string|number|boolean|string[]} value of an attribute
 * @returns {string} as a person reads it
 */
export function valueText(value) {
  if (typeof value === "boolean") return value ? "Yes" : "No";
  return Array.isArray(value) ? value.join(", ") : String(value);
}

// Whether a value says much without the name of its attribute: a number, a date, a yes do not.
const saysMuch = (value) => typeof value !== "boolean" && Number.isNaN(Number(value)) && !/^\d{4}-\d\d-\d\d/.test(value);

/**
 * The few attributes that say most about a product; what says little without its name is left out.
 * @param {Object<string, string|number|boolean|string[]>} attributes
 * @returns {HTMLElement}
 */
export function badges(attributes) {
  const own = Object.keys(attributes).filter((name) => name !== VARIANTS);
  const names = [...BADGES_FIRST.filter((name) => name in attributes), ...own];
  const values = [...new Set(names.flatMap((name) => attributes[name]).filter(saysMuch))];
  const items = values.slice(0, BADGES).map((value) => element("li", {}, value));
  return element("ul", { className: "badges", "aria-label": "Attributes" }, ...items);
}

/**
 * Fill a group of buttons of which one is pressed. The buttons are new, so the focus goes to the pressed one.
 * @param {string} id of the group
 * @param {Object<string, string>} options value -> label
 * @param {string} current
 * @param {(value: string) => void} choose
 */
export function showTabs(id, options, current, choose) {
  const buttons = Object.entries(options).map(([value, label]) => {
    const button = element("button", { type: "button", "aria-pressed": String(value === current) }, label);
    button.addEventListener("click", () => {
      choose(value);
      byId(id).querySelector('[aria-pressed="true"]').focus();
    });
    return button;
  });
  byId(id).replaceChildren(...buttons);
}

/**
 * Show the page's notice, or hide it when there is no message.
 * @param {string} message
 * @param {{requestId?: string, actions?: Element[]}} [options]
 */
export function showNotice(message, { requestId, actions = [] } = {}) {
  const notice = byId("notice");
  notice.hidden = !message;
  notice.replaceChildren(element("p", {}, message), ...actions);
  if (requestId) notice.append(element("small", {}, `Reference: ${requestId}`));
}
