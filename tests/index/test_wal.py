"""The write-ahead log of a catalogue in a folder: removed, cut or replaced under it, nothing acknowledged is lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from common import ArtefactError, DatabaseUnavailableError, VitrineError
from index import Catalogue, Put, copy_catalogue
from index.sqlite import wal
from index.sqlite.schema import FILE
from index.store import edits_to_keep
from tests.index.entries import build, entry
from tests.index.test_rebuild import name, rebuilt
from tests.tools.root import ROOT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    build(tmp_path / "catalogue", 3)
    return tmp_path / "catalogue"


@pytest.fixture
def live(folder: Path) -> Iterator[Catalogue]:
    with Catalogue.open(folder, writable=True) as catalogue:
        yield catalogue


def beside(folder: Path, end: str) -> Path:
    file = (folder / FILE).resolve()
    return file.with_name(file.name + end)


def numbers(folder: Path) -> set[str]:
    """Return what is in the file and in its log as they are on the disk now, as after a kill."""
    copy = folder.with_name("as-after-a-kill")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy, symlinks=True, ignore=shutil.ignore_patterns("*-shm"))
    with Catalogue.open(copy) as catalogue:
        return {product.id for product in catalogue.snapshot().products}


@pytest.mark.parametrize("gone", [["-wal"], ["-shm"], ["-wal", "-shm"]])
def test_what_is_written_after_the_log_was_removed_is_there_after_a_kill(
    folder: Path, live: Catalogue, gone: list[str]
) -> None:
    """Each write after that was acknowledged, and was in a file without a name."""
    live.write([Put(entry(10))])
    for number in range(11, 14):
        for end in gone:
            beside(folder, end).unlink()
        live.write([Put(entry(number))])
        assert numbers(folder) == {name(one) for one in (0, 1, 2, *range(10, number + 1))}
    assert live.version() == 4
    assert live.product(name(13)).id == name(13)


def test_another_process_goes_on_with_the_log_that_the_first_one_made(folder: Path, live: Catalogue) -> None:
    with Catalogue.open(folder, writable=True) as other:
        live.write([Put(entry(10))])
        other.write([Put(entry(11))])
        beside(folder, "-wal").unlink()
        live.write([Put(entry(12))])
        other.tend()
        other.write([Put(entry(13))])
        live.write([Put(entry(14))])
        assert other.version() == live.version() == 5
        assert numbers(folder) == {name(one) for one in (0, 1, 2, *range(10, 15))}


def test_a_log_that_was_removed_is_made_again_without_a_write(
    folder: Path, live: Catalogue, caplog: pytest.LogCaptureFixture
) -> None:
    live.write([Put(entry(10))])
    beside(folder, "-wal").unlink()
    with pytest.raises(ArtefactError, match=r"ends at version 0, but version 1 was acknowledged"):
        numbers(folder)
    live.tend()
    assert "was removed or changed while it was in use" in caplog.text
    assert name(10) in numbers(folder)
    caplog.clear()
    live.tend()
    assert not caplog.text


def test_an_older_log_in_its_place_is_put_aside(folder: Path, live: Catalogue) -> None:
    """SQLite would fold its pages into the file."""
    live.write([Put(entry(10))])
    older = beside(folder, "-wal").read_bytes()
    live.write([Put(entry(11))])
    beside(folder, "-wal").unlink()
    beside(folder, "-wal").write_bytes(older)
    live.write([Put(entry(12))])
    assert numbers(folder) == {name(one) for one in (0, 1, 2, 10, 11, 12)}
    assert [path.read_bytes() for path in folder.glob("*.foreign-wal")] == [older]


@pytest.mark.parametrize("size", [0, 5000])
def test_after_the_log_was_cut_nothing_more_is_acknowledged(folder: Path, live: Catalogue, size: int) -> None:
    live.write([Put(entry(10))])
    live.write([Put(entry(11))])
    os.truncate(beside(folder, "-wal"), size)
    for _ in range(2):
        with pytest.raises(DatabaseUnavailableError, match="cut while it was in use"):
            live.write([Put(entry(12))])
        with pytest.raises(DatabaseUnavailableError, match="cut while it was in use"):
            live.tend()
    with pytest.raises(ArtefactError, match="was acknowledged"):
        numbers(folder)


def test_a_log_that_was_cut_when_all_of_it_was_folded_is_no_loss(
    folder: Path, live: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wal, "FOLD_AFTER_S", -1.0)
    live.write([Put(entry(10))])
    live.tend()
    os.truncate(beside(folder, "-wal"), 0)
    live.write([Put(entry(11))])
    assert numbers(folder) == {name(one) for one in (0, 1, 2, 10, 11)}


def test_the_file_alone_has_everything_soon_after_the_last_write(
    folder: Path, live: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.write([Put(entry(10))])
    live.tend()  # too early
    file = (folder / FILE).resolve()
    assert name(10).encode() not in file.read_bytes()
    monkeypatch.setattr(wal, "FOLD_AFTER_S", -1.0)
    live.tend()
    assert name(10).encode() in file.read_bytes()
    (tmp_path / "copy").mkdir()
    shutil.copy(file, tmp_path / "copy" / FILE)
    with Catalogue.open(tmp_path / "copy") as copy:
        assert copy.product(name(10)).id == name(10)


KILLED = """
import os, sys
from pathlib import Path
from index import Catalogue, Put
from tests.index.entries import entry
catalogue = Catalogue.open(Path(sys.argv[1]), writable=True)
for number in range(10, 15):
    catalogue.write([Put(entry(number))])
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("left", [None, 0.5])
def test_a_start_after_the_log_was_lost_says_what_is_missing(folder: Path, tmp_path: Path, left: float | None) -> None:
    """It started, and nobody knew."""
    subprocess.run(
        [sys.executable, "-c", KILLED, str(folder)], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False
    )
    log = beside(folder, "-wal")
    kept = log.read_bytes()
    log.unlink() if left is None else os.truncate(log, int(left * len(kept)))
    beside(folder, "-shm").unlink()
    calls: list[Callable[[], object]] = [
        lambda: Catalogue.open(folder, writable=True),
        lambda: Catalogue.open(folder),
        lambda: copy_catalogue(folder, tmp_path / "copy"),
        lambda: rebuilt(folder),
    ]
    for call in calls:
        with pytest.raises(VitrineError, match=r"version 5 was acknowledged.*-wal is missing or damaged"):
            call()
    assert edits_to_keep(folder, discard=True) is None
    log.write_bytes(kept)
    with Catalogue.open(folder) as catalogue:
        assert catalogue.version() == 5
    # Or without them: the operator says so.
    log.unlink(missing_ok=True)
    beside(folder, "-version").unlink()
    with Catalogue.open(folder, writable=True) as catalogue:
        catalogue.write([Put(entry(20))])
