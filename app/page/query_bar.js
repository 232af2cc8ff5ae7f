// The query as the search page shows it: the words, the picture, the products that it is like or unlike, their balance.

import { element, iconButton } from "./elements.js";
import { showPicture } from "./product_picture.js";
import { filterPairs, hasPicture, isEdit, isEmpty } from "./query.js";
import { ASSETS } from "./service.js";

/** @typedef {import("./query.js").SearchQuery} SearchQuery */

const EXAMPLES = { like: "search.moreLike", unlike: "search.lessLike" };
// What the slider says from its end of the picture to that of the words.
const STEPS = ["edit.muchPicture", "edit.morePicture", "edit.even", "edit.moreWords", "edit.muchWords"];

/** The query of one page or element, as it is shown. */
export class QueryBar {
  /**
   * @param {import("./ui.js").Ui} ui
   * @param {import("./picture.js").Pictures} pictures
   * @param {(change: Partial<SearchQuery>) => void} change called when an example is removed
   */
  constructor(ui, pictures, change) {
    this.ui = ui;
    this.pictures = pictures;
    this.change = change;
    this.thumbnailUrl = "";
    /** @type {?import("./picture.js").Picture} the one that is shown */
    this.picture = null;
  }

  /**
   * @param {SearchQuery} query
   * @param {(id: string) => string|undefined} titleOf a product, where it is known
   */
  show(query, titleOf) {
    const { ui } = this;
    const field = ui.$("text");
    // A field that is being typed into keeps its spaces.
    const typing = ui.root.activeElement === field && field.value.trim() === query.text;
    if (!typing) field.value = query.text;
    field.placeholder = hasPicture(query) ? ui.say("edit.placeholder") : ui.placeholder || ui.say("search.placeholder");
    if (query.picture !== this.picture) this.showThumbnail(query.picture); // not with every key
    ui.$("balance").hidden = !isEdit(query);
    ui.$("weight").value = query.weight;
    this.showBalance(query.weight);
    const chips = Object.keys(EXAMPLES).flatMap((kind) => query[kind].map((id) => this.example(query, kind, id, titleOf(id))));
    ui.$("examples").replaceChildren(...chips);
    ui.$("query-parts").hidden = !chips.length && ui.$("balance").hidden;
    const empty = isEmpty(query);
    ui.$("view").classList.toggle("searching", !empty);
    ui.$("hint").hidden = ui.$("browse").hidden = !empty;
    for (const show of ["products", "descriptions"]) ui.$(`show-${show}`).setAttribute("aria-pressed", String(query.show === show));
    this.showTitle(query);
  }

  /** @param {SearchQuery} query names the document, where the page is all ours */
  showTitle(query) {
    const { ui } = this;
    if (!ui.whole) return;
    const values = filterPairs(query).map(([name, value]) => ui.sayValue(name, value));
    const parts = [query.text, query.picture && ui.say("search.aPicture"), ...values].filter(Boolean);
    document.title = parts.length ? `${parts.join(", ")} · Vitrine` : "Vitrine";
  }

  /** @param {number} weight of the words, 0 to 1 */
  showBalance(weight) {
    const step = STEPS[Math.round(weight * (STEPS.length - 1))];
    this.ui.$("weight").setAttribute("aria-valuetext", this.ui.say(step));
  }

  showThumbnail(picture) {
    const { ui } = this;
    this.picture = picture;
    URL.revokeObjectURL(this.thumbnailUrl);
    this.thumbnailUrl = "";
    const blob = picture && this.pictures.thumbnailOf(picture);
    const image = ui.$("picture-image");
    ui.$("picture").hidden = !picture;
    image.removeAttribute("src");
    image.classList.toggle("unknown", Boolean(picture && !blob));
    if (!picture) return;
    image.alt = ui.say("search.yourPicture");
    // A shared address has the picture's vector, not the picture: an icon stands for it.
    if (blob) this.thumbnailUrl = URL.createObjectURL(blob);
    image.src = this.thumbnailUrl || `${ASSETS}icon.svg`;
  }

  example(query, kind, id, title) {
    const { ui } = this;
    const label = ui.say(EXAMPLES[kind]);
    const image = element("img", { alt: "" });
    showPicture(ui.service, image, { id }, "tiny");
    const remove = () => this.change({ [kind]: query[kind].filter((one) => one !== id) });
    const button = iconButton("close", ui.say("search.removeExample", { kind: label, title: title ?? id }), remove);
    return element("li", { className: kind, title: title ?? "" }, image, label, button);
  }
}
