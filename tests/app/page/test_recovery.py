"""Nothing that failed once stays failed: each call of the page fails, and the page goes on by itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.tools.browser import Visit, hand_over, needs_browser, visiting
from tests.tools.shop import IMAGES, DrawnEncoder, draw, encoded, shop_open, write_catalogue

pytestmark = needs_browser

FIELD = "What are you looking for?"
QUICK = "Math.random = () => 0"  # the pauses between attempts are drawn: here they are the shortest
DOCUMENTS = ("document", "script", "stylesheet")


def alert(page: Page) -> Locator:
    return page.locator("#notice")


def fail_once(page: Page, fail: Callable[[Route], None]) -> list[str]:
    """Let each call and each picture fail when it is asked for first; return what has failed."""
    failed: list[str] = []

    def answer(route: Route) -> None:
        request = route.request
        what = f"{request.method} {request.url.partition('?')[0]}"
        if request.resource_type in DOCUMENTS or what in failed:
            route.continue_()
        else:
            failed.append(what)
            fail(route)

    page.route("**/*", answer)
    return failed


def lost(route: Route) -> None:
    route.abort()


def overloaded(route: Route) -> None:
    error = {"code": "overloaded", "message": "too much", "details": [], "request_id": "a-1"}
    route.fulfill(status=503, json={"error": error}, headers={"Retry-After": "1"})


@pytest.mark.parametrize("fail", [lost, overloaded])
def test_each_call_fails_once_and_the_page_ends_in_results(failing: Visit, fail: Callable[[Route], None]) -> None:
    page = failing.page
    page.add_init_script(QUICK)
    failed = fail_once(page, fail)
    failing.go("/")
    expect(page.locator("#tiles li")).to_have_count(5)
    expect(page.locator("#tiles img").first).not_to_have_js_property("naturalWidth", 0)
    page.get_by_label(FIELD).fill("red")
    failing.finds("Red")
    expect(alert(page)).to_be_hidden()
    expect(page.locator("#facets fieldset").first).to_be_attached()
    expect(page.locator("#grid img").first).not_to_have_js_property("naturalWidth", 0)
    page.goto(failing.base + "/?q=red+dress&product=1000")
    expect(page.locator("dialog.drawer h2")).to_contain_text("Red Dress")
    expect(page.locator("dialog.drawer .near a").first).to_be_visible()
    paths = " ".join(failed)
    for part in ("/v1/facets", "/v1/models", IMAGES, "/batch", "/v1/products/1000", "/image"):
        assert part in paths, failed


def test_the_scripts_themselves_may_be_lost(failing: Visit) -> None:
    page = failing.page
    lost_scripts: list[str] = []

    def lose(route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        if name in ("start.js", *lost_scripts):  # without the first of all nobody could begin again
            route.continue_()
        else:
            lost_scripts.append(name)
            route.abort()

    page.route("**/assets/**/*.js", lose)
    failing.go("/?q=red+dress")
    failing.finds("Red Dress")
    assert "embed.js" in lost_scripts


def test_an_error_stands_above_the_old_results_and_goes_by_itself(failing: Visit) -> None:
    page = failing.go("/?q=red+dress")
    failing.finds("Red Dress")
    titles = failing.titles()
    page.route(f"**{IMAGES}", lost)
    page.get_by_label(FIELD).fill("blue bag")
    expect(alert(page)).to_contain_text("cannot be reached")
    expect(alert(page)).to_contain_text("Trying again")
    assert failing.titles() == titles
    failing.check_axe()
    page.unroute_all()
    failing.finds("Blue Bag")
    expect(alert(page)).to_be_hidden()


def test_the_page_waits_as_long_as_the_service_asks(failing: Visit) -> None:
    failing.page.clock.install()
    page = failing.go("/?q=red+dress")
    failing.finds("Red Dress")
    asked: list[Any] = []
    error = {"code": "too_many_requests", "message": "x", "details": [], "request_id": "abc-1"}

    def refuse(route: Route) -> None:
        asked.append(route.request.post_data_json)
        if len(asked) == 1:
            route.fulfill(status=429, json={"error": error}, headers={"Retry-After": "60"})
        else:
            route.continue_()

    page.route(f"**{IMAGES}", refuse)
    field = page.get_by_label(FIELD)
    field.fill("blue")
    expect(alert(page)).to_contain_text("Too many searches at once")
    expect(alert(page)).to_contain_text("in 60 seconds")
    expect(alert(page)).to_contain_text("abc-1")
    field.press_sequentially(" bag")  # what is typed meanwhile is asked for after the pause, and only once
    page.clock.fast_forward(30_000)
    assert len(asked) == 1
    page.clock.fast_forward(31_000)
    failing.finds("Blue Bag")
    assert [body["text"] for body in asked] == ["blue", "blue bag"]


def test_a_person_need_not_wait(failing: Visit) -> None:
    page = failing.go("/?q=red+dress")
    failing.finds("Red Dress")
    error = {"error": {"code": "overloaded", "message": "x", "details": [], "request_id": "abc-1"}}
    page.route(f"**{IMAGES}", lambda route: route.fulfill(status=503, json=error, headers={"Retry-After": "3600"}))
    page.get_by_label(FIELD).fill("blue bag")
    expect(alert(page)).to_contain_text("Many people are searching")
    expect(alert(page)).not_to_contain_text("Trying")  # nobody waits for an hour
    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    failing.finds("Blue Bag")


def test_a_page_without_a_network_goes_on_when_it_returns(failing: Visit) -> None:
    page = failing.go("/?q=red+dress")
    failing.finds("Red Dress")
    page.context.set_offline(True)
    page.get_by_label(FIELD).fill("blue bag")
    expect(alert(page)).to_contain_text("You are offline")
    expect(page.locator("#grid .card").first).to_contain_text("Red Dress")
    page.context.set_offline(False)
    failing.finds("Blue Bag")
    expect(alert(page)).to_be_hidden()


def test_a_page_that_was_opened_while_the_service_was_down_returns(failing: Visit) -> None:
    page = failing.page
    page.route("**/v1/**", lost)
    failing.go("/")
    expect(alert(page)).to_contain_text("cannot be reached")
    page.unroute_all()
    expect(page.locator("#tiles li")).to_have_count(5)
    expect(alert(page)).to_be_hidden()


def test_a_search_goes_on_without_filters_and_gets_them_later(failing: Visit) -> None:
    page = failing.page
    page.route("**/v1/facets*", lost)
    failing.go("/?q=red")
    failing.finds("Red")
    assert page.locator("#facets fieldset").count() == 0
    page.unroute_all()
    expect(page.locator("#facets fieldset").first).to_be_attached()
    failing.finds("Red")


def test_the_next_products_come_after_a_failure(failing: Visit) -> None:
    page = failing.page
    page.add_init_script(QUICK)
    failing.go("/?q=dress&all=1")
    failing.finds("Dress")
    once: list[str] = []

    def lose_one(route: Route) -> None:
        if (route.request.post_data_json or {}).get("offset") and not once:
            once.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    page.route(f"**{IMAGES}", lose_one)
    page.locator("#grid .card").last.scroll_into_view_if_needed()
    expect(page.locator("#grid .card")).to_have_count(48)
    titles = page.locator("#grid .card h3 a")
    addresses = titles.evaluate_all("links => links.map((link) => link.href)")
    assert len(set(addresses)) == 48


def test_storage_that_is_forbidden_is_done_without(visit: Visit) -> None:
    visit.page.add_init_script("""
      for (const name of ["sessionStorage", "localStorage"]) {
        Object.defineProperty(window, name, {get() { throw new DOMException("denied", "SecurityError"); }});
      }""")
    visit.go("/?q=red+dress")
    visit.finds("Red Dress")


class OtherEncoder(DrawnEncoder):
    """The same model under another name."""

    encoder_id = "drawn-2"


def test_after_a_restart_with_another_model_a_picture_is_encoded_again(browser: Browser, tmp_path: Path) -> None:
    old = write_catalogue(tmp_path / "old", DrawnEncoder())
    new = write_catalogue(tmp_path / "new", OtherEncoder())
    with shop_open(old) as first, shop_open(new, OtherEncoder()) as second:
        base, other = (str(client.base_url).rstrip("/") for client in (first, second))
        with visiting(browser, base) as visit:
            page = visit.go("/")
            hand_over(page, "drop", encoded(draw("green", "watch")))
            visit.finds("Green Watch")
            before = page.url
            assert "picture=drawn-1" in before

            def forward(route: Route) -> None:
                route.fulfill(response=route.fetch(url=route.request.url.replace(base, other)))

            page.route("**/v1/**", forward)
            page.get_by_label(FIELD).fill("red")
            visit.finds("Watch")
            expect(page.locator("#picture-image")).to_be_visible()
            page.wait_for_url("**picture=drawn-2**")
            page.goto("about:blank")
            page.goto(before)  # a link has no picture to encode
            expect(alert(page)).to_contain_text("older model")


def take_out_gender(page: Page) -> None:
    """Let the catalogue lose an attribute after the page has read what it has."""
    error = {"code": "bad_input", "message": "unknown facet 'gender'", "details": [], "request_id": "x"}

    def without_gender(route: Route) -> None:
        if "gender" in (route.request.post_data_json or {}).get("facets", []):
            route.fulfill(status=422, json={"error": error})
        else:
            route.continue_()

    def facets_without_gender(route: Route) -> None:
        answer = route.fetch().json()
        del answer["facets"]["gender"]
        route.fulfill(json=answer)

    page.route(f"**{IMAGES}", without_gender)
    page.route("**/v1/facets*", facets_without_gender)


def test_an_attribute_that_has_gone_is_not_asked_for_again(visit: Visit) -> None:
    page = visit.go("/?q=red+dress")
    visit.finds("Red Dress")
    take_out_gender(page)
    page.get_by_label(FIELD).fill("blue bag")
    visit.finds("Blue Bag")
    assert all("422" in text for text in visit.wrong)
    visit.wrong.clear()


def test_the_order_stays_when_the_catalogue_is_read_again(visit: Visit) -> None:
    page = visit.go("/?q=red+dress&sort=newest")
    expect(page.locator("#sort")).to_have_value("newest")
    expect(page.locator("#results")).not_to_have_attribute("aria-busy", "true")
    take_out_gender(page)
    with page.expect_response("**/v1/facets*"):
        page.get_by_label(FIELD).fill("blue bag")
    expect(page.locator("#grid .card h3").filter(has_text="Blue Bag")).not_to_have_count(0)
    expect(page.locator("#sort")).to_have_value("newest")
    assert all("422" in text for text in visit.wrong)
    visit.wrong.clear()
