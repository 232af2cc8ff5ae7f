"""What customers type, as the catalogue understands it: values, brands, negation, bounds, languages, corrections."""

from __future__ import annotations

import numpy as np
import pytest

from common import InputError
from index import Languages, Product
from index.language import Understanding
from index.words import WordIndex
from index.words.units import ParsedText


def shop() -> list[Product]:
    colours = ["Red", "Blue", "Black", "Navy Blue", "White"]
    kinds = ["Dresses", "Tshirts", "Shirts", "Watches", "Casual Shoes", "Jeans", "Handbags"]
    groups = {"Watches": "Watches", "Casual Shoes": "Shoes"}
    found = []
    for at in range(420):
        colour, kind, person = colours[at % 5], kinds[at % 7], ["Men", "Women", "Girls", "Boys"][at % 4]
        brand = ["Puma", "Red Tape", "Nike"][at % 3]
        title = f"{brand} {person} {colour} {kind.removesuffix('s')}" + (" Leather" if at % 11 == 0 else "")
        values = {"type": kind, "group": groups.get(kind, "Apparel"), "colour": colour, "gender": person}
        found.append(Product(str(at), title, {**values, "year": str(2010 + at % 8), "price": str(10 * (at % 13))}))
    found.append(Product("900", "Fossil Women Watch CH2589", {"type": "Watches", "group": "Watches"}))
    found += [Product(f"b{at}", "Puma Unisex Backpack", {"type": "Backpacks"}) for at in range(30)]
    return found


@pytest.fixture(scope="module")
def understanding() -> Understanding:
    return Understanding(WordIndex.of(shop()), Languages())


def said(parsed: ParsedText) -> list[tuple[str, tuple[str, ...], bool]]:
    return [(one.attribute, one.values, one.negated) for one in parsed.conditions]


def test_words_that_name_values_are_conditions(understanding: Understanding) -> None:
    assert said(understanding.parse("red dresses for women")) == [
        ("colour", ("Red",), False),
        ("type", ("Dresses",), False),
        ("gender", ("Women",), False),
    ]


@pytest.mark.parametrize(
    ("text", "language", "values"),
    [
        ("T-shirt rouge pour homme", "fr", ["Tshirts", "Red", "Men"]),
        ("robe bleue femme", "fr", ["Dresses", "Blue", "Women"]),
        ("schwarze Herrenuhr", "de", ["Black", "Men", "Watches"]),
        ("weiße Hemden für Damen", "de", ["White", "Shirts", "Women"]),
        ("vestido rojo para mujer", "es", ["Dresses", "Red", "Women"]),
        ("maglietta bianca da uomo", "it", ["Tshirts", "White", "Men"]),
    ],
)
def test_other_languages_mean_the_same_values(
    understanding: Understanding, text: str, language: str, values: list[str]
) -> None:
    parsed = understanding.parse(text)
    assert parsed.language == language
    assert [one.values[0] for one in parsed.conditions] == values
    assert parsed.correction is None
    assert all(word.isascii() for word in parsed.english.split())


def test_a_brand_that_begins_with_a_colour_is_no_colour(understanding: Understanding) -> None:
    parsed = understanding.parse("red tape casual shoes")
    assert [unit.kind for unit in parsed.units] == ["brand", "value"]
    assert said(parsed) == [("type", ("Casual Shoes",), False)]


@pytest.mark.parametrize(
    ("text", "unwanted"),
    [
        ("shirts not red", ["Red"]),
        ("shirts without red or blue", ["Red", "Blue"]),
        ("robe sans rouge bleue", ["Red"]),
        ("Hemd ohne schwarz", ["Black"]),
    ],
)
def test_what_follows_a_negation_is_unwanted(understanding: Understanding, text: str, unwanted: list[str]) -> None:
    parsed = understanding.parse(text)
    assert [one.values[0] for one in parsed.conditions if one.negated] == unwanted
    assert [one for one in parsed.conditions if not one.negated]
    for word in unwanted:
        assert word.casefold() not in parsed.english.casefold()


@pytest.mark.parametrize(
    ("text", "attribute", "bounds"),
    [
        ("shoes under 50", "price", (None, 50)),
        ("watches over 20 euros", "price", (20, None)),
        ("jeans between 20 and 60", "price", (20, 60)),
        ("montre moins de 50 €", "price", (None, 50)),
        ("Uhr unter 50 Euro", "price", (None, 50)),
    ],
)
def test_bounds_are_on_the_attribute_that_they_fit(
    understanding: Understanding, text: str, attribute: str, bounds: tuple[float | None, float | None]
) -> None:
    (condition,) = [one for one in understanding.parse(text).conditions if not one.values]
    assert (condition.attribute, (condition.gte, condition.lte)) == (attribute, bounds)


def test_years_are_years_and_ages_say_nothing(understanding: Understanding) -> None:
    (condition,) = [one for one in understanding.parse("watches after 2014").conditions if not one.values]
    assert (condition.attribute, condition.gt) == ("year", 2014)
    assert said(understanding.parse("dress for girls under 12 years")) == [
        ("type", ("Dresses",), False),
        ("gender", ("Girls",), False),
    ]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("blue jeens", "blue jeans"), ("pumma shirt", "puma shirt"), ("leathr bag", "leather bag")],
)
def test_unknown_words_are_corrected_unless_one_insists(understanding: Understanding, typed: str, meant: str) -> None:
    parsed = understanding.parse(typed, "en")
    assert parsed.correction is not None
    assert (parsed.correction.typed, parsed.correction.corrected) == (typed, meant)
    assert understanding.parse(typed, "en", correct=False).correction is None


@pytest.mark.parametrize(
    "text", ["red dress", "CH2589", "CH2588", "ch-25-89", "helicopter", "montre", "T-Shirt", "2012"]
)
def test_known_words_codes_and_words_of_lexicons_are_never_corrected(understanding: Understanding, text: str) -> None:
    assert understanding.parse(text).correction is None


@pytest.mark.parametrize("text", ["back pack", "backpack", "Backpacks", "t shirt", "tshirt", "T-Shirts"])
def test_words_are_found_joined_and_torn(understanding: Understanding, text: str) -> None:
    (condition,) = understanding.parse(text).conditions
    assert condition.values in (("Backpacks",), ("Tshirts",))


def test_a_dismissed_phrase_is_no_condition(understanding: Understanding) -> None:
    assert said(understanding.parse("Red dress", dismissed=["red"])) == [("type", ("Dresses",), False)]


def test_a_code_is_one_word_and_is_known_as_a_code(understanding: Understanding) -> None:
    assert understanding.parse("ch2589").is_code
    assert not understanding.parse("ch2589 watch").is_code
    assert not understanding.parse("").is_code


def test_nothing_is_understood_of_nothing(understanding: Understanding) -> None:
    for text in ("", "  ", "…", "the of for"):
        parsed = understanding.parse(text)
        assert parsed.units == ()
        assert parsed.english == text


def test_an_unknown_language_is_refused_with_the_known_ones(understanding: Understanding) -> None:
    with pytest.raises(InputError, match="unknown language 'xx'; the languages there are: en, fr, de, es, it"):
        understanding.parse("dress", "xx")


def test_a_text_that_comes_again_is_read_once_for_each_way_of_asking(understanding: Understanding) -> None:
    first = understanding.parse("rote kleid")
    assert understanding.parse("rote kleid") is first
    assert understanding.parse("rote kleid", "en") != first
    assert understanding.parse("rote kleid", correct=False) is understanding.parse("rote kleid", correct=False)
    assert understanding.parse("red dresses", dismissed=["red"]) != understanding.parse("red dresses")


def test_words_that_were_torn_apart_begin_as_the_value_does() -> None:
    words = WordIndex.of(shop())
    assert words.begins_value("backpack")
    assert not words.begins_value("umbrella")
    later = words.updated(np.append(words.alive, True), [], [Product("u", "x", {"type": "Umbrellas"})])
    assert later.begins_value("umbrella")
