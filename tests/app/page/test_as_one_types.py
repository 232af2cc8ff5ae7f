"""The results follow what is typed: how many states one sees, how many searches that takes, and what is no news."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, Route, expect

from tests.tools.browser import Visit, needs_browser
from tests.tools.shop import IMAGES, until

pytestmark = needs_browser

KEY_MS = 130
LATENCY_MS = 80
FIELD = "What are you looking for?"

SLOW_LINE = """(latency) => {
  const send = window.fetch;
  Object.assign(window, {searches: [], open: 0, most: 0, lost: false});
  window.fetch = async (address, init = {}) => {
    const isSearch = String(address).includes("/v1/search/images") && !String(address).includes("batch");
    if (isSearch) {
      searches.push(JSON.parse(init.body).text);
      most = Math.max(most, ++open);
    }
    try {
      await new Promise((resolve, reject) => {
        setTimeout(resolve, latency);
        init.signal?.addEventListener("abort", () => reject(init.signal.reason));
      });
      if (isSearch && lost) throw new TypeError("the line is down");
      return await send(address, init);
    } finally {
      if (isSearch) open--;
    }
  };
}"""

WATCH = """() => {
  const root = document.querySelector("vitrine-search").shadowRoot;
  window.states = [];
  const note = () => {
    if (root.querySelector("#grid .ghost")) return;
    const shown = [...root.querySelectorAll("#grid h3")].map((title) => title.textContent).join();
    const notice = root.getElementById("notice").hidden ? "" : root.getElementById("notice").textContent;
    if (states.at(-1) !== shown + notice) states.push(shown + notice);
  };
  new MutationObserver(note).observe(root, {subtree: true, childList: true});
}"""


def begin(visit: Visit) -> Page:
    visit.page.add_init_script(f"({SLOW_LINE})({LATENCY_MS})")
    page = visit.go("/")
    expect(page.locator("#tiles li").first).to_be_visible()
    page.evaluate(WATCH)
    page.get_by_label(FIELD).click()
    return page


def searches(page: Page) -> Any:
    return page.evaluate("searches")


def test_results_come_while_one_types_with_one_search_at_a_time(visit: Visit) -> None:
    page = begin(visit)
    text = "red dress blue shoes black bag"
    page.keyboard.type(text, delay=KEY_MS)
    during = page.evaluate("states.length")
    visit.finds("Black Bag")
    assert during >= 5, page.evaluate("states")
    asked = searches(page)
    assert asked[0] == "r"  # with the first key
    assert asked[-1] == text
    assert len(asked) == len(set(asked)) <= len(text)
    assert page.evaluate("most") == 1
    assert page.evaluate("states").count("") == 0  # nothing is taken away before there is something else


def test_a_phase_of_typing_is_one_step_in_the_history(visit: Visit) -> None:
    page = begin(visit)
    page.keyboard.type("red dress", delay=KEY_MS)
    visit.finds("Red Dress")
    page.wait_for_timeout(2000)  # who looks at the results and types on is still at the same
    page.keyboard.type(" for women", delay=KEY_MS)
    expect(page).to_have_url(re.compile("q=red\\+dress\\+for\\+women"))
    page.go_back()
    expect(page.locator("#tiles li").first).to_be_visible()


def test_half_a_word_that_finds_nothing_is_no_news(visit: Visit) -> None:
    page = begin(visit)
    nothing = {"results": [], "total": 0, "cutoff": 0.5, "interpreted": [], "corrected": None, "facets": {}}
    nothing |= {"timing_ms": {}, "encoder_id": "drawn-1", "catalogue_version": 0, "histograms": {}}

    held: list[Route] = []

    def answer(route: Route) -> None:
        if (route.request.post_data_json or {}).get("text") != "red dressxx":
            route.continue_()
        elif not held:
            held.append(route)  # answered when somebody has typed on
        else:
            route.fulfill(json=nothing)

    page.route(f"**{IMAGES}", answer)
    page.keyboard.type("red dress", delay=KEY_MS)
    visit.finds("Red Dress")
    page.evaluate("states.length = 0")
    page.keyboard.type("xx")
    until(lambda: searches(page)[-1] == "red dressxx" and held, seconds=60)
    page.keyboard.press("Backspace")
    page.keyboard.press("Backspace")
    held[0].fulfill(json=nothing)
    visit.finds("Red Dress")
    assert not any("Nothing" in state for state in page.evaluate("states"))
    page.keyboard.type("xx")
    expect(page.get_by_role("alert")).to_contain_text("Nothing fits “red dressxx”")  # once nobody types on


def test_completions_come_with_the_results_and_do_not_delay_them(visit: Visit) -> None:
    page = begin(visit)
    expect(page.locator("#tiles img").last).not_to_have_js_property("naturalWidth", 0)  # nothing else is asked for
    order: list[str] = []
    page.on("request", lambda request: order.append(request.url))
    page.keyboard.type("red", delay=KEY_MS)
    expect(page.locator("#suggestions li").first).to_be_visible()
    visit.finds("Red")
    first = next(url for url in order if "/v1/" in url)
    assert IMAGES in first
