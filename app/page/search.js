// The search page: takes what a person does, keeps the query, asks the service, and has the other modules show it.
// Data flows one way: event -> change() -> address -> search() -> results.

import { ApiError, messageOf, post, wasAborted } from "./api.js";
import { MAX_RESTORED, PAGE_SIZE, pushAddress, queryFromAddress, replaceAddress, sameSearch } from "./address.js";
import { showTiles } from "./browse.js";
import { askedFacets, readCatalogue } from "./catalogue.js";
import { drawer } from "./drawer.js";
import { byId, outlineButton, showNotice } from "./elements.js";
import { showEmptyCatalogue, showNothing } from "./empty.js";
import { openFilters, showFacets, showFilters } from "./facets.js";
import { explain } from "./explained.js";
import { encodedBy, encodePicture, listenForFiles, mayBePicture } from "./picture.js";
import { emptyQuery, examplesWith, filtersWith, hasPicture, isEmpty, RELEVANCE, searchBody, textWith } from "./query.js";
import { showBalance, showQuery } from "./query_bar.js";
import {
  addProducts,
  adjacentId,
  beginResults,
  clearResults,
  hasResults,
  showDescriptions,
  shownCount,
  showWaiting,
  titleOf,
  walkCards,
} from "./results.js";
import { offerOrders, showOrder } from "./sort.js";
import { listenForTyping } from "./suggest.js";
import { hideUnderstood, showUnderstood } from "./understood.js";

const DESCRIPTIONS = 10;
const TYPING_MS = 160; // between a key stroke and the search
const SETTLED_MS = 900; // after a key stroke; before, half a word that finds nothing is no news

let query = emptyQuery();
let lastTyped = -Infinity;
let running = new AbortController(); // of the search on its way
let facetCounts = {}; // attribute -> value -> products, of the whole catalogue
let encoderId = "";
let catalogueIsEmpty = false;
let grouping = {}; // what a search says of variants

/* What the service has: every search waits for it once */

async function prepare() {
  const facts = await readCatalogue();
  encoderId = facts.encoderId;
  catalogueIsEmpty = facts.isEmpty;
  facetCounts = facts.counts;
  if (facts.hasVariants) grouping = { group_by: "variant" }; // one card for all sizes and colours of a product
  offerOrders(facts.all);
}
const ready = prepare();
ready.catch(() => {}); // the search that waits for it reports the error

/* The query changes */

function change(fields, typing = false) {
  query = { ...query, count: 0, ...fields };
  pushAddress(query, typing);
  search();
}

const setFilter = (name, value, on) => change({ filters: filtersWith(query, name, value, on) });

function prefer(kind, id) {
  change(examplesWith(query, kind, id)); // first, as the entry that is left remembers its scroll
  scrollTo({ top: 0 });
  byId("results").focus({ preventScroll: true }); // the card that was pressed goes
}

function abortRunning() {
  running.abort();
  running = new AbortController();
  return running.signal;
}

async function takeFile(file) {
  if (!mayBePicture(file)) {
    showError(new ApiError("That is not a picture. Use a photo or a screenshot."));
    return;
  }
  const signal = abortRunning();
  query = { ...query, text: byId("text").value.trim() };
  document.body.classList.add("searching");
  showWaiting(query.show, false);
  try {
    const encoded = await encodePicture(file, signal);
    encoderId = encoded.encoderId;
    change({ picture: encoded.picture });
  } catch (error) {
    showError(error);
  }
}

async function followAddress() {
  const scroll = history.state?.scroll ?? 0;
  const next = queryFromAddress();
  drawer.followAddress();
  if (hasResults() && sameSearch(next, query)) return; // only the drawer has changed
  query = next;
  await search();
  if (scroll) scrollTo({ top: scroll });
}

/* Searching */

async function search() {
  const signal = abortRunning();
  showQuery(query, titleOf, change);
  showFilters(query, setFilter);
  byId("sort-label").hidden = query.show !== "products";
  try {
    if (isEmpty(query)) {
      clearResults();
      byId("found").hidden = true;
      await ready;
      if (isEmpty(query)) await showTiles(facetCounts, (filters) => change({ ...emptyQuery(), filters }));
      return;
    }
    showWaiting(query.show, true);
    await ready;
    showOrder(query.sort);
    if (query.picture && !encodedBy(query.picture, encoderId)) {
      throw new ApiError("This link was made with an older model. Add the picture again.");
    }
    if (query.show === "descriptions") await searchDescriptions(signal);
    else await searchProducts(signal);
  } catch (error) {
    showError(error);
  }
}

async function searchProducts(signal) {
  const k = Math.max(PAGE_SIZE, query.count);
  const facets = askedFacets(facetCounts, Object.keys(query.filters));
  const answer = await post("v1/search/images", { ...searchBody(query), ...grouping, k, facets }, signal);
  if (!answer.results.length) await settled(signal);
  showAnswer(answer, facets);
  if (answer.results.length) showProducts(answer.results);
}

// Wait until nobody types on; a search that is given up meanwhile shows nothing.
function settled(signal) {
  const rest = Math.max(0, lastTyped + SETTLED_MS - performance.now());
  return new Promise((resolve, reject) => {
    setTimeout(() => (signal.aborted ? reject(signal.reason) : resolve()), rest);
  });
}

async function searchMore() {
  if (byId("more").hidden || byId("more").disabled) return;
  byId("more").disabled = true;
  try {
    const body = { ...searchBody(query), ...grouping, k: PAGE_SIZE, offset: shownCount() };
    const { results } = await post("v1/search/images", body, running.signal);
    showProducts(results);
    query = { ...query, count: Math.min(MAX_RESTORED, shownCount()) };
    replaceAddress(query);
  } catch (error) {
    if (!wasAborted(error)) showNotice(messageOf(error), { requestId: error.requestId });
  } finally {
    byId("more").disabled = false;
  }
}

async function searchDescriptions(signal) {
  const facets = askedFacets(facetCounts, Object.keys(query.filters));
  const answer = await post("v1/search/descriptions", { ...searchBody(query), k: DESCRIPTIONS, facets }, signal);
  showAnswer(answer, facets);
  if (!answer.results.length) return;
  const shown = { thumbnail: Boolean(query.picture), productId: query.like[0] };
  const searchText = (text) => {
    change({ ...emptyQuery(), text });
    scrollTo({ top: 0 });
  };
  // The descriptions are shown at once, and again whenever the service has said which words carry the match.
  showDescriptions(answer.results, null, shown, searchText);
  if (!hasPicture(query)) return;
  const match = {};
  if (query.picture) match.vector = query.picture.vector;
  if (query.like.length) match.like = query.like;
  const descriptions = answer.results.map((result) => result.description);
  for await (const explained of explain(match, descriptions, signal)) {
    showDescriptions(answer.results, explained, shown, searchText);
  }
}

/* Showing */

function showAnswer(answer, facets) {
  beginResults(answer, query.sort === RELEVANCE);
  showUnderstood(answer, query, change);
  showFacets(facets, answer.facets, query, setFilter);
  if (answer.results.length) return;
  if (catalogueIsEmpty) showEmptyCatalogue();
  else showNothing(answer, query, change, setFilter);
}

function showProducts(hits) {
  addProducts(hits, prefer);
  // An observer reports changes only. Observed again, it reports once more that the end is in view.
  moreInView.unobserve(byId("more"));
  moreInView.observe(byId("more"));
}

function showError(error) {
  if (wasAborted(error)) return;
  clearResults();
  hideUnderstood();
  byId("found").hidden = false;
  // A request that the service refuses would be refused again.
  const mayHelp = !isEmpty(query) && !(error.status >= 400 && error.status < 500);
  const actions = mayHelp ? [outlineButton("Try again", search)] : [];
  showNotice(messageOf(error), { requestId: error.requestId, actions });
}

/* Events */

const moreInView = new IntersectionObserver((entries) => entries.some((one) => one.isIntersecting) && searchMore(), {
  rootMargin: "600px",
});

let typingTimer = 0;
function soon(action, wait = TYPING_MS) {
  clearTimeout(typingTimer);
  typingTimer = setTimeout(action, wait);
}

function takeText() {
  const text = byId("text").value.trim();
  lastTyped = performance.now();
  if (text !== query.text) change(textWith(query, text), true);
}

byId("text").addEventListener("input", () => soon(takeText));
byId("search").addEventListener("submit", (event) => {
  event.preventDefault();
  soon(takeText, 0);
  if (matchMedia("(pointer: coarse)").matches) byId("text").blur(); // the keyboard makes room for the results
});
byId("weight").addEventListener("input", () => {
  const weight = Number(byId("weight").value);
  showBalance(weight);
  soon(() => change({ weight }, true));
});
byId("picture-remove").addEventListener("click", () => {
  change({ picture: null });
  byId("text").focus();
});
for (const show of ["products", "descriptions"]) {
  byId(`show-${show}`).addEventListener("click", () => change({ show, count: query.count }));
}
byId("strict").addEventListener("change", () => change({ strict: byId("strict").checked }));
byId("sort").addEventListener("change", () => change({ sort: byId("sort").value }));
byId("less-relevant").addEventListener("click", () => change({ all: true, count: shownCount() }));
byId("relevant-only").addEventListener("click", () => change({ all: false }));
byId("filters-clear").addEventListener("click", () => change({ filters: {} }));
byId("filters-open").addEventListener("click", () => openFilters(true));
byId("filters-close").addEventListener("click", () => openFilters(false));
byId("filters-show").addEventListener("click", () => openFilters(false));
byId("more").addEventListener("click", searchMore);
listenForFiles(takeFile);
listenForTyping(() => soon(takeText, 0));

// "/" goes to the search field, arrows walk over the cards, Escape closes the filters.
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const inField = event.target.closest("input, textarea, select");
  if (event.key === "/" && !inField) {
    event.preventDefault();
    byId("text").focus();
    byId("text").select();
  } else if (event.key === "Escape" && document.body.classList.contains("filtering")) {
    openFilters(false);
  } else if (event.key === "ArrowDown" && event.target === byId("text")) {
    byId("grid").querySelector("a")?.focus();
  } else if (!inField && event.target.closest(".grid")) {
    walkCards(event);
  }
});

drawer.like = (id) => prefer("like", id);
drawer.unlike = (id) => prefer("unlike", id);
drawer.adjacent = adjacentId;
addEventListener("popstate", followAddress);
history.scrollRestoration = "manual";
followAddress();
