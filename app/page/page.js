// The search page: what is asked (words, picture, balance), the two calls that answer it, and how answers are shown.
// Everything comes from this host; nothing is kept.
"use strict";

const PAGE_SIZE = 24;
const DESCRIPTIONS = 8;
const BADGES = 5;
const at = (id) => document.getElementById(id);

// What is asked for now. `picture` is {blob, url, alt, id}: id only when it is the picture of a product.
const asked = { text: "", picture: null, weight: 0.5 };
let running = null; // AbortController of the search on its way
let shown = 0;

/* Asking */

function body(k, offset) {
  if (!asked.picture) {
    return { headers: { "content-type": "application/json" }, body: JSON.stringify({ text: asked.text, k, offset }) };
  }
  const form = new FormData();
  form.append("image", asked.picture.blob, "picture");
  if (asked.text) {
    form.append("text", asked.text);
    form.append("weights", JSON.stringify({ text: asked.weight, image: 1 - asked.weight }));
  }
  form.append("k", String(k));
  form.append("offset", String(offset));
  return { body: form };
}

async function call(path, options, signal) {
  let response;
  try {
    response = await fetch(path, { ...options, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw { words: "The service cannot be reached just now. Is your connection up? Please try again." };
  }
  if (response.ok) return response;
  const error = await response.json().then((answer) => answer.error, () => ({}));
  const kind = {
    404: "This product is no longer in the catalogue.",
    413: "This picture is too large to send. A smaller copy of it will do just as well.",
    503: "Many people are searching right now. Please try again in a moment.",
    504: "That took longer than it should. Please try again in a moment.",
  };
  const ours = error.code === "bad_image" ? "This file cannot be read as a picture. A JPEG or PNG works best." : kind[response.status];
  const theirs = response.status < 500 && error.message ? `That did not work: ${error.message}.` : null;
  throw { words: ours || theirs || "Something went wrong on our side. Please try again.", id: error.request_id };
}

const search = (kind, k, offset, signal) =>
  call(`/v1/search/${kind}`, { method: "POST", ...body(k, offset) }, signal).then((response) => response.json());

async function ask() {
  running?.abort();
  const { signal } = (running = new AbortController());
  showQuestion();
  if (!asked.text && !asked.picture) {
    clear();
    return;
  }
  waiting();
  try {
    const [products, words] = await Promise.all([
      search("images", PAGE_SIZE, 0, signal),
      asked.picture ? search("descriptions", DESCRIPTIONS, 0, signal) : null,
    ]);
    showWords(words);
    showProducts(products, false);
  } catch (error) {
    if (error.name !== "AbortError") trouble(error);
  }
}

async function askMore() {
  const { signal } = (running = new AbortController());
  at("more").disabled = true;
  try {
    const first = at("grid").children.length;
    showProducts(await search("images", PAGE_SIZE, shown, signal), true);
    at("grid").children[first]?.querySelector("button").focus({ preventScroll: true });
  } catch (error) {
    if (error.name !== "AbortError") trouble(error, true);
  } finally {
    at("more").disabled = false;
  }
}

/* What is asked, and the address that stands for it */

function setPicture(picture) {
  if (asked.picture) URL.revokeObjectURL(asked.picture.url);
  asked.picture = picture && { ...picture, url: URL.createObjectURL(picture.blob) };
}

function remember() {
  const query = new URLSearchParams();
  if (asked.text) query.set("q", asked.text);
  if (asked.picture?.id) query.set("like", asked.picture.id);
  const address = query.size ? `?${query}` : location.pathname;
  if (address !== (location.search || location.pathname)) history.pushState(null, "", address);
}

async function fromAddress() {
  const query = new URLSearchParams(location.search);
  asked.text = (query.get("q") || "").trim();
  setPicture(null);
  const id = query.get("like");
  if (id) {
    try {
      await takeProduct(id);
    } catch (error) {
      showQuestion();
      trouble(error);
      return;
    }
  }
  await ask();
}

async function takeProduct(id, title) {
  const path = `/v1/products/${encodeURIComponent(id)}`;
  const [picture, product] = await Promise.all([
    call(`${path}/image`).then((response) => response.blob()),
    title ? { title } : call(path).then((response) => response.json()),
  ]);
  setPicture({ blob: picture, alt: product.title, id });
}

async function moreLike(id, title) {
  try {
    await takeProduct(id, title);
  } catch (error) {
    trouble(error, true);
    return;
  }
  asked.text = "";
  remember();
  scrollTo({ top: 0 });
  at("results").focus({ preventScroll: true }); // the card that was pressed is about to go
  ask();
}

function takeFile(file) {
  if (!file) return;
  if (file.type && !file.type.startsWith("image/")) {
    trouble({ words: "That is not a picture. A photo or a screenshot works best." }, true);
    return;
  }
  setPicture({ blob: file, alt: "your picture" });
  asked.text = at("text").value.trim();
  remember();
  ask();
}

function takeWords(text) {
  asked.text = text.trim();
  if (!asked.text && !asked.picture) {
    say("Type what you are looking for, or choose a picture.");
    at("text").focus();
    return;
  }
  remember();
  ask();
}

/* Showing */

function showQuestion() {
  at("text").value = asked.text;
  at("text").placeholder = asked.picture ? "Add words to change it: in blue, with laces …" : "What are you looking for?";
  at("picture").hidden = !asked.picture;
  if (asked.picture) {
    at("picture-image").src = asked.picture.url;
    at("picture-image").alt = `Searching with the picture: ${asked.picture.alt}`;
  }
  at("balance").hidden = !(asked.picture && asked.text);
  at("hint").hidden = Boolean(asked.text || asked.picture);
  document.body.classList.toggle("asked", at("hint").hidden);
  const what = [asked.picture && `like ${asked.picture.alt}`, asked.text].filter(Boolean).join(", ");
  document.title = what ? `${what} · Vitrine` : "Vitrine";
}

function say(words, id) {
  at("notice").textContent = words;
  at("notice").hidden = !words;
  if (id) {
    const small = document.createElement("small");
    small.textContent = `Reference: ${id}`;
    at("notice").append(small);
  }
}

function clear() {
  say("");
  at("words").hidden = at("things").hidden = true;
  at("grid").replaceChildren();
  at("origin").textContent = "";
  at("results").removeAttribute("aria-busy");
}

function waiting() {
  clear();
  at("results").setAttribute("aria-busy", "true");
  at("things-title").textContent = "Looking …";
  at("count").textContent = "";
  at("more").hidden = true;
  at("things").hidden = false;
  for (let number = 0; number < 12; number += 1) {
    const card = at("card").content.cloneNode(true).firstElementChild;
    card.classList.add("ghost");
    card.setAttribute("aria-hidden", "true");
    card.querySelector("button").disabled = true;
    card.querySelector("img").remove();
    card.querySelector(".photo span").remove();
    card.querySelector(".score").remove();
    card.querySelector("h3").textContent = "…";
    at("grid").append(card);
  }
}

function trouble(error, keep = false) {
  if (!keep) clear();
  if (!error.words) console.error(error);
  say(error.words || "Something went wrong on this page. Please reload it.", error.id);
}

function showWords(answer) {
  at("words").hidden = !answer?.results.length;
  at("descriptions").replaceChildren();
  for (const { description, score } of answer?.results || []) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = description;
    button.title = "Search for these words";
    button.addEventListener("click", () => {
      setPicture(null);
      takeWords(description);
      scrollTo({ top: 0 });
    });
    const number = document.createElement("span");
    number.className = "number";
    number.textContent = score.toFixed(2);
    number.title = "How well it fits, 1 at best";
    item.append(button, number);
    at("descriptions").append(item);
  }
}

function showProducts(answer, add) {
  at("results").removeAttribute("aria-busy");
  if (!add) {
    at("grid").replaceChildren();
    shown = 0;
  }
  shown += answer.results.length;
  at("grid").append(...answer.results.map(card));
  at("things").hidden = !shown;
  at("things-title").textContent = asked.picture ? "Products like this" : "Products";
  // The total is null where the service does not know it.
  const all = answer.total ?? Infinity;
  at("count").textContent = `best ${shown.toLocaleString()}` + (answer.total === null ? "" : ` of ${all.toLocaleString()}`);
  at("more").hidden = !answer.results.length || shown >= all;
  if (!shown) say("Nothing found. The catalogue may still be empty, or try it in other words.");
  const spent = answer.timing_ms;
  const took = (spent.queue + spent.encode + spent.search).toFixed(1);
  at("origin").textContent =
    `Searched ${answer.total === null ? "" : `${all.toLocaleString()} `}products in ${took} ms · ` +
    `encoder ${answer.encoder_id} · catalogue version ${answer.catalogue_version}`;
}

function card(product) {
  const item = at("card").content.cloneNode(true).firstElementChild;
  const image = item.querySelector("img");
  image.src = product.image_url;
  image.alt = product.title;
  const button = item.querySelector("button");
  button.setAttribute("aria-label", `More like ${product.title}`);
  button.addEventListener("click", () => moreLike(product.id, product.title));
  item.querySelector("h3").textContent = item.querySelector("h3").title = product.title;
  const score = item.querySelector(".score");
  score.style.setProperty("--score", Math.max(0, Math.min(1, product.score)));
  score.title = "How well it fits, 1 at best";
  score.querySelector(".number").textContent = product.score.toFixed(2);
  const shown = new Set(); // two attributes may say the same, as subCategory and articleType do of a watch
  for (const [name, value] of Object.entries(product.attributes)) {
    if (shown.has(value) || shown.size === BADGES) continue;
    shown.add(value);
    const badge = document.createElement("li");
    badge.textContent = value;
    badge.title = name;
    item.querySelector(".badges").append(badge);
  }
  return item;
}

/* Events */

at("search").addEventListener("submit", (event) => {
  event.preventDefault();
  takeWords(at("text").value);
});
at("weight").addEventListener("change", () => {
  asked.weight = Number(at("weight").value);
  const percent = Math.round(100 * asked.weight);
  at("weight").setAttribute("aria-valuetext", `${percent} percent words, ${100 - percent} percent picture`);
  ask();
});
at("chips").addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  takeWords(link.textContent);
});
at("choose").addEventListener("click", () => at("file").click());
at("file").addEventListener("change", () => {
  takeFile(at("file").files[0]);
  at("file").value = "";
});
at("picture-remove").addEventListener("click", () => {
  setPicture(null);
  asked.text = at("text").value.trim();
  remember();
  ask();
  at("text").focus();
});
at("more").addEventListener("click", askMore);
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
addEventListener("popstate", fromAddress);
fromAddress();
