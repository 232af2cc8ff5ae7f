// The elements that every page is made of: icons, buttons, tabs, the notice. Knows no page, no call and no text.

/** The attribute that variants of one product share: what it says is for machines. */
export const VARIANTS = "item_group_id";

const ICONS = {
  more: "M12 5v14M5 12h14",
  less: "M5 12h14",
  close: "m6 6 12 12M18 6 6 18",
  previous: "m14.5 5-7 7 7 7",
  next: "m9.5 5 7 7-7 7",
  search: "M17 10.5a6.5 6.5 0 1 1-13 0 6.5 6.5 0 0 1 13 0m-1.5 5 5 5",
  picture: `M6.5 4.5h11a3 3 0 0 1 3 3v9a3 3 0 0 1-3 3h-11a3 3 0 0 1-3-3v-9a3 3 0 0 1 3-3
    m4.2 5.5a1.7 1.7 0 1 1-3.4 0 1.7 1.7 0 0 1 3.4 0M4 17l5-4.5 3.5 3 3.5-4 4.5 5`,
  camera: `M4 8.5a2 2 0 0 1 2-2h2l1.4-2h5.2l1.4 2h2a2 2 0 0 1 2 2V17a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2z
    m11.4 4.1a3.4 3.4 0 1 1-6.8 0 3.4 3.4 0 0 1 6.8 0`,
};

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
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    action();
  });
}

/** @param {string} name of an attribute @returns {string} as a person writes it in English: "Article type" for "articleType" */
export const humanName = (name) =>
  name.replace(/_+/g, " ").replace(/([a-z])([A-Z])/g, (_, one, two) => `${one} ${two.toLowerCase()}`).replace(/^./, (c) => c.toUpperCase());

/**
 * Fill a group of buttons of which one is pressed. The buttons are new, so the focus goes to the pressed one.
 * @param {HTMLElement} group
 * @param {Object<string, string>} options value -> label
 * @param {string} current
 * @param {(value: string) => void} choose
 */
export function showTabs(group, options, current, choose) {
  const buttons = Object.entries(options).map(([value, label]) => {
    const button = element("button", { type: "button", "aria-pressed": String(value === current) }, label);
    button.addEventListener("click", () => {
      choose(value);
      group.querySelector('[aria-pressed="true"]').focus();
    });
    return button;
  });
  group.replaceChildren(...buttons);
}

/**
 * Show a message in the notice, or hide the notice when there is none.
 * @param {HTMLElement} notice
 * @param {string} message
 * @param {{reference?: string, actions?: Element[]}} [options] what stands below the message
 */
export function showNotice(notice, message, { reference, actions = [] } = {}) {
  notice.hidden = !message;
  notice.replaceChildren(element("p", {}, message), ...actions);
  if (reference) notice.append(element("small", {}, reference));
}
