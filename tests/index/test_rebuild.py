"""A catalogue that callers have edited is built or copied over: what they were told is made stays, at any place."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common import ArtefactError
from index import CatalogueInfo, Database, Delete, Entry, Location, Product, Put, SearchQuery, copy_catalogue, kept_text
from index.records import LOG_LENGTH
from index.sqlite.schema import FILE
from index.store import edits_to_keep, write_catalogue
from tests.index.entries import DIM, INFO, build, entry, opened, search_of
from tests.tools.postgres import Server

OTHER = replace(INFO, encoder_id="enc-2")


def rebuilt(
    place: Location,
    count: int = 40,
    info: CatalogueInfo = INFO,
    meanwhile: Callable[[], object] = lambda: None,
    **more: Any,
) -> Any:
    """Build again from the same data set; return what was kept."""
    with write_catalogue(place, info, **more) as writing:
        writing.add(entry(number) for number in range(count))
        meanwhile()
    return writing.kept


def contents(place: Location) -> dict[str, str]:
    with opened(place) as catalogue:
        return {product.id: product.title for product in catalogue.snapshot().products}


def name(number: int) -> str:
    return entry(number).product.id


def edit(place: Location) -> dict[str, str]:
    """Add ten products, change one, delete one of the data set and one of the ten; return what is there then."""
    with opened(place) as catalogue:
        catalogue.write([Put(entry(number)) for number in range(100, 110)])
        catalogue.write([Put(entry(3, title="changed")), Delete(name(5)), Delete(name(109))])
        catalogue.write([Put(entry(7, title="x")), Put(entry(7))])  # as the data set has it
    return contents(place)


def test_a_build_from_the_first_data_keeps_the_edits_however_often(place: Location) -> None:
    """Every edit from before the build was lost, and the deleted product was back."""
    build(place)
    there = edit(place)
    for _ in range(3):
        kept = rebuilt(place)
        assert (kept.changed, kept.deleted) == (10, 1)
        assert contents(place) == there
        with opened(place) as catalogue:
            assert catalogue.version() == 0
            found, _ = catalogue.entry(name(104))
            assert np.array_equal(found.image_vector, entry(104).image_vector)
            hits = search_of(catalogue).search("images", entry(104).image_vector[None], [SearchQuery(k=1)])[0].hits
            assert hits[0].product.id == name(104)
    assert kept_text(kept.to_json()).startswith("kept 11 edits: 10 products added or changed, 1 deleted;")
    assert kept_text(rebuilt(place, keep=None).to_json()) == ""
    assert set(contents(place)) == {name(number) for number in range(40)}


def test_edits_that_the_log_has_forgotten_are_kept_too(place: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    build(place)
    if isinstance(place, Database):
        monkeypatch.setattr("index.postgres.catalogue.LOG_LENGTH", 2)
        catalogue = opened(place)
    else:
        from index import Catalogue

        catalogue = Catalogue(place, writable=True, log_length=2)
    assert LOG_LENGTH > 2
    with catalogue:
        catalogue.write([Delete(name(5)), Put(entry(100))])
        for number in range(10):
            catalogue.write([Put(entry(30, title=f"title {number}"))])
        assert catalogue.changes(5) is None
    there = contents(place)
    assert rebuilt(place).deleted == 1
    assert contents(place) == there
    with opened(place) as again:
        again.write([Put(entry(5, title="back"))])
    assert rebuilt(place).deleted == 0
    assert contents(place)[name(5)] == "back"


def test_edits_can_be_discarded_but_not_those_of_meanwhile(place: Location) -> None:
    build(place)
    edit(place)
    keep = edits_to_keep(place, discard=True)

    def meanwhile() -> None:
        with opened(place) as catalogue:
            catalogue.write([Put(entry(200)), Delete(name(8))])

    kept = rebuilt(place, keep=keep, meanwhile=meanwhile)
    assert (kept.changed, kept.deleted) == (1, 1)
    assert set(contents(place)) == {name(number) for number in (*range(40), 200)} - {name(8)}
    # A build that others have put in its place meanwhile: all edits that it has are kept.
    keep = edits_to_keep(place, discard=True)
    rebuilt(place)
    rebuilt(place, keep=keep)
    assert name(200) in contents(place)


def test_two_builds_at_once_lose_nothing(place: Location) -> None:
    build(place)
    there = edit(place)

    def other() -> None:
        rebuilt(place)
        with opened(place) as catalogue:
            catalogue.write([Put(entry(300))])

    rebuilt(place, meanwhile=other)
    assert set(contents(place)) == {*there, name(300)}


def encoded(pairs: Sequence[tuple[Product, Sequence[bytes]]]) -> Iterable[Entry]:
    """Return entries of another encoder, but for pictures that cannot be read."""
    for product, (picture,) in pairs:
        if picture != b"unreadable":
            vector = np.eye(1, DIM, dtype=np.float32)[0]
            yield Entry(product, picture, vector, vector)


def test_another_encoder_makes_the_edits_anew_or_the_build_fails_by_name(place: Location) -> None:
    build(place)
    with opened(place) as catalogue:
        catalogue.write([Put(entry(100))])
    rebuilt(place, info=OTHER, encode=encoded)
    with opened(place) as catalogue:
        assert catalogue.entry(name(100))[0].image_vector[0] == 1
        catalogue.write([Put(replace(entry(101), image=b"unreadable"))])
    there = contents(place)
    with pytest.raises(ArtefactError, match=r"id 100/ü.*cannot be kept.*--discard-edits"):
        rebuilt(place)
    with pytest.raises(ArtefactError, match=r"id 101/ü.*picture cannot be read"):
        rebuilt(place, info=replace(INFO, encoder_id="enc-3"), encode=encoded)
    assert contents(place) == there
    with opened(place) as catalogue:
        assert catalogue.info == OTHER
    rebuilt(place, info=OTHER, encode=encoded)  # the same encoder: the vectors that are there
    assert contents(place) == there


def test_a_catalogue_that_cannot_be_read_is_not_replaced_without_a_word(tmp_path: Path) -> None:
    """It was taken for an empty one: what had been edited in it went with it."""
    place = tmp_path / "catalogue"
    build(place)
    edit(place)
    file = (place / FILE).resolve()
    whole = file.read_bytes()
    file.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(ArtefactError, match=r"cannot be read.*--discard-edits"):
        rebuilt(place)
    assert file.stat().st_size == len(whole)
    keep = edits_to_keep(place, discard=True)
    rebuilt(place, keep=keep)
    assert len(contents(place)) == 40


def test_a_damaged_edit_stops_a_build_by_its_name_and_is_left_out_of_a_copy(tmp_path: Path) -> None:
    place = tmp_path / "catalogue"
    build(place)
    there = edit(place)
    with sqlite3.connect((place / FILE).resolve()) as connection:
        connection.execute("UPDATE products SET image = x'00' WHERE id = ?", [name(3)])
    for _ in range(2):
        with pytest.raises(ArtefactError, match=r"id 3/ü.*cannot be kept: it is damaged"):
            rebuilt(place)
    made = copy_catalogue(place, tmp_path / "copy")
    assert made is not None
    assert (made.products, made.damaged) == (len(there) - 1, [name(3)])
    # It was not deleted: the data set has it.
    rebuilt(tmp_path / "copy")
    assert contents(tmp_path / "copy") == {**there, name(3): entry(3).product.title}


def test_a_catalogue_of_before_tells_what_its_log_knows(tmp_path: Path) -> None:
    """Older files have no table of what was edited; one is made when it is needed."""
    place = tmp_path / "catalogue"
    build(place)
    with sqlite3.connect((place / FILE).resolve()) as connection:
        connection.execute("DROP TABLE IF EXISTS edited")
    there = edit(place)
    rebuilt(place)
    rebuilt(place)
    assert contents(place) == there


@pytest.mark.parametrize("kinds", ["folder folder", "folder database", "database folder"])
def test_a_copy_brings_the_edits_and_keeps_those_made_at_its_place(
    kinds: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    def place(number: int, kind: str) -> Location:
        if kind == "folder":
            return tmp_path / str(number)
        server: Server = request.getfixturevalue("server")
        return Database(server.database())

    source, target = (place(number, kind) for number, kind in enumerate(kinds.split()))
    build(source)
    there = edit(source)
    made = copy_catalogue(source, target)
    assert made is not None
    assert (made.products, made.version, made.kept.changed) == (len(there), 15, 0)
    with opened(source) as catalogue:
        catalogue.write([Put(entry(3, title="changed again")), Put(entry(120)), Delete(name(100))])
    # The copy's own edits are new here; what the first copy brought is not an edit of this place.
    with opened(target) as catalogue:
        catalogue.write([Put(entry(9, title="changed here")), Delete(name(11)), Put(entry(130))])
    again = copy_catalogue(source, target)
    assert again is not None
    assert (again.kept.changed, again.kept.deleted) == (2, 1)
    wanted = {**contents(source), name(9): "changed here", name(130): entry(130).product.title}
    del wanted[name(11)]
    assert contents(target) == wanted
    # A build where the copy is keeps what was edited anywhere.
    rebuilt(target)
    assert contents(target) == wanted
    copy_catalogue(source, target)
    assert contents(target) == wanted
    copy_catalogue(source, target, discard_edits=True)
    assert contents(target) == contents(source)
