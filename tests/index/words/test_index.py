"""Postings and what a catalogue knows: as a slow look at every product says, after any changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import Product, keys_of, title_key
from index.values import text_pairs
from index.words import PostingLists, WordIndex, terms
from index.words.units import Condition, Unit, brand_key, value_key, word_key

TITLES = [
    "Puma Men Red Tshirt",
    "Red Tape Men Black Shoes",
    "Nike Women Blue Dress",
    "Red Tape Women Brown Shoes",
    "X1-9",
]
VALUES = ["Red", "Navy Blue", "Sports Shoes", "2012"]
LISTS = [("Red", "Navy Blue", "Red"), ("2012",)]

product = st.builds(
    Product,
    st.text("abc", min_size=1, max_size=3),
    st.sampled_from(TITLES),
    st.dictionaries(st.sampled_from(["colour", "kind"]), st.sampled_from([*VALUES, 2012, True, *LISTS])),
)


def check(index: WordIndex, products: list[Product | None]) -> None:
    """Compare an index with its rows, of which None is dead."""
    living = [row for row, one in enumerate(products) if one is not None]
    for term in {term for text in (*TITLES, *VALUES) for term in terms(text)}:
        having = [
            row
            for row in living
            if (one := products[row])
            and term
            in {t for text in (one.title, *(text for _, text in text_pairs(one.attributes))) for t in terms(text)}
        ]
        assert index.rows(word_key(term)).tolist() == having
        assert index.frequency(word_key(term)) == len(having)
    for name in ("colour", "kind"):
        for value in VALUES:
            key = title_key(value)
            having = [row for row in living if (one := products[row]) and key in keys_of(one.attributes.get(name, ()))]
            assert index.rows(value_key(name, title_key(value))).tolist() == having
            assert index.values().get((name, value), 0) == len(having)


@settings(max_examples=60)
@given(
    st.lists(product, max_size=12),
    st.lists(st.tuples(st.lists(product, max_size=4), st.lists(st.integers(0, 40), max_size=3)), max_size=4),
)
def test_an_index_that_is_carried_on_knows_what_a_new_one_knows(
    first: list[Product], changes: list[tuple[list[Product], list[int]]]
) -> None:
    rows: list[Product | None] = [*first]
    index = WordIndex.of(first)
    check(index, rows)
    before = index
    for came, left in changes:
        gone = sorted({row for row in left if row < len(rows) and rows[row] is not None})
        dead = [one for row in gone if (one := rows[row]) is not None]
        rows = [None if row in gone else one for row, one in enumerate(rows)] + list(came)
        index = index.updated(np.array([one is not None for one in rows], dtype=np.bool_), dead, came)
        check(index, rows)
    check(before, [*first])
    fresh = WordIndex.of([one for one in rows if one is not None])
    assert index.brands() == fresh.brands()
    assert index.values() == fresh.values()


def test_dead_rows_are_taken_out_of_what_came_later() -> None:
    first, later = (
        [Product("a", TITLES[0]), Product("b", TITLES[1])],
        [Product("c", TITLES[2]), Product("d", TITLES[3])],
    )
    index = WordIndex.of(first)
    index = index.updated(np.ones(4, dtype=np.bool_), [], later)
    index = index.updated(np.array([True, True, False, True]), [later[0]], [])
    remade = index.remade(np.ones(3, dtype=np.bool_), 2, [later[1]])
    check(remade, [*first, later[1]])


def test_postings_are_read_from_a_file_as_they_were_written(tmp_path: Path) -> None:
    products = [Product(str(at), TITLES[at % 4], {"colour": VALUES[at % 4], "year": str(2010 + at)}) for at in range(9)]
    lists = PostingLists()
    lists.append(products)
    lists.save(tmp_path / "words.npz")
    with (tmp_path / "words.npz").open("rb") as file:
        index = WordIndex.over(PostingLists.load(file))
    check(index, [*products])
    assert index.numeric_attributes == WordIndex.of(products).numeric_attributes == ["year"]
    index = index.updated(np.ones(10, dtype=np.bool_), [], [Product("z", TITLES[0])])
    check(index, [*products, Product("z", TITLES[0])])


def test_brands_are_what_titles_begin_with_and_values_are_none() -> None:
    titles = ["Red Tape Men Shoes", "Red Tape Women Shoes", "Red Tape Men Tops", "Puma Men Red Top"] * 3
    index = WordIndex.of([Product(str(at), title, {"colour": "Red"}) for at, title in enumerate(titles)])
    assert index.is_brand(["red", "tape"])
    assert index.is_brand(["puma"])
    assert not index.is_brand(["red"])
    assert not index.is_brand(["puma", "men"])
    assert index.frequency(brand_key("red tape")) == 9


def test_an_attribute_of_brands_is_believed() -> None:
    index = WordIndex.of([Product("1", "Men Shoes", {"Brand": "Acme"}), Product("2", "Women Shoes", {"Brand": "Acme"})])
    assert index.is_brand(["acme"])
    assert not index.is_brand(["men"])


def test_the_signal_is_the_part_of_the_units_that_a_product_has() -> None:
    products = [Product("1", "a red dress"), Product("2", "a red shirt"), Product("3", "a blue dress")]
    products += [Product(str(at), "something else") for at in range(4, 40)]
    index = WordIndex.of(products)
    red, dress = (Unit(word, "word", word, ((word_key(word), 1.0),)) for word in ("red", "dress"))
    unknown = Unit("zzz", "unknown", "zzz")
    signal = index.signal([red, dress, unknown])
    assert signal[0] == pytest.approx(1, abs=0.02)
    assert signal[1] == pytest.approx(0.5, abs=0.02)
    assert signal[3] == 0
    without = index.signal([dress, Unit("red", "word", "", red.keys, negated=True)])
    assert without[2] > 0.98 > without[0]


def test_rows_that_many_have_are_kept_dense_and_say_the_same() -> None:
    products = [Product(str(at), "red dress" if at % 2 else "blue dress", {"colour": "Blue"}) for at in range(100)]
    index = WordIndex.of(products)
    unit = Unit("red", "value", "red", ((value_key("colour", "blue"), 0.5), (word_key("red"), 1.0)))
    first, second = index.signal([unit]), index.signal([unit])
    assert np.array_equal(first, second)
    assert first[0] == pytest.approx(0.5, abs=0.01)
    assert first[1] == pytest.approx(1, abs=0.01)


def test_bounds_are_the_values_within_them() -> None:
    index = WordIndex.of([Product(str(at), "x", {"price": str(at)}) for at in range(1, 8)])
    assert len(index.keys_between(Condition("", "price", gte=3, lt=6))) == 3
    assert index.keys_between(Condition("", "colour", gte=3)) == []
