"""Judged queries: what a file may say, which products are right, and figures that were worked out by hand."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest

from common import InputError
from index import Product
from index.metrics import HALVES, Asked, Drawn, Found, Judged, JudgedQuery, draw, judged_figures, read_queries
from index.metrics.drawn_queries import edited
from index.metrics.judged_scores import measures
from tests.tools.root import ROOT

SHOP = [
    Product("1", "Acmé Women's Red T-Shirt", {"kind": "Tshirts", "baseColour": "Red"}, "test"),
    Product("2", "Acme Men Off White Tshirt", {"kind": "Tshirts", "baseColour": "Off White"}, "test"),
    Product("3", "Moro Men Striped Blue Shirt LP-201", {"kind": "Shirts", "baseColour": "Blue"}, "test"),
    Product("4", "Moro Gift Card", {}, "test"),
]


def file(folder: Path, *lines: Any) -> Path:
    path = folder / "some.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), encoding="utf-8")
    return path


def right(folder: Path, where: dict[str, Any]) -> str:
    (query,) = read_queries(file(folder, {"text": "x", "kind": "plain", "where": where}))
    assert isinstance(query, JudgedQuery)
    return "".join(sorted(query.relevant(map(Judged.of, SHOP))))


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        ({"attributes": {"kind": ["tshirts"]}}, "12"),
        ({"attributes": {"kind": ["Tshirts", "Shirts"], "baseColour": ["BLUE"]}}, "3"),
        ({"attributes": {"baseColour": ["White"]}}, ""),
        ({"not_attributes": {"baseColour": ["Red"]}}, "234"),
        ({"title": ["acme"]}, "12"),
        ({"title": ["acme", "women"]}, "1"),
        ({"title": ["off white tshirt"]}, "2"),
        ({"title": ["shirt tshirt"]}, ""),
        ({"title": ["t shirt"]}, "1"),
        ({"title": ["hirt"]}, ""),
        ({"title": ["lp-201"]}, "3"),
        ({"title_any": ["striped", "gift card"]}, "34"),
        ({"title": ["moro"], "not_title": ["gift"]}, "3"),
        ({"any_of": [{"title": ["women"]}, {"attributes": {"kind": ["Shirts"]}}]}, "13"),
        ({"title": ["moro"], "any_of": [{"title": ["women"]}, {"attributes": {"kind": ["Shirts"]}}]}, "3"),
    ],
)
def test_a_condition_says_which_products_are_right(tmp_path: Path, where: dict[str, Any], ids: str) -> None:
    assert right(tmp_path, where) == ids


def test_a_file_and_a_folder_are_read_in_order(tmp_path: Path) -> None:
    one = {"text": "rouge", "kind": "french", "language": "fr", "half": "tune", "ids": ["1"], "english": "red"}
    path = file(tmp_path, one, "", {"draw": "titles", "kind": "title", "count": 2, "seed": 3})
    (tmp_path / "also.jsonl").write_text('{"text": "zebra", "kind": "nonsense", "nothing": true}', encoding="utf-8")
    french = JudgedQuery("rouge", "french", "fr", "tune", ids=("1",), plain="red")
    assert read_queries(path) == [french, Drawn("titles", "title", 2, 3)]
    assert read_queries(tmp_path) == [JudgedQuery("zebra", "nonsense", nothing=True), *read_queries(path)]


GOOD = {"text": "x", "kind": "plain", "ids": ["1"]}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "no JSON"),
        ("[1]", "must be an object"),
        ({"text": "x", "kind": "plain"}, "no answer; give one of"),
        ({**GOOD, "nothing": True}, "ids and nothing; give one of"),
        ({"text": "x", "kind": "plain", "nothing": False}, '"nothing" is false'),
        ({**GOOD, "text": " "}, '"text" is'),
        ({**GOOD, "kind": None}, '"kind" is None'),
        ({**GOOD, "half": "third"}, "choose one of tune, report"),
        ({**GOOD, "ids": []}, '"ids" is []'),
        ({**GOOD, "ids": [7]}, "must hold texts"),
        ({**GOOD, "wher": {}}, "unknown 'wher'; known are text, kind, language, half"),
        ({**GOOD, "english": "y", "clean": "y"}, "give one of them"),
        ({"text": "x", "kind": "plain", "where": {}}, "every product meets"),
        ({"text": "x", "kind": "plain", "where": {"titel": ["a"]}}, "unknown 'titel'"),
        ({"text": "x", "kind": "plain", "where": {"attributes": {"kind": "Shirts"}}}, '"attributes.kind" is'),
        ({"text": "x", "kind": "plain", "where": {"any_of": [{"title": [""]}]}}, '"title" has'),
        ({"draw": "brands", "kind": "x", "count": 1, "seed": 0}, "choose one of titles, groups"),
        ({"draw": "titles", "kind": "x", "count": 0, "seed": 0}, "whole number from 1"),
        ({"draw": "titles", "kind": "x", "count": 1, "seed": 0, "edited": True}, 'is for "draw": "groups"'),
        ({"draw": "titles", "kind": "x", "count": 1, "seed": 0, "text": "x"}, "unknown 'text'"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, line: Any, said: str) -> None:
    with pytest.raises(InputError) as error:
        read_queries(file(tmp_path, GOOD, line))
    assert str(error.value).startswith(f"{tmp_path / 'some.jsonl'}, line 2: ")
    assert said in str(error.value)


def test_files_without_queries_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no file \*\.jsonl"):
        read_queries(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        read_queries(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="has no queries"):
        read_queries(file(tmp_path, ""))


@pytest.mark.parametrize(
    ("found", "relevant", "expected"),
    [
        ("ab", "ab", (1, 1, 1, 1)),
        ("xa", "a", (1, 1 / math.log2(3), 1 / 2, 0)),
        ("axb", "abc", (2 / 3, (1 + 1 / 2) / (1 + 1 / math.log2(3) + 1 / 2), 1, 1)),
        ("xy", "a", (0, 0, 0, 0)),
        ("", "a", (0, 0, 0, 0)),
        ("abcdefghij", "abcdefghijklm", (1, 1, 1, 1)),
        ("xxxxxxxxxxa", "a", (0, 0, 0, 0)),
    ],
)
def test_measures_by_hand(found: str, relevant: str, expected: tuple[float, ...]) -> None:
    assert tuple(measures(list(found), frozenset(relevant)).values()) == pytest.approx(expected)


def asked(kind: str, relevant: str, ids: str, kept: str | None = None, plain: str | None = None) -> Asked:
    language = "fr" if kind == "french" else "en"
    query = JudgedQuery("x", kind, language, ids=tuple(relevant), nothing=not relevant, plain=plain and "y")
    found = Found(tuple(ids), tuple(ids if kept is None else kept), corrected=kind == "typo")
    return Asked(query, frozenset(relevant), found, Found(tuple(plain), tuple(plain)) if plain else None)


def test_figures_by_hand() -> None:
    figures = judged_figures(
        [
            asked("plain", "a", "a"),
            asked("plain", "ab", "axb", kept="a"),
            asked("plain", "ab", "xy", kept=""),
            asked("plain", "a", "a"),
            asked("french", "ab", "ax", plain="ab"),
            asked("french", "ab", "a", plain="ax"),
            asked("typo", "a", "a", plain="a"),
            asked("nonsense", "", "abc", kept=""),
            asked("nonsense", "", "abc"),
        ]
    )
    kinds = figures["kinds"]
    assert list(kinds) == ["plain", "french", "typo", "nonsense"]
    assert kinds["plain"]["queries"] == 4
    assert kinds["plain"]["p10"]["value"] == pytest.approx(3 / 4)
    assert kinds["plain"]["no_answer"]["value"] == pytest.approx(1 / 4)
    assert kinds["typo"]["corrected"] == {"value": 1, "low": 1, "high": 1}
    assert set(kinds["nonsense"]) == {"queries", "no_answer", "corrected"}
    assert figures["mean"]["p10"]["value"] == pytest.approx((3 / 4 + 1 / 2 + 1) / 3)
    assert figures["ratios"]["french"]["value"] == pytest.approx((1 / 2 + 1 / 2) / (1 + 1 / 2), abs=1e-6)
    assert figures["nothing"]["value"] == 1 / 2
    assert kinds["plain"]["lost"]["value"] == pytest.approx(1 / 2 / 4)
    assert figures["mean"]["lost"]["value"] == pytest.approx(1 / 2 / 4 / 3, abs=1e-6)
    assert figures["changed"]["value"] == 0


def test_intervals_hold_the_value_and_narrow_with_more_queries() -> None:
    def interval(times: int) -> dict[str, float]:
        both = [asked("plain", "a", "a"), asked("plain", "a", "x")] * times
        figure: dict[str, float] = judged_figures(both)["kinds"]["plain"]["p10"]
        return figure

    few, many = interval(10), interval(100)
    # The deviation of a share of n draws is sqrt(p (1 - p) / n).
    assert few["high"] - few["low"] == pytest.approx(2 * 1.96 * math.sqrt(0.25 / 20), rel=0.15)
    assert many["high"] - many["low"] < (few["high"] - few["low"]) / 2
    assert many["low"] < 0.5 < many["high"]


def test_other_texts_that_find_nothing_make_no_ratio() -> None:
    assert judged_figures([asked("french", "a", "a", plain="x")])["ratios"] == {}


def shop(brand: str, colour: str, count: int, first: int) -> list[Product]:
    return [
        Product(str(number), f"{brand} {colour} Shoes {number}", {"baseColour": colour, "articleType": "Shoes"}, "test")
        for number in range(first, first + count)
    ]


def test_drawn_queries_are_the_same_for_the_same_seed_and_know_what_is_right() -> None:
    products = [
        *shop("Red Tape Men", "Black", 5, 0),
        *shop("Moro", "Blue", 4, 10),
        *shop("Kite", "Red", 2, 20),
        Product("twin", "KITE Red Shoes 20", {}, "test"),
    ]
    titles = draw(Drawn("titles", "title", 11, 1), products)
    again = draw(Drawn("titles", "title", 11, 1), list(reversed(products)))
    assert [query.text.casefold() for query in titles] == [query.text.casefold() for query in again]
    assert {query.ids for query in titles if query.text.casefold() == "kite red shoes 20"} == {("20", "twin")}
    assert [query.half for query in titles[:3]] == ["tune", "report", "tune"]
    groups = draw(Drawn("groups", "group", 2, 1), products)
    assert {query.text for query in groups} == {"red tape men black shoes", "moro blue shoes"}
    with pytest.raises(
        InputError, match=r'3 groups are to be drawn for \'group\', but the catalogue has 2; lower "count"'
    ):
        draw(Drawn("groups", "group", 3, 1), products)
    (first, _) = draw(Drawn("groups", "edit", 2, 1, edited=True), products)
    assert first.text != first.plain == groups[0].text
    assert first.ids == groups[0].ids


def test_an_edit_changes_one_word_by_one_letter() -> None:
    for seed in range(200):
        text = "mens t-shirt lp201 red yellow"
        typed = edited(text, random.Random(seed)).split()
        changed = [(a, b) for a, b in zip(text.split(), typed, strict=True) if a != b]
        assert len(changed) == 1
        assert changed[0][0] in ("mens", "yellow")
        assert abs(len(changed[0][0]) - len(changed[0][1])) <= 1
    assert edited("red t-shirt", random.Random(0)) == "red t-shirt"


def test_the_queries_that_come_along_can_be_read() -> None:
    queries = [query for query in read_queries(ROOT / "tests/data/queries") if isinstance(query, JudgedQuery)]
    edits = [query for query in queries if query.like]
    assert len(edits) == 200
    halves = [{one for query in edits if query.half == half for one in query.like} for half in HALVES]
    assert not set.intersection(*halves)
    queries = [query for query in queries if not query.like]
    kinds = {query.kind for query in queries}
    assert kinds >= {"plain", "brand", "code", "typo", "french", "german", "spanish", "italian", "look", "nonsense"}
    for kind in kinds:
        assert sum(query.kind == kind for query in queries) >= 40
    assert all(query.plain for query in queries if query.kind in ("typo", "french", "german", "spanish", "italian"))
    texts = [query.text for query in queries]
    assert len(texts) == len(set(texts))
