"""Hubness: the number itself, and how a catalogue folder keeps it through builds, writes, copies and older versions."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from common import InputError
from index import Catalogue, CatalogueWriter, Delete, Put, SearchIndex, copy_catalogue, hub_weight, measured, title_key
from index.ranking import HUB_SHARPNESS, TitleBank, hubs
from index.records import Entry
from index.sqlite.schema import FILE
from tests.index.brute_force import unit
from tests.index.entries import INFO, entry, several

COUNT = 30


def slow(pictures: np.ndarray, titles: np.ndarray) -> float:
    """Return the log-sum-exp over all pictures and their 32 nearest titles."""
    cosines = np.sort(pictures.astype(np.float64) @ titles.T, axis=1)[:, -32:]
    return float(np.log(np.exp(HUB_SHARPNESS * cosines).sum()) / HUB_SHARPNESS)


def titles_of(entries: list[Entry]) -> np.ndarray:
    found: dict[str, np.ndarray] = {}
    for one in entries:
        found.setdefault(title_key(one.product.title), one.text_vector)
    return np.stack(list(found.values()))


def slow_of(one: Entry, entries: list[Entry]) -> float:
    known = [other for other in entries if other.product.id != one.product.id or other is one]
    bank = titles_of([*known, one])
    return slow(np.stack([one.image_vector, *(more.vector for more in one.more)]), bank)


@pytest.fixture
def entries() -> list[Entry]:
    return [several(at, 3) if at % 7 == 5 else entry(at) for at in range(COUNT)]


@pytest.fixture
def folder(tmp_path: Path, entries: list[Entry]) -> Path:
    with CatalogueWriter(tmp_path / "catalogue", INFO) as writing:
        writing.add(entries)
    return tmp_path / "catalogue"


def stored(folder: Path) -> dict[str, float]:
    """Return id -> hubness as it is stored, and that of no product, the mean."""
    with closing(sqlite3.connect(folder / FILE)) as connection:
        rows = connection.execute("SELECT coalesce(id, ''), hub FROM hubs LEFT JOIN products USING (position)")
        return dict(rows.fetchall())


def test_a_short_text_is_not_corrected_and_a_long_one_is() -> None:
    asked = ["", "dress", "red dress", "red summer dress", "red summer dress women", "a b c d e f", "a b c d e f g h"]
    assert [hub_weight(text) for text in asked] == [0, 0, 0, 0.25, 0.5, 1, 1]


def test_hubness_is_the_log_sum_exp_over_the_nearest_titles(monkeypatch: pytest.MonkeyPatch) -> None:
    images, titles = unit(300, 16, 0), unit(500, 16, 1)
    expected = [slow(one[None], titles) for one in images]
    assert TitleBank(titles).hubness(images) == pytest.approx(expected, abs=1e-5)
    assert TitleBank(titles[:3]).hubness(images) == pytest.approx(
        [slow(one[None], titles[:3]) for one in images], abs=1e-5
    )
    # Of many titles only those in the nearest lists are compared.
    monkeypatch.setattr(hubs, "EXACT_TITLES", 100)
    assert np.quantile(np.abs(TitleBank(titles).hubness(images) - np.array(expected)), 0.9) < 1e-3
    bank = hubs.TitleBank(titles[:400])
    bank.add(titles[400:])
    assert np.quantile(np.abs(bank.hubness(images) - np.array(expected)), 0.9) < 1e-3


def test_a_build_measures_each_product_among_the_distinct_titles(folder: Path, entries: list[Entry]) -> None:
    found = stored(folder)
    bank = titles_of(entries)
    assert len(bank) < COUNT
    for one in entries:
        pictures = np.stack([one.image_vector, *(more.vector for more in one.more)])
        assert found[one.product.id] == pytest.approx(slow(pictures, bank), abs=1e-5)
    assert found[""] == pytest.approx(np.mean([found[one.product.id] for one in entries]), abs=1e-9)
    with Catalogue.open(folder) as catalogue:
        centred = catalogue.snapshot().hubs
    assert centred is not None
    assert centred == pytest.approx([found[one.product.id] - found[""] for one in entries], abs=1e-6)


@pytest.mark.parametrize("live", [True, False])
def test_a_write_measures_what_it_puts_in_and_nothing_else(folder: Path, entries: list[Entry], *, live: bool) -> None:
    before = stored(folder)
    new, known, changed = entry(90, seed=4), entry(91, seed=4, title="KLEID № 2"), several(2, 3, seed=5)
    with Catalogue.open(folder, writable=True) as catalogue:
        index = SearchIndex(catalogue.snapshot())
        edits: list[Put | Delete] = [Put(new), Put(known), Delete(entries[3].product.id), Put(changed)]
        catalogue.write(measured(index, edits) if live else edits)
        changes = catalogue.changes(index.version)
        assert changes is not None
        carried_on, fresh = index.updated(changes)._state, catalogue.snapshot()
    after = stored(folder)
    for one in (new, known, changed):
        bank = titles_of([*entries, one])
        pictures = np.stack([one.image_vector, *(more.vector for more in one.more)])
        assert after.pop(one.product.id) == pytest.approx(slow(pictures, bank), abs=1e-5)
    left = {one: hub for one, hub in before.items() if one not in {entries[3].product.id, changed.product.id}}
    assert after == left
    # An index that took over the changes has what one that reads everything has.
    assert carried_on.hubs is not None
    assert fresh.hubs is not None
    assert np.array_equal(carried_on.hubs[carried_on.alive], fresh.hubs)


def test_a_vector_that_cannot_be_stored_is_told_before_it_is_measured(folder: Path) -> None:
    bad = replace(entry(90), image_vector=np.zeros(3, dtype=np.float32))
    with Catalogue.open(folder) as catalogue:
        index = SearchIndex(catalogue.snapshot())
    with pytest.raises(InputError, match="id 90/ü"):
        measured(index, [Put(bad)])


def test_a_copy_keeps_what_was_measured(folder: Path, tmp_path: Path) -> None:
    with Catalogue.open(folder, writable=True) as catalogue:
        catalogue.write([Put(entry(90, seed=4)), Delete("id 1/ü")])
        before = catalogue.snapshot().hubs
    copy_catalogue(folder, tmp_path / "copy")
    assert stored(tmp_path / "copy") == stored(folder)
    with Catalogue.open(tmp_path / "copy") as catalogue:
        after = catalogue.snapshot().hubs
    assert before is not None
    assert after is not None
    assert np.array_equal(before, after)


def test_a_copy_measures_again_what_is_no_number(folder: Path, tmp_path: Path) -> None:
    before = stored(folder)
    with closing(sqlite3.connect(folder / FILE)) as connection, connection:
        connection.execute("UPDATE hubs SET hub = 'many' WHERE position = 3")
    copy_catalogue(folder, tmp_path / "copy")
    assert stored(tmp_path / "copy") == pytest.approx(before, abs=1e-6)


def test_edits_that_a_build_keeps_are_measured_among_its_titles(folder: Path, entries: list[Entry]) -> None:
    late = entry(90, seed=4)
    with Catalogue.open(folder, writable=True) as catalogue:
        catalogue.write([Put(late)])
    others = [entry(at, seed=8, title=f"another {at}") for at in range(20)]
    with CatalogueWriter(folder, INFO) as writing:
        writing.add(others)
    found = stored(folder)
    assert set(found) == {"", late.product.id, *(one.product.id for one in others)}
    pictures = late.image_vector[None]
    assert found[late.product.id] == pytest.approx(slow(pictures, titles_of([*others, late])), abs=1e-5)
    assert found[others[0].product.id] == pytest.approx(slow_of(others[0], others), abs=1e-5)


def test_a_catalogue_of_an_older_version_stays_without(folder: Path) -> None:
    with closing(sqlite3.connect(folder / FILE)) as connection:
        connection.execute("DROP TABLE hubs")
        connection.commit()
    with Catalogue.open(folder, writable=True) as catalogue:
        assert not catalogue.has_hubs()
        index = SearchIndex(catalogue.snapshot())
        catalogue.write(measured(index, [Put(entry(90, seed=4)), Delete("id 1/ü")]))
        snapshot = catalogue.snapshot()
        assert snapshot.hubs is None
        assert len(snapshot.products) == COUNT


def test_what_an_older_version_has_written_counts_as_the_mean(folder: Path, entries: list[Entry]) -> None:
    last = entries[-1].product.id
    with closing(sqlite3.connect(folder / FILE)) as connection:
        (position,) = connection.execute("SELECT position FROM products WHERE id = ?", (last,)).fetchone()
        connection.execute("UPDATE products SET id = 'other', seq = 1 WHERE id = ?", (last,))
        connection.execute("INSERT INTO changes (product_id, kind) VALUES ('other', 'put')")
        connection.execute("DELETE FROM hubs WHERE position = 1")
        connection.commit()
    assert position == COUNT
    with Catalogue.open(folder) as catalogue:
        found = catalogue.snapshot().hubs
    assert found is not None
    assert found[0] == found[-1] == 0
    assert np.count_nonzero(found) == COUNT - 2


def test_a_build_of_nothing_has_no_mean_and_takes_products(tmp_path: Path) -> None:
    with CatalogueWriter(tmp_path / "empty", INFO):
        pass
    with Catalogue.open(tmp_path / "empty", writable=True) as catalogue:
        catalogue.write([Put(replace(entry(1), hub=0.5))])
        assert catalogue.snapshot().hubs is None
