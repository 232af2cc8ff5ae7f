"""What is damaged is named and left out; everything else is served. In every store."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

from common import DamagedProductError
from index import Database, Delete, Entry, Location, Put, SearchQuery, copy_catalogue, damaged_products
from tests.index.entries import DIM, build, entry, opened, search_of

BAD = "id 7/ü"
"""The product that is damaged."""


@dataclass(frozen=True)
class Harm:
    """A damage to one product: what is set in its row, and what is said of it."""

    column: str
    value: Callable[[Entry], Any]
    said: str
    found_at_start: bool = True


HARMS = {
    "longer": Harm("image_vector", lambda one: one.image_vector * 50, "lengths 50 and 1"),
    "zero": Harm("text_vector", lambda one: one.text_vector * 0, "lengths 1 and 0"),
    "split": Harm("split", lambda _: "nope", "split is 'nope'"),
    "attributes": Harm("attributes", lambda _: '{"colour": {"light": "red"}}', "attributes"),
    "no value": Harm("attributes", lambda _: '{"colour": ["red", 1]}', "attributes"),
    "picture": Harm("image", lambda _: b"x", "digest", found_at_start=False),
    "title": Harm("title", lambda _: "Another title", "digest", found_at_start=False),
    "digest": Harm("digest", lambda _: "0" * 32, "digest", found_at_start=False),
}
ONLY_SQLITE = {
    "not finite": Harm("image_vector", lambda one: one.image_vector * np.nan, "lengths nan and 1"),
    "cut": Harm("text_vector", lambda one: one.text_vector[:-1], f"have its {DIM} values"),
    "no vector": Harm("image_vector", lambda _: "text", f"have its {DIM} values"),
    "no JSON": Harm("attributes", lambda _: "{", "attributes"),
    "no text": Harm("title", lambda _: b"\xff\xfe", "no text"),
    "no UTF-8": Harm("title", lambda _: "CAST", "no UTF-8"),
    "no picture": Harm("image", lambda _: "text", "picture", found_at_start=False),
}


def harm(place: Location, one: Entry, how: Harm) -> None:
    value = how.value(one)
    if isinstance(place, Path):
        value = value.astype("<f4").tobytes() if isinstance(value, np.ndarray) else value
        mark = "CAST(x'41ff42' AS TEXT)" if value == "CAST" else "?"
        with closing(sqlite3.connect(place / "catalogue.sqlite")) as connection, connection:
            connection.execute(
                f"UPDATE products SET {how.column} = {mark} WHERE id = ?", [*([value] * (mark == "?")), BAD]
            )
        return
    table = "images" if how.column == "image" else "products"
    value = str(value.tolist()) if isinstance(value, np.ndarray) else value
    with psycopg.connect(place.url) as database:
        (name,) = database.execute("SELECT build FROM vitrine.current").fetchone() or ("",)
        kind = "::vector" if "vector" in how.column else "::json" if how.column == "attributes" else ""
        database.execute(f'UPDATE "{name}".{table} SET {how.column} = %s{kind} WHERE id = %s', [value, BAD])


@pytest.mark.parametrize("how", HARMS.values(), ids=HARMS)
def test_one_bad_product_is_named_and_left_out(place: Location, how: Harm, caplog: pytest.LogCaptureFixture) -> None:
    """A vector 50 times too long was served with score 7.9, a picture of one byte as it was, and no digest compared."""
    check(place, how, caplog)


@pytest.mark.parametrize("how", ONLY_SQLITE.values(), ids=ONLY_SQLITE)
def test_rows_that_only_sqlite_takes(tmp_path: Path, how: Harm, caplog: pytest.LogCaptureFixture) -> None:
    """One row that could not be read refused the whole catalogue at the start."""
    check(tmp_path / "catalogue", how, caplog)


def check(place: Location, how: Harm, caplog: pytest.LogCaptureFixture) -> None:
    entries = build(place, 12)
    one = entries[7]
    harm(place, one, how)
    with caplog.at_level(logging.ERROR), opened(place) as catalogue:
        search = search_of(catalogue)
        left = 12 - how.found_at_start
        assert len(search) == left
        queries = np.stack([one.image_vector, one.text_vector])
        for side in ("images", "texts"):
            for mode in ("vector", "hybrid"):
                pages = search.search(side, queries, [SearchQuery(k=50, mode=mode, facets=("colour",))] * 2)
                for page in pages:
                    if side == "images":
                        found = [hit.product.id for hit in page.hits]
                        assert len(found) == page.total == left
                        assert (BAD in found) != how.found_at_start
                    assert all(abs(hit.score) < 1.1 for hit in page.hits)
                    assert sum(page.facets["colour"].values()) == left
        assert search.count() == left
        for read in (catalogue.entry, catalogue.product, catalogue.image, catalogue.get_with_digest):
            with pytest.raises(DamagedProductError, match=how.said):
                read(BAD)
        for other in (entries[6], entries[8]):
            assert catalogue.image(other.product.id) == other.image
        assert list(catalogue.damaged()) == [BAD]
        assert how.said in catalogue.damaged()[BAD]
        named = [record for record in caplog.records if BAD in record.getMessage()]
        assert len(named) == 1
        assert damaged_products(place) == catalogue.damaged()

        # Put in again as it was, it is sound.
        (written,) = catalogue.write([Put(one)])
        assert written.changed
        search = search_of(catalogue)
        assert len(search) == 12
        assert catalogue.entry(BAD)[0].image == one.image
        assert not damaged_products(place)
        (again,) = catalogue.write([Put(one)])
        assert not again.changed


def test_a_damaged_title_does_not_count_for_the_hubness_of_what_is_written(place: Location) -> None:
    """A vector 50 times too long gave a new product the hubness 8."""
    entries = build(place, 12)
    with opened(place) as catalogue:
        catalogue.write([Delete("id 6/ü")])  # which has the same title
    harm(place, entries[7], Harm("text_vector", lambda one: one.text_vector * 50, ""))
    with opened(place) as catalogue:
        same = entry(51, title=entries[7].product.title)
        own = replace(same, image_vector=same.text_vector)  # whose hubness is 1 or a little more
        catalogue.write([Put(replace(entry(50), image_vector=entries[7].text_vector)), Put(own)])
        changes = catalogue.changes(1)
    assert [one.id for one in changes.products] == ["id 50/ü", "id 51/ü"]
    assert abs(changes.hubs[0]) < 1
    assert 0.25 < changes.hubs[1] < 1


def test_a_change_that_is_damaged_is_left_out_and_comes_back(place: Location) -> None:
    build(place, 12)
    with opened(place) as catalogue:
        version = catalogue.version()
        changed = entry(7, seed=3, title="Neu")
        catalogue.write([Put(changed), Put(entry(20))])
        harm(place, changed, HARMS["longer"])
        changes = catalogue.changes(version)
        assert [product.id for product in changes.products] == ["id 20/ü"]
        assert BAD in changes.removed
        assert list(catalogue.damaged()) == [BAD]
        catalogue.write([Put(changed)])
        assert [product.id for product in catalogue.changes(version).products] == ["id 20/ü", BAD]
        assert not catalogue.damaged()


def test_a_copy_leaves_it_out(tmp_path: Path, place: Location) -> None:
    entries = build(place, 12)
    harm(place, entries[7], HARMS["picture"])
    target: Location = tmp_path / "copy"
    copied = copy_catalogue(place, target)
    assert copied is not None
    assert (copied.products, copied.damaged) == (11, [BAD])
    with opened(target) as copied:
        assert len(copied) == 11
        assert not damaged_products(target)
    assert isinstance(place, (Path, Database))
