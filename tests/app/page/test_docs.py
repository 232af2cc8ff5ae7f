"""The interactive reference at /docs: it is of this host alone, and a call that is tried is answered by the service."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.tools.browser import Visit, needs_browser, visiting
from tests.tools.shop import IMAGES

pytestmark = needs_browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_search_is_tried_out(browser: Browser, shop: httpx.Client, scheme: str) -> None:
    """The visit itself refuses other hosts and complaints on the console, where broken policies are reported."""
    with visiting(browser, str(shop.base_url).rstrip("/"), color_scheme=scheme) as visit:
        try_search(visit)
        visit.check_axe()


def try_search(visit: Visit) -> None:
    page = visit.go("/docs")
    call = page.locator(".opblock", has=page.locator(f'[data-path="{IMAGES}"]')).filter(has_text="POST")
    call.locator(".opblock-summary-control").click()
    expect(page).to_have_url(re.compile("#/search/"))
    call.get_by_role("button", name="Try it out").click()
    call.locator(".body-param__text").fill('{"text": "red dress"}')
    with page.expect_response(f"**{IMAGES}") as answered:
        call.get_by_role("button", name="Execute").click()
    assert answered.value.status == 200
    live = call.locator(".live-responses-table")
    expect(live.locator("tbody .response-col_status").first).to_contain_text("200")
    expect(live.locator("tbody")).to_contain_text('"title": "Red Dress for')
    assert all(url.startswith((visit.base, "data:")) for url in visit.asked)


def test_the_page_shows_every_call_and_leads_back(visit: Visit, shop: httpx.Client) -> None:
    page = visit.go("/docs")
    document = shop.get("/openapi.json").json()
    calls = [(path, method) for path, operations in document["paths"].items() for method in operations]
    expect(page.locator(".opblock")).to_have_count(len(calls))
    for path in document["paths"]:
        expect(page.locator(f'.opblock [data-path="{path}"]')).not_to_have_count(0)
    page.get_by_role("link", name="Vitrine", exact=True).click()
    expect(page.get_by_label("What are you looking for?")).to_be_visible()


def test_a_call_is_found_and_its_example_copied(browser: Browser, shop: httpx.Client) -> None:
    with visiting(browser, str(shop.base_url).rstrip("/")) as visit:
        visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = visit.go("/docs")
        field = page.get_by_role("searchbox", name="Find a call")
        expect(page.locator(".opblock").first).to_be_visible()  # until then nobody listens to the field
        field.fill("get labels")
        expect(page.locator(".opblock:visible")).to_have_count(1)
        call = page.locator(".opblock:visible")
        expect(call.locator('[data-path="/v1/labels"]')).to_be_visible()
        call.locator(".opblock-summary-control").click()
        button = call.get_by_role("button", name="Copy", exact=True).first
        expect(button).to_be_visible()
        page.clock.pause_at(datetime.now() + timedelta(minutes=1))  # it says so for a moment only
        button.click()
        expect(call.get_by_role("button", name="Copied")).to_be_visible()
        page.clock.resume()
        assert "Bleu marine" in page.evaluate("navigator.clipboard.readText()")
        visit.check_axe()
        field.fill("xyzzy")
        expect(page.locator("#found")).to_have_text("No call has these words.")
        field.fill("")
        expect(page.locator('.opblock [data-path="/v1/labels"]')).to_be_visible()
        page.get_by_role("link", name="Search", exact=True).click()
        expect(page.locator("vitrine-search")).to_be_visible()
