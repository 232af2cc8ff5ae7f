"""The hubness of products, whatever holds the catalogue: what is stored, and what it does to the order of results."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import psycopg
import pytest

from common import InputError
from index import Database, Delete, Filter, Hit, Location, Page, Put, SearchQuery, copy_catalogue
from index.ranking import TitleBank
from index.records import Snapshot
from tests.index.entries import build, entry, opened, search_of, several, writer
from tests.tools.postgres import Server

EDITS: list[Put | Delete] = [
    Put(entry(5, title="Kleid № 0")),
    Delete("id 0/ü"),
    Delete("id 6/ü"),
    Put(entry(200)),
    Put(several(7, 3, title="Neu")),
]
WEIGHTS = (0.25, 1.0)
WANTS = [
    SearchQuery(k=20),
    SearchQuery(k=5, offset=7),
    SearchQuery(k=1000),
    SearchQuery(filters={"colour": Filter(any=("red", "blue"))}, facets=("colour",)),
    SearchQuery(exclude=frozenset({"id 3/ü"}), k=30),
    SearchQuery(min_score=0.2, k=20),
    SearchQuery(min_score=0.2, k=3),
    SearchQuery(collapse="title", k=6),
    SearchQuery(collapse="title", min_score=0.1, k=40),
    SearchQuery(collapse="image", collapse_threshold=0.6, k=12),
    SearchQuery(group_by="colour", k=4),
    SearchQuery(cutoff=0.3, k=30, facets=("year",)),
]


def stored(place: Location) -> Snapshot:
    with opened(place) as catalogue:
        found: Snapshot = catalogue.snapshot()
    return found


def hubs_by_id(place: Location) -> dict[str, float]:
    found = stored(place)
    assert found.hubs is not None
    return dict(zip([one.id for one in found.products], found.hubs.tolist(), strict=True))


def with_several(place: Location, count: int = 90) -> None:
    with writer(place) as writing:
        writing.add(several(number, 3) if number % 5 == 2 else entry(number) for number in range(count))


def test_a_build_measures_all_products_and_centres_them(place: Location) -> None:
    entries = build(place, 60)
    titles = {one.product.title: one.text_vector for one in reversed(entries)}
    hubs = TitleBank(np.stack(list(titles.values()))).hubness(np.stack([one.image_vector for one in entries]))
    found = stored(place).hubs
    assert found is not None
    np.testing.assert_allclose(found, hubs - hubs.mean(), atol=2e-6)


def test_folder_and_database_measure_the_same_and_a_copy_keeps_it(server: Server, tmp_path: Path) -> None:
    """With further pictures, and after edits: of products that are put in, and of those that stay."""
    folder, database = tmp_path / "one", Database(server.database())
    again, other = tmp_path / "two", Database(server.database())
    for place in (folder, database):
        with_several(place)
        before = hubs_by_id(place)
        with opened(place) as catalogue:
            version = catalogue.version()
            catalogue.write(EDITS)
            changes = catalogue.changes(version)
        after = hubs_by_id(place)
        touched = {edit.id for edit in EDITS}
        assert {one: hub for one, hub in after.items() if one not in touched} == {
            one: hub for one, hub in before.items() if one not in touched
        }
        assert dict(zip([one.id for one in changes.products], changes.hubs.tolist(), strict=True)) == {
            one: hub for one, hub in after.items() if one in touched
        }
    local, remote = hubs_by_id(folder), hubs_by_id(database)
    assert list(local) == list(remote)
    np.testing.assert_allclose(list(local.values()), list(remote.values()), atol=2e-6)
    assert copy_catalogue(database, again) is not None
    assert copy_catalogue(again, other) is not None
    assert hubs_by_id(again) == hubs_by_id(other) == remote


@pytest.mark.parametrize("further", [False, True])
@pytest.mark.parametrize("edited", [False, True])
def test_folder_and_database_rank_the_same(server: Server, tmp_path: Path, edited: bool, further: bool) -> None:
    folder, database = tmp_path / "catalogue", Database(server.database())
    (with_several if further else build)(folder, 90)
    if edited:
        with opened(folder) as catalogue:
            catalogue.write(EDITS)
    assert copy_catalogue(folder, database) is not None
    wants = [replace(want, hub_weight=weight) for want in WANTS for weight in WEIGHTS]
    vectors = np.stack([entry(number % 90).text_vector for number in range(len(wants))])
    answers: list[list[Page[Hit]]] = []
    for place in (folder, database):
        with opened(place) as catalogue:
            search = search_of(catalogue)
            hybrid = [replace(one, mode="hybrid", parsed=search.understand("red kleid")) for one in wants]
            answers.append([*search.search("images", vectors, wants), *search.search("images", vectors, hybrid)])
            assert search.search("texts", vectors, wants) == search.search(
                "texts", vectors, [replace(one, hub_weight=0) for one in wants]
            )
    for want, one, other in zip(wants * 2, *answers, strict=True):
        assert one == other, want


def test_hubness_is_taken_off_the_cosines_that_rank(place: Location) -> None:
    """The order is that of the obvious sum, and the scores are the cosines."""
    build(place, 60)
    found = stored(place)
    assert found.hubs is not None
    query = entry(11).text_vector
    cosines = found.image_vectors @ query
    with opened(place) as catalogue:
        search = search_of(catalogue)
        for weight in WEIGHTS:
            (page,) = search.search("images", query[None], [SearchQuery(k=60, hub_weight=weight)])
            ids = [one.id for one in found.products]
            rows = [ids.index(hit.product.id) for hit in page.hits]
            ranked = (cosines - np.float32(weight) * found.hubs)[rows]
            assert (np.diff(ranked) <= 1e-6).all()
            np.testing.assert_allclose([hit.score for hit in page.hits], cosines[rows], atol=1e-6)


def test_vectors_of_another_length_are_refused_before_they_are_measured(place: Location) -> None:
    build(place, 5)
    wrong = [replace(entry(9), image_vector=entry(9).image_vector[:3]), replace(entry(9), text_vector=np.ones(3, "f4"))]
    with opened(place) as catalogue:
        for one in wrong:
            with pytest.raises(InputError, match=r"vector is \(3,\) float32; the catalogue needs \(16,\)"):
                catalogue.write([Put(one)])
        assert catalogue.version() == 0


def without_hubs(place: Location) -> None:
    """Make a catalogue as an older version would have made it."""
    if isinstance(place, Database):
        with psycopg.connect(place.url, autocommit=True) as connection:
            (name,) = connection.execute("SELECT build FROM vitrine.current").fetchone() or ("",)
            connection.execute(psycopg.sql.SQL("DROP TABLE {}.hubs").format(psycopg.sql.Identifier(name)))
    else:
        with closing(sqlite3.connect(place / "catalogue.sqlite")) as connection:
            connection.execute("DROP TABLE hubs")


def test_a_catalogue_of_an_older_version_ranks_by_cosines_until_it_is_copied(place: Location, tmp_path: Path) -> None:
    build(place, 40)
    without_hubs(place)
    query = entry(11).text_vector[None]
    with opened(place) as catalogue:
        catalogue.write([Put(entry(50))])
        assert catalogue.snapshot().hubs is None
        assert catalogue.changes(0).hubs is None
        search = search_of(catalogue)
        wanted = SearchQuery(k=30, hub_weight=1.0)
        assert search.search("images", query, [wanted]) == search.search("images", query, [SearchQuery(k=30)])
    assert copy_catalogue(place, tmp_path / "copy") is not None
    assert len(hubs_by_id(tmp_path / "copy")) == 41


def test_a_rebuild_measures_what_it_keeps_of_the_catalogue_before(place: Location) -> None:
    entries = build(place, 30)
    with opened(place) as catalogue:
        catalogue.write([Put(entry(50)), Put(several(3, 4, title="Neu"))])
    build(place, 30)
    found = hubs_by_id(place)
    assert {"id 50/ü", "id 3/ü"} <= set(found)
    titles = {one.product.title: one.text_vector for one in reversed([*entries, entry(50)])}
    titles |= {"Neu": several(3, 4, title="Neu").text_vector}
    bank = np.stack(list(titles.values()))
    (own, other) = TitleBank(bank).hubness(np.stack([entry(50).image_vector, entry(1).image_vector]))
    assert found["id 50/ü"] - found["id 1/ü"] == pytest.approx(own - other, abs=0.01)
