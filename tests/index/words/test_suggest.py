"""Completions: what a text is completed to, in which order, with which counts, and that none leads to nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import Product, first_text
from index.words.analyse import stem, terms
from index.words.entries import Entries, parts_of
from index.words.index import WordIndex
from index.words.phrases import frequent_phrases
from index.words.spelling import Speller
from index.words.suggest import Completer

STOCK = [
    ("Nike Men Running Shoes", "Sports Shoes", "Black", 30),
    ("Nike Women Shorts", "Shorts", "Red", 12),
    ("Nike Unisex Revolution Cap", "Caps", "Blue", 6),
    ("Red Tape Men Formal Shoes", "Formal Shoes", "Brown", 20),
    ("Red Tape Women Polo T-Shirt", "Tshirts", "Red", 10),
    ("Puma Polo T-shirt Ferrari", "Tshirts", "White", 14),
    ("W Women Printed Kurta", "Kurtas", "Red", 9),
    ("Wildcraft Backpack CH2589", "Backpacks", "Blue", 8),
    ("Wildcraft Shrt", "Shirts", "Blue", 1),
    ("Peter Shirt for Men", "Shirts", "White", 25),
]


def products() -> list[Product]:
    return [
        Product(f"{kind}-{number}", title, {"articleType": article, "baseColour": colour, "year": "2012"}, "train")
        for kind, (title, article, colour, count) in enumerate(STOCK)
        for number in range(count)
    ]


def completer(shop: list[Product], before: Completer | None = None) -> Completer:
    known = WordIndex.of(shop)
    return Completer(known, lambda row: shop[row].title, Speller(known.surface()).correct, ["for", "with"], before)


SHOP = products()
complete = completer(SHOP)


def texts(typed: str, count: int = 8) -> list[str]:
    return [one.text for one in complete.suggest(typed, count)]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("ni", ["Nike"]),
        ("re", ["Red Tape", "Red"]),  # 30 products of the brand, 31 that are red: the brand's rows and the value's
        ("sho", ["Shorts", "Sports Shoes", "Formal Shoes"]),
        ("tap", ["Red Tape"]),
        ("t-sh", ["Tshirts"]),
        ("t sh", ["Tshirts"]),
        ("T-SHI", ["Tshirts"]),
        ("back pa", ["Backpacks"]),
        ("polo t", ["Polo Tshirts"]),
        ("nike sh", ["Nike Sports Shoes", "Nike Shorts"]),
        ("nike rev", ["Nike Revolution"]),
        ("ch25", ["CH2589"]),
        ("nkie sh", ["Nike Sports Shoes", "Nike Shorts"]),
        ("wildcarf", ["Wildcraft"]),
        ("formla", ["Formal Shoes"]),
        ("shirt for m", ["shirt for Men"]),
        ("puma polo t-shirt fe", ["Puma Polo T-Shirt Ferrari"]),
    ],
)
def test_a_beginning_is_completed(typed: str, first: list[str]) -> None:
    found = texts(typed)
    assert sorted(found[: len(first)]) == sorted(first), found


def test_brands_and_values_come_before_words_with_kind_attribute_and_count() -> None:
    found = {one.text: one for one in complete.suggest("re", 20)}
    assert (found["Red"].kind, found["Red"].attribute, found["Red"].count) == ("value", "baseColour", 31)
    assert (found["Red Tape"].kind, found["Red Tape"].attribute, found["Red Tape"].count) == ("brand", None, 30)
    assert (found["Revolution"].kind, found["Revolution"].count) == ("phrase", 6)
    kinds = [one.kind for one in complete.suggest("re", 20)]
    assert kinds == sorted(kinds, key=lambda kind: kind == "phrase")


def test_a_finished_text_goes_on_with_what_its_products_have_more_than_others() -> None:
    found = {one.text: one.count for one in complete.suggest("nike ", 20)}
    assert [found[text] for text in ("Nike Sports Shoes", "Nike Shorts")] == [30, 12]
    assert not any(text.endswith("2012") for text in found)


def test_what_finds_the_same_comes_once() -> None:
    found = [" ".join(map(stem, parts_of(text))) for text in texts("shirt", 20)]
    assert len(found) == len(set(found))


def test_a_long_text_is_completed_to_titles_too() -> None:
    found = complete.suggest("puma polo fer", 8)
    assert [(one.text, one.count) for one in found if one.kind == "title"] == [("Puma Polo T-shirt Ferrari", 14)]
    assert not any(one.kind == "title" for one in complete.suggest("puma", 8))


def test_before_anything_is_typed_there_are_frequent_brands_and_values_but_not_what_all_have() -> None:
    found = complete.suggest("", 6)
    assert {one.kind for one in found} == {"brand", "value"}
    assert "2012" not in [one.text for one in found]
    assert complete.suggest("   ", 6) == found


@pytest.mark.parametrize("typed", ["zzz", "xqz w", "nike zzzz", "nike men red kurta pa", "…", "'", "é" * 200])
def test_what_no_product_has_is_not_suggested(typed: str) -> None:
    for one in complete.suggest(typed, 8):
        assert one.count > 0


def test_nothing_fits_nonsense() -> None:
    assert texts("zzzzzz") == []
    assert texts("xqz w") == []


def test_a_shop_without_products_suggests_nothing() -> None:
    empty = completer([])
    assert [empty.suggest(typed, 8) for typed in ("", "r", "red ", "red dress")] == [[], [], [], []]


@settings(max_examples=150)
@given(st.sampled_from(SHOP), st.integers(1, 30), st.integers(1, 20), st.sampled_from(["", " "]))
def test_every_suggestion_leads_to_as_many_products_as_it_says(
    product: Product, letters: int, count: int, end: str
) -> None:
    found = complete.suggest(product.title[:letters] + end, count)
    assert 0 < len(found) <= count or end or not found
    for one in found:
        wanted = set(terms(one.text)) - {"for", "with"}
        with_all = [
            p for p in SHOP if wanted <= set(terms(" ".join([p.title, *map(first_text, p.attributes.values())])))
        ]
        # A value has fewer than have its words, in whatever place.
        assert 0 < one.count <= len(with_all)
        if one.kind == "title":
            assert one.count == len(with_all)


def test_words_that_come_and_go_are_completed_at_once_and_phrases_are_kept_for_a_while() -> None:
    before = completer(SHOP)
    assert [one.text for one in before.suggest("zara", 3)] == []
    more = [*SHOP, *(Product(f"z{number}", "Zara Red Scarf", {}, "train") for number in range(3))]
    after = completer(more, before)
    assert after.suggest("zara", 1)[0].count == 3
    assert after._phrases is before._phrases
    many = [*more, *(Product(f"y{number}", "Zara Silk Scarf", {}, "train") for number in range(40))]
    assert completer(many, after)._phrases is not before._phrases


def test_dead_rows_lead_nowhere() -> None:
    known = WordIndex.of(SHOP)
    alive = np.array([not product.title.startswith("Puma") for product in SHOP])
    gone = [product for product in SHOP if product.title.startswith("Puma")]
    later = known.updated(alive, gone, [])
    after = Completer(later, lambda row: SHOP[row].title, lambda word: None)
    assert after.suggest("puma", 5) == []
    assert after.suggest("ferra", 5) == []


def test_words_that_belong_together_are_phrases_and_neighbours_by_chance_are_not() -> None:
    titles = [
        f"{brand} {person} {colour} Polo T-Shirt"
        for brand in ("Puma", "Nike")
        for person in ("Men", "Women")
        for colour in ("Red", "Navy Blue", "Black")
    ]
    found = frequent_phrases(titles)
    assert found["Navy Blue"] == 4
    assert set(found) == {"Navy Blue"}
    assert "Polo T-Shirt" in frequent_phrases([*titles, *(f"Puma Casual Shoes {n}" for n in range(40))])


def test_beginnings_one_edit_away_are_found_but_for_the_first_letter() -> None:
    entries = Entries({"Nike": 5}, {("colour", "Black"): 9}, {}, {"nike": 5, "black": 9, "bike": 1})
    assert entries.near("blck") == ["black"]
    assert entries.near("lback") == ["black"]
    assert entries.near("vlack") == []
    assert [entry.text for entry in entries.starting("b")] == ["Black", "bike"]
