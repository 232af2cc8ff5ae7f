"""What the cells of a column become: prices, booleans, dates, lists, availability, and text as it was."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.feeds import read_feed
from training.data import Problem


def column(name: str, cells: list[str]) -> list[object]:
    """Return what the cells of a CSV column become; None where nothing is left."""
    feed = read_feed(
        "id,text,NAME\n".replace("NAME", name) + "".join(f"{n},T,{_quoted(c)}\n" for n, c in enumerate(cells))
    )
    return list(feed.values(name).values())


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


def test_prices_are_numbers_and_their_currency_an_attribute() -> None:
    feed = read_feed(
        'id,text,price,note\n1,A,19.99 EUR,a\n2,B,$19.99,b\n3,C,"19,99 €",c\n4,D,"1,299.00 USD",d\n5,E,5 - 9 EUR,e\n'
        "6,F,on request,f\n7,G,,g\n"
    )
    assert feed.values("price") == {"1": 19.99, "2": 19.99, "3": 19.99, "4": 1299, "5": 5, "6": None, "7": None}
    assert feed.values("price_max")["5"] == 9
    assert list(feed.values("currency").values()) == ["EUR", "USD", "EUR", "USD", "EUR", None, None]
    assert feed.problems == {Problem.BAD_PRICE: (1, "line 7: price 'on request'")}
    assert feed.roles.became == {"id": "id", "text": "title", "price": "attribute: price", "note": "attribute"}


def test_a_column_of_prices_keeps_its_name_and_its_own_currency() -> None:
    feed = read_feed('id,text,"Price, EUR",Cost\n1,A,10,$5\n2,B,20,$6\n')
    assert feed.rows["1"].attributes == {"Price, EUR": 10, "Cost": 5, "currency": "USD"}
    feed = read_feed("id,text,Preis,UVP\n1,A,10 EUR,$12\n2,B,20 EUR,21 EUR\n")
    assert feed.rows["1"].attributes == {"Preis": 10, "UVP": 12, "Preis_currency": "EUR", "UVP_currency": "USD"}
    feed = read_feed("id,text,price,currency\n1,A,10 EUR,EUR\n")
    assert feed.rows["1"].attributes == {"price": 10, "currency": "EUR"}


@pytest.mark.parametrize(
    ("cells", "amounts"),
    [
        (["1.299", "19,99"], [1299, 19.99]),
        (["1,299", "19.99"], [1299, 19.99]),
        (["1.299 €", "1.300 €"], [1299, 1300]),
        (["19.99", "19,99"], [19.99, 19.99]),
        (["5", "7"], [5, 7]),
    ],
)
def test_the_whole_column_decides_what_a_comma_is(cells: list[str], amounts: list[float]) -> None:
    assert column("Preis", cells) == amounts
    assert column("price", cells) == amounts


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("price category", ["low", "high"]),
        ("price range", ["10-20", "20-30"]),
        ("size", ["36,38", "40,42"]),
        ("size", ["36", "M"]),
        ("colour", ["Red/Blue", "Grey"]),
        ("sale", ["yes", "no"]),
        ("year", ["2012", "2013"]),
        ("gtin", ["04006381333931", "0012"]),
        ("weight", ["1.5 kg", "200 g"]),
        ("note", ["a, b", "c"]),
        ("model", ["10", "10a"]),
        ("ratio", ["1/2", "3/4"]),
        ("when", ["2026", "May 2026"]),
    ],
)
def test_other_text_stays_text(name: str, cells: list[str]) -> None:
    assert column(name, cells) == cells


@pytest.mark.parametrize(
    ("name", "cells", "values"),
    [
        ("sale", ["TRUE", "false"], [True, False]),
        ("lagernd", ["ja", "nein"], [True, False]),
        ("published", ["1", "0"], [True, False]),
        ("Is featured?", ["1", "0"], [True, False]),
        ("outlet", ["WAHR", "FALSCH"], [True, False]),
        ("since", ["26.11.2026", "1.2.2026"], ["2026-11-26", "2026-02-01"]),
        ("since", ["11/26/2026", "01/02/2026"], ["2026-11-26", "2026-01-02"]),
        ("since", ["26/11/2026", "01/02/2026"], ["2026-11-26", "2026-02-01"]),
        ("since", ["2026-11-26", "2026-11-26 10:00:00"], ["2026-11-26", "2026-11-26T10:00:00"]),
        ("since", ["2026-11-26T10:00Z"], ["2026-11-26T10:00:00+00:00"]),
        ("since", ["2026/11/26"], ["2026-11-26"]),
        ("tags", ["a, b", "c"], [("a", "b"), ("c",)]),
        ("Schlagwörter", ["a;b,c", "d"], [("a", "b,c"), ("d",)]),
        ("sizes", ['["S", "M"]', "[]"], [("S", "M"), None]),
        ("sizes", ["['S', 'M']", "['L']"], [("S", "M"), ("L",)]),
        ("Gewicht", ["1,5", "2"], [1.5, 2]),
        ("material", ["100% cotton &amp; wool", "<b>silk</b>"], ["100% cotton & wool", "silk"]),
    ],
)
def test_what_a_column_shows_to_be_has_its_type(name: str, cells: list[str], values: list[object]) -> None:
    assert column(name, cells) == values


def test_dates_that_cannot_be_told_apart_stay_text_and_are_counted() -> None:
    feed = read_feed("id,text,since,until\n1,A,01/02/2026,26.11.2026\n2,B,03/04/2026,31.02.2026\n")
    assert feed.values("since") == {"1": "01/02/2026", "2": "03/04/2026"}
    assert feed.values("until") == {"1": "2026-11-26", "2": "31.02.2026"}
    assert feed.problems[Problem.UNCLEAR_DATE][0] == 2
    assert feed.problems[Problem.BAD_DATE] == (1, "line 3: until '31.02.2026'")


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (
            "in_stock|In Stock|https://schema.org/InStock|http://schema.org/InStock/|InStock|auf Lager|en stock|1|12",
            "in stock",
        ),
        (
            "out of stock|out_of_stock|OutOfStock|SoldOut|ausverkauft|Rupture de stock|agotado|esaurito|0|no",
            "out of stock",
        ),
        ("preorder|pre_order|PreOrder|vorbestellbar", "preorder"),
        ("backorder|BackOrder|on backorder", "backorder"),
    ],
)
def test_availability_is_one_of_few_words_and_a_boolean(words: str, meant: str) -> None:
    for name in ("availability", "Verfügbarkeit", "stock_status"):
        feed = read_feed(f"id,text,{name}\n" + "".join(f"{n},T,{word}\n" for n, word in enumerate(words.split("|"))))
        assert set(feed.values(name).values()) == {meant}
        assert set(feed.values("in_stock").values()) == {meant == "in stock"}
        assert not feed.problems


def test_availability_in_other_words_is_kept_and_counted() -> None:
    feed = read_feed("id,text,availability\n1,A,ask Bob\n2,B,in stock\n")
    assert feed.values("availability") == {"1": "ask Bob", "2": "in stock"}
    assert feed.values("in_stock") == {"1": None, "2": True}
    assert feed.problems == {Problem.AVAILABILITY: (1, "line 2: availability 'ask Bob'")}


def test_json_keeps_its_types_and_mixed_columns_are_counted() -> None:
    lines = [
        {
            "id": 1,
            "text": "A",
            "pieces": 5,
            "ratio": 0.1,
            "sale": True,
            "tags": ["a", "b"],
            "none": None,
            "deep": {"x": 1},
        },
        {"id": 2, "text": "B", "pieces": "7", "ratio": 2.0, "sale": False, "tags": [], "none": "", "price": "20 EUR"},
        {"id": 3, "text": "C", "pieces": 6, "price": {"value": "19.99", "currency": "EUR"}, "brand": {"name": "Acme"}},
        {"id": 4.0, "text": "D", "pieces": "many", "price": 5},
    ]
    feed = read_feed("\n".join(map(json.dumps, lines)), "t.jsonl")
    assert list(feed.rows) == ["1", "2", "3", "4"]
    assert feed.rows["1"].attributes == {"pieces": 5, "ratio": 0.1, "sale": True, "tags": ("a", "b")}
    assert feed.rows["2"].attributes == {"pieces": 7, "ratio": 2.0, "sale": False, "price": 20, "currency": "EUR"}
    assert feed.rows["3"].attributes == {"pieces": 6, "price": 19.99, "currency": "EUR", "brand": "Acme"}
    assert feed.rows["4"].attributes == {"pieces": "many", "price": 5}
    assert feed.problems == {Problem.NESTED: (1, "line 1: deep"), Problem.MIXED: (1, "line 4: pieces 'many'")}


def test_a_text_among_many_numbers_is_counted() -> None:
    feed = read_feed("id,text,weight\n" + "".join(f"{n},T,{n}\n" for n in range(40)) + '40,T,"1,2,3"\n')
    assert feed.values("weight")["40"] == "1,2,3"
    assert feed.problems == {Problem.MIXED: (1, "line 42: weight '1,2,3'")}


def test_a_description_is_clean_bounded_and_a_title_where_there_is_none() -> None:
    long = "<p>" + "a word " * 2_000 + "</p>"
    feed = read_feed(f"id,title,Body (HTML)\n1,A,<p>Soft</p><p>warm</p>\n2,,Only a description\n3,C,{long}\n")
    assert feed.rows["1"].attributes == {"Body (HTML)": "Soft warm"}
    assert feed.rows["2"].title == "Only a description"
    text = feed.rows["3"].attributes["Body (HTML)"]
    assert isinstance(text, str)
    assert text.endswith("word…")
    assert 4_990 < len(text) <= 5_000
    assert feed.problems == {Problem.FROM_DESCRIPTION: (1, "2"), Problem.CUT: (1, "3")}


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=12)


@settings(max_examples=40)
@given(
    name=st.sampled_from(["price", "tags", "availability", "since", "note"]),
    cells=st.lists(CELLS, min_size=1, max_size=5),
)
def test_whatever_the_cells_are_every_row_comes_with_values_of_a_known_type(name: str, cells: list[str]) -> None:
    found = column(name, cells)
    assert len(found) == len(cells)
    for value in found:
        assert value is None or isinstance(value, str | int | float | bool | tuple)
        assert value != ""
        assert not isinstance(value, tuple) or (value and all(isinstance(one, str) for one in value))
