"""What the filters are made of: offers, ranges, the order of attributes, swatches. Modules that know no page."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from playwright.sync_api import Page

from index import price_in
from tests.tools.browser import needs_browser

pytestmark = needs_browser


def called(page: Page, module: str, function: str, *arguments: Any) -> Any:
    code = f"async (given) => (await import('/{module}.js')).{function}(...JSON.parse(given))"
    return page.evaluate(code, json.dumps(arguments))


def test_an_amount_is_the_one_that_the_service_reads(modules: Page) -> None:
    texts = ["19.99 EUR", "€ 1.299,00", "$1,299.00", "1 299,50 €", "on request", "12 kg", "£5", "3,5 zł"]
    for text in texts:
        read = called(modules, "offer", "amountOf", text)
        price = price_in(text)
        assert (read and (read["amount"], read["currency"])) == (price and (price.amount, price.currency)), text
    assert called(modules, "offer", "amountOf", 5, "EUR") == {"amount": 5, "currency": "EUR"}
    assert called(modules, "offer", "amountOf", "7") == {"amount": 7, "currency": ""}


def test_a_sale_is_a_lower_price_of_the_same_currency(modules: Page) -> None:
    def offer(**attributes: Any) -> Any:
        found = called(modules, "offer", "offerOf", attributes)
        return found["price"] and found["price"]["amount"], found["before"] and found["before"]["amount"]

    assert offer(price=20, sale_price=15, currency="EUR") == (15, 20)
    assert offer(price="20 EUR", sale_price="15 EUR") == (15, 20)
    assert offer(price=20, sale_price=25, currency="EUR") == (20, None)
    assert offer(price="20 EUR", sale_price="15 USD") == (20, None)
    assert offer(sale_price=15) == (15, None)
    assert offer(price="soon") == (None, None)


@pytest.mark.parametrize(
    ("availability", "said"),
    [
        ("in stock", ""),
        ("https://schema.org/InStock", ""),
        ("limited availability", ""),
        ("out of stock", "out_of_stock"),
        ("OUT_OF_STOCK", "out_of_stock"),
        ("http://schema.org/PreOrder", "preorder"),
        ("backorder", "backorder"),
        (["discontinued"], "out_of_stock"),
        (None, ""),
    ],
)
def test_what_is_in_stock_says_nothing(modules: Page, availability: Any, said: str) -> None:
    assert called(modules, "offer", "offerOf", {"availability": availability})["availability"] == said


def test_only_addresses_of_the_web_lead_into_a_shop(modules: Page) -> None:
    for text in ("javascript:alert(1)", "data:text/html,x", "/p/1", "", "file:///etc", " JAVASCRIPT:1"):
        assert called(modules, "offer", "safeAddress", text) is None, text
    assert called(modules, "offer", "safeAddress", " https://shop.example/a b ") == "https://shop.example/a%20b"


def test_ranges_are_values_of_a_filter(modules: Page) -> None:
    ranges: dict[str, Any] = {
        "10..50": {"gte": 10, "lte": 50},
        "-1.5..": {"gte": -1.5},
        "..2026-11-26": {"lte": "2026-11-26"},
        "2026-01-01..2026-11-26": {"gte": "2026-01-01", "lte": "2026-11-26"},
    }
    for text, wanted in ranges.items():
        assert called(modules, "ranges", "rangeOf", text) == wanted
        assert called(modules, "ranges", "rangeText", wanted) == text
    for text in ("..", "10", "a..b", "1..2026-01-01", "10...50", "Red"):
        assert called(modules, "ranges", "rangeOf", text) is None, text
    body = called(modules, "ranges", "filtersOfBody", {"price": ["10..50"], "year": ["2012"], "size": ["S", "1..2"]})
    assert body == {"price": {"gte": 10, "lte": 50}, "year": ["2012"], "size": {"gte": 1, "lte": 2}}


def test_an_attribute_that_splits_what_is_found_is_the_more_useful(modules: Page) -> None:
    def worth(counts: list[int], total: int = 100) -> float:
        found: float = called(modules, "usefulness", "usefulness", counts, total)
        return found

    assert worth([100]) == worth([], 100) == 0
    assert worth([50, 50]) > worth([90, 10]) > worth([99, 1])
    assert worth([25] * 4) > worth([50, 50])
    assert worth([50, 50]) > worth([10, 10])  # few products have it
    assert worth([10] * 10) > worth([1] * 100)  # too many to look through


def test_attributes_do_not_jump(modules: Page) -> None:
    def order(before: list[str], worth: dict[str, float], *, still: bool = False) -> list[str]:
        found: list[str] = called(modules, "usefulness", "ordered", before, worth, still)
        return found

    assert order([], {"a": 1, "b": 3, "c": 2}) == ["b", "c", "a"]
    assert order(["a", "b"], {"a": 1, "b": 1.2}) == ["a", "b"]
    assert order(["a", "b"], {"a": 1, "b": 1.3}) == ["b", "a"]
    assert order(["a", "b"], {"a": 1, "b": 9, "c": 5}, still=True) == ["a", "b", "c"]
    assert order(["a", "gone"], {"a": 1, "c": 5}) == ["c", "a"]


def test_colours_have_swatches_in_five_languages(modules: Page) -> None:
    def swatch(name: str) -> Any:
        return called(modules, "swatches", "swatchOf", name)

    for names in (
        ("Red", "rouge", "Rot", "rojo", "rosso"),
        ("navy blue", "marine", "Marineblau", "azul marino", "blu"),
        ("White", "blanc", "Weiß", "blanca", "bianco"),
    ):
        assert len({swatch(name) for name in names}) == 1, names
        assert swatch(names[0]).startswith("#")
    assert swatch("bleu clair") == swatch("Blue")
    assert "gradient" in swatch("Multi")
    assert swatch("Ocean Breeze") is None
    known = ["baseColour", "color", "Farbe", "couleur", "colore"]
    assert [called(modules, "swatches", "isColour", name) for name in [*known, "collar"]] == [True] * 5 + [False]


def test_handles_stand_where_a_range_ends(modules: Page) -> None:
    def buckets(*limits: Any) -> list[dict[str, Any]]:
        return [{"gte": low, "lt": high, "count": 1} for low, high in itertools.pairwise(limits)]

    prices = {"kind": "number", "whole": False, "min": 3.5, "max": 48, "buckets": buckets(0, 10, 20, 30, 40, 50)}
    years = {"kind": "number", "whole": True, "min": 2010, "max": 2012, "buckets": buckets(2010, 2011, 2012, 2013)}
    days = {"kind": "date", "whole": True, "buckets": buckets("2026-01-01", "2026-02-01", "2026-03-01")}
    assert called(modules, "histogram", "rangeBetween", prices, 1, 3) == {"gte": 10, "lte": 40}
    assert called(modules, "histogram", "rangeBetween", prices, 0, 4) == {}
    assert called(modules, "histogram", "rangeBetween", years, 1, 1) == {"gte": 2011, "lte": 2011}
    assert called(modules, "histogram", "rangeBetween", days, 0, 0) == {"lte": "2026-01-31"}
    for spread in (prices, years):
        for first, last in ((0, 2), (1, 1), (1, 2)):
            chosen = called(modules, "histogram", "rangeBetween", spread, first, last)
            assert called(modules, "histogram", "reached", spread, chosen) == [first, last]
    assert called(modules, "histogram", "reached", prices, {"gte": 12.5, "lte": 900}) == [1, 4]
