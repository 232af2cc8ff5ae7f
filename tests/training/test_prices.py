"""Prices as feeds write them, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.prices import decimal_mark, read_price


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("19.99 EUR", 19.99, "EUR"),
        ("$19.99", 19.99, "USD"),
        ("1.299,00 €", 1299, "EUR"),
        ("1,299.00 USD", 1299, "USD"),
        ("CHF 1'299.–", 1299, "CHF"),
        ("CHF 1’299.50", 1299.5, "CHF"),
        ("19,99", 19.99, ""),
        ("EUR 19", 19, "EUR"),
        ("19.99\u00a0€", 19.99, "EUR"),
        ("1\u202f299,90 €", 1299.9, "EUR"),
        ("19,- €", 19, "EUR"),
        ("€1.299", 1299, "EUR"),
        ("1.234.567,89 EUR", 1234567.89, "EUR"),
        ("₹1,29,999.00", 129999, "INR"),
        ("1 299,00 zł", 1299, "PLN"),
        ("R$ 10,00", 10, "BRL"),
        ("USD19.99", 19.99, "USD"),
        ("$19.99 CAD", 19.99, "CAD"),
        ("kr 1.299,-", 1299, "SEK"),
        ("199:-", 199, "SEK"),
        ("1.299 KWD", 1.299, "KWD"),
        ("0.999 EUR", 0.999, "EUR"),
        ("19 € 99", 19.99, "EUR"),
        ("99 ct", 0.99, ""),
        ("ab 19,99 €", 19.99, "EUR"),
        ("à partir de 19,99 €", 19.99, "EUR"),
        ("19,99 € inkl. 19 % MwSt.", 19.99, "EUR"),
        ("19.99 EUR/Stück", 19.99, "EUR"),
        ("-5 EUR", -5, "EUR"),
        ("1e3", 1000, ""),
        ("٩٩٫٥ AED", 99.5, "AED"),
        ("１９.９９ 円", 19.99, "JPY"),
        ("free", 0, ""),
        ("5", 5, ""),
    ],
)
def test_a_price_is_read(text: str, amount: float, currency: str) -> None:
    price = read_price(text)
    assert price is not None
    assert (price.amount, price.most, price.currency) == (amount, amount, currency)


@pytest.mark.parametrize(
    ("text", "amount", "most"),
    [("10 - 20 EUR", 10, 20), ("$10.00 – $20.00", 10, 20), ("10 bis 20 €", 10, 20), ("from 10 to 20 EUR", 10, 20)],
)
def test_a_range_has_its_lowest_and_largest_amount(text: str, amount: float, most: float) -> None:
    price = read_price(text)
    assert price is not None
    assert (price.amount, price.most) == (amount, most)


@pytest.mark.parametrize(
    "text",
    [
        *("on request", "", "n/a", "12 pcs", "10 %", "12.50.3", "1,2,3", "2026-11-26", "29,99 € 19,99 €", "EUR"),
        *("12 kg", "size 38", "20 EUR - 10 EUR", "10 EUR - 20 USD", "A5", "1.29.9"),
    ],
)
def test_what_does_not_read_whole_is_no_price(text: str) -> None:
    assert read_price(text) is None


def test_the_column_decides_what_a_single_mark_is() -> None:
    assert decimal_mark(["1.299", "19,99"]) == ","
    assert decimal_mark(["1,299", "19.99"]) == "."
    assert decimal_mark(["1.299", "5"]) == decimal_mark(["19.99", "19,99"]) == ""
    for mark, amount in ((",", 1299), (".", 1.299), ("", 1299)):
        price = read_price("1.299", mark)
        assert price is not None
        assert price.amount == amount


@given(cents=st.integers(0, 10**9), style=st.sampled_from(["{:,.2f}", "de", "{:.2f}", "fr", "ch"]), code=st.booleans())
def test_every_style_reads_back(cents: int, style: str, code: bool) -> None:
    amount = cents / 100
    text = f"{amount:,.2f}"
    if style in ("de", "fr", "ch"):
        comma, point = {"de": (".", ","), "fr": ("\u202f", ","), "ch": ("’", ".")}[style]
        text = text.replace(",", "#").replace(".", point).replace("#", comma)
    elif style == "{:.2f}":
        text = f"{amount:.2f}"
    price = read_price(f"EUR {text}" if code else f"{text} €")
    assert price is not None
    assert (price.amount, price.currency) == (amount, "EUR")
