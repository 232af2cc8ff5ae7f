"""Sheets and dialogs as entries of the history: what a step back closes, and what stays of what was chosen."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.tools.browser import needs_browser

pytestmark = needs_browser

PREPARE = """async ([scope, keeps]) => {
  const {Sheets, isUnderSheet} = await import("/sheets.js");
  window.shown = new Set();
  window.sheet = (name, again) => ({open: () => shown.add(name), close: () => shown.delete(name), again});
  window.sheets = new Sheets({scope, keeps});
  sheets.add("filters", sheet("filters", true));
  sheets.add("keys", sheet("keys", false));
  // As the address of a search does it.
  window.search = (text) => {
    const under = isUnderSheet();
    history[under ? "replaceState" : "pushState"](under ? history.state : {}, "", `?q=${text}`);
    sheets.moved();
  };
  window.followed = [];
  addEventListener("popstate", () => followed.push(location.search));
}"""


@pytest.fixture
def sheets(modules: Page) -> Page:
    modules.evaluate(PREPARE, ["", True])
    modules.evaluate("search('dress')")
    return modules


def shown(page: Page) -> Any:
    return page.evaluate("[...shown]")


def address(page: Page) -> str:
    return page.url.partition("?")[2]


def waits(page: Page, holds: str) -> None:
    page.wait_for_function(holds)


def test_a_step_back_closes_the_topmost(sheets: Page) -> None:
    sheets.evaluate("sheets.open('filters'); sheets.open('keys')")
    assert shown(sheets) == ["filters", "keys"]
    sheets.go_back()
    waits(sheets, "shown.size === 1")
    assert shown(sheets) == ["filters"]
    sheets.go_back()
    waits(sheets, "shown.size === 0")
    assert address(sheets) == "q=dress"
    sheets.go_back()
    waits(sheets, "location.search === ''")


def test_a_sheet_that_a_person_closes_leaves_no_entry_behind(sheets: Page) -> None:
    sheets.evaluate("sheets.open('filters')")
    sheets.evaluate("sheets.close('filters')")
    waits(sheets, "followed.length === 1")
    assert shown(sheets) == []
    assert sheets.evaluate("history.state") == {}
    sheets.go_back()
    waits(sheets, "location.search === ''")


@pytest.mark.parametrize("closes", ["a step back", "a button"])
def test_what_was_chosen_in_a_sheet_stays_and_a_step_back_takes_it_off(sheets: Page, closes: str) -> None:
    sheets.evaluate("sheets.open('filters')")
    sheets.evaluate("search('dress&f.baseColour=Red')")
    sheets.evaluate("search('dress&f.baseColour=Red&f.gender=Men')")
    if closes == "a button":
        sheets.evaluate("sheets.close('filters')")
    else:
        sheets.go_back()
    waits(sheets, "shown.size === 0 && !history.state.sheets?.length")
    assert address(sheets) == "q=dress&f.baseColour=Red&f.gender=Men"
    assert sheets.evaluate("followed") == []  # the page has not searched for what was before
    sheets.go_back()
    waits(sheets, "location.search === '?q=dress'")
    assert sheets.evaluate("followed") == ["?q=dress"]


def test_a_search_that_closes_its_sheet_is_not_taken_back(sheets: Page) -> None:
    sheets.evaluate("sheets.open('filters')")
    sheets.evaluate("sheets.close('filters'); search('blue shoes')")
    waits(sheets, "!history.state.sheets?.length")
    assert address(sheets) == "q=blue shoes".replace(" ", "%20")
    sheets.go_back()
    waits(sheets, "location.search === '?q=dress'")


def test_after_a_reload_a_sheet_is_shown_again_where_it_may_be(sheets: Page) -> None:
    sheets.evaluate("sheets.open('filters')")
    sheets.reload()
    sheets.evaluate(PREPARE, ["", True])
    assert shown(sheets) == ["filters"]
    sheets.evaluate("sheets.open('keys')")
    sheets.reload()
    sheets.evaluate(PREPARE, ["", True])
    assert shown(sheets) == ["filters"]
    assert sheets.evaluate("history.state.sheets") == ["filters"]
    sheets.go_back()
    sheets.go_back()
    waits(sheets, "shown.size === 0")
    sheets.go_forward()
    waits(sheets, "shown.has('filters')")


def test_elements_of_one_page_do_not_close_each_others_sheets(sheets: Page) -> None:
    sheets.evaluate("""async () => {
      const {Sheets} = await import("/sheets.js");
      window.other = new Sheets({scope: "vq-"});
      other.add("filters", sheet("the other's filters", true));
      sheets.open("filters");
      other.open("filters");
    }""")
    sheets.go_back()
    waits(sheets, "shown.size === 1")
    assert shown(sheets) == ["filters"]


def test_a_page_whose_history_is_not_ours_keeps_it(modules: Page) -> None:
    modules.evaluate(PREPARE, ["", False])
    before = modules.evaluate("history.length")
    modules.evaluate("sheets.open('filters')")
    assert shown(modules) == ["filters"]
    modules.evaluate("sheets.close('filters')")
    assert shown(modules) == []
    assert modules.evaluate("[history.length, history.state]") == [before, None]
