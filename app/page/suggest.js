// Completions under the search field as one types: a combobox with a list
// (https://www.w3.org/WAI/ARIA/apg/patterns/combobox/). Knows no search: what is chosen
// is put into the field.

import { element } from "./elements.js";
import { Latest } from "./latest.js";
import { wasAborted } from "./recover.js";
import { onText } from "./typing.js";

/** @typedef {{text: string, kind: "brand"|"value"|"title"|"phrase", attribute: ?string, count: number}} Suggestion */

const COUNT = 7;
const REST_MS = 5000; // after a failure: the search needs the service more
const KINDS = { brand: "search.kindBrand", title: "search.kindTitle" };

/** The completions of one search field. */
export class Suggest {
  /**
   * @param {import("./ui.js").Ui} ui
   * @param {() => void} choose called when the field has got the completion that was chosen
   * @param {() => boolean} mayHelp whether what is typed may be completed
   */
  constructor(ui, choose, mayHelp) {
    this.ui = ui;
    this.chosen = choose;
    this.field = ui.$("text");
    this.list = ui.$("suggestions");
    this.latest = new Latest((typed, signal) => this.ask(typed, signal));
    this.restsUntil = -Infinity;
    this.active = -1; // the option that the arrow keys are on; -1: the field itself
    onText(this.field, () => {
      const typed = this.field.value.trim();
      if (!typed || !mayHelp()) this.close();
      else if (performance.now() > this.restsUntil) this.latest.ask(typed);
    });
    this.field.addEventListener("blur", () => this.close());
    this.field.addEventListener("keydown", (event) => this.onKey(event));
    ui.$("search").addEventListener("submit", () => this.close());
    ui.signal.addEventListener("abort", () => this.close());
    // The field keeps the focus, so that the list is not closed before the click arrives.
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
  }

  get options() {
    return [...this.list.children];
  }

  /** Hide the list, and forget what was asked for. */
  close() {
    this.latest.cancel();
    this.hide();
  }

  hide() {
    this.activate(-1);
    this.list.hidden = true;
    this.list.replaceChildren();
    this.field.setAttribute("aria-expanded", "false");
    this.ui.$("suggestions-status").textContent = "";
  }

  async ask(typed, signal) {
    try {
      const { suggestions } = await this.ui.service.get(`v1/suggest?${new URLSearchParams({ q: typed, k: COUNT })}`, signal);
      if (!signal.aborted && this.ui.root.activeElement === this.field) this.show(suggestions, typed);
    } catch (error) {
      if (wasAborted(error)) return;
      this.hide(); // a search without completions is still a search, and says itself what is wrong
      this.restsUntil = performance.now() + Math.max(REST_MS, 1000 * (error.retryAfter ?? 0));
    }
  }

  show(suggestions, typed) {
    const others = suggestions.filter(({ text }) => text.toLowerCase() !== typed.toLowerCase());
    if (!others.length) {
      this.hide(); // what is asked for next may have some
      return;
    }
    const kept = this.options[this.active]?.dataset.text;
    this.list.replaceChildren(...others.map((one, row) => this.option(one, row, typed)));
    this.list.hidden = false;
    this.field.setAttribute("aria-expanded", "true");
    this.activate(others.findIndex(({ text }) => text === kept)); // an answer that comes late does not take the choice away
    this.ui.$("suggestions-status").textContent = this.ui.say("search.suggestions", { count: others.length });
  }

  option({ text, kind, attribute, count }, row, typed) {
    const { ui } = this;
    const about = kind === "value" ? ui.sayAttribute(attribute ?? "") : KINDS[kind] && ui.say(KINDS[kind]);
    const words = element("span", { className: "words", title: text }, ...completed(text, typed));
    const label = element("span", { className: "soft" }, [about, ui.number(count)].filter(Boolean).join(" · "));
    const item = element("li", { id: `suggestion-${row}`, role: "option", part: "suggestion", "aria-selected": "false" }, words, label);
    item.dataset.text = text;
    item.addEventListener("click", () => this.choose(text));
    return item;
  }

  choose(text) {
    this.close();
    this.field.value = text;
    this.chosen();
  }

  activate(row) {
    this.active = row;
    this.options.forEach((item, at) => item.setAttribute("aria-selected", String(at === row)));
    const item = this.options[row];
    if (item) {
      this.field.setAttribute("aria-activedescendant", item.id);
      item.scrollIntoView({ block: "nearest" });
    } else {
      this.field.removeAttribute("aria-activedescendant");
    }
  }

  onKey(event) {
    if (this.list.hidden || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const { active } = this;
    const count = this.options.length;
    // One place beyond either end is the field itself.
    const next = { ArrowDown: active + 1, ArrowUp: active < 0 ? count - 1 : active - 1 }[event.key];
    if (next !== undefined) {
      this.activate(next >= count ? -1 : next);
    } else if (event.key === "Enter" && active >= 0) {
      this.choose(this.options[active].dataset.text);
    } else if (event.key === "Escape") {
      this.close(); // the text stays
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }
}

// What is still to be typed stands out.
function completed(text, typed) {
  const start = text.toLowerCase().startsWith(typed.toLowerCase()) ? typed.length : 0;
  return start ? [text.slice(0, start), element("b", {}, text.slice(start))] : [text];
}
