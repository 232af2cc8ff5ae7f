"""One number and one currency are a price, however they are written; anything else is none."""

from __future__ import annotations

import math

import pytest

from index import amount_in, price_in
from index.prices import CODES, SYMBOLS
from index.values import date_of, number_of


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("19.99 EUR", 19.99, "EUR"),
        ("$19.99", 19.99, "USD"),
        ("19,99 €", 19.99, "EUR"),
        ("1,299.00 USD", 1299.0, "USD"),
        ("1.299,00 €", 1299.0, "EUR"),
        ("CHF 1'299.–", 1299.0, "CHF"),
        ("1 299,00 €", 1299.0, "EUR"),
        ("1\u00a0299,00\u202f€", 1299.0, "EUR"),
        ("EUR 19", 19.0, "EUR"),
        ("19,- €", 19.0, "EUR"),
        ("£0.99", 0.99, "GBP"),
        ("-5 EUR", -5.0, "EUR"),
        ("eur19.5", 19.5, "EUR"),
        ("US$5", 5.0, "USD"),
        ("＄19.99", 19.99, "USD"),
        ("1.299 EUR", 1299.0, "EUR"),  # prices have two places: a third digit is none
        ("1,299 USD", 1299.0, "USD"),
        ("0.999 EUR", 0.999, "EUR"),
        ("12.345 KWD", 12.345, "KWD"),  # but for currencies that have three
        ("1,23,456.00 INR", 123456.0, "INR"),
        ("1.299.000 IDR", 1299000.0, "IDR"),
        ("199 kr", 199.0, "SEK"),
        ("49,90 zł", 49.9, "PLN"),
        ("$19.99 CAD", 19.99, "CAD"),
        ("US $19.99", 19.99, "USD"),
        ("USD $1,019.99", 1019.99, "USD"),
        ("EUR €19.99", 19.99, "EUR"),
        ("Rs. 499", 499.0, "INR"),
    ],
)
def test_prices(text: str, amount: float, currency: str) -> None:
    found = price_in(text)
    assert found is not None
    assert (found.amount, found.currency) == (amount, currency)
    assert number_of(text.casefold()) == amount


NONE = "19.99;19,99;EUR;;€;red;5 for $10;$10 - $20;10-20 EUR;19.9.9 EUR;1,2,3 EUR;EUR 19 USD;1e5 EUR;40 EU;M 38"
NO_DATES = ["", "2026", "2026-02-30", "2026-1-2", "26-11-2026", "2026-11-26T25:00", "20261126", "x"]


@pytest.mark.parametrize(
    "text", [*NONE.split(";"), "12345 6 EUR", "$.99", "19 EUR/kg", "from 19 EUR", "$19.99 EUR €", "€19 USD"]
)
def test_what_is_no_price(text: str) -> None:
    assert price_in(text) is None


def test_symbols_stand_for_currencies_there_are() -> None:
    assert set(SYMBOLS.values()) <= CODES
    assert all(symbol == symbol.upper() for symbol in SYMBOLS)


def test_amounts_without_a_currency() -> None:
    assert [amount_in(text) for text in ("19,99", "1.299,00", "1,299.00", "1'299", "19", "x", "1,2,3")] == [
        19.99,
        1299.0,
        1299.0,
        1299.0,
        19.0,
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-02", 86400.0),
        ("1970-01-01t00:01", 60.0),
        ("1970-01-01 00:00:30", 30.0),
        ("1970-01-01T01:00:00+01:00", 0.0),
        ("1970-01-01T00:00:00.5Z", 0.5),
        ("1969-12-31", -86400.0),
        ("0001-01-01", -62135596800.0),
    ],
)
def test_dates(text: str, seconds: float) -> None:
    assert date_of(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-02-30", "2026-1-2", "26-11-2026", "2026-11-26T25:00", "20261126", "x"]
)
def test_what_is_no_date(text: str) -> None:
    assert math.isnan(date_of(text))


def test_numbers_without_a_currency_are_read_where_there_is_one_way_to() -> None:
    assert math.isnan(number_of("1_000"))
    assert [number_of(text) for text in ("19,99", "38,5", "-0,5", "1.299,00", "1,299.00", "1 299,00", "1'299.50")] == [
        19.99,
        38.5,
        -0.5,
        1299.0,
        1299.0,
        1299.0,
        1299.5,
    ]
    for text in ("1,299", "1.299.000", "1,2,3", "10 100", "19,", ",5", "1,234,5", "12,345,67"):
        assert math.isnan(number_of(text)), text
    assert (number_of("1e3"), number_of("-2.5"), number_of("inf")) == (1000.0, -2.5, math.inf)
