// The search page: what is asked (words, picture, likes, filters), the address that stands for it, and the answers.
// A picture is encoded once, when it comes; from then on its vector asks, and stands in the address in a short form.

import { get, post, showPicture, Trouble } from "/page/api.js";
import { at, badges, drawer, iconButton, make, number, plate, spoken } from "/page/drawer.js";

const PAGE_SIZE = 30;
const MOST = 300; // products that an address brings back at once
const DESCRIPTIONS = 10;
const PATIENCE_MS = 160; // between a key stroke and the search
const ONE_THOUGHT_MS = 1500; // key strokes closer than this are one entry in the history
const LARGE_BYTES = 1_500_000; // a file beyond this is scaled down before it is sent
const LARGE_SIDE = 1280;
const SHOWN_VALUES = 7; // of a facet, before "show all"
const FACET_VALUES = 300; // an attribute with more is none to choose from
const TILES = 12;

const empty = () => ({ text: "", picture: null, weight: 0.5, like: [], unlike: [], filters: {}, show: "products", count: 0 });
let asked = empty();
let running = null; // AbortController of the search on its way
let answered = []; // ids of the products shown, in order
let total = 0;
let attributes = []; // names of the facets
let encoderId = "";
const opened = new Set(); // facets that show all values
const titles = new Map(); // product id -> title, of what was shown

const anything = (one = asked) => Boolean(one.text || one.picture || one.like.length || one.unlike.length || chosen(one).length);
const chosen = (one = asked) => Object.entries(one.filters).flatMap(([name, values]) => values.map((value) => [name, value]));
const pictured = () => Boolean(asked.picture || asked.like.length);

/* The address */

function toQuery(one) {
  const query = new URLSearchParams();
  if (one.text) query.set("q", one.text);
  if (one.picture) query.set("picture", one.picture.code);
  one.like.forEach((id) => query.append("like", id));
  one.unlike.forEach((id) => query.append("unlike", id));
  if (one.weight !== 0.5) query.set("words", String(one.weight));
  chosen(one).forEach(([name, value]) => query.append(`f.${name}`, value));
  if (one.show !== "products") query.set("show", one.show);
  if (one.count > PAGE_SIZE) query.set("n", String(one.count));
  return query;
}

function fromQuery(query) {
  const one = empty();
  one.text = (query.get("q") || "").trim();
  if (query.get("picture")) one.picture = pictureOf(query.get("picture"));
  one.like = query.getAll("like");
  one.unlike = query.getAll("unlike");
  const weight = Number(query.get("words") ?? 0.5);
  one.weight = weight >= 0 && weight <= 1 ? weight : 0.5;
  for (const [name, value] of query) if (name.startsWith("f.")) (one.filters[name.slice(2)] ??= []).push(value);
  if (query.get("show") === "descriptions") one.show = "descriptions";
  one.count = Math.min(MOST, Number(query.get("n")) || 0);
  return one;
}

const addressOf = (one) => {
  const query = toQuery(one).toString();
  return query ? `/?${query}` : "/";
};

let typedAt = -Infinity;
function remember(typing = false) {
  const now = performance.now();
  const same = typing && now - typedAt < ONE_THOUGHT_MS;
  typedAt = typing ? now : -Infinity;
  const address = addressOf(asked);
  if (address === location.pathname + location.search) return;
  if (same) history.replaceState({}, "", address);
  else {
    history.replaceState({ ...history.state, scroll: scrollY }, "");
    history.pushState({}, "", address);
  }
}

async function fromAddress() {
  const scroll = history.state?.scroll ?? 0;
  const before = toQuery({ ...asked, count: 0 }).toString();
  const next = fromQuery(new URLSearchParams(location.search));
  drawer.follow();
  if (answered.length && toQuery({ ...next, count: 0 }).toString() === before) return; // only the drawer has changed
  asked = next;
  await ask();
  if (scroll) scrollTo({ top: scroll });
}

/* A picture: its vector as a byte per value, which moves it by less than a thousandth, after the encoder's id */

const thumbs = new Map(); // code -> blob of the picture, while this page is open

function codeOf(vector) {
  const scale = 127 / Math.max(...vector.map(Math.abs));
  const bytes = vector.map((value) => String.fromCharCode((Math.round(value * scale) + 256) % 256)).join("");
  const text = btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return `${encoderId.slice(0, 8)}.${text}`;
}

function pictureOf(code) {
  const [encoder, text = ""] = code.split(".");
  try {
    const bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return { code, encoder, vector: [...bytes].map((char) => (char.charCodeAt(0) << 24) >> 24) };
  } catch {
    return { code, encoder, vector: [] };
  }
}

const dataUri = (blob) =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(new Trouble("This file cannot be read. Is it still there?"));
    reader.readAsDataURL(blob);
  });

async function scaledDown(file) {
  try {
    const bitmap = await createImageBitmap(file);
    const scale = Math.min(1, LARGE_SIDE / Math.max(bitmap.width, bitmap.height));
    const canvas = make("canvas", { width: Math.round(bitmap.width * scale), height: Math.round(bitmap.height * scale) });
    canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
  } catch {
    return file; // no picture that the browser knows: the service says so better
  }
}

async function takeFile(file) {
  if (!file) return;
  if (file.type && !file.type.startsWith("image/")) {
    trouble(new Trouble("That is not a picture. A photo or a screenshot works best."));
    return;
  }
  running?.abort();
  const { signal } = (running = new AbortController());
  asked.text = at("text").value.trim();
  document.body.classList.add("asked");
  waiting(true);
  try {
    const blob = file.size > LARGE_BYTES ? await scaledDown(file) : file;
    const uri = await dataUri(blob);
    // A file without a type is sent as a picture all the same: the service looks at what is in it.
    const input = uri.replace(/^data:[^;,]*/, (head) => (head.startsWith("data:image/") ? head : "data:image/jpeg"));
    const answer = await post("/v1/embeddings", { input }, signal);
    encoderId = answer.model;
    const picture = pictureOf(codeOf(answer.data[0].embedding));
    thumbs.set(picture.code, blob);
    Object.assign(asked, { picture, count: 0 });
    remember();
    await ask();
  } catch (error) {
    trouble(error);
  }
}

/* Asking */

function query() {
  const body = { filters: asked.filters };
  if (asked.text) body.text = asked.text;
  if (asked.picture) body.vector = asked.picture.vector;
  if (asked.like.length) body.like = asked.like;
  if (asked.unlike.length) body.unlike = asked.unlike;
  if (asked.text && pictured()) {
    const rest = 1 - asked.weight;
    body.weights = { text: 2 * asked.weight, vector: 2 * rest, like: 2 * rest };
  }
  // Filters alone: what is most typical of them comes first.
  if (!asked.text && !pictured() && !asked.unlike.length) body.text = chosen().map(([, value]) => value).join(" ");
  return body;
}

async function ask() {
  running?.abort();
  const { signal } = (running = new AbortController());
  showQuestion();
  if (!anything()) {
    clear();
    at("found").hidden = true;
    browse();
    return;
  }
  waiting(false);
  try {
    await ready;
    if (asked.picture && asked.picture.encoder !== encoderId.slice(0, 8)) {
      throw new Trouble("This address is of a picture that an earlier model looked at. Please choose the picture again.");
    }
    if (asked.show === "descriptions") await askDescriptions(signal);
    else await askProducts(signal);
  } catch (error) {
    trouble(error);
  }
}

async function askProducts(signal) {
  const k = Math.max(PAGE_SIZE, asked.count);
  const answer = await post("/v1/search/images", { ...query(), k, facets: attributes }, signal);
  at("grid").replaceChildren();
  answered = [];
  settled(answer);
  showFacets(answer.facets);
  showProducts(answer);
}

async function askMore() {
  if (at("more").hidden || at("more").disabled) return;
  const { signal } = running;
  at("more").disabled = true;
  try {
    const answer = await post("/v1/search/images", { ...query(), k: PAGE_SIZE, offset: answered.length }, signal);
    showProducts(answer);
    asked.count = Math.min(MOST, answered.length);
    history.replaceState(history.state, "", addressOf(asked));
  } catch (error) {
    if (error.name !== "AbortError") say(error.words, error.id);
  } finally {
    at("more").disabled = false;
  }
}

async function askDescriptions(signal) {
  const answer = await post("/v1/search/descriptions", { ...query(), k: DESCRIPTIONS, facets: attributes }, signal);
  settled(answer);
  showFacets(answer.facets);
  at("grid").replaceChildren();
  at("count").textContent = answer.results.length ? `Best ${answer.results.length} of ${number(total)}` : "None";
  if (!answer.results.length) {
    nothing();
    return;
  }
  showDescriptions(answer.results, null);
  if (!pictured()) return;
  const match = { descriptions: answer.results.map((result) => result.description) };
  if (asked.picture) match.vector = asked.picture.vector;
  if (asked.like.length) match.like = asked.like;
  showDescriptions(answer.results, (await post("/v1/explain", match, signal)).results);
}

/* Showing the question */

function showQuestion() {
  const looking = anything();
  if (document.activeElement !== at("text") || at("text").value.trim() !== asked.text) at("text").value = asked.text;
  at("text").placeholder = pictured() ? "Add words: in blue, for men …" : "What are you looking for?";
  showThumb();
  at("balance").hidden = !(pictured() && asked.text);
  at("weight").value = asked.weight;
  showBalance();
  const tastes = [
    ...asked.like.map((id) => taste(id, "like", "Like")),
    ...asked.unlike.map((id) => taste(id, "unlike", "Not like")),
  ];
  at("tastes").replaceChildren(...tastes);
  at("also").hidden = !tastes.length && at("balance").hidden;
  document.body.classList.toggle("asked", looking);
  at("hint").hidden = looking;
  at("browse").hidden = looking;
  const what = [asked.text, asked.picture && "a picture", ...chosen().map(([, value]) => value)].filter(Boolean);
  document.title = what.length ? `${what.join(", ")} · Vitrine` : "Vitrine";
  for (const show of ["products", "descriptions"]) at(`show-${show}`).setAttribute("aria-pressed", String(asked.show === show));
  const active = chosen().map(([name, value]) => {
    const button = make("button", { type: "button", title: `Remove the filter ${spoken(name)}: ${value}` }, value);
    button.append(make("span", { "aria-hidden": "true" }, "×"));
    button.addEventListener("click", () => setFilter(name, value, false));
    return make("li", {}, button);
  });
  at("active").replaceChildren(...active);
  at("active").hidden = at("filters-clear").hidden = !active.length;
  at("filters-count").textContent = active.length ? ` (${active.length})` : "";
}

let thumbUrl = "";
function showThumb() {
  at("picture").hidden = !asked.picture;
  URL.revokeObjectURL(thumbUrl);
  thumbUrl = "";
  const image = at("picture-image");
  image.removeAttribute("src");
  image.classList.toggle("unknown", Boolean(asked.picture && !thumbs.has(asked.picture.code)));
  if (!asked.picture) return;
  image.alt = "Searching with your picture";
  if (thumbs.has(asked.picture.code)) image.src = thumbUrl = URL.createObjectURL(thumbs.get(asked.picture.code));
  else image.src = "/page/icon.svg"; // a shared address has the picture's meaning, not the picture
}

function showBalance() {
  const percent = Math.round(100 * asked.weight);
  at("weight").setAttribute("aria-valuetext", `${percent} percent words, ${100 - percent} percent picture`);
}

function taste(id, kind, word) {
  const image = make("img", { alt: "" });
  showPicture(image, id);
  const remove = iconButton("close", `Remove: ${word.toLowerCase()} ${titles.get(id) ?? id}`, () => {
    asked[kind] = asked[kind].filter((one) => one !== id);
    asked.count = 0;
    remember();
    ask();
  });
  return make("li", { className: kind, title: titles.get(id) ?? "" }, image, word, remove);
}

/* Showing the answer */

function say(words, id, action) {
  at("notice").hidden = !words;
  at("notice").replaceChildren(make("p", {}, words || ""));
  if (action) at("notice").append(action);
  if (id) at("notice").append(make("small", {}, `Reference: ${id}`));
}

function clear() {
  say("");
  answered = [];
  at("grid").replaceChildren();
  at("said").hidden = at("more").hidden = true;
  at("count").textContent = at("origin").textContent = "";
  at("results").removeAttribute("aria-busy");
}

function waiting(anew) {
  at("found").hidden = false;
  at("browse").hidden = at("hint").hidden = true;
  at("results").setAttribute("aria-busy", "true");
  at("more").hidden = true;
  say("");
  // What is there is only dimmed while one types on: skeletons would flicker.
  if ((answered.length && asked.show === "products" && !anew) || (!at("said").hidden && asked.show === "descriptions")) return;
  answered = [];
  at("said").hidden = true;
  at("count").textContent = "Looking …";
  at("grid").replaceChildren(
    ...Array.from({ length: 15 }, () =>
      make("li", { className: "card ghost", "aria-hidden": "true" }, make("span", { className: "plate" }), make("i"), make("i")),
    ),
  );
}

function settled(answer) {
  at("results").removeAttribute("aria-busy");
  at("said").hidden = true;
  total = answer.total ?? Infinity; // null where the service does not know it
  const spent = answer.timing_ms;
  const took = (spent.queue + spent.encode + spent.search).toFixed(1);
  at("origin").textContent = `Searched in ${took} ms · encoder ${answer.encoder_id} · catalogue version ${answer.catalogue_version}`;
  performance.mark("answered");
}

function trouble(error) {
  if (error.name === "AbortError") return;
  if (!error.words) console.error(error);
  clear();
  at("found").hidden = false;
  const again = make("button", { type: "button", className: "outline" }, "Try again");
  again.addEventListener("click", ask);
  const retry = anything() && !(error.status >= 400 && error.status < 500);
  say(error.words || "Something went wrong on this page. Please reload it.", error.id, retry ? again : null);
}

function nothing() {
  at("count").textContent = "Nothing found";
  const filtered = chosen().length > 0;
  const reset = make("button", { type: "button", className: "outline" }, "Remove the filters");
  reset.addEventListener("click", clearFilters);
  say(
    filtered ? "Nothing in the catalogue has all of these. Fewer filters find more." : "The catalogue is still empty. Come back soon.",
    null,
    filtered ? reset : null,
  );
}

function showProducts(answer) {
  at("grid").append(...answer.results.map(card));
  answered.push(...answer.results.map((product) => product.id));
  at("more").hidden = !answer.results.length || answered.length >= total;
  if (!answered.length) nothing();
  else if (total === Infinity) at("count").textContent = "Best first";
  else at("count").textContent = total === 1 ? "One product" : `${number(total)} products, best first`;
  seen.unobserve(at("more"));
  seen.observe(at("more")); // the observer tells again, should it still be in view
}

function card(product) {
  titles.set(product.id, product.title);
  const link = make("a", { href: `/?${new URLSearchParams({ product: product.id })}`, title: product.title }, product.title);
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    drawer.open(product.id);
  });
  const score = make("span", { className: "score", title: "How well it fits, 1 at best" }, product.score.toFixed(2));
  return make(
    "li",
    { className: "card" },
    plate(product.id, answered.length > 0),
    make("h3", {}, link),
    badges(product.attributes),
    make(
      "div",
      { className: "foot" },
      score,
      iconButton("more", `More like ${product.title}`, () => prefer("like", product.id)),
      iconButton("less", `Less like ${product.title}`, () => prefer("unlike", product.id)),
    ),
  );
}

function showDescriptions(results, explained) {
  at("said").hidden = false;
  at("said-key").hidden = !explained;
  at("said-picture").hidden = !pictured();
  if (pictured()) {
    const shown = asked.picture ? at("picture-image").cloneNode() : make("img", { alt: "" });
    shown.removeAttribute("id");
    shown.alt = "";
    if (!asked.picture) showPicture(shown, asked.like[0]);
    at("said-picture").replaceChildren(shown);
  }
  const most = Math.max(1e-6, ...(explained || []).flatMap((one) => one.words.map((word) => word.weight)));
  at("descriptions").replaceChildren(
    ...results.map((result, place) => {
      const button = make("button", { type: "button", title: "Search for these words" });
      button.append(...(explained ? marked(explained[place].words, most) : [result.description]));
      button.addEventListener("click", () => {
        asked = { ...empty(), text: result.description };
        remember();
        ask();
        scrollTo({ top: 0 });
      });
      const shown = make("span", { className: "carriers" }, ...result.product_ids.slice(0, 3).map((id) => plate(id)));
      const score = make("span", { className: "score", title: "How well it fits, 1 at best" }, result.score.toFixed(2));
      return make("li", {}, make("span", { className: "place" }, String(place + 1)), button, shown, score);
    }),
  );
}

function marked(words, most) {
  return words.flatMap(({ word, weight }) => {
    const share = Math.max(0, weight) / most;
    const mark = make("mark", { className: share > 0.5 ? "strong" : share > 0.15 ? "some" : "", title: `${word}: ${weight.toFixed(3)}` }, word);
    mark.style.setProperty("--share", share > 0.12 ? share.toFixed(3) : "0");
    return [mark, " "];
  });
}

/* Facets */

function showFacets(facets) {
  const focused = document.activeElement?.closest("#facets") && document.activeElement.dataset.key;
  const sections = attributes.map((name) => {
    const counts = facets[name] || {};
    const wanted = asked.filters[name] || [];
    const values = [...new Set([...Object.keys(counts), ...wanted])];
    if (values.length < 2 && !wanted.length) return null;
    const all = opened.has(name);
    const shown = values.filter((value, row) => all || row < SHOWN_VALUES || wanted.includes(value));
    const list = shown.map((value) => {
      const box = make("input", { type: "checkbox", checked: wanted.includes(value), "data-key": `${name}=${value}` });
      box.addEventListener("change", () => setFilter(name, value, box.checked));
      const count = make("span", { className: "soft" }, number(counts[value] || 0));
      return make("li", {}, make("label", {}, box, make("span", {}, value), count));
    });
    const section = make("fieldset", {}, make("legend", {}, spoken(name)), make("ul", {}, ...list));
    if (values.length > SHOWN_VALUES) {
      const toggle = make("button", { type: "button", className: "plain", "data-key": name }, all ? "Fewer" : `All ${values.length}`);
      toggle.setAttribute("aria-label", `${all ? "Fewer values" : `All ${values.length} values`} of ${spoken(name)}`);
      toggle.addEventListener("click", () => {
        if (!opened.delete(name)) opened.add(name);
        showFacets(facets);
      });
      section.append(toggle);
    }
    return section;
  });
  at("facets").replaceChildren(...sections.filter(Boolean));
  if (focused) [...at("facets").querySelectorAll("[data-key]")].find((one) => one.dataset.key === focused)?.focus();
}

function setFilter(name, value, on) {
  const values = (asked.filters[name] || []).filter((one) => one !== value);
  asked.filters = { ...asked.filters, [name]: on ? [...values, value] : values };
  if (!asked.filters[name].length) delete asked.filters[name];
  asked.count = 0;
  remember();
  ask();
}

function clearFilters() {
  asked.filters = {};
  asked.count = 0;
  remember();
  ask();
}

function openFilters(open) {
  document.body.classList.toggle("filtering", open);
  at("filters-open").setAttribute("aria-expanded", String(open));
  (open ? at("filters-close") : at("filters-open")).focus();
}

/* Preferences */

function prefer(kind, id) {
  const other = kind === "like" ? "unlike" : "like";
  asked[other] = asked[other].filter((one) => one !== id);
  if (!asked[kind].includes(id)) asked[kind] = [...asked[kind], id];
  asked.count = 0;
  remember();
  scrollTo({ top: 0 });
  at("results").focus({ preventScroll: true }); // the card that was pressed is about to go
  ask();
}
drawer.like = (id) => prefer("like", id);
drawer.unlike = (id) => prefer("unlike", id);
drawer.beside = (id, step) => (answered.includes(id) ? answered[answered.indexOf(id) + step] : null);

/* Looking around: the most frequent values of the attribute that says most of what a thing is, each with a picture */

let tiles = null;
async function browse() {
  at("browse").hidden = false;
  if (tiles) return;
  try {
    await ready;
    const name = attributes.find((one) => one === "articleType") ?? attributes[0];
    if (!name || anything()) return;
    tiles = Object.entries(counted[name]).slice(0, TILES);
    const queries = tiles.map(([value]) => ({ text: value, filters: { [name]: value }, k: 1 }));
    const { answers } = await post("/v1/search/images/batch", { queries });
    at("tiles").replaceChildren(
      ...tiles.map(([value, count], place) => {
        const first = answers[place].results?.[0];
        const link = make("a", { href: addressOf({ ...empty(), filters: { [name]: [value] } }) });
        link.append(first ? plate(first.id, false) : make("span", { className: "plate" }), make("b", {}, value));
        link.append(make("span", { className: "soft" }, number(count)));
        link.addEventListener("click", (event) => {
          if (event.ctrlKey || event.metaKey || event.shiftKey) return;
          event.preventDefault();
          asked = { ...empty(), filters: { [name]: [value] } };
          remember();
          ask();
        });
        return make("li", {}, link);
      }),
    );
  } catch (error) {
    tiles = null;
    trouble(error);
  }
}

/* Events */

let typing = 0;
function typed(now) {
  clearTimeout(typing);
  typing = setTimeout(
    () => {
      const text = at("text").value.trim();
      if (text === asked.text) return;
      asked.text = text;
      asked.count = 0;
      remember(true);
      ask();
    },
    now ? 0 : PATIENCE_MS,
  );
}

at("text").addEventListener("input", () => typed(false));
at("search").addEventListener("submit", (event) => {
  event.preventDefault();
  typed(true);
  if (matchMedia("(pointer: coarse)").matches) at("text").blur(); // the keyboard makes room for the results
});
at("weight").addEventListener("input", () => {
  asked.weight = Number(at("weight").value);
  showBalance();
  clearTimeout(typing);
  typing = setTimeout(() => {
    remember(true);
    ask();
  }, PATIENCE_MS);
});
for (const [button, input] of [
  ["choose", "file"],
  ["take", "photo"],
]) {
  at(button).addEventListener("click", () => at(input).click());
  at(input).addEventListener("change", () => {
    takeFile(at(input).files[0]);
    at(input).value = "";
  });
}
at("picture-remove").addEventListener("click", () => {
  asked.picture = null;
  asked.count = 0;
  remember();
  ask();
  at("text").focus();
});
for (const show of ["products", "descriptions"]) {
  at(`show-${show}`).addEventListener("click", () => {
    asked.show = show;
    remember();
    ask();
  });
}
at("filters-clear").addEventListener("click", clearFilters);
at("filters-open").addEventListener("click", () => openFilters(true));
at("filters-close").addEventListener("click", () => openFilters(false));
at("filters-show").addEventListener("click", () => openFilters(false));
at("more").addEventListener("click", askMore);
const seen = new IntersectionObserver((entries) => entries.some((one) => one.isIntersecting) && askMore(), { rootMargin: "600px" });

addEventListener("paste", (event) => {
  const file = [...event.clipboardData.files].find((one) => one.type.startsWith("image/"));
  if (file) {
    event.preventDefault();
    takeFile(file);
  }
});
addEventListener("dragover", (event) => {
  if (![...event.dataTransfer.types].includes("Files")) return;
  event.preventDefault();
  document.body.classList.add("dropping");
});
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dropping");
});
addEventListener("drop", (event) => {
  document.body.classList.remove("dropping");
  if (!event.dataTransfer.files.length) return;
  event.preventDefault();
  takeFile(event.dataTransfer.files[0]);
});

// "/" goes to the search, arrows walk over the cards, Escape closes the filters or empties the search.
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const within = event.target.closest("input, textarea, select");
  if (event.key === "/" && !within) {
    event.preventDefault();
    at("text").focus();
    at("text").select();
  } else if (event.key === "Escape" && document.body.classList.contains("filtering")) {
    openFilters(false);
  } else if (event.key === "ArrowDown" && event.target === at("text")) {
    at("grid").querySelector("a")?.focus();
  } else if (!within && event.target.closest(".grid")) {
    walk(event);
  }
});

function walk(event) {
  const cards = [...at("grid").children];
  const here = cards.indexOf(event.target.closest(".card"));
  const columns = cards.filter((one) => one.offsetTop === cards[0].offsetTop).length;
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, Home: -here, End: cards.length - 1 - here };
  if (!(event.key in steps)) return;
  event.preventDefault();
  const next = cards[here + steps[event.key]];
  if (next) next.querySelector("a").focus();
  else if (event.key === "ArrowUp") at("text").focus();
}

addEventListener("popstate", fromAddress);
history.scrollRestoration = "manual";

// What can be filtered by, and whose vectors a picture's address is made of; every search waits for it once.
let counted = {};
async function prepare() {
  const [facets, models] = await Promise.all([get(`/v1/facets?limit=${FACET_VALUES + 1}`), get("/v1/models")]);
  counted = facets.facets;
  encoderId = models.data[1].id;
  attributes = Object.keys(counted).filter((name) => {
    const size = Object.keys(counted[name]).length;
    return size > 1 && size <= FACET_VALUES;
  });
}
const ready = prepare();
ready.catch(() => {}); // whoever waits for it says so
fromAddress();
