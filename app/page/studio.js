// The studio: a shop tries the elements on its own catalogue, and copies what it puts into its page.

import "./embed.js";
import { element } from "./elements.js";
import { elementSnippet, frameSnippet, styleSnippet } from "./snippet.js";
import { documentUi } from "./ui.js";
import { LANGUAGES } from "./words.js";

/** @typedef {import("./snippet.js").Embedding} Embedding */

const FONTS = ["", "inherit", "Georgia, serif", "ui-monospace, monospace"];
const COLOURS = { accent: "#a81f54", ground: "#fbfaf8", ink: "#1b1918" }; // what a field shows before it is changed
const MANY_VALUES = 301; // the service counts no more

/** The page with the form, the preview and what is copied. */
class Studio {
  /** @param {import("./ui.js").Ui} ui */
  constructor(ui) {
    this.ui = ui;
    /** @type {Embedding} */
    this.chosen = {
      kind: "search",
      lang: ui.words.language,
      theme: "auto",
      address: "v",
      href: "",
      show: [],
      picture: true,
      product: "",
      same: [],
      variables: { accent: "", ground: "", ink: "", radius: "", font: "" },
    };
    this.origin = "";
    this.attributes = [];
  }

  async begin() {
    const { ui } = this;
    this.showResult();
    try {
      const [{ facets }] = await Promise.all([ui.service.get(`v1/facets?limit=${MANY_VALUES}`), ui.loadLabels()]);
      this.attributes = Object.keys(facets);
      const { products } = await ui.service.get("v1/products?limit=1").catch(() => ({ products: [] }));
      this.chosen.product = products[0]?.id ?? "";
    } catch (error) {
      ui.$("studio-notice").textContent = ui.messageOf(error);
    }
    this.show();
  }

  change(fields) {
    this.chosen = { ...this.chosen, ...fields };
    this.showResult();
  }

  show() {
    this.ui.$("settings").replaceChildren(...this.fields());
    this.showResult();
  }

  /* The form */

  field(key, control, id) {
    control.id = id;
    return element("div", { className: "field" }, element("label", { for: id }, this.ui.say(key)), control);
  }

  choice(key, id, options, current, choose) {
    const select = element("select", {}, ...options.map(([value, label]) => element("option", { value, selected: value === current }, label)));
    select.addEventListener("change", () => choose(select.value));
    return this.field(key, select, id);
  }

  text(key, id, current, choose, placeholder = "") {
    const input = element("input", { type: "text", value: current, placeholder, spellcheck: false, autocomplete: "off" });
    input.addEventListener("change", () => choose(input.value.trim()));
    return this.field(key, input, id);
  }

  colour(name) {
    const input = element("input", { type: "color", value: this.chosen.variables[name] || COLOURS[name] });
    input.addEventListener("input", () => this.change({ variables: { ...this.chosen.variables, [name]: input.value } }));
    return this.field(`studio.${name}`, input, `studio-${name}`);
  }

  boxes(key, field) {
    const items = this.attributes.map((name) => {
      const box = element("input", { type: "checkbox", checked: this.chosen[field].includes(name) });
      const isOn = (one) => (one === name ? box.checked : this.chosen[field].includes(one));
      box.addEventListener("change", () => this.change({ [field]: this.attributes.filter(isOn) }));
      return element("li", {}, element("label", {}, box, " ", this.ui.sayAttribute(name)));
    });
    return element("fieldset", {}, element("legend", {}, this.ui.say(key)), element("ul", {}, ...items));
  }

  fields() {
    const { ui, chosen } = this;
    const say = (key) => ui.say(`studio.${key}`);
    const languages = LANGUAGES.map((tag) => [tag, new Intl.DisplayNames([tag], { type: "language" }).of(tag)]);
    const variable = (name) => (value) => this.change({ variables: { ...this.chosen.variables, [name]: value } });
    const corners = [["", say("asDesigned")], ["0", say("square")], ["20px", say("round")]];
    const fonts = FONTS.map((font) => [font, font ? (font === "inherit" ? say("asPage") : font) : say("asDesigned")]);
    const themes = ["auto", "light", "dark"].map((theme) => [theme, say(`theme-${theme}`)]);
    const common = [
      this.choice("studio.language", "studio-lang", languages, chosen.lang, (lang) => this.change({ lang })),
      this.choice("studio.theme", "studio-theme", themes, chosen.theme, (theme) => this.change({ theme })),
      ...Object.keys(COLOURS).map((name) => this.colour(name)),
      this.choice("studio.radius", "studio-radius", corners, chosen.variables.radius, variable("radius")),
      this.choice("studio.font", "studio-font", fonts, chosen.variables.font, variable("font")),
      this.text("studio.href", "studio-href", chosen.href, (href) => this.change({ href }), "/p/{id}"),
    ];
    const search = () => {
      const places = [["v", say("addressPrefix")], ["off", say("addressOff")]];
      const picture = element("input", { type: "checkbox", id: "studio-picture", checked: chosen.picture });
      picture.addEventListener("change", () => this.change({ picture: picture.checked }));
      return [
        element("label", { className: "check" }, picture, " ", say("picture")),
        this.choice("studio.address", "studio-address", places, chosen.address, (address) => this.change({ address })),
        this.boxes("studio.show", "show"),
      ];
    };
    const similar = () => [
      this.text("studio.product", "studio-product", chosen.product, (product) => this.change({ product })),
      this.boxes("studio.same", "same"),
    ];
    const kinds = { search: say("kindSearch"), similar: say("kindSimilar") };
    const tabs = element("div", { className: "tabs", role: "group", "aria-label": say("kind") });
    for (const [kind, label] of Object.entries(kinds)) {
      const button = element("button", { type: "button", id: `kind-${kind}`, "aria-pressed": String(kind === chosen.kind) }, label);
      button.addEventListener("click", () => {
        this.chosen = { ...this.chosen, kind };
        this.show();
        ui.$(`kind-${kind}`).focus(); // the button was made again
      });
      tabs.append(button);
    }
    return [tabs, ...common, ...(chosen.kind === "search" ? search() : similar())];
  }

  /* What comes of it */

  showResult() {
    this.showPreview();
    this.showSnippets();
  }

  // The element itself, in this page: its state is its own, and a press on a product stays here.
  showPreview() {
    const { ui, chosen } = this;
    const tag = `vitrine-${chosen.kind}`;
    const place = ui.$("preview");
    const shown = place.firstElementChild?.localName === tag ? place.firstElementChild : element(tag, { src: ui.service.root, address: "off" });
    for (const name of ["lang", "theme", "href"]) shown.setAttribute(name, chosen[name]);
    for (const name of ["show", "same"]) shown.setAttribute(name, chosen[name].join(" "));
    shown.setAttribute("product", chosen.product);
    shown.toggleAttribute("picture", chosen.picture);
    for (const [name, value] of Object.entries(chosen.variables)) shown.style.setProperty(`--vitrine-${name}`, value);
    place.dataset.theme = chosen.theme;
    if (chosen.variables.ground) place.style.setProperty("background", chosen.variables.ground);
    if (shown.parentNode === place) return;
    shown.addEventListener("vitrine-select", (event) => this.chosen.href && event.preventDefault());
    place.replaceChildren(shown);
  }

  showSnippets() {
    const { ui, chosen } = this;
    const { root } = ui.service;
    const parts = [
      ["snippet", elementSnippet(root, chosen)],
      ["style", styleSnippet(chosen)],
      ["frame", frameSnippet(root, chosen, ui.say("studio.kindSearch"))],
      ["setting", `VITRINE_ORIGINS=${this.origin || "https://shop.example"}`],
    ];
    const shown = parts.filter(([, text]) => text).map(([name, text]) => this.snippet(name, text));
    const known = ui.$("snippets").children;
    // The button that was pressed stays: only the text changes, unless a part comes or goes.
    if (known.length === shown.length) shown.forEach((one, row) => known[row].querySelector("code").replaceWith(one.querySelector("code")));
    else ui.$("snippets").replaceChildren(...shown);
  }

  snippet(name, text) {
    const { ui } = this;
    const title = ui.say(`studio.${name}`);
    const code = element("code", {}, text);
    const status = element("span", { role: "status", className: "soft" });
    const copy = element("button", { type: "button", className: "outline", "aria-label": `${ui.say("studio.copy")}: ${title}` }, ui.say("studio.copy"));
    const section = element("section", {}, element("h2", {}, title), element("pre", { tabIndex: 0, role: "region", "aria-label": title }, code));
    copy.addEventListener("click", async () => {
      const copied = await navigator.clipboard.writeText(section.querySelector("code").textContent).then(() => true, () => false);
      status.textContent = ui.say(copied ? "studio.copied" : "studio.notCopied");
    });
    section.append(element("div", { className: "row" }, copy, status));
    if (name === "setting") section.append(this.originField());
    return section;
  }

  originField() {
    const choose = (origin) => {
      this.origin = origin;
      this.showSnippets();
    };
    return this.text("studio.origin", "studio-origin", this.origin, choose, "https://shop.example");
  }
}

const ui = await documentUi();
new Studio(ui).begin();
