// The queries that fail and succeed, of all or of one slice, page by page; and the judgements about those that fail.

import { download } from "./downloads.js";
import { element, outlineButton } from "./elements.js";
import { sliceAttribute, sliceValue } from "./evaluation_slices.js";
import { scoreIn } from "./figure_format.js";
import { VERDICTS } from "./judgements.js";
import { smallCard } from "./small_card.js";

/** Queries on a page. */
export const PAGE = 12;

/** The list of queries. */
export class Failures {
  /** @type {?import("./judgements.js").Judgements} of the data set that is shown */
  judgements = null;

  /**
   * @param {import("./ui.js").Ui} ui
   * @param {{turnTo: (offset: number) => void, leaveSlice: () => void}} actions what another page, or all queries, need
   */
  constructor(ui, actions) {
    this.ui = ui;
    this.actions = actions;
    this.score = scoreIn(ui.words.language);
    this.list = ui.$("queries");
    this.list.addEventListener("keydown", (event) => this.onKey(event));
    ui.$("judged-undo").addEventListener("click", () => this.undo());
    ui.$("judged-save").addEventListener("click", () => this.save());
    ui.$("judged-clear").addEventListener("click", () => this.clear());
  }

  /**
   * @param {object} shown one direction of the details
   * @param {{direction: string, end: "worst"|"best", slice: ?{attribute: string, value: string}, offset: number}} view
   */
  show(shown, view) {
    const { ui } = this;
    this.view = view;
    this.queries = shown[view.end];
    ui.$("queries-title").textContent = ui.say(`evaluation.${view.end}Of`, { count: shown.queries });
    const chip = view.slice && outlineButton(this.nameOf(view.slice), () => this.actions.leaveSlice());
    chip?.append(element("span", { "aria-hidden": "true" }, "×"));
    ui.$("queries-slice").replaceChildren(...(chip ? [chip] : []));
    ui.$("judge-help").hidden = view.end !== "worst" || !this.queries.length;
    this.list.replaceChildren(...this.queries.map((query) => this.card(query)));
    this.showPager(shown.queries);
    this.showCount();
  }

  nameOf({ attribute, value }) {
    const { ui } = this;
    return ui.say("evaluation.inSlice", { attribute: sliceAttribute(ui, attribute), value: sliceValue(ui, attribute, value) });
  }

  showPager(count) {
    const { ui, view } = this;
    const pager = ui.$("queries-pages");
    pager.hidden = count <= PAGE;
    if (pager.hidden) return;
    const button = (key, offset) => {
      const made = outlineButton(ui.say(key), () => this.actions.turnTo(offset));
      made.disabled = offset < 0 || offset >= count;
      return made;
    };
    const values = { first: view.offset + 1, last: Math.min(count, view.offset + PAGE), count };
    const place = element("span", { className: "soft" }, ui.say("evaluation.page", values));
    pager.replaceChildren(button("evaluation.previous", view.offset - PAGE), place, button("evaluation.next", view.offset + PAGE));
  }

  card(query) {
    const { ui, view } = this;
    const rank = element("small", {}, ui.say("evaluation.rank", { rank: query.rank, score: this.score(query.score) }));
    const own = smallCard(ui, { id: query.id, title: query.title }).firstChild;
    own.setAttribute("aria-label", ui.say(view.direction === "text_to_image" ? "evaluation.expected" : "evaluation.asks", { title: query.title }));
    const doubted = query.found.find((hit) => !hit.right);
    const found = query.found.map((hit) => {
      const item = smallCard(ui, hit);
      item.className = hit.right ? "right" : hit === doubted && view.end === "worst" ? "doubted" : "";
      item.firstChild.title = ui.say(hit.right ? "evaluation.hitRight" : "evaluation.hit", { title: hit.title, score: this.score(hit.score) });
      return item;
    });
    const head = element("div", { className: "asked-for" }, own, element("p", {}, query.title, rank));
    const results = element("ul", { className: "near", "aria-label": ui.say("evaluation.firstResults") }, ...found);
    return element("li", {}, head, results, view.end === "worst" && doubted ? this.verdicts(query) : null);
  }

  verdicts(query) {
    const group = element("div", { className: "verdicts", role: "group", "aria-label": this.ui.say("evaluation.judge", { title: query.title }) });
    const buttons = VERDICTS.map((verdict, row) => {
      const key = element("kbd", { "aria-hidden": "true" }, String(row + 1));
      const button = element("button", { type: "button", title: this.ui.say(`evaluation.${verdict}Why`) }, key, this.ui.say(`evaluation.${verdict}`));
      button.addEventListener("click", () => this.judge(query, verdict));
      return button;
    });
    group.append(...buttons);
    this.press(group, query);
    return group;
  }

  press(group, query) {
    const verdict = this.judgements.verdictOf(this.view.direction, query.id);
    VERDICTS.forEach((one, row) => group.children[row].setAttribute("aria-pressed", String(one === verdict)));
  }

  // Keys count only where the focus is in the list: elsewhere a digit is a digit.
  onKey(event) {
    const verdict = VERDICTS[Number(event.key) - 1];
    if (!verdict || event.ctrlKey || event.metaKey || event.altKey || this.view.end !== "worst") return;
    const at = [...this.list.children].findIndex((card) => card.contains(event.target));
    if (at < 0 || !this.list.children[at].querySelector(".verdicts")) return;
    event.preventDefault();
    this.judge(this.queries[at], verdict);
    const next = [...this.list.querySelectorAll(".verdicts")].find((group, row) => row > at && !group.querySelector('[aria-pressed="true"]'));
    (next ?? this.ui.$("queries-pages")).querySelector("button:not(:disabled)")?.focus();
  }

  judge(query, verdict) {
    const { direction } = this.view;
    if (this.judgements.verdictOf(direction, query.id) !== verdict) this.judgements.judge(direction, query, verdict);
    this.refresh();
  }

  undo() {
    if (this.judgements.undo()) this.refresh();
  }

  clear() {
    if (!confirm(this.ui.say("evaluation.clearSure", { count: this.judgements.count }))) return;
    this.judgements.clear();
    this.refresh();
  }

  save() {
    download("judged.jsonl", this.judgements.lines(), "application/jsonl");
  }

  refresh() {
    [...this.list.children].forEach((card, row) => {
      const group = card.querySelector(".verdicts");
      if (group) this.press(group, this.queries[row]);
    });
    this.showCount();
  }

  showCount() {
    const { count } = this.judgements;
    this.ui.$("judged").hidden = !count;
    this.ui.$("judged-count").textContent = this.ui.say("evaluation.judged", { count });
  }
}
