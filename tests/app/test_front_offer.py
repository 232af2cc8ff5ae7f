"""Offers as feeds write them: prices, sales, availability, and addresses that are safe to follow."""

from __future__ import annotations

import pytest

from app.front.offer import Amount, offer_of, safe_address


@pytest.mark.parametrize(
    ("attributes", "price", "before"),
    [
        ({"price": 19.99, "currency": "EUR"}, Amount(19.99, "EUR"), None),
        ({"price": "1.299,00 €"}, Amount(1299.0, "EUR"), None),
        ({"price": "19.99", "currency": "usd"}, Amount(19.99, "USD"), None),
        ({"price": 20, "sale_price": 15, "currency": "GBP"}, Amount(15.0, "GBP"), Amount(20.0, "GBP")),
        ({"price": "20 EUR", "sale_price": "15"}, Amount(15.0, "EUR"), Amount(20.0, "EUR")),
        ({"price": 20, "sale_price": 25, "currency": "EUR"}, Amount(20.0, "EUR"), None),
        ({"price": "20 EUR", "sale_price": "15 USD"}, Amount(20.0, "EUR"), None),
        ({"sale_price": "15 USD"}, Amount(15.0, "USD"), None),
        ({"price": 20}, Amount(20.0, ""), None),
        ({"price": "on request"}, None, None),
        ({"price": True}, None, None),
        ({"price": -1.0}, None, None),
        ({"price": float("inf")}, None, None),
        ({"price": ("12 EUR", "14 EUR")}, Amount(12.0, "EUR"), None),
        ({}, None, None),
    ],
)
def test_prices_and_sales(attributes: dict[str, object], price: Amount | None, before: Amount | None) -> None:
    offer = offer_of(attributes)  # type: ignore[arg-type]
    assert (offer.price, offer.before) == (price, before)


@pytest.mark.parametrize(
    ("language", "expected"),
    [("en", "€1,299.00"), ("fr", "1\u202f299,00\u00a0€"), ("de", "1.299,00\u00a0€"), ("it", "1.299,00\u00a0€")],
)
def test_a_price_is_written_as_a_shop_of_the_language_writes_it(language: str, expected: str) -> None:
    assert Amount(1299.0, "EUR").text(language) == expected


def test_prices_of_other_currencies() -> None:
    assert Amount(1299.4, "JPY").text("en") == "¥1,299"
    assert Amount(12.5, "SEK").text("en") == "SEK\u00a012.50"
    assert Amount(1.2345, "KWD").text("de") == "1,234\u00a0KWD"
    assert Amount(12.5, "").text("en") == "12.50"
    assert Amount(12.5, "").text("fr") == "12,50"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("in stock", "in_stock"),
        ("in_stock", "in_stock"),
        ("https://schema.org/InStock", "in_stock"),
        ("OutOfStock", "out_of_stock"),
        ("discontinued", "out_of_stock"),
        ("preorder", "preorder"),
        ("backorder", "backorder"),
        ("perhaps", ""),
        ("", ""),
    ],
)
def test_availability_is_told_by_many_names(text: str, expected: str) -> None:
    assert offer_of({"availability": text}).availability == expected


@pytest.mark.parametrize("address", ["https://shop.example/x?a=1&b=2", "HTTP://shop.example", "https://shop.example/é"])
def test_addresses_of_the_web_are_kept(address: str) -> None:
    assert safe_address(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "//shop.example",
        "/x",
        "https:",
        "https://",
        "https://[",
        "ftp://shop.example",
        'https://shop.example/"onclick="x',
        "https://shop.example/<script>",
        "https://shop.example/\\x",
        "",
    ],
)
def test_other_addresses_are_none(address: str) -> None:
    assert safe_address(address) == ""
