"""Writing to a catalogue: what is acknowledged stays, what is refused changes nothing, all processes see the same."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from common import ConflictError, InputError, NoSpaceError, NotFoundError, ReadOnlyError, ReplacedError
from index import (
    Catalogue,
    CatalogueInfo,
    CatalogueWriter,
    Delete,
    Entry,
    Product,
    Put,
    SearchIndex,
    SearchQuery,
    SplitRule,
    Written,
    entry_digest,
)
from index.sqlite.schema import FILE
from tests.tools.root import ROOT

DIM = 6
INFO = CatalogueInfo("enc-1", DIM, "drawn", SplitRule(0.6, 0.2, 0.2, seed=7), "2025-03-01T12:00:00+00:00")


def entry(name: str, title: str = "", *, image: bytes | None = None, split: str = "test") -> Entry:
    seed = list(f"{name} {title}".encode())
    vectors = np.random.default_rng(seed).standard_normal((2, DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    product = Product(name, title or f"title of {name}", {"colour": "red"}, split)  # type: ignore[arg-type]
    return Entry(product, image if image is not None else f"picture of {name} {title}".encode(), *vectors)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with CatalogueWriter(tmp_path / "catalogue", INFO) as writer:
        writer.add(entry(f"p{number}") for number in range(5))
    return tmp_path / "catalogue"


def written(outcome: Written | ConflictError) -> Written:
    assert isinstance(outcome, Written), outcome
    return outcome


def contents(folder: Path) -> dict[str, str]:
    with Catalogue.open(folder) as catalogue:
        return {product.id: product.title for product in catalogue.snapshot().products}


def check_sound(folder: Path) -> None:
    """Check that updating an index over the whole log gives what a fresh read gives."""
    with Catalogue.open(folder) as catalogue:
        snapshot = catalogue.snapshot()
        for product in snapshot.products:
            found, digest = catalogue.entry(product.id)
            assert digest == entry_digest(product, found.image)
            assert np.array_equal(found.image_vector, entry(product.id, _title(product)).image_vector)


def _title(product: Product) -> str:
    return "" if product.title == f"title of {product.id}" else product.title


def test_products_are_put_replaced_and_taken_out(folder: Path) -> None:
    with Catalogue.open(folder, writable=True) as catalogue:
        assert catalogue.writable
        new, changed = entry("new"), entry("p1", "another title")
        (one,) = catalogue.write([Put(new)])
        assert one == Written(entry_digest(new.product, new.image), 1, created=True, changed=True)
        two, three = catalogue.write([Put(changed), Delete("p3")])
        assert (written(two).created, written(two).version, written(three).digest) == (False, 3, None)
        assert catalogue.version() == 3
        assert catalogue.get_with_digest("p1") == (changed.product, written(two).digest)
        assert catalogue.image("new") == new.image
        with pytest.raises(NotFoundError):
            catalogue.product("p3")
        # A product that is replaced goes to the end, as in an index that is carried on.
        assert [product.id for product in catalogue.snapshot().products] == ["p0", "p2", "p4", "new", "p1"]
    check_sound(folder)


def test_the_same_again_changes_nothing(folder: Path) -> None:
    with Catalogue.open(folder, writable=True) as catalogue:
        first = written(catalogue.write([Put(entry("new"), absent=True)])[0])
        # A caller who did not hear the answer sends it again, with the condition that held before.
        again = written(catalogue.write([Put(entry("new"), absent=True)])[0])
        assert again == Written(first.digest, 1, created=False, changed=False)
        catalogue.write([Delete("new")])
        gone = written(catalogue.write([Delete("new", frozenset({str(first.digest)}))])[0])
        assert gone == Written(None, 2, changed=False)
        assert catalogue.version() == 2


def test_conditions_keep_editors_from_overwriting_one_another(folder: Path) -> None:
    with Catalogue.open(folder, writable=True) as catalogue:
        _, before = catalogue.get_with_digest("p1")
        one, other = entry("p1", "one editor"), entry("p1", "another editor")
        assert isinstance(catalogue.write([Put(one, frozenset({before}))])[0], Written)
        (late,) = catalogue.write([Put(other, frozenset({before}))])
        assert isinstance(late, ConflictError)
        assert entry_digest(one.product, one.image) in str(late)
        assert catalogue.product("p1").title == "one editor"
        (late,) = catalogue.write([Delete("p1", frozenset({before}))])
        assert isinstance(late, ConflictError)
        (there,) = catalogue.write([Put(other, absent=True)])
        assert isinstance(there, ConflictError)
        (nobody,) = catalogue.write([Put(entry("nobody"), frozenset({"*"}))])
        assert isinstance(nobody, ConflictError)
        assert isinstance(catalogue.write([Put(other, frozenset({"*"}))])[0], Written)
        # One edit that fails its condition does not stop the others.
        outcomes = catalogue.write([Put(entry("a")), Put(one, frozenset({"old"})), Delete("p0")])
        assert [type(outcome) for outcome in outcomes] == [Written, ConflictError, Written]
        assert {"a"} < set(contents(folder))
        assert "p0" not in contents(folder)


LONG = np.ones(DIM, np.float32)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        pytest.param(Entry(Product("x", "x"), b"", LONG, LONG), "length", id="length"),
        pytest.param(entry("x", split="exam"), "exam", id="split"),
    ],
)
def test_an_entry_that_cannot_be_stored_changes_nothing(folder: Path, bad: Entry, message: str) -> None:
    with Catalogue.open(folder, writable=True) as catalogue:
        before = contents(folder)
        with pytest.raises(InputError, match=message):
            catalogue.write([Put(entry("good")), Put(bad)])
        assert contents(folder) == before
        assert catalogue.version() == 0
        assert isinstance(catalogue.write([Put(entry("good"))])[0], Written)


def test_a_catalogue_opened_for_reading_is_not_written(folder: Path) -> None:
    with Catalogue.open(folder) as catalogue, pytest.raises(ReadOnlyError):
        catalogue.write([Delete("p1")])
    assert len(contents(folder)) == 5


def test_a_full_disk_is_said_and_changes_nothing(folder: Path) -> None:
    with Catalogue.open(folder, writable=True) as catalogue:
        assert catalogue._writes is not None
        (pages,) = catalogue._writes.connection.execute("PRAGMA page_count").fetchone()
        catalogue._writes.connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(NoSpaceError, match="full"):
            catalogue.write([Put(entry(f"n{number}", image=b"x" * 5000)) for number in range(50)])
        assert len(catalogue) == 5
        catalogue._writes.connection.execute(f"PRAGMA max_page_count = {pages + 1000}")
        assert isinstance(catalogue.write([Put(entry("new"))])[0], Written)


# What others see


def test_changes_lead_from_any_version_to_the_newest(folder: Path) -> None:
    with Catalogue.open(folder, writable=True) as writer, Catalogue.open(folder) as reader:
        index = SearchIndex(reader.snapshot())
        indexes = [index]
        writer.write([Put(entry("new")), Put(entry("p1", "other"))])
        writer.write([Delete("new"), Delete("p0")])
        writer.write([Put(entry("new", "back again")), Put(entry("p1", "other")), Put(entry("p4", "last"))])
        changes = reader.changes(0)
        assert changes is not None
        assert changes.version == writer.version() == 6
        assert set(changes.removed) == {"new", "p0", "p1", "p4"}
        assert [product.id for product in changes.products] == ["p1", "new", "p4"]
        indexes = [index.updated(changes), SearchIndex(reader.snapshot())]
        query = entry("p2").image_vector[None]
        pages = [one.search("images", query, [SearchQuery()])[0] for one in indexes]
        assert pages[0] == pages[1]
        nothing = reader.changes(6)
        assert nothing is not None
        assert (nothing.version, nothing.removed, nothing.products) == (6, [], [])
        assert reader.changes(7) is None  # of another catalogue


def test_a_log_that_was_cut_sends_its_readers_to_read_all(folder: Path) -> None:
    with Catalogue(folder, writable=True, log_length=3) as catalogue:
        for number in range(8):
            catalogue.write([Put(entry(f"n{number}"))])
        assert catalogue.version() == 8
        assert catalogue.changes(4) is None
        changes = catalogue.changes(5)
        assert changes is not None
        assert changes.removed == ["n5", "n6", "n7"]


def test_writers_in_several_threads_and_connections_all_come_through(folder: Path) -> None:
    def work(name: str) -> None:
        with Catalogue.open(folder, writable=True) as catalogue:
            for number in range(40):
                written(catalogue.write([Put(entry(f"{name}-{number}"))])[0])
                if number % 3 == 0:
                    written(catalogue.write([Delete(f"{name}-{number}")])[0])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, "abcd"))
    expected = {f"p{number}" for number in range(5)} | {f"{n}-{k}" for n in "abcd" for k in range(40) if k % 3}
    assert set(contents(folder)) == expected
    check_sound(folder)


WRITE_UNTIL_KILLED = """
import sys
from pathlib import Path
from tests.index.test_live_catalogue import *
with Catalogue.open(Path(sys.argv[1]), writable=True) as catalogue:
    for number in range(100_000):
        outcomes = catalogue.write([Put(entry(f"k{number}", f"try {sys.argv[2]}")), Put(entry("both", f"{number}"))])
        print(number, flush=True)
"""


def test_what_was_acknowledged_survives_kill_9(folder: Path) -> None:
    for attempt in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITE_UNTIL_KILLED, str(folder), str(attempt)],
            cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert process.stdout is not None
        acknowledged = -1
        for line in process.stdout:
            acknowledged = int(line)
            if acknowledged == 20 + 7 * attempt:
                process.kill()
        process.wait()
        process.stdout.close()
        found = contents(folder)
        assert all(found[f"k{number}"] == f"try {attempt}" for number in range(acknowledged + 1))
        # Both of one transaction or none.
        assert int(found["both"]) in (acknowledged, acknowledged + 1)
        assert (f"try {attempt}" == found.get(f"k{acknowledged + 1}")) == (int(found["both"]) == acknowledged + 1)
    check_sound(folder)


# Replacing a catalogue that is in use


def again(pairs: Sequence[tuple[Product, Sequence[bytes]]]) -> Iterable[Entry]:
    for product, _ in pairs:
        yield entry(product.id, _title(product))


def test_what_others_changed_during_a_build_is_carried_over(folder: Path) -> None:
    with Catalogue.open(folder, writable=True) as live:
        live.write([Put(entry("earlier")), Delete("p0")])
        with CatalogueWriter(folder, INFO, again) as build:
            build.add(entry(f"p{number}") for number in range(5))
            live.write([Put(entry("meanwhile")), Put(entry("p1", "changed")), Delete("p2"), Delete("earlier")])
        assert live.replaced()
        assert live.product("meanwhile").id == "meanwhile"  # who has the old one open still reads it
        with pytest.raises(ReplacedError):
            live.write([Put(entry("too late"))])
    assert contents(folder) == {
        "p3": "title of p3",
        "p4": "title of p4",
        "meanwhile": "title of meanwhile",
        "p1": "changed",
    }
    check_sound(folder)


def test_no_write_is_lost_however_often_the_catalogue_is_replaced(folder: Path) -> None:
    acknowledged: list[str] = []
    stop = threading.Event()

    def edit() -> None:
        number = 0
        catalogue = Catalogue.open(folder, writable=True)
        try:
            while not stop.is_set() or number < 50:
                try:
                    written(catalogue.write([Put(entry(f"w{number}"))])[0])
                except ReplacedError:
                    catalogue.close()
                    catalogue = Catalogue.open(folder, writable=True)  # there is one at every moment
                    continue
                acknowledged.append(f"w{number}")
                number += 1
        finally:
            catalogue.close()

    with ThreadPoolExecutor(1) as pool:
        editing = pool.submit(edit)
        for _ in range(6):
            with CatalogueWriter(folder, INFO, again) as build:
                known = set(contents(folder)) - {f"p{number}" for number in range(1, 5)}
                build.add(entry(name) for name in known)
        stop.set()
        editing.result(60)
    assert set(contents(folder)) == {"p0", *acknowledged}
    check_sound(folder)


def test_a_log_of_the_old_catalogue_never_reaches_the_new_one(folder: Path) -> None:
    old = Catalogue.open(folder, writable=True)
    old.write([Put(entry(f"old{number}")) for number in range(50)])
    with CatalogueWriter(folder, INFO, keep=None) as build:
        build.add([entry("fresh")])
    with Catalogue.open(folder, writable=True) as new:
        new.write([Put(entry("newer"))])
        old.close()  # folds its own log into its own file
        assert {product.id for product in new.snapshot().products} == {"fresh", "newer"}
        new.write([Put(entry("newest"))])
    assert not [path.name for path in folder.iterdir() if path.name.endswith(("-wal", "-shm"))]
    assert set(contents(folder)) == {"fresh", "newer", "newest"}


def test_builds_that_were_replaced_are_cleared_away(folder: Path) -> None:
    for number in range(4):
        with CatalogueWriter(folder, INFO, replaced_kept_s=-1.0) as build:
            build.add([entry(f"n{number}")])
    # The name, what it leads to, and what it led to before: a process may still have that open.
    assert len(list(folder.iterdir())) == 3
    assert set(contents(folder)) == {"n3"}


def test_the_name_of_a_new_catalogue_is_on_the_disk_before_it_is_written_to(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, str]] = []
    sync = os.fsync

    def watched(descriptor: int) -> None:
        place = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        synced.append((place.name, str((place / FILE).resolve().name)))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    with CatalogueWriter(folder, INFO, again) as build:
        build.add([entry("fresh")])
    assert synced[-1] == (folder.name, (folder / FILE).resolve().name)
    synced.clear()
    with CatalogueWriter(folder.with_name("first"), INFO) as build:
        build.add([entry("fresh")])
    assert synced[-1][0] == folder.parent.name
