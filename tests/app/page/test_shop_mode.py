"""A customer's page: prices, availability, the way into the shop, and nothing that is for those who run it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from index import Product
from tests.app.page.test_filters import PHONE
from tests.tools.browser import Visit, needs_browser, visiting
from tests.tools.shop import DrawnEncoder, shop_open, write_catalogue

pytestmark = needs_browser

OFFERS: list[dict[str, Any]] = [
    {"price": 20, "sale_price": 15, "currency": "EUR", "url": "https://shop.example/p/0", "availability": "in stock"},
    {"price": "1299.00 USD", "availability": "out of stock", "brand": "Acme", "url": "javascript:alert(1)"},
    {"price": 30.5, "currency": "EUR", "availability": "preorder", "link": "http://shop.example/2"},
    {"material": "Wool"},
]


def product(number: int, offer: dict[str, Any]) -> Product:
    attributes = {"articleType": "Dress", "baseColour": ("Red", "Blue")[number % 2], **offer}
    return Product(str(number), f"Dress number {number}", attributes, "test")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    products = [product(number, offer) for number, offer in enumerate(OFFERS)]
    folder = write_catalogue(tmp_path_factory.mktemp("offers") / "catalogue", DrawnEncoder(), products)
    with shop_open(folder, pages="shop") as client:
        yield client


def test_a_card_says_what_a_customer_asks(visit: Visit) -> None:
    page = visit.go("/?q=dress&all=1")
    expect(page.locator("#grid .card")).to_have_count(4)
    cards = [page.locator(f"#grid .card:has(a[title='Dress number {number}'])") for number in range(4)]
    expect(cards[0].locator(".price s")).to_have_text("€20.00")
    expect(cards[0].locator(".price")).to_contain_text("€15.00")
    expect(cards[0].locator(".availability")).to_have_count(0)
    link = cards[0].get_by_role("link", name="View in shop: Dress number 0")
    assert [link.get_attribute(name) for name in ("href", "rel")] == ["https://shop.example/p/0", "noopener"]
    expect(cards[1].locator(".price")).to_have_text("$1,299.00")
    expect(cards[1].locator(".brand-line")).to_have_text("Acme")
    expect(cards[1].locator(".availability")).to_have_text("Out of stock")
    expect(cards[1].get_by_role("link", name="View in shop")).to_have_count(0)  # no address of the web
    expect(cards[2].locator(".availability")).to_have_text("Pre-order")
    expect(cards[2].get_by_role("link", name="View in shop")).to_have_attribute("href", "http://shop.example/2")
    expect(cards[3].locator(".price")).to_have_count(0)
    for hidden in (".score", ".why", "#show-descriptions:visible", "nav a[href$=map]", "#origin:not(:empty)"):
        expect(page.locator(hidden)).to_have_count(0)
    expect(page.locator("#facets legend", has_text=re.compile("^(Url|Link|Currency|Sale)"))).to_have_count(0)
    options = page.locator("#sort option").all_inner_texts()
    assert options[2:4] == ["Price, highest first", "Price, lowest first"]
    assert not any("sale" in option.lower() for option in options)
    visit.check_axe()


def test_similar_and_not_this_are_words(visit: Visit) -> None:
    page = visit.go("/?q=dress&all=1")
    first = page.locator("#grid .card").first
    title = first.locator("h3").inner_text()
    first.get_by_role("button", name=f"Not this: {title}").click()
    expect(page.locator("#examples .unlike")).to_have_count(1)
    page.locator("#grid .card").first.get_by_role("button", name="Similar:").click()
    expect(page.locator("#examples .like")).to_have_count(1)


def test_the_drawer_sells(visit: Visit) -> None:
    page = visit.go("/?product=0")
    drawer = page.locator("dialog.drawer")
    expect(drawer.locator(".price")).to_contain_text("€15.00")
    expect(drawer.get_by_role("link", name="View in shop")).to_have_attribute("href", "https://shop.example/p/0")
    assert drawer.locator("dt").all_inner_texts() == ["Article type", "Base colour"]
    expect(drawer.get_by_role("link", name="On the map")).to_have_count(0)
    page.keyboard.press("Tab")
    drawer.focus()
    assert drawer.evaluate("one => getComputedStyle(one).outlineStyle") == "none"
    visit.check_axe()


def test_a_phone_shows_products_at_once(browser: Browser, shop: httpx.Client) -> None:
    with visiting(browser, str(shop.base_url).rstrip("/"), **PHONE) as visit:
        page = visit.go("/?q=red+dress&f.baseColour=Red")
        visit.finds("Dress")
        box = page.locator("#grid .card").first.bounding_box()
        assert box is not None
        assert box["y"] <= 180
        expect(page.get_by_role("button", name="Keyboard shortcuts")).to_have_count(0)
        assert page.locator("#text").evaluate("one => one.placeholder") == "Search products"
        page.goto(visit.base + "/")
        expect(page.locator("#hint")).to_contain_text("Take a photo")
