"""Pictures as files beside the catalogue's SQLite file: the same promises as inside it."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common import ArtefactError, ConfigError, DamagedProductError, NoSpaceError
from index import Database, Delete, Put, copy_catalogue, picture_digest
from index.location import check_pictures
from index.records import Entry
from index.sqlite.picture_files import LARGE_BYTES, PictureFiles
from index.sqlite.picture_sweep import sweep
from index.sqlite.schema import FILE
from index.sqlite.whole import whole_folder
from tests.index.entries import build, entry, opened, writer
from tests.index.test_rebuild import contents, name


def photo(number: int, picture: bytes | None = None, **more: Any) -> Entry:
    """Return a product with a large picture."""
    large = np.random.default_rng(number).bytes(LARGE_BYTES + number)
    return replace(entry(number, **more), image=large if picture is None else picture)


def build_photos(folder: Path, count: int = 6, **more: Any) -> list[Entry]:
    entries = [photo(number) for number in range(count)]
    with writer(folder, **more) as writing:
        writing.add(entries)
    return entries


def files_of(folder: Path) -> set[str]:
    return {file.name for file in (folder / "pictures").glob("??/*")}


def file_of(folder: Path, one: Entry) -> Path:
    digest = picture_digest(one.image)
    return folder / "pictures" / digest[:2] / digest


def format_of(folder: Path) -> int:
    with closing(sqlite3.connect(folder / FILE)) as connection:
        (found,) = connection.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()
    return int(found)


@pytest.mark.parametrize("mode", ["inside", "folder", "size"])
def test_a_catalogue_holds_the_same_wherever_its_pictures_are(tmp_path: Path, mode: str) -> None:
    entries = [photo(0), entry(1), photo(2), replace(photo(3), image=photo(2).image)]
    with writer(tmp_path / "shop", pictures=mode) as writing:
        writing.add(entries)
    with opened(tmp_path / "shop") as catalogue:
        catalogue.write([Put(photo(7)), Put(entry(8)), Delete(name(0))])
        there = [*entries[1:], photo(7), entry(8)]
        for one in there:
            assert catalogue.image(one.product.id) == one.image
        wanted = {"inside": [], "folder": there, "size": [one for one in there if len(one.image) >= LARGE_BYTES]}[mode]
        sweep(tmp_path / "shop")
        assert files_of(tmp_path / "shop") == {picture_digest(one.image) for one in wanted}
    assert format_of(tmp_path / "shop") == (2 if mode == "inside" else 3)


def test_small_pictures_leave_the_folder_and_the_format_as_they_were(tmp_path: Path) -> None:
    build(tmp_path / "shop")
    assert not (tmp_path / "shop" / "pictures").exists()
    assert format_of(tmp_path / "shop") == 2


def test_a_catalogue_of_an_older_version_keeps_its_pictures_inside(tmp_path: Path) -> None:
    build(tmp_path / "shop")
    with closing(sqlite3.connect(tmp_path / "shop" / FILE)) as connection:
        connection.execute("DROP INDEX picture_files")
        connection.execute("PRAGMA user_version = 0")
    with opened(tmp_path / "shop") as catalogue:
        catalogue.write([Put(photo(50))])
        assert catalogue.image(name(50)) == photo(50).image
    assert not (tmp_path / "shop" / "pictures").exists()


def test_what_no_row_names_is_deleted_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    entries = build_photos(folder)
    with opened(folder) as catalogue:
        catalogue.write([Put(photo(0, b"x" * LARGE_BYTES)), Delete(name(1)), Put(photo(2, entries[3].image))])
        (folder / "pictures" / "ab").mkdir(exist_ok=True)
        (folder / "pictures" / "ab" / ".left by a write that was killed").write_bytes(b"half")
        assert sweep(folder) == 4
        for number in (0, 2, 3, 4, 5):
            assert catalogue.image(name(number))
    assert sweep(folder) == 0


def test_nothing_is_deleted_while_a_copy_reads_an_earlier_moment(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    entries = build_photos(folder)
    with opened(folder) as catalogue:
        with whole_folder(folder) as whole:
            catalogue.write([Delete(one.product.id) for one in entries])
            assert sweep(folder) == 0
            assert [one.image for one, _ in whole.entries] == [one.image for one in entries]
        assert sweep(folder) == len(entries)


def test_a_picture_that_is_being_put_in_is_not_deleted(tmp_path: Path) -> None:
    """Its file may be there already, from a product that is gone, and no row names it before the write is over."""
    folder = tmp_path / "shop"
    build_photos(folder)
    files = PictureFiles(folder, "folder")
    with files.batch():
        stored = files.stored(b"a picture")
        assert sweep(folder) == 0
        assert files.loaded(stored) == b"a picture"
    assert sweep(folder) == 1


def test_the_pictures_of_a_replaced_build_stay_as_long_as_it_does(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    first = build_photos(folder)
    with opened(folder) as before:
        with writer(folder, keep=None) as writing:
            writing.add([photo(20)])
        assert sweep(folder) == 0
        assert before.image(name(2)) == first[2].image
    with writer(folder, keep=None) as writing:
        writing.add([photo(21)])
    for old in sorted(folder.glob("catalogue-*.sqlite"), key=lambda one: one.stat().st_mtime)[:1]:
        old.unlink()
    sweep(folder)
    assert files_of(folder) == {picture_digest(photo(number).image) for number in (20, 21)}


def test_a_service_sweeps_by_itself_after_edits(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    build_photos(folder)
    with opened(folder) as catalogue:
        catalogue.write([Delete(name(1))])
        catalogue.tend()
        assert len(files_of(folder)) == 6  # swept a moment ago
        os.utime(folder / "pictures" / ".lock", (0, 0))
        catalogue.tend()
        assert len(files_of(folder)) == 5


@pytest.mark.parametrize("harm", ["missing", "changed", "cut", "outside", "no name", "no file"])
def test_a_damaged_picture_is_named_and_can_be_put_in_again(tmp_path: Path, harm: str) -> None:
    folder = tmp_path / "shop"
    entries = build_photos(folder)
    file = file_of(folder, entries[2])
    if harm == "missing":
        file.unlink()
    elif harm == "changed":
        file.write_bytes(b"?" + entries[2].image[1:])
    elif harm == "cut":
        file.write_bytes(entries[2].image[:-1])
    elif harm == "no file":
        file.unlink()
        file.mkdir()
    else:
        (tmp_path / "outside").write_bytes(entries[2].image)
        text = "../../../outside" if harm == "outside" else "Ж" * 32
        with closing(sqlite3.connect(folder / FILE)) as connection, connection:
            connection.execute("UPDATE products SET image = ? WHERE id = ?", (text, name(2)))
    with opened(folder) as catalogue:
        with pytest.raises(DamagedProductError, match=r"picture|digest"):
            catalogue.image(name(2))
        assert catalogue.image(name(3)) == entries[3].image
        copied = copy_catalogue(folder, tmp_path / "copy")
        assert copied is not None
        assert copied.damaged == [name(2)]
        if harm == "no file":
            file.rmdir()
        (done,) = catalogue.write([Put(entries[2])])
        assert getattr(done, "changed", None)
        assert catalogue.image(name(2)) == entries[2].image


@pytest.mark.parametrize(("source", "target"), [("folder", "inside"), ("inside", "folder"), ("folder", "folder")])
def test_copies_and_kept_edits_carry_the_pictures(tmp_path: Path, source: str, target: str) -> None:
    build_photos(tmp_path / "one", pictures=source)
    with opened(tmp_path / "one") as catalogue:
        catalogue.write([Put(photo(30)), Delete(name(1))])
    copy_catalogue(tmp_path / "one", tmp_path / "two", pictures=target)  # type: ignore[arg-type]
    assert contents(tmp_path / "two") == contents(tmp_path / "one")
    with opened(tmp_path / "two") as catalogue:
        catalogue.write([Put(photo(40)), Put(photo(2, b"another" * LARGE_BYTES))])
    build_photos(tmp_path / "two", pictures=target)
    with opened(tmp_path / "two") as catalogue:
        assert catalogue.image(name(40)) == photo(40).image
        assert catalogue.image(name(30)) == photo(30).image
        assert catalogue.image(name(2)) == b"another" * LARGE_BYTES
        assert len(catalogue) == 7


def test_a_build_again_takes_no_room_for_pictures_that_are_there(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    (one, *_) = build_photos(folder)
    before = file_of(folder, one).stat().st_ino
    build_photos(folder)
    assert file_of(folder, one).stat().st_ino == before
    assert not list(tmp_path.glob(".*"))


def test_a_build_that_fails_leaves_the_pictures_as_they_were(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    build_photos(folder)
    before = files_of(folder)

    def failing() -> Iterator[Entry]:
        yield photo(60)
        raise RuntimeError("it fell over")

    with pytest.raises(RuntimeError, match="fell over"), writer(folder) as writing:
        writing.add(failing())
    assert files_of(folder) == before
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_what_cannot_be_put_on_the_disk_is_not_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    folder = tmp_path / "shop"
    entries = build_photos(folder)
    with opened(folder) as catalogue:
        version = catalogue.version()

        def refused(descriptor: int) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "fsync", refused)
        with pytest.raises(NoSpaceError if number == errno.ENOSPC else ArtefactError):
            catalogue.write([Put(photo(0, b"another" * LARGE_BYTES)), Delete(name(1))])
        monkeypatch.undo()
        assert catalogue.version() == version
        assert catalogue.image(name(0)) == entries[0].image
        assert catalogue.image(name(1)) == entries[1].image
        catalogue.write([Put(photo(0, b"another" * LARGE_BYTES))])
        assert catalogue.image(name(0)) == b"another" * LARGE_BYTES


KILLED = """
import os, signal, sys
from pathlib import Path
from index import Put
from tests.index.entries import opened
from tests.index.test_picture_files import photo
synced = os.fsync
with opened(Path(sys.argv[1])) as catalogue:
    for number in range(100, 110):
        catalogue.write([Put(photo(number))])
        print(number, flush=True)
    def kill(descriptor):
        os.kill(os.getpid(), signal.SIGKILL)
    os.fsync = kill
    catalogue.write([Put(photo(110))])
"""


def test_a_killed_write_leaves_what_was_acknowledged_and_nothing_half(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    build_photos(folder)
    done = subprocess.run([sys.executable, "-c", KILLED, str(folder)], capture_output=True, text=True, check=False)
    acknowledged = [int(line) for line in done.stdout.split()]
    assert acknowledged == list(range(100, 110)), done.stderr
    with opened(folder) as catalogue:
        for number in acknowledged:
            assert catalogue.image(name(number)) == photo(number).image
        assert len(catalogue) == 16
        sweep(folder)
        catalogue.write([Put(photo(110))])
        assert catalogue.image(name(110)) == photo(110).image


def test_files_have_the_permissions_of_the_catalogue(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    build_photos(folder)
    (folder / FILE).resolve().chmod(0o600)
    with opened(folder) as catalogue:
        catalogue.write([Put(photo(9))])
    assert stat.S_IMODE(file_of(folder, photo(9)).stat().st_mode) == 0o600


def test_a_catalogue_that_cannot_be_written_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    entries = build_photos(folder)
    (folder / "pictures" / ".lock").unlink()  # as `cp folder/*` copies it
    for one in (folder / "pictures", folder):
        one.chmod(0o555)
    try:
        with opened(folder) as catalogue:
            assert catalogue.image(name(1)) == entries[1].image
    finally:
        for one in (folder, folder / "pictures"):
            one.chmod(0o755)


def test_a_database_has_no_folder_for_pictures() -> None:
    with pytest.raises(ConfigError, match="inside"):
        check_pictures(Database("postgresql://nowhere/shop"), "folder")
