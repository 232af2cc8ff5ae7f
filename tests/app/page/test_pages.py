"""The pages of a search while the catalogue changes: no product twice, none left out; and what counts as typing."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.tools.browser import needs_browser

pytestmark = needs_browser

PREPARE = """async () => {
  const {Pages} = await import("/pages.js");
  window.shelf = Array.from({length: 1000}, (_, place) => ({id: `old ${place}`}));
  window.version = 1;
  window.asked = [];
  const ask = async (offset, k) => {
    asked.push([offset, k]);
    return {results: shelf.slice(offset, offset + k), catalogue_version: version};
  };
  const first = {results: shelf.slice(0, 30), catalogue_version: 1};
  window.pages = new Pages(ask, first);
  window.shown = first.results.map(({id}) => id);
  window.more = async (k = 30) => shown.push(...(await pages.next(k)).map(({id}) => id));
}"""


@pytest.fixture
def shelf(modules: Page) -> Page:
    modules.evaluate(PREPARE)
    return modules


def shown(page: Page) -> Any:
    return page.evaluate("shown")


def test_pages_follow_one_another_to_the_end(shelf: Page) -> None:
    shelf.evaluate("async () => { for (let page = 0; page < 33; page++) await more(); }")
    assert shown(shelf) == [f"old {place}" for place in range(1000)]
    assert shelf.evaluate("[asked.length, pages.ended]") == [33, False]
    shelf.evaluate("more()")
    assert shelf.evaluate("pages.ended")
    assert len(shown(shelf)) == 1000


def test_products_that_come_in_are_not_shown_twice(shelf: Page) -> None:
    shelf.evaluate("shelf.unshift(...Array.from({length: 40}, (_, one) => ({id: `new ${one}`})))")
    shelf.evaluate("more()")
    shelf.evaluate("more()")
    found = shown(shelf)
    assert len(found) == len(set(found))
    old = [one for one in found if one.startswith("old")]
    assert old == [f"old {place}" for place in range(len(old))]


def test_products_that_are_taken_out_leave_no_gap(shelf: Page) -> None:
    shelf.evaluate("more()")
    shelf.evaluate("() => { shelf.splice(5, 20); version = 2; }")
    shelf.evaluate("more()")
    shelf.evaluate("more()")
    found = shown(shelf)
    assert len(found) == len(set(found))
    assert [one for one in found if int(one[4:]) not in range(5, 25)] == [
        f"old {place}" for place in [*range(5), *range(25, max(int(one[4:]) for one in found) + 1)]
    ]


def test_a_page_that_fails_can_be_asked_for_again(shelf: Page) -> None:
    shelf.evaluate("""async () => {
      const whole = shelf;
      window.shelf = null;
      await more().catch(() => {});
      window.shelf = whole;
      await more();
    }""")
    assert shown(shelf) == [f"old {place}" for place in range(60)]


@pytest.fixture
def field(modules: Page) -> Page:
    modules.evaluate("""async () => {
      const {onText} = await import("/typing.js");
      const field = document.createElement("input");
      document.body.append(field);
      field.focus();
      window.taken = [];
      onText(field, () => taken.push(field.value));
    }""")
    return modules


def test_every_key_counts_and_a_composition_counts_when_it_is_done(field: Page) -> None:
    field.keyboard.type("ab")
    assert field.evaluate("taken") == ["a", "ab"]
    session = field.context.new_cdp_session(field)
    for text in ("k", "ku", "くt", "くつ"):  # as an input method shows it on the way to 靴
        session.send("Input.imeSetComposition", {"text": text, "selectionStart": len(text), "selectionEnd": len(text)})
    assert field.evaluate("taken.length") == 2
    session.send("Input.insertText", {"text": "靴"})
    assert field.evaluate("taken.at(-1)") == "ab靴"
    assert field.evaluate("taken.filter((text) => /[くk]/.test(text))") == []


def test_a_keyboard_on_a_screen_composes_every_word_and_each_letter_counts(field: Page) -> None:
    session = field.context.new_cdp_session(field)
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    session.send("Emulation.setEmulatedMedia", {"features": [{"name": "pointer", "value": "coarse"}]})
    assert field.evaluate("matchMedia('(pointer: coarse)').matches")
    for text in ("r", "re", "red"):
        session.send("Input.imeSetComposition", {"text": text, "selectionStart": len(text), "selectionEnd": len(text)})
    assert field.evaluate("taken") == ["r", "re", "red"]
