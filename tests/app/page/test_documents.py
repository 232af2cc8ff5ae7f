"""What the service renders, in a browser: a product, results without scripts, errors."""

from __future__ import annotations

import re

import httpx
from playwright.sync_api import Browser, expect

from tests.tools.browser import Visit, needs_browser, visiting

pytestmark = needs_browser
NARROW = "document.documentElement.scrollWidth <= innerWidth"


def test_documents_are_accessible_and_fit_a_phone(browser: Browser, shop: httpx.Client) -> None:
    base = str(shop.base_url).rstrip("/")
    for scheme in ("light", "dark"):
        options = {"viewport": {"width": 360, "height": 740}, "color_scheme": scheme, "locale": "fr-FR"}
        with visiting(browser, base, **options) as visit:
            for path in ("/p/1000", "/?q=red+dress&f.gender=Women&plain=1"):
                visit.go(path)
                visit.check_axe()
                assert visit.page.evaluate(NARROW), path
            visit.go("/nothing")
            visit.check_axe()
            assert visit.page.evaluate(NARROW)
            visit.wrong.clear()  # the browser reports the 404 that was asked for


def test_a_product_leads_to_similar_ones_and_back_to_a_search(visit: Visit) -> None:
    page = visit.go("/p/1000")
    expect(page.locator("h1")).to_have_text("Red Dress for Women")
    page.locator(".cards a").first.click()
    expect(page).to_have_url(re.compile(r"/p/(?!1000$)"))
    page.locator(".crumbs a").last.click()
    expect(page).to_have_url(re.compile(r"/\?f\.articleType="))
    expect(page.locator(".card:not(.ghost)").first).to_be_visible()


def test_the_language_of_a_document_is_chosen_without_scripts(browser: Browser, shop: httpx.Client) -> None:
    with visiting(browser, str(shop.base_url).rstrip("/"), java_script_enabled=False) as visit:
        for path in ("/p/1000", "/?q=red&f.gender=Women&lang=fr&plain=1"):
            page = visit.go(path)
            page.get_by_role("link", name="Deutsch").click()
            expect(page.locator("html")).to_have_attribute("lang", "de")
            expect(page.locator("main")).to_contain_text("Damen")
            expect(page.locator(".languages [aria-current]")).to_have_text("Deutsch")
        page.get_by_role("link", name="Français").click()
        expect(page).to_have_url(re.compile(r"\?q=red&f\.gender=Women&plain=1&lang=fr$"))


def test_without_scripts_an_address_of_a_search_shows_its_products(browser: Browser, shop: httpx.Client) -> None:
    with visiting(browser, str(shop.base_url).rstrip("/"), java_script_enabled=False) as visit:
        page = visit.go("/?q=red+dress")
        expect(page).to_have_url(re.compile(r"plain=1"))
        expect(page.locator(".cards h2").first).to_have_text(re.compile("Red Dress"))
        page.get_by_role("searchbox").fill("blue bag")
        page.get_by_role("button").click()
        expect(page.locator(".cards h2").first).to_have_text(re.compile("Blue Bag"))
        page.locator(".cards a").first.click()
        expect(page.locator("h1")).to_have_text(re.compile("Blue Bag"))
