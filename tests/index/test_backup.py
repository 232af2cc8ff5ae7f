"""A catalogue is copied while it is written: the copy is of one moment, and can be put back."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from index import Database, Delete, Location, Put, SearchQuery, copy_catalogue
from index.ann.requirements import REQUIREMENTS_FILE
from index.sqlite.schema import FILE
from tests.index.entries import build, entry, opened, search_of
from tests.index.test_rebuild import contents, name
from tests.tools.postgres import Server


def test_a_copy_under_writes_is_of_one_moment(place: Location, tmp_path: Path) -> None:
    """Two products of one transaction are both in it or neither, and so is all that was acknowledged before."""
    build(place)
    acknowledged: list[int] = []
    stop = threading.Event()

    def write() -> None:
        with opened(place) as catalogue:
            number = 50
            while not stop.is_set():
                both = str(number)
                catalogue.write([Put(entry(1, title=both)), Put(entry(2, title=both)), Put(entry(number))])
                catalogue.write([Delete(name(number - 5))])
                acknowledged.append(number)
                number += 1

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        try:
            for number in range(4):
                while len(acknowledged) < 3 * (number + 1) and not writing.done():
                    time.sleep(0.01)
                before = acknowledged[-1]
                made = copy_catalogue(place, tmp_path / f"copy{number}")
                there = contents(tmp_path / f"copy{number}")
                assert made is not None
                assert made.products == len(there)
                assert there[name(1)] == there[name(2)]
                assert before <= int(there[name(1)]) <= acknowledged[-1] + 1
                assert name(before) in there or before <= int(there[name(1)]) - 5
        finally:
            stop.set()
        writing.result(60)


def test_a_backup_can_be_served_and_put_back(place: Location, tmp_path: Path) -> None:
    build(place)
    with opened(place) as catalogue:
        catalogue.write([Put(entry(100)), Delete(name(4))])
    backup = tmp_path / "backup"
    copy_catalogue(place, backup)
    saved = contents(backup)
    with opened(backup) as copy:
        page = search_of(copy).search("images", entry(100).image_vector[None], [SearchQuery(k=1)])[0]
        assert page.hits[0].product.id == name(100)
    with opened(place) as catalogue:
        catalogue.write([Delete(name(100)), Put(entry(5, title="a mistake"))])
    copy_catalogue(backup, place, discard_edits=True)
    assert contents(place) == saved


@pytest.mark.parametrize("damaged", [False, True])
def test_a_backup_takes_the_place_of_a_catalogue_that_is_lost(tmp_path: Path, damaged: bool) -> None:
    folder, backup = tmp_path / "catalogue", tmp_path / "backup"
    build(folder)
    copy_catalogue(folder, backup)
    file = (folder / FILE).resolve()
    if damaged:
        file.write_bytes(b"nothing that SQLite knows" * 1000)
    else:
        for one in folder.iterdir():
            one.unlink()
        folder.rmdir()
    copy_catalogue(backup, folder, discard_edits=True)
    assert contents(folder) == contents(backup)


def test_a_copy_has_the_search_that_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path / "one", 3)
    (tmp_path / "one" / REQUIREMENTS_FILE).write_text('{"budget_mb": null, "recall": 0.9}')
    asked: list[str] = []

    def made(place: Path, *, source: Path) -> None:
        asked.append((place / REQUIREMENTS_FILE).read_text())

    monkeypatch.setattr("index.copying.make_derived", made)
    copy_catalogue(tmp_path / "one", tmp_path / "two")
    assert asked == ['{"budget_mb": null, "recall": 0.9}']


def test_a_database_is_backed_up_into_another(server: Server) -> None:
    source, target = Database(server.database()), Database(server.database())
    build(source)
    copy_catalogue(source, target)
    assert contents(target) == contents(source)
