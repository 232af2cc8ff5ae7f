// The elements of the search, before anything is found. Ids are unique within the root.

import { element, icon, iconButton, outlineButton } from "./elements.js";
import { rove } from "./roving.js";

const nothing = () => {};

// A button whose action the view adds.
function named(id, name, label, className = "") {
  const button = iconButton(name, label, nothing);
  return Object.assign(button, { id, className: `icon ${className}`.trim() });
}

function field(ui) {
  const text = element("input", {
    id: "text",
    name: "q",
    type: "search",
    maxLength: 2000,
    autocomplete: "off",
    enterKeyHint: "search",
    spellcheck: false,
    part: "field",
    placeholder: ui.placeholder || ui.say("search.placeholder"),
    role: "combobox",
    "aria-autocomplete": "list",
    "aria-expanded": "false",
    "aria-controls": "suggestions",
  });
  const submit = element("button", { type: "submit", className: "icon", "aria-label": ui.say("search.submit") }, icon("search"));
  const picture = element(
    "span",
    { className: "picture", id: "picture", hidden: true },
    element("img", { id: "picture-image", alt: "" }),
    named("picture-remove", "close", ui.say("search.removePicture")),
  );
  const file = element("input", { id: "file", type: "file", accept: "image/*", hidden: true });
  const photo = element("input", { id: "photo", type: "file", accept: "image/*", capture: "environment", hidden: true });
  const choose = named("choose-file", "picture", ui.say("search.choosePicture"));
  const take = named("take-photo", "camera", ui.say("search.takePhoto"), "touch");
  choose.hidden = take.hidden = !ui.pictures;
  const label = element("label", { className: "visually-hidden", for: "text" }, ui.say("search.label"));
  const key = ui.whole ? element("kbd", { "aria-hidden": "true" }, "/") : null;
  return element("div", { className: "bar", part: "bar" }, submit, picture, label, text, key, file, photo, choose, take);
}

function queryParts(ui) {
  // What an end of the slider stands for, and shorter where there is little room.
  const end = (of) =>
    element("span", { "aria-hidden": "true" }, ...["long", "short"].map((className) => element("span", { className }, ui.say(`edit.${of}.${className}`))));
  const weight = element("input", { id: "weight", type: "range", min: 0, max: 1, step: 0.05, value: 0.5 });
  return element(
    "div",
    { className: "query-parts", id: "query-parts", hidden: true },
    element("ul", { className: "examples", id: "examples", "aria-label": ui.say("search.examples") }),
    element(
      "div",
      { className: "balance", id: "balance", hidden: true },
      end("picture"),
      element("label", { className: "visually-hidden", for: "weight" }, ui.say("edit.label")),
      weight,
      end("words"),
    ),
  );
}

function query(ui) {
  const form = element(
    "form",
    { id: "search", role: "search" },
    field(ui),
    element("ul", { className: "suggestions", id: "suggestions", role: "listbox", "aria-label": ui.say("search.suggestionsLabel"), hidden: true }),
    element("p", { className: "visually-hidden", id: "suggestions-status", role: "status" }),
    queryParts(ui),
  );
  const hint = element(
    "p",
    { className: "hint", id: "hint" },
    element("span", {}, ui.say("search.hint")),
    " ",
    element("span", { className: "mouse" }, ui.say("search.hintMouse")),
    element("span", { className: "touch" }, ui.say("search.hintTouch")),
  );
  const heading = ui.whole ? element("h1", { id: "title" }, ui.say("search.title")) : null;
  const label = ui.whole ? { "aria-labelledby": "title" } : { "aria-label": ui.say("search.submit") };
  return element("section", { className: "query", ...label }, heading, form, ui.pictures ? hint : element("p", { id: "hint", hidden: true }));
}

function filters(ui) {
  const close = named("filters-close", "close", ui.say("filters.close"), "narrow");
  const clear = element("button", { type: "button", className: "plain", id: "filters-clear", hidden: true }, ui.say("filters.clear"));
  const show = element("button", { type: "button", className: "primary narrow", part: "button", id: "filters-show" });
  show.textContent = ui.say("filters.showSome");
  return element(
    "aside",
    { className: "filters", part: "filters", id: "filters", "aria-labelledby": "filters-title" },
    element("div", { className: "filters-head" }, element("h2", { id: "filters-title" }, ui.say("filters.title")), clear, close),
    element("div", { id: "facets" }),
    show,
  );
}

function strip(ui) {
  const tab = (show, pressed) =>
    element("button", { type: "button", id: `show-${show}`, "aria-pressed": String(pressed) }, ui.say(`results.${show}`));
  const open = outlineButton(ui.say("filters.title"), nothing);
  open.append(element("span", { id: "filters-count" }));
  Object.assign(open, { id: "filters-open", className: "outline narrow" });
  open.setAttribute("aria-expanded", "false");
  open.setAttribute("aria-controls", "filters");
  const tabs = { className: "tabs", role: "group", "aria-label": ui.say("results.show"), hidden: !ui.lab };
  const shown = element("div", tabs, tab("products", true), tab("descriptions", false));
  rove(shown, "button");
  return element(
    "div",
    { className: "strip" },
    shown,
    element("p", { className: "count", id: "count", role: "status" }),
    element("button", { type: "button", className: "plain", part: "button", id: "share", hidden: ui.address.off }, ui.say("states.share")),
    element("label", { className: "sort", id: "sort-label" }, element("span", {}, ui.say("results.sortBy")), " ", element("select", { id: "sort" })),
    open,
  );
}

function descriptions(ui) {
  const key = ui.words.parts("results.marked", { marked: element("mark", { className: "strong" }, ui.say("results.markedWord")) });
  return element(
    "div",
    { className: "descriptions", id: "descriptions", hidden: true },
    element("figure", { className: "image-box", id: "descriptions-picture" }),
    element("div", {}, element("p", { className: "key", id: "descriptions-key", hidden: true }, ...key), element("ol", { id: "description-list" })),
  );
}

// One stop of the Tab key, and one line on a narrow page.
function chips(ui) {
  return element(
    "div",
    { className: "chips", id: "chips" },
    element(
      "div",
      { className: "understood", id: "understood", hidden: true },
      element("ul", { className: "conditions", id: "conditions", "aria-label": ui.say("search.readFrom") }),
      element("label", {}, element("input", { type: "checkbox", id: "strict" }), " ", ui.say("search.onlyThese")),
    ),
    element("ul", { className: "active", id: "active", "aria-label": ui.say("filters.inUse"), hidden: true }),
  );
}

function results(ui) {
  const only = element("button", { type: "button", className: "plain", id: "relevant-only" }, ui.say("results.hideLess"));
  const button = (id, key) => Object.assign(outlineButton(ui.say(key), nothing), { id, className: "outline more", hidden: true });
  return element(
    "section",
    { className: "results", id: "results", tabIndex: -1, "aria-labelledby": "results-title" },
    element("h2", { className: "visually-hidden", id: "results-title" }, ui.say("results.title")),
    strip(ui),
    element("p", { className: "corrected", id: "corrected", role: "status", hidden: true }),
    chips(ui),
    element("p", { className: "corrected", id: "all-shown", hidden: true }, ui.say("results.lessShown"), " ", only),
    element("div", { className: "notice", part: "notice", id: "notice", role: "alert", hidden: true }),
    element("slot", { name: "empty", id: "empty", hidden: true }),
    element("ul", { className: "grid", part: "grid", id: "grid" }),
    descriptions(ui),
    button("more", "results.more"),
    button("less-relevant", "results.showLess"),
  );
}

/**
 * @param {import("./ui.js").Ui} ui
 * @returns {HTMLElement} all of the search
 */
export function searchTemplate(ui) {
  const skip = element("button", { type: "button", className: "skip", id: "skip" }, ui.say("search.skip"));
  const browse = element(
    "section",
    { id: "browse", className: "browse", tabIndex: -1, "aria-labelledby": "browse-title", hidden: true },
    element("h2", { id: "browse-title" }),
    element("ul", { className: "tiles", id: "tiles" }),
  );
  const found = element("div", { className: "layout", id: "found", hidden: true }, results(ui), filters(ui)); // the results come first for the Tab key
  const photo = element("section", { className: "photo-panel", id: "photo-panel", hidden: true });
  const drop = element("div", { className: "drop", "aria-hidden": "true" }, element("p", {}, ui.say("search.drop")));
  const keys = ui.whole ? element("button", { type: "button", className: "plain mouse", id: "keys" }, ui.say("results.keys")) : null;
  const origin = element("p", { className: "origin" }, element("span", { id: "origin" }), " ", keys);
  const heading = element("slot", { name: "heading" });
  return element("div", { className: ui.whole ? "view whole" : "view", id: "view" }, heading, skip, query(ui), element("div", { className: "main" }, photo, browse, found), origin, drop);
}
