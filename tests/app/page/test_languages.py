"""The pages in five languages: nothing is left in English, on a wide page, on a phone and from right to left."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from app.front import LANGUAGES, PAGE, open_front
from app.front.words import PARTS
from index.language import Labels, shipped
from tests.app.page.test_accessibility import STATES
from tests.tools.browser import SEEN, Visit, needs_browser, visiting
from tests.tools.shop import IMAGES

FOREIGN = [language for language in LANGUAGES if language != "en"]
NARROW: Any = {"width": 360, "height": 740}
SHORTEST = 4
"""Letters of a text from which on it is told from a name."""
TEXTS = """() => {
  const found = [];
  const note = (text) => text?.trim() && found.push(text.trim().replace(/\\s+/g, " "));
  const walk = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return note(node.data);
    if (node.nodeType === Node.ELEMENT_NODE) {
      if (["SCRIPT", "STYLE", "OPTION", "TEMPLATE", "NOSCRIPT"].includes(node.tagName)) return;
      if (node.lang === "en" && node !== document.documentElement) return;
      if (!node.checkVisibility() && !node.matches("html, head")) return;
      for (const name of ["aria-label", "title", "placeholder", "alt"]) note(node.getAttribute(name));
    }
    for (const child of node.shadowRoot?.childNodes ?? []) walk(child);
    for (const child of node.childNodes) walk(child);
  };
  walk(document.documentElement);
  note(document.title);
  return [...new Set(found)];
}"""
CUT = """() => {
  const wide = document.documentElement.clientWidth;
  const cut = [];
  const walk = (root) => {
    for (const one of root.querySelectorAll("*")) {
      if (one.shadowRoot) walk(one.shadowRoot);
      if (!one.matches("button, a[href], input, select, h1, h2, h3, p")) continue;
      if (!one.checkVisibility({visibilityProperty: true})) continue;
      const {left, right, width, height} = one.getBoundingClientRect();
      if (width < 2 || height < 2 || one.closest(".visually-hidden, .skip")) continue;
      let around = one.parentElement;
      const isOpen = () => !["auto", "scroll", "hidden"].includes(getComputedStyle(around).overflowX);
      while (around && isOpen()) around = around.parentElement;
      if (!around && (left < -1 || right > wide + 1)) cut.push(one.outerHTML.slice(0, 120));
    }
  };
  walk(document);
  return cut;
}"""


def texts_of(language: str) -> dict[str, str]:
    """Return every form of every text of a language, by key and form."""
    words = open_front().words
    found: dict[str, str] = {}
    for part in PARTS:
        for key, text in words.keys(language, part).items():
            forms = text if isinstance(text, dict) else {"": text}
            found |= {f"{key} {form}": one for form, one in forms.items()}
    return found


def pattern(text: str) -> re.Pattern[str]:
    """Return what a text looks like with anything in its places."""
    return re.compile(re.sub(r"\\\{\w+\\\}", ".+?", re.escape(text)))


def only_english(language: str) -> dict[str, re.Pattern[str]]:
    """Return the English texts that are no text of the language."""
    own = texts_of(language)
    same = {text.casefold() for text in own.values()}
    return {
        key: pattern(text)
        for key, text in texts_of("en").items()
        if text.casefold() not in same and len(re.sub(r"\{\w+\}|\W", "", text)) >= SHORTEST
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_number_has_its_forms(language: str) -> None:
    """What the browser asks for with a count of one and of many is there, and a text that counts names its count."""
    for file in (PAGE / "words" / language).rglob("*.json"):
        for key, text in json.loads(file.read_text(encoding="utf-8")).items():
            if isinstance(text, dict):
                assert {"one", "other"} <= set(text) <= {"one", "many", "other"}, key
                assert "{count}" in text["other"], key


@pytest.mark.parametrize("language", FOREIGN)
def test_a_text_is_translated_unless_it_is_the_same_word(language: str) -> None:
    """A language that was filled with copies would pass every comparison of keys."""
    english, own = texts_of("en"), texts_of(language)
    same = [key for key, text in own.items() if english.get(key) == text and len(re.sub(r"\{\w+\}|\W", "", text)) >= 12]
    assert len(same) <= 0.03 * len(own), same


@needs_browser
@pytest.mark.parametrize("language", FOREIGN)
def test_nothing_is_left_in_english(browser: Browser, shop: httpx.Client, language: str) -> None:
    english = only_english(language)
    values = Labels(shipped(language)).values(shop.get("/v1/facets").json()["facets"])
    foreign = {value for labels in values.values() for value, label in labels.items() if value != label}
    own = {label for labels in values.values() for label in labels.values()} | set(texts_of(language).values())
    faults: list[Any] = []
    with speaking(browser, shop, language, viewport=NARROW, has_touch=True) as visit:
        for state, there in states():
            there(visit)
            shown = visit.page.evaluate(TEXTS)
            left = {text: key for text in shown for key, one in english.items() if one.fullmatch(text)}
            left |= dict.fromkeys(foreign.intersection(shown) - own, "the catalogue's own value")
            faults += [(state, *one) for one in left.items()]
            faults += [(state, "cut", one) for one in cut_of(visit)]
    assert not faults, faults


@needs_browser
@pytest.mark.parametrize("viewport", [NARROW, {"width": 1280, "height": 800}])
def test_from_right_to_left_nothing_is_cut(browser: Browser, shop: httpx.Client, viewport: Any) -> None:
    faults: list[Any] = []
    with speaking(browser, shop, "de", viewport=viewport) as visit:
        for state, there in states():
            there(visit)
            visit.page.evaluate("document.documentElement.dir = 'rtl'")
            faults += [(state, "cut", one) for one in cut_of(visit)]
            visit.check_axe()
    assert not faults, faults


@needs_browser
def test_the_language_is_chosen_and_stays(browser: Browser, shop: httpx.Client) -> None:
    with speaking(browser, shop, "es") as visit:
        page = visit.go("/?q=red")
        expect(page.locator("html")).to_have_attribute("lang", "es")
        page.get_by_label("Idioma").select_option("de")
        expect(page.locator("html")).to_have_attribute("lang", "de")
        expect(page).to_have_url(re.compile("q=red"))
        expect(page.locator("#facets")).to_contain_text("Geschlecht")
        expect(page.locator("#facets")).to_contain_text("Damen")
        page.get_by_role("link", name="Karte").click()
        expect(page.locator("#view-count")).to_have_text("48 Produkte")


@needs_browser
def test_what_an_address_asks_for_is_named_in_the_language(browser: Browser, shop: httpx.Client) -> None:
    """The names come with what the catalogue has, which is read after the address."""
    with speaking(browser, shop, "it") as visit:
        page = visit.go("/?q=red&f.gender=Women")
        expect(page.locator("#active .chip")).to_have_text(re.compile("^Donna"))
        expect(page).to_have_title("red, Donna · Vitrine")


@needs_browser
def test_a_product_that_an_address_opens_is_told_in_the_language(browser: Browser, shop: httpx.Client) -> None:
    held: list[Route] = []
    with speaking(browser, shop, "it") as visit:
        page = visit.page
        page.route("**/v1/labels*", lambda route: held.append(route))
        with page.expect_response("**/v1/products/1000"), page.expect_response(f"**{IMAGES}"):
            visit.go("/?product=1000")
        page.evaluate(SEEN)
        held[0].continue_()
        expect(page.locator("dialog.drawer dl")).to_contain_text("Donna")


def speaking(browser: Browser, shop: httpx.Client, language: str, **options: Any) -> Any:
    """Return a visit of somebody who reads a language."""
    return visiting(browser, str(shop.base_url).rstrip("/"), locale=f"{language}-{language.upper()}", **options)


def cut_of(visit: Visit) -> list[str]:
    """Return what stands out of the page at its sides."""
    cut: list[str] = visit.page.evaluate(CUT)
    width, room = visit.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    return cut if width <= room else [*cut, f"the page is {width} pixels wide, the window {room}"]


def states() -> Iterator[tuple[str, Callable[[Visit], None]]]:
    """Yield the states of the pages that are looked at, each with what brings it about."""

    def state(path: str, there: Callable[[Page], None]) -> Callable[[Visit], None]:
        return lambda visit: there(visit.go(path))

    def missing(visit: Visit) -> None:
        visit.go("/no-such-page")
        assert all("404" in text for text in visit.wrong), visit.wrong
        visit.wrong.clear()  # the browser reports the status

    def keys(visit: Visit) -> None:
        page = visit.go("/?q=red")
        visit.finds("Red")
        page.keyboard.press("?")
        expect(page.locator("dialog[open]")).to_be_visible()

    for name in ("landing", "results", "nothing", "drawer", "map"):
        path, there = STATES[name]
        yield name, state(path, there)
    yield "evaluation", state("/evaluation", lambda page: expect(page.locator("#queries > li")).not_to_have_count(0))
    yield "reference", state("/docs", lambda page: expect(page.locator(".opblock").first).to_be_visible())
    yield "missing", missing
    yield "product", state("/p/1000", lambda page: expect(page.locator("h1")).to_be_visible())
    yield "beside", state("/evaluation/beside", lambda page: expect(page.locator("#file")).to_be_enabled())
    yield "embed", state("/embed", lambda page: expect(page.locator("#tiles li")).to_have_count(5))
    yield "studio", state("/embed/studio", lambda page: expect(page.locator("#tiles li").first).to_be_visible())
    yield "keys", keys
