"""The map is kept with its catalogue, in a folder as in a database, and follows what is written."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from common import ArtefactError
from index import (
    Database,
    Delete,
    Location,
    Put,
    checked_map,
    copy_catalogue,
    derived,
    make_map,
    map_beside,
    open_catalogue,
    open_map,
)
from index.derived import PROCESS_FROM
from index.map import ProductMap
from tests.index.entries import INFO, build, entry, opened, search_of
from tests.tools.postgres import Server


def map_of(place: Location) -> ProductMap:
    kept = open_map(place, INFO.encoder_id)
    try:
        return checked_map(kept.load(), INFO.encoder_id)
    finally:
        kept.close()


def test_a_map_is_kept_with_the_catalogue_and_replaced(place: Location) -> None:
    entries = build(place)
    kept = open_map(place, INFO.encoder_id)
    try:
        assert kept.load() is None
        assert kept.stamp() == ""
        assert make_map(place) == len(entries)
        first = kept.stamp()
        made = checked_map(kept.load(), INFO.encoder_id)
        assert list(made.ids) == [one.product.id for one in entries]
        assert (made.method, made.catalogue) == ("tsne", INFO.created)
        assert make_map(place, "pca") == len(entries)
        assert kept.stamp() not in ("", first)
        assert checked_map(kept.load(), INFO.encoder_id).method == "pca"
    finally:
        kept.close()


@pytest.mark.parametrize(
    ("products", "program", "made_here"),
    [(40, sys.executable, 1), (PROCESS_FROM, sys.executable, 0), (PROCESS_FROM, "/no/such/python", 1)],
    ids=["few", "in a process", "without a process"],
)
def test_a_map_is_made_while_other_work_is_done(
    place: Location, products: int, program: str, made_here: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = build(place)
    calls: list[Location] = []

    def made(place: Location) -> None:
        calls.append(place)
        make_map(place)

    monkeypatch.setattr(derived, "make_map", made)
    monkeypatch.setattr(sys, "executable", program)
    with map_beside(place, products), open_catalogue(place) as catalogue:
        assert len(catalogue.snapshot().products) == len(entries)
    assert len(calls) == made_here
    assert list(map_of(place).ids) == [one.product.id for one in entries]


def test_what_is_written_after_the_map_was_made_has_its_place(place: Location) -> None:
    build(place)
    make_map(place)
    made = map_of(place)
    with opened(place) as live:
        new = replace(entry(4), product=replace(entry(4).product, id="new"))
        changed = replace(entry(1), image=b"other", image_vector=entry(8).image_vector)
        live.write([Put(new), Put(changed), Delete(entry(5).product.id)])
        search = search_of(live)
        products = [product.id for product in search.products]
        places = dict(
            zip(
                products,
                made.place(products, lambda some: search.vectors(some, first=True), search.edited()),
                strict=True,
            )
        )
    stood = dict(zip(made.ids, made.points, strict=True))
    side = np.ptp(made.points, axis=0).max()
    assert entry(5).product.id not in places
    for one, twin in (("new", entry(4).product.id), (entry(1).product.id, entry(8).product.id)):
        assert np.linalg.norm(places[one] - stood[twin]) < 0.1 * side, "beside what looks the same"
    for number in (0, 2, 3, 12, 39):
        same = entry(number).product.id
        assert (places[same] == stood[same]).all()


def test_a_copy_takes_the_map_with_it(server: Server, tmp_path: Path) -> None:
    places: list[Location] = [tmp_path / "one", Database(server.database()), tmp_path / "two"]
    build(places[0])
    make_map(places[0])
    for source, target in pairwise(places):
        copy_catalogue(source, target)
    assert (map_of(places[2]).points == map_of(places[0]).points).all()
    assert map_of(places[1]).labels == map_of(places[0]).labels
    bare: Location = tmp_path / "bare"
    build(bare)
    copy_catalogue(bare, tmp_path / "made")
    assert len(map_of(tmp_path / "made").ids) == 40, "where the source has none, one is made"


def test_a_catalogue_that_is_too_small_has_no_map_and_is_copied(place: Location, tmp_path: Path) -> None:
    build(place, 2)
    with pytest.raises(ArtefactError, match="three or more"):
        make_map(place)
    copy_catalogue(place, tmp_path / "copy")
    with open_catalogue(tmp_path / "copy") as copied:
        assert len(copied) == 2
