"""What the search page does with words: completions, corrections, conditions, the cutoff, reasons and orders."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.tools.browser import Visit, needs_browser
from tests.tools.shop import IMAGES

pytestmark = needs_browser

Change = Callable[[dict[str, Any], dict[str, Any]], None]


@pytest.fixture
def visit(visit: Visit) -> Iterator[Visit]:
    """Yield a visit that ends without waiting for the calls that a test holds."""
    yield visit
    visit.page.unroute_all(behavior="ignoreErrors")


def field(page: Page) -> Locator:
    return page.get_by_role("combobox", name="What are you looking for?")


def answering(page: Page, change: Change) -> list[dict[str, Any]]:
    """Let `change` alter the answers of searches, by what was asked; return what is asked.

    The service itself leaves nothing out: what is relevant is for the test to say.
    """
    asked: list[dict[str, Any]] = []

    def handle(route: Route) -> None:
        body: dict[str, Any] = route.request.post_data_json or {}
        asked.append(body)
        response = route.fetch(post_data={**body, "cutoff": "none"})
        answer = response.json()
        change(body, answer)
        route.fulfill(response=response, json=answer)

    page.route(f"**{IMAGES}", handle)
    return asked


def test_completions_are_chosen_with_keys(visit: Visit) -> None:
    page = visit.go("/")
    field(page).fill("re")
    first = page.get_by_role("listbox").get_by_role("option").first
    expect(first).to_contain_text("Red")
    expect(field(page)).to_have_attribute("aria-expanded", "true")
    expect(page.locator("#suggestions-status")).to_have_text(re.compile(r"^\d+ suggestions?$"))
    field(page).press("ArrowDown")
    expect(first).to_have_attribute("aria-selected", "true")
    expect(field(page)).to_have_attribute("aria-activedescendant", "suggestion-0")
    expect(field(page)).to_be_focused()
    field(page).press("ArrowUp")
    expect(field(page)).not_to_have_attribute("aria-activedescendant", re.compile("."))
    field(page).press("ArrowDown")
    wanted = first.get_attribute("data-text") or ""
    field(page).press("Enter")
    expect(field(page)).to_have_value(wanted)
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(field(page)).to_have_attribute("aria-expanded", "false")
    expect(page).to_have_url(re.compile(r"\?q=" + wanted.split()[0]))
    visit.finds("Red")


def test_completions_go_when_nobody_wants_them(visit: Visit) -> None:
    page = visit.go("/")
    listbox = page.get_by_role("listbox")
    for leave in ("Escape", "Tab"):
        field(page).fill("")
        field(page).press_sequentially("re", delay=20)
        expect(listbox).to_be_visible()
        field(page).press(leave)
        expect(listbox).to_be_hidden()
        expect(field(page)).to_have_value("re")
    field(page).fill("")
    field(page).press_sequentially("red", delay=20)
    expect(listbox).to_be_visible()
    field(page).fill("")
    expect(listbox).to_be_hidden()
    field(page).press_sequentially("re", delay=20)
    page.get_by_role("listbox").get_by_role("option").first.click()
    expect(listbox).to_be_hidden()
    expect(field(page)).to_be_focused()
    visit.finds("Red")


def test_a_search_without_completions_is_still_a_search(failing: Visit) -> None:
    page = failing.go("/")
    page.route("**/v1/suggest*", lambda route: route.fulfill(status=500, json={"error": {}}))
    field(page).press_sequentially("red dress", delay=20)
    failing.finds("Red Dress")
    expect(page.get_by_role("listbox")).to_be_hidden()


def test_a_corrected_word_is_told_and_can_be_insisted_on(visit: Visit) -> None:
    page = visit.go("/?q=drress")
    told = page.locator("#corrected")
    expect(told).to_contain_text("Searched for dress.")
    visit.finds("Dress")
    told.get_by_role("button", name="Search for drress instead").click()
    expect(told).to_be_hidden()
    expect(page).to_have_url(re.compile("correct=0"))
    page.reload()
    expect(page.locator("#grid .card:not(.ghost), #notice:not([hidden])").first).to_be_visible()
    expect(told).to_be_hidden()
    field(page).fill("drress red")  # what was said of a text does not hold for another one
    expect(told).to_contain_text("Searched for dress red.")
    expect(page).not_to_have_url(re.compile("correct=0"))


def test_conditions_are_chips_that_can_filter_and_be_taken_off(visit: Visit) -> None:
    page = visit.go("/?q=red+dress&all=1")
    chips = page.locator("#conditions button")
    expect(chips).to_have_count(2)
    expect(page.get_by_role("button", name="Remove Base colour: Red")).to_be_visible()
    page.get_by_role("checkbox", name="Only these").check()
    expect(page).to_have_url(re.compile("only=1"))
    expect(page.locator("#grid .card:not(.ghost)")).to_have_count(2)
    page.get_by_role("button", name="Remove Article type: Dress").click()
    expect(page).to_have_url(re.compile("dismiss=dress"))
    expect(chips).to_have_count(1)
    expect(page.locator("#grid .card:not(.ghost)")).to_have_count(6)  # whatever is red
    expect(page.locator("#results")).to_be_focused()
    page.reload()
    expect(chips).to_have_count(1)
    expect(page.get_by_role("checkbox", name="Only these")).to_be_checked()
    page.go_back()
    expect(chips).to_have_count(2)


def test_what_fits_less_is_shown_when_asked_for(visit: Visit) -> None:
    page = visit.go("/")

    def cut(body: dict[str, Any], answer: dict[str, Any]) -> None:
        if body["cutoff"] == "auto":
            answer.update(cutoff=0.4, total=3, results=answer["results"][:3])

    asked = answering(page, cut)
    field(page).fill("red dress")
    expect(page.locator("#count")).to_have_text("3 products")
    expect(page.locator("#grid .card")).to_have_count(3)
    page.get_by_role("button", name="Show less relevant products").click()
    expect(page).to_have_url(re.compile("all=1"))
    expect(page.locator("#grid .card")).not_to_have_count(3)
    assert asked[-1]["cutoff"] == "none"
    expect(page.locator("#less-relevant")).to_be_hidden()
    page.get_by_role("button", name="Hide them").click()
    expect(page.locator("#count")).to_have_text("3 products")
    expect(page).not_to_have_url(re.compile("all=1"))


def test_nothing_that_fits_is_said_and_the_nearest_can_be_seen(visit: Visit) -> None:
    page = visit.go("/?f.gender=Women")

    def cut(body: dict[str, Any], answer: dict[str, Any]) -> None:
        if body.get("cutoff") == "auto":
            answer.update(cutoff=0.4, total=0, results=[])

    asked = answering(page, cut)
    field(page).fill("helicopter")
    notice = page.locator("#notice")
    expect(notice).to_contain_text("Nothing fits “helicopter” with these filters.")
    notice.get_by_role("button", name="Women").click()
    expect(notice).to_contain_text("Nothing fits “helicopter”.")
    notice.get_by_role("button", name="Show the nearest anyway").click()
    expect(page.locator("#grid .card:not(.ghost)").first).to_be_visible()
    expect(page.locator("#all-shown")).to_be_visible()
    assert asked[-1]["cutoff"] == "none"


def test_filters_alone_leave_nothing_out(visit: Visit) -> None:
    page = visit.go("/")
    asked = answering(page, lambda body, answer: None)
    page.locator("#tiles a", has_text="Watch").click()
    visit.finds("Watch")
    assert asked[-1]["mode"] == "vector"
    assert asked[-1]["hub_correction"] is False  # typical products come first
    assert "cutoff" not in asked[-1]
    expect(page.locator("#understood")).to_be_hidden()


def test_a_card_says_why_it_is_there(visit: Visit) -> None:
    page = visit.go("/")

    def explain(body: dict[str, Any], answer: dict[str, Any]) -> None:
        signals = [{"words": 1, "title": 0.7, "image": 0.1}, {"words": 0.2, "title": 0.1, "image": 0.4}]
        answer["total"] = len(signals)
        answer["results"] = [
            {**hit, "relevance": 0.93, "signals": one} for hit, one in zip(answer["results"], signals, strict=False)
        ]

    answering(page, explain)
    field(page).fill("red dress")
    reasons = page.locator("#grid .why")
    expect(reasons).to_have_text(["matches words and title", "matches picture"])
    expect(reasons.first).to_have_attribute("title", "words 1.00 · title 0.70 · picture 0.10")
    expect(page.locator("#grid .score").first).to_have_text("93 %")


def test_results_can_be_ordered(visit: Visit) -> None:
    page = visit.page

    def dated(route: Route) -> None:
        response = route.fetch()
        answer = response.json()
        answer["facets"]["yearMade"] = {"2011": 20, "2012": 28}
        answer["types"]["yearMade"] = "number"
        route.fulfill(response=response, json=answer)

    page.route("**/v1/facets?*", dated)
    asked: list[dict[str, Any]] = []

    def undated(route: Route) -> None:
        body: dict[str, Any] = route.request.post_data_json or {}
        asked.append(body)
        kept = {**body, "facets": [], "sort": "newest" if "sort" in body else "relevance"}
        route.continue_(post_data=kept)

    page.route("**/v1/search/*", undated)
    visit.go("/?q=red")
    order = page.get_by_label("Sort by")
    expect(order.locator("option")).to_have_text(
        ["Relevance", "Newest", "Year made, highest first", "Year made, lowest first"]
    )
    order.select_option("yearMade:desc")
    expect(page).to_have_url(re.compile("sort=yearMade%3Adesc"))
    expect(page.locator("#results")).not_to_have_attribute("aria-busy", "true")
    assert asked[-1]["sort"] == "yearMade:desc"
    page.reload()
    expect(order).to_have_value("yearMade:desc")
    page.get_by_role("button", name="Descriptions").click()
    expect(order).to_be_hidden()
