"""The pages for everybody: axe, light and dark, and a narrow phone."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.tools.browser import PHONE, needs_browser, visiting

pytestmark = needs_browser


def complete(page: Page) -> None:
    page.locator("#text").press_sequentially("re")
    expect(page.locator("#suggestions")).to_be_visible()
    page.locator("#text").press("ArrowDown")
    expect(page.locator('#suggestions [aria-selected="true"]')).to_be_visible()


STATES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "landing": ("/", lambda page: expect(page.locator("#tiles li")).to_have_count(5)),
    "results": (
        "/?q=red+dress&f.gender=Women&unlike=1001",
        lambda page: expect(page.locator(".card:not(.ghost)")).not_to_have_count(0),
    ),
    "completions": ("/", lambda page: complete(page)),
    "understood": (
        "/?q=drress+red&all=1&only=1",
        lambda page: expect(page.locator("#corrected, #conditions, #all-shown").last).to_be_visible(),
    ),
    "nothing": ("/?q=zzzqqq&f.gender=Men", lambda page: expect(page.locator("#notice .outline")).to_be_visible()),
    "descriptions": (
        "/?like=1000&show=descriptions",
        lambda page: expect(page.locator("mark.strong").first).to_be_visible(),
    ),
    "drawer": ("/?q=red&product=1000", lambda page: expect(page.locator(".near a")).to_have_count(8)),
    "evaluation": ("/evaluation?split=all", lambda page: expect(page.locator("#queries > li")).to_have_count(12)),
    "map": ("/map", lambda page: expect(page.locator("#view-count")).to_contain_text("48")),
    "reference": ("/docs", lambda page: expect(page.locator(".opblock").first).to_be_visible()),
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Browser, shop: httpx.Client, scheme: str) -> None:
    grounds = {"light": "rgb(251, 250, 248)", "dark": "rgb(21, 19, 20)"}
    with visiting(browser, str(shop.base_url).rstrip("/"), color_scheme=scheme) as visit:
        for path, there in STATES.values():
            there(visit.go(path))
            expect(visit.page.locator("body")).to_have_css("background-color", grounds[scheme])
            visit.check_axe()


def test_a_phone_is_wide_enough(browser: Browser, shop: httpx.Client) -> None:
    base = str(shop.base_url).rstrip("/")
    with visiting(browser, base, viewport=PHONE, has_touch=True, is_mobile=True) as visit:
        for name, (path, there) in STATES.items():
            there(visit.go(path)) if name != "map" else visit.go(path)
            width = visit.page.evaluate("document.documentElement.scrollWidth")
            assert width <= PHONE["width"], (name, width)
            assert visit.page.evaluate("visualViewport.scale") == 1, name
            visit.check_axe()
        page = visit.go("/?q=red")
        visit.finds("Red")
        expect(page.get_by_role("button", name="Take a photo")).to_be_visible()
        assert page.locator("#photo").get_attribute("capture") == "environment"
        expect(page.locator("#filters")).to_be_hidden()
        page.get_by_role("button", name="Filters").tap()
        page.get_by_role("checkbox", name="Bag").tap()
        visit.check_axe()
        page.get_by_role("button", name=re.compile(r"^Show \d+ products?$")).tap()
        expect(page.locator("#filters")).to_be_hidden()
        visit.finds("Red Bag")
        small = page.locator("button:visible").evaluate_all(
            "all => all.filter(one => Math.min(one.offsetWidth, one.offsetHeight) < 24).map(one => one.outerHTML)"
        )
        assert not small


@pytest.mark.parametrize("width", [412, 1280])
def test_results_do_not_jump_when_they_come(browser: Browser, shop: httpx.Client, width: int) -> None:
    """Cumulative layout shift (https://web.dev/articles/cls): a tenth is what search engines call good."""
    with visiting(browser, str(shop.base_url).rstrip("/"), viewport={"width": width, "height": 823}) as visit:
        visit.page.add_init_script(
            "window.shifted = 0; new PerformanceObserver((list) => list.getEntries().forEach((one) => "
            "{ window.shifted += one.value; })).observe({ type: 'layout-shift', buffered: true })"
        )
        page = visit.go("/?q=red+dress&all=1")
        visit.finds("Red Dress")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("shifted") < 0.1
