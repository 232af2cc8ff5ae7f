"""The catalogue folder: what goes in comes out, and what is not a sound catalogue is refused in one clear line."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from common import ArtefactError, InputError, NoSpaceError, NotFoundError
from index import Catalogue, CatalogueInfo, CatalogueWriter, Entry, Product, SplitRule
from tests.tools.root import ROOT

DIM = 6
INFO = CatalogueInfo("enc-1", DIM, "drawn", SplitRule(0.6, 0.2, 0.2, seed=7), "2025-03-01T12:00:00+00:00")


def entry(number: int, *, seed: int = 0) -> Entry:
    vectors = np.random.default_rng([seed, number]).standard_normal((2, DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    product = Product(f"id {number}/ü", f"Blaues Kleid № {number}", {"colour": "blau", "größe": str(number)}, "test")
    return Entry(product, bytes([number % 256]) * (number + 1), vectors[0], vectors[1])


def build(folder: Path, count: int = 5, info: CatalogueInfo = INFO) -> list[Entry]:
    entries = [entry(number) for number in range(count)]
    with CatalogueWriter(folder, info) as writer:
        writer.add(entries[:2])
        writer.add(iter(entries[2:]))
    return entries


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    build(tmp_path / "catalogue")
    return tmp_path / "catalogue"


@pytest.mark.parametrize("count", [0, 1, 5, 5000])  # 5,000: more than one piece of a snapshot
def test_what_goes_in_comes_out(tmp_path: Path, count: int) -> None:
    entries = build(tmp_path / "catalogue", count)
    with Catalogue.open(tmp_path / "catalogue", encoder_id="enc-1") as catalogue:
        assert catalogue.info == INFO
        assert catalogue.version() == 0
        assert len(catalogue) == count
        snapshot = catalogue.snapshot()
        for wanted in entries[:: max(1, count // 10)]:
            assert catalogue.product(wanted.product.id) == wanted.product
            assert catalogue.image(wanted.product.id) == wanted.image
    assert snapshot.info == INFO
    assert snapshot.version == 0
    assert snapshot.products == [entry.product for entry in entries]
    for vectors, wanted_rows in (
        (snapshot.image_vectors, [entry.image_vector for entry in entries]),
        (snapshot.text_vectors, [entry.text_vector for entry in entries]),
    ):
        assert vectors.shape == (count, DIM)
        assert vectors.dtype == np.float32
        assert vectors.flags.c_contiguous
        assert np.array_equal(vectors, np.array(wanted_rows, dtype=np.float32).reshape(count, DIM))


def test_unknown_ids_are_not_found(folder: Path) -> None:
    with Catalogue.open(folder) as catalogue:
        for read in (catalogue.product, catalogue.image):
            with pytest.raises(NotFoundError, match="'nobody'"):
                read("nobody")


def test_another_encoder_is_refused_naming_both(folder: Path) -> None:
    with pytest.raises(ArtefactError, match=r"enc-1.*enc-2"):
        Catalogue.open(folder, encoder_id="enc-2")


def test_another_format_is_refused_naming_both(folder: Path) -> None:
    with sqlite3.connect(folder / "catalogue.sqlite") as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'format'")
    connection.close()
    with pytest.raises(ArtefactError, match=r"format 99.*format 2"):
        Catalogue.open(folder)


@pytest.mark.parametrize("exists", [False, True])
def test_a_missing_catalogue_says_how_to_make_one(tmp_path: Path, exists: bool) -> None:
    folder = tmp_path / "catalogue"
    if exists:
        folder.mkdir()
    with pytest.raises(ArtefactError, match="vitrine index"):
        Catalogue.open(folder)


def foreign(file: Path) -> None:
    file.write_bytes(b"PNG, not a database " * 500)


def foreign_database(file: Path) -> None:
    file.unlink()
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE cakes (name TEXT)")
    connection.commit()
    connection.close()


def empty(file: Path) -> None:
    file.write_bytes(b"")


def truncated(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2 // 4096 * 4096)


def overwritten(file: Path) -> None:
    size = file.stat().st_size
    with file.open("r+b") as handle:
        handle.seek(4096)
        handle.write(b"\xff" * (size - 4096))


def sql(statement: str) -> Callable[[Path], None]:
    def damage(file: Path) -> None:
        connection = sqlite3.connect(file)
        connection.execute(statement)
        connection.commit()
        connection.close()

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(foreign, id="foreign"),
        pytest.param(foreign_database, id="foreign database"),
        pytest.param(empty, id="empty"),
        pytest.param(truncated, id="truncated"),
        pytest.param(overwritten, id="overwritten"),
        pytest.param(sql("DELETE FROM meta WHERE key = 'dim'"), id="no dim"),
        pytest.param(sql("UPDATE meta SET value = '{' WHERE key = 'split'"), id="split no JSON"),
        pytest.param(sql("UPDATE products SET split = 'exam' WHERE position > 100"), id="most of it"),
    ],
)
def test_a_damaged_or_foreign_file_is_refused(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    build(tmp_path / "catalogue", 300)
    damage(tmp_path / "catalogue" / "catalogue.sqlite")
    with (
        pytest.raises(ArtefactError, match=r"catalogue\.sqlite.*vitrine index") as caught,
        Catalogue.open(tmp_path / "catalogue") as catalogue,
    ):
        catalogue.snapshot()
    assert "\n" not in str(caught.value)


def broken(vector: np.ndarray) -> Entry:
    good = entry(1)
    return Entry(good.product, good.image, good.image_vector, vector)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        pytest.param(entry(0), r"'id 0/ü' comes twice", id="twice"),
        pytest.param(broken(np.ones(DIM + 1, np.float32)), r"\(7,\) float32.*\(6,\)", id="shape"),
        pytest.param(broken(np.eye(DIM)[0]), r"float64.*float32", id="dtype"),
        pytest.param(broken(np.full(DIM, np.nan, np.float32)), "not finite", id="NaN"),
        pytest.param(broken(np.full(DIM, np.inf, np.float32)), "not finite", id="infinite"),
        pytest.param(broken(np.ones(DIM, np.float32)), "length 2.449", id="length"),
        pytest.param(
            Entry(Product("x", "x", {}, "exam"), b"", entry(1).image_vector, entry(1).text_vector),  # type: ignore[arg-type]
            "'exam'.*'train'",
            id="split",
        ),
    ],
)
def test_bad_entries_are_refused_and_nothing_is_left(tmp_path: Path, bad: Entry, message: str) -> None:
    with pytest.raises(InputError, match=message), CatalogueWriter(tmp_path / "catalogue", INFO) as writer:
        writer.add([entry(0), bad])
    assert list(tmp_path.iterdir()) == []


def test_a_failed_build_keeps_the_old_catalogue(folder: Path) -> None:
    def entries() -> Iterator[Entry]:
        yield entry(10)
        raise RuntimeError("the encoder fell over")

    with pytest.raises(RuntimeError, match="fell over"), CatalogueWriter(folder, INFO) as writer:
        writer.add(entries())
    with Catalogue.open(folder) as catalogue:
        assert len(catalogue) == 5
    assert [path.name for path in folder.parent.iterdir()] == ["catalogue"]


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(NoSpaceError, match="full"), CatalogueWriter(tmp_path / "catalogue", INFO) as writer:
        fill_the_disk(writer)
    assert list(tmp_path.iterdir()) == []


def fill_the_disk(writer: CatalogueWriter) -> None:
    writer._connection.execute("PRAGMA max_page_count = 20")
    writer.add(entry(number) for number in range(1000))


def test_a_new_build_replaces_the_old_one_even_while_it_is_read(folder: Path) -> None:
    with Catalogue.open(folder) as old:
        build(folder, 2, CatalogueInfo("enc-2", DIM, "drawn", SplitRule(), "2025-03-02T12:00:00+00:00"))
        assert old.info.encoder_id == "enc-1"
        assert old.image(entry(4).product.id) == entry(4).image
    with Catalogue.open(folder, encoder_id="enc-2") as new:
        assert len(new) == 2


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ArtefactError, match="no catalogue"), CatalogueWriter(tmp_path, INFO) as writer:
        writer.add([entry(0)])
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_killed_in_the_middle_of_a_build_leaves_nothing_under_the_name(tmp_path: Path) -> None:
    code = """
import os, sys
from pathlib import Path
from tests.index.test_catalogue import INFO, CatalogueWriter, entry
with CatalogueWriter(Path(sys.argv[1]), INFO) as writer:
    writer.add(entry(number) for number in range(3000))
    os._exit(9)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "catalogue")], env=environment, timeout=60)
    assert done.returncode == 9
    assert not (tmp_path / "catalogue").exists()
    assert list(tmp_path.iterdir()) != []  # it did get as far as writing something beside
    build(tmp_path / "catalogue")
    with Catalogue.open(tmp_path / "catalogue") as catalogue:
        assert len(catalogue) == 5


def test_what_a_killed_build_left_is_cleared_away_a_day_later(tmp_path: Path) -> None:
    old, young = tmp_path / ".shop [1].0123.partial", tmp_path / ".shop [1].4567.partial"
    for left in (old, young):
        left.mkdir()
        (left / "half.sqlite").write_bytes(b"half")
    os.utime(old, (0, 0))
    build(tmp_path / "shop [1]")
    assert sorted(path.name for path in tmp_path.iterdir()) == [young.name, "shop [1]"]


def test_many_threads_read_at_once(folder: Path) -> None:
    entries = [entry(number) for number in range(5)]
    with Catalogue.open(folder) as catalogue:

        def read(number: int) -> bool:
            wanted = entries[number % 5]
            if number % 20 == 0:
                return len(catalogue.snapshot().products) == 5
            return (
                catalogue.image(wanted.product.id) == wanted.image
                and catalogue.product(wanted.product.id) == wanted.product
            )

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(read, range(400)))


def test_reading_needs_no_right_to_write(folder: Path) -> None:
    file = folder / "catalogue.sqlite"
    before = file.read_bytes()
    names = sorted(path.name for path in folder.iterdir())
    file.chmod(0o444)
    folder.chmod(0o555)
    try:
        with Catalogue.open(folder) as catalogue:
            assert len(catalogue.snapshot().products) == 5
            assert sorted(path.name for path in folder.iterdir()) == names
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                catalogue._connection.execute("DELETE FROM products")
    finally:
        folder.chmod(0o755)
    assert file.read_bytes() == before


def test_odd_folder_names_are_opened_as_they_are(tmp_path: Path) -> None:
    folder = tmp_path / "shop 50% #1?mode=rw"
    build(folder)
    with Catalogue.open(folder) as catalogue:
        assert len(catalogue) == 5
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_a_process_killed_while_it_turned_on_the_log_stops_nobody(folder: Path) -> None:
    """It leaves a rollback journal, which SQLite refuses to read past without the right to write."""
    file = (folder / "catalogue.sqlite").resolve()
    code = f"""
import os, sqlite3
connection = sqlite3.connect({str(file)!r}, isolation_level=None)
connection.execute("PRAGMA journal_mode = DELETE")
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN")
connection.execute("UPDATE products SET title = hex(randomblob(4000))")  # so much that it goes to the file
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert file.with_name(f"{file.name}-journal").exists()
    with Catalogue.open(folder, writable=True) as catalogue:
        assert [product.title for product in catalogue.snapshot().products] == [
            entry(number).product.title for number in range(5)
        ]
