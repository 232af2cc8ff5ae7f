"""Correcting a word against a catalogue's: what is changed, to what, and above all what is not."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from index.words.analyse import stem
from index.words.spelling import Language, Speller, english

SHOP = {
    "blue": 6000,
    "jeans": 640,
    "shirt": 7000,
    "tshirt": 5300,
    "women": 17_000,
    "men": 30_000,
    "adidas": 1900,
    "nike": 2000,
    "sunglasses": 1000,
    "backpack": 570,
    "back": 28,
    "pack": 540,
    "polo": 1400,
    "flip": 850,
    "flops": 1000,
    "flipflops": 5,
    "handbag": 1100,
    "and": 2200,
    "bag": 600,
    "red": 3000,
    "rose": 220,
    "salomon": 13,
    "zari": 1,
    "polotshirt": 1,
    "watches": 2300,
}
speller = Speller(SHOP, extra=["rouge", "jaune"])


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("jeens", "jeans"),  # replaced
        ("addidas", "adidas"),  # one too many
        ("shrit", "shirt"),  # swapped
        ("salmon", None),  # a word of the language, though a brand is near
        ("salomno", "salomon"),
        ("womens", None),  # known by its stem
        ("sunglases", "sunglasses"),
        ("snglases", "sunglasses"),  # eight letters: two edits are too many...
        ("suunglasess", "sunglasses"),  # ...and of eleven are not
        ("ouge", "rouge"),
        ("nke", "nike"),  # of three letters: one of a frequent word is missing
        ("nik", "nike"),
        ("nkj", None),
        ("rde", None),
        ("bl", None),
        ("blu3", None),
        ("xjeqz", None),
        ("", None),
    ],
)
def test_an_unknown_word_is_corrected_to_the_likeliest_near_one(typed: str, meant: str | None) -> None:
    assert speller.correct(typed) == (None if typed == "snglases" else meant)


def test_no_word_of_the_catalogue_or_a_lexicon_is_changed_whatever_it_is_near_to() -> None:
    words = {"shirt": 7000, "shrt": 1, "skirt": 300, "women": 17_000, "wmen": 1, "woven": 20}
    own = Speller(words, extra=["femme", "robe"])
    assert [own.correct(word) for word in (*words, "femme", "robe")] == [None] * 8
    assert own.correct("womeen") == "women"


def test_a_frequent_english_word_is_no_mistake_though_the_shop_has_one_that_is_near() -> None:
    without = Speller(SHOP, language=Language())
    for word in ("while", "sandwich", "helicopter", "rainy", "polar", "bugs"):
        assert speller.correct(word) is None
    assert without.correct("pole") == "polo"
    assert speller.correct("pole") is None
    assert {"while", "helicopter"} <= english().common


def test_a_rarer_word_of_the_language_is_corrected_to_a_very_frequent_one_only() -> None:
    assert {"plumber", "causal"} <= english().other | english().common
    own = Speller({"casual": 20_000, "plumper": 3}, language=Language(other=frozenset({"causal", "plumber"})))
    assert own.correct("causal") == "casual"
    assert own.correct("plumber") is None
    assert own.split("plumber") is None


def test_letters_doubled_in_two_places_are_one_slip() -> None:
    own = Speller({"benetton": 600, "reebok": 285}, language=Language())
    assert own.correct("benneton") == "benetton"
    assert own.correct("rebbok") == "reebok"
    assert own.correct("bemeton") is None


def test_a_word_of_one_product_is_meant_only_where_letters_are_lost_doubled_or_swapped() -> None:
    assert speller.correct("zarri") == "zari"
    assert speller.correct("zarj") is None
    assert speller.correct("xari") is None


def test_among_near_words_the_number_of_products_and_the_kind_of_slip_decide() -> None:
    own = Speller({"boot": 100, "boat": 100, "bolt": 90, "many": 1000}, language=Language())
    assert own.correct("boott") == "boot"
    assert own.correct("boqt") == "boat"  # keys side by side
    assert own.candidates("boqt") == [("boat", 1, 100), ("boot", 1, 100), ("bolt", 1, 90)]
    assert own.candidates("boqt", 1) == [("boat", 1, 100)]
    assert [word for word, _, _ in own.candidates("boat")] == ["boot", "bolt"]


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("poloshirt", ("polo", "shirt")),
        ("redrose", ("red", "rose")),
        ("andbag", None),
        ("backpack", None),
        ("zarishirt", None),
        ("carpet", None),
        ("red8rose", None),
    ],
)
def test_a_word_written_without_its_space_is_split(word: str, parts: tuple[str, str] | None) -> None:
    assert speller.split(word) == parts


def test_words_that_come_and_go_with_the_catalogue_are_known_and_forgotten() -> None:
    later = speller.with_words({"jeans": 0, "kurta": 300, "blue": 7000})
    assert later.correct("kurtta") == "kurta"
    assert later.correct("jeens") is None
    assert later.correct("ouge") == "rouge"
    assert later.candidates("blie") == [("blue", 1, 7000)]
    assert speller.correct("jeens") == "jeans"
    assert speller.correct("kurtta") is None
    assert later.with_words(SHOP).correct("jeens") == "jeans"


def test_a_shop_without_words_corrects_nothing() -> None:
    empty = Speller({}, language=Language())
    assert empty.correct("jeans") is None
    assert empty.split("bluejeans") is None


_words = st.text(alphabet="abcdé" + string.ascii_lowercase[-3:], min_size=4, max_size=12)


@settings(max_examples=200)
@given(st.lists(_words, min_size=1, max_size=40, unique=True), _words)
def test_all_words_that_are_near_are_found(known: list[str], word: str) -> None:
    own = Speller(dict.fromkeys(known, 10), language=Language())
    most = 2 if len(word) >= 9 else 1
    expected = {w: d for w in known if 0 < (d := OSA.distance(word, w)) <= most}
    assert {w: edits for w, edits, _ in own.candidates(word, 100)} == expected
    best = own.correct(word)
    if stem(word) in {stem(w) for w in known}:
        assert best is None
    else:
        assert (best is None) == (not expected)
        assert best is None or expected[best] == min(expected.values())
