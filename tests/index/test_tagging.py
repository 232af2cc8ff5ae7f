"""Votes of the nearest products: right, calibrated, without the product's own title; in a folder and in PostgreSQL."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from common import InputError
from index import Entry, Hit, Location, Product, Subject, Tagger, make_tagger, neighbours_of, title_key
from index.ranking.calibrate import Curve
from index.tagging import NEIGHBOURS, SCALE, TWINS, vote_of
from tests.index.entries import DIM, entry, opened, search_of, writer

COLOURS = ("Red", "Green", "Blue")
AXES = np.eye(DIM, dtype=np.float32)


def coloured(number: int, title: str | None = None) -> Entry:
    """Return a product whose colour its vector tells, whose brand nothing tells, and whose number is its own."""
    rng = np.random.default_rng(number)
    colour = number % len(COLOURS)
    vector = AXES[colour] + 0.05 * rng.normal(size=DIM).astype(np.float32)
    attributes = {
        "colour": COLOURS[colour],
        "brand": ("Acme", "Moro")[int(rng.integers(2))],
        "sku": f"sku {number}",
        "price": float(rng.integers(1, 9_999)) / 100,
        "season": ("Summer", "Spring") if colour else ("Winter",),
    }
    one = entry(number)
    product = dataclasses.replace(one.product, title=title or f"title {number}", attributes=attributes)
    return dataclasses.replace(one, product=product, image_vector=vector / np.linalg.norm(vector))


def filled(place: Location, entries: list[Entry]) -> None:
    with writer(place) as writing:
        writing.add(entries)


def test_votes_tell_what_pictures_tell_and_nothing_else(place: Location) -> None:
    filled(place, [coloured(number) for number in range(120)])
    with opened(place) as catalogue:
        search = search_of(catalogue)
        tagger = make_tagger(search)
        assert {*tagger.curves} == {"colour", "brand", "season"}
        subject = Subject(AXES[1])
        (hits,) = neighbours_of(search, [subject])
        tags = tagger.tags(hits)
        assert tags["colour"].value == "Green"
        assert tags["colour"].confidence > 0.9
        assert tags["season"].value in ("Summer", "Spring")
        assert tags["brand"].confidence < 0.8
        assert tagger.tags(hits, ["colour"]) == {"colour": tags["colour"]}
        with pytest.raises(InputError, match=r"'color' is nothing that pictures tell.*did you mean 'colour'"):
            tagger.check(["color"])


def test_neither_a_product_nor_those_of_its_title_vote(place: Location) -> None:
    others = [coloured(number) for number in range(0, 90, 3)]
    twins = [
        coloured(number, ("Same", "SAME")[number % 2]) for number in range(90, 90 + 3 * (TWINS + NEIGHBOURS + 9), 3)
    ]
    filled(place, others + twins)
    with opened(place) as catalogue:
        search = search_of(catalogue)
        own = catalogue.product(twins[5].product.id)
        (vector,) = search.vectors([own.id])
        (voting,) = neighbours_of(search, [Subject(vector, own)])
        assert len(voting) == NEIGHBOURS
        assert title_key("same") not in {title_key(hit.product.title) for hit in voting}
        assert {*search.ids_titled("sAmE")} == {one.product.id for one in twins}
        (photo,) = neighbours_of(search, [Subject(vector)])
        assert own.id in {hit.product.id for hit in photo}


def test_an_empty_catalogue_or_one_without_attributes_tells_nothing(place: Location) -> None:
    one = entry(1)
    filled(place, [dataclasses.replace(one, product=dataclasses.replace(one.product, attributes={}))])
    with opened(place) as catalogue:
        assert make_tagger(search_of(catalogue)).curves == {}


def hit(score: float, **attributes: object) -> Hit:
    return Hit(Product("x", "x", attributes), score)  # type: ignore[arg-type]


def test_a_vote_counts_the_more_the_nearer() -> None:
    one = vote_of([hit(0.9, colour="Red"), hit(0.9 - SCALE, colour="blue"), hit(0.9 - SCALE, colour="Blue")], "colour")
    assert one is not None
    assert (one.value, one.key) == ("Red", "red")
    assert one.share == pytest.approx(1 / (1 + 2 / np.e))
    near = vote_of([hit(0.9, colour="Red"), hit(0.899, colour="blue"), hit(0.898, colour="Blue")], "colour")
    assert near is not None
    assert near.value == "blue"


def test_products_without_a_value_vote_for_none() -> None:
    assert vote_of([hit(0.9), hit(0.9), hit(0.9, sleeve="long")], "sleeve") is None
    assert vote_of([], "sleeve") is None
    typed = vote_of([hit(0.9, new=True, year=2012), hit(0.9, new=True, year=2012)], "new")
    assert typed is not None
    assert typed.value is True


def test_confidence_is_the_curve_s() -> None:
    tagger = Tagger({"colour": Curve((0.0, 1.0), (0.2, 0.8))})
    (tag,) = tagger.tags([hit(0.9, colour="Red"), hit(0.9, colour="Blue")]).values()
    assert tag.confidence == pytest.approx(0.5)
