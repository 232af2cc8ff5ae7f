// Completions under the search field as one types: a combobox with a list
// (https://www.w3.org/WAI/ARIA/apg/patterns/combobox/). Knows no search: what is chosen
// is put into the field.

import { get } from "./api.js";
import { byId, element, formatNumber, humanName } from "./elements.js";

/** @typedef {{text: string, kind: "brand"|"value"|"title"|"phrase", attribute: ?string, count: number}} Suggestion */

const COUNT = 7;
const TYPING_MS = 90; // between a key stroke and the question for completions
const KINDS = { brand: "Brand", title: "Title", phrase: "" };

let running = new AbortController(); // of the question on its way
let timer = 0;
let active = -1; // the option that the arrow keys are on; -1: the field itself
let pick = () => {};

const options = () => [...byId("suggestions").children];
const isOpen = () => !byId("suggestions").hidden;

/**
 * Listen to the search field.
 * @param {() => void} choose called when the field has got the completion that was chosen
 */
export function listenForTyping(choose) {
  pick = choose;
  const field = byId("text");
  field.addEventListener("input", () => {
    clearTimeout(timer);
    running.abort();
    if (field.value.trim()) timer = setTimeout(ask, TYPING_MS);
    else closeSuggestions();
  });
  field.addEventListener("blur", closeSuggestions);
  field.addEventListener("keydown", onKey);
  byId("search").addEventListener("submit", closeSuggestions);
  // The field keeps the focus, so that the list is not closed before the click arrives.
  byId("suggestions").addEventListener("mousedown", (event) => event.preventDefault());
}

/** Hide the list, and forget what was asked for. */
export function closeSuggestions() {
  clearTimeout(timer);
  running.abort();
  activate(-1);
  byId("suggestions").hidden = true;
  byId("suggestions").replaceChildren();
  byId("text").setAttribute("aria-expanded", "false");
  byId("suggestions-status").textContent = "";
}

async function ask() {
  const typed = byId("text").value.trim();
  running = new AbortController();
  const { signal } = running;
  try {
    const { suggestions } = await get(`v1/suggest?${new URLSearchParams({ q: typed, k: COUNT })}`, signal);
    if (!signal.aborted && document.activeElement === byId("text")) show(suggestions, typed);
  } catch {
    closeSuggestions(); // a search without completions is still a search, and says itself what is wrong
  }
}

function show(suggestions, typed) {
  const others = suggestions.filter(({ text }) => text.toLowerCase() !== typed.toLowerCase());
  if (!others.length) {
    closeSuggestions();
    return;
  }
  const kept = options()[active]?.dataset.text;
  byId("suggestions").replaceChildren(...others.map((one, row) => option(one, row, typed)));
  byId("suggestions").hidden = false;
  byId("text").setAttribute("aria-expanded", "true");
  activate(others.findIndex(({ text }) => text === kept)); // an answer that comes late does not take the choice away
  byId("suggestions-status").textContent = others.length === 1 ? "1 suggestion" : `${others.length} suggestions`;
}

function option({ text, kind, attribute, count }, row, typed) {
  const about = kind === "value" ? humanName(attribute ?? "") : KINDS[kind];
  const words = element("span", { className: "words", title: text }, ...completed(text, typed));
  const label = element("span", { className: "soft" }, [about, formatNumber(count)].filter(Boolean).join(" · "));
  const item = element("li", { id: `suggestion-${row}`, role: "option", "aria-selected": "false" }, words, label);
  item.dataset.text = text;
  item.addEventListener("click", () => choose(text));
  return item;
}

// What is still to be typed stands out.
function completed(text, typed) {
  const start = text.toLowerCase().startsWith(typed.toLowerCase()) ? typed.length : 0;
  return start ? [text.slice(0, start), element("b", {}, text.slice(start))] : [text];
}

function choose(text) {
  closeSuggestions();
  byId("text").value = text;
  pick();
}

function activate(row) {
  active = row;
  options().forEach((item, at) => item.setAttribute("aria-selected", String(at === row)));
  const item = options()[row];
  if (item) {
    byId("text").setAttribute("aria-activedescendant", item.id);
    item.scrollIntoView({ block: "nearest" });
  } else {
    byId("text").removeAttribute("aria-activedescendant");
  }
}

function onKey(event) {
  if (!isOpen() || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  const count = options().length;
  // One place beyond either end is the field itself.
  const next = { ArrowDown: active + 1, ArrowUp: active < 0 ? count - 1 : active - 1 }[event.key];
  if (next !== undefined) {
    activate(next >= count ? -1 : next);
  } else if (event.key === "Enter" && active >= 0) {
    choose(options()[active].dataset.text);
  } else if (event.key === "Escape") {
    closeSuggestions(); // the text stays
  } else {
    return;
  }
  event.preventDefault();
  event.stopPropagation();
}
