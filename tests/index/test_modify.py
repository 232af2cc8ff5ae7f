"""What words change of a picture: what is wanted, what the picture has, what filters, what is kept."""

from __future__ import annotations

from typing import Any

import pytest

from index import Condition, Filter, Hit, ParsedText, Product, Unit, change_of
from index.language.meaning import tells_kind
from index.modify import tells_person


def text(*units: Unit) -> ParsedText:
    return ParsedText("as typed", "not read", "en", units)


def value(word: str, attribute: str, *values: str, **more: Any) -> Unit:
    condition = Condition(word, attribute, values, negated=more.get("negated", False))
    english = "" if more.get("negated") else word
    return Unit(word, "value", english, condition=condition, **more)


def hit(score: float, **attributes: Any) -> Hit:
    return Hit(Product(f"{score}", "title", attributes), score)


NEAR = [
    hit(0.9, articleType="Shirts", baseColour="Red", gender="Men", sleeve_type="Long"),
    hit(0.8, articleType="Shirts", baseColour="Maroon", gender="Men"),
    hit(0.7, articleType="Tops", baseColour="Blue", gender="Women"),
    hit(-0.1, articleType="Socks"),
]


def test_the_same_attribute_is_taken_off_that_is_wanted() -> None:
    change = change_of(text(value("blue", "baseColour", "Blue")), NEAR)
    assert (change.wanted, change.had) == ("blue", "Red")
    assert change.asked == {"baseColour": Filter(any=("Blue",))}
    assert change.kept == {"articleType": ("Shirts",)}


def test_words_that_name_no_value_take_nothing_off() -> None:
    change = change_of(text(Unit("stripes", "word", "striped"), Unit("xyz", "unknown", "xyz")), NEAR)
    assert (change.wanted, change.had, change.asked) == ("striped xyz", "", {})


def test_what_is_unwanted_is_no_text() -> None:
    change = change_of(
        text(value("red", "baseColour", "Red", negated=True), Unit("dots", "word", "", negated=True)), NEAR
    )
    assert (change.wanted, change.had) == ("", "")
    assert change.asked == {"baseColour": Filter(none=("Red",))}


def test_another_kind_keeps_the_person_and_everybody() -> None:
    change = change_of(text(value("skirt", "articleType", "Skirts", product=True)), NEAR)
    assert change.kept == {"gender": ("Men",)}
    assert change.filters({})["gender"] == Filter(any=("Men", "unisex"))
    assert change.had == "Shirts"
    girls = change_of(text(value("girls", "gender", "Girls")), NEAR)
    assert girls.asked == {"gender": Filter(any=("Girls", "unisex"))}
    unisex = change_of(text(value("unisex", "gender", "Unisex")), NEAR)
    assert unisex.asked == {"gender": Filter(any=("Unisex",))}


def test_of_several_attributes_the_closest_tells_the_kind() -> None:
    near = [hit(0.9, category="Clothes", sub_category="Tops", productType="Shirts")]
    assert [*change_of(text(), near).kept] == ["productType"]
    assert [*change_of(text(), [hit(0.9, category="Clothes", sub_category="Tops")]).kept] == ["sub_category"]
    several = [hit(0.9, category="Shirts", type="Clothes"), hit(0.9, category="Tops", type="Clothes")]
    assert change_of(text(), several).kept == {"category": ("Shirts", "Tops")}


def test_an_unwanted_kind_is_not_kept() -> None:
    change = change_of(text(value("shirt", "articleType", "Shirts", product=True, negated=True)), NEAR)
    assert change.asked == {"articleType": Filter(none=("Shirts",))}
    assert "articleType" not in change.kept


def test_named_products_tell_what_they_have() -> None:
    change = change_of(text(value("blue", "baseColour", "Blue")), NEAR, ["0.7"])
    assert (change.had, change.kept) == ("Blue", {"articleType": ("Tops",)})
    assert change_of(text(value("blue", "baseColour", "Blue")), NEAR, ["gone"]).had == "Red"
    assert change_of(text(value("blue", "baseColour", "Blue")), NEAR, keep=False).kept == {}


def test_a_catalogue_without_attributes_keeps_nothing() -> None:
    change = change_of(text(Unit("blue", "word", "blue")), [hit(0.9), hit(0.0), hit(-1.0)])
    assert (change.wanted, change.had, change.asked, change.kept) == ("blue", "", {}, {})
    assert change_of(text(), []).filters({}) == {}


def test_lists_and_values_that_are_no_texts_vote() -> None:
    near = [hit(0.9, category=("Shoes", "Sport"), year=2012), hit(0.9, category=("Shoes",), year=2012)]
    change = change_of(text(value("2014", "year", "2014")), near)
    assert (change.had, change.kept) == ("2012", {"category": ("Shoes", "Sport")})


def test_cheaper_is_less_than_the_nearest_price() -> None:
    cheaper = ParsedText("cheaper", "cheaper", "en", (), cheaper="cheaper")
    near = [hit(0.9, price="call us", cost=5), hit(0.8, sale_price="15 EUR", price="19,99 €"), hit(0.7, price=3)]
    assert change_of(cheaper, near[1:]).asked == {"price": Filter(lt=19.99)}
    assert change_of(cheaper, near).asked == {"cost": Filter(lt=5)}
    (condition,) = change_of(cheaper, near[1:]).parsed.conditions
    assert (condition.text, condition.attribute, condition.lt) == ("cheaper", "price", 19.99)
    assert change_of(cheaper, NEAR).asked == {}
    assert change_of(cheaper, near).wanted == ""


def test_filters_of_a_request_go_before_what_is_guessed() -> None:
    change = change_of(text(value("blue", "baseColour", "Blue")), NEAR)
    red, bags = Filter(any=("Red",)), Filter(any=("Bags",))
    assert change.filters({"baseColour": red}) == {"articleType": Filter(any=("Shirts",)), "baseColour": red}
    # A kind that is asked for by another attribute would contradict the one that is kept.
    assert change.filters({"subCategory": bags}) == {"baseColour": Filter(any=("Blue",)), "subCategory": bags}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("articleType", True),
        ("type", True),
        ("Product Type", True),
        ("product_type", True),
        ("google_product_category", True),
        ("subCategory", True),
        ("Kategorie", True),
        ("Typ", True),
        ("sleeve_type", False),
        ("closureType", False),
        ("fabric type", False),
        ("stereotype", False),
        ("prototyping", False),
        ("baseColour", False),
    ],
)
def test_names_that_tell_the_kind_of_product(name: str, kind: bool) -> None:
    assert tells_kind(name) is kind


def test_names_that_tell_for_whom_a_product_is() -> None:
    names = ["gender", "Geschlecht", "target_gender", "género", "sexe", "engendered", "sextant", "genres", "age"]
    assert [tells_person(name) for name in names] == [True] * 5 + [False] * 4
