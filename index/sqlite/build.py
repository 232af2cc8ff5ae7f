"""Building a catalogue folder: a new file beside the old one, the changes made meanwhile, and the swap of the link."""

from __future__ import annotations

import glob
import json
import os
import shutil
import sqlite3
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import TracebackType

from common import ArtefactError, resource_error
from index.records import ABANDONED_AFTER_S, CatalogueInfo, Encode, Entry, repeated_id_error, replay_changes
from index.sqlite.rows import INSERT, entry_to_row, info_to_rows
from index.sqlite.schema import BUILD, FILE, SCHEMA, connect, current_build, version_of

REPLACED_KEPT_S = 60.0
"""How long a replaced catalogue is kept for those who have it open, in seconds; the last one always is."""

REPLAY_BUSY_S = 60.0
"""Longest that a build waits for a write to the catalogue that it replaces, in seconds."""


class CatalogueWriter:
    """Builds a catalogue folder; leaving the `with` block without an error moves it into place.

    Until then the folder's name stands for what it stood for before, and an error leaves nothing behind. An earlier
    catalogue of that name is replaced. With `encode`, what others have changed in it since this build began is made
    here too: no edit that a running service acknowledged in the meantime is lost.

    Args:
        folder: where the catalogue goes.
        info: what it says of itself.
        encode: from products and their pictures to entries; may leave out a picture that it cannot read.
        replaced_kept_s: how long replaced catalogues are kept.

    Raises:
        ArtefactError: on entering, when the folder holds something other than a catalogue; on leaving, when the
            file could not be written.
        NoSpaceError: on leaving, when the disk is full.
    """

    def __init__(
        self,
        folder: Path,
        info: CatalogueInfo,
        encode: Encode | None = None,
        *,
        replaced_kept_s: float = REPLACED_KEPT_S,
    ) -> None:
        self._folder = folder.resolve()
        self._info = info
        self._encode = encode
        self._replaced_kept_s = replaced_kept_s
        self._build = self._building()

    def __enter__(self) -> CatalogueWriter:
        self._connection = self._build.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._build.__exit__(kind, error, trace)

    def add(self, entries: Iterable[Entry]) -> None:
        """Append `entries` in order.

        Raises:
            InputError: an id that is there already, an unknown split, or a vector that is not (D,) float32,
                finite and of unit length; names the product.
        """
        for entry in entries:
            try:
                self._connection.execute(INSERT.format(otherwise="ABORT"), entry_to_row(entry, self._info.dim, 0))
            except sqlite3.IntegrityError:
                raise repeated_id_error(entry.product.id) from None

    @contextmanager
    def _building(self) -> Iterator[sqlite3.Connection]:
        folder = self._folder
        if folder.exists() and not (folder / FILE).exists() and (folder.is_file() or any(folder.iterdir())):
            raise ArtefactError(
                f"{folder} exists and is no catalogue; give a new or empty folder: what is there would be lost"
            )
        before = current_build(folder) if self._encode is not None else None
        name = uuid.uuid4().hex[:12]
        _clear_abandoned(folder)
        partial = folder.with_name(f".{folder.name}.{name}.partial")
        partial.mkdir(parents=True)
        try:
            with ExitStack() as until_swapped:
                # One transaction in the default rollback mode: its commit syncs the data and leaves a single
                # file, which can be read from a read-only file system.
                build = partial / BUILD.format(name)
                with closing(sqlite3.connect(build, isolation_level=None)) as connection:
                    connection.executescript(SCHEMA)
                    connection.execute("BEGIN")
                    connection.executemany("INSERT INTO meta VALUES (?, ?)", info_to_rows(self._info))
                    yield connection
                    if self._encode is not None and (folder / FILE).is_file():
                        self._replay((folder / FILE).resolve(), before, self._encode, until_swapped)
                    connection.execute("COMMIT")
                (partial / FILE).symlink_to(build.name)
                before_swap = _put_in_place(partial, build, folder)
                _clear_replaced(folder, {before_swap, folder / build.name}, self._replaced_kept_s)
        except sqlite3.OperationalError as error:
            if resource := resource_error(error):
                raise resource from error
            raise ArtefactError(f"{folder}: the catalogue cannot be written ({error}); make room and retry") from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _replay(self, file: Path, before: tuple[Path, int] | None, encode: Encode, until_swapped: ExitStack) -> None:
        """Make the changes of `file` since the build began here too, and lock that file until the swap is done.

        The first round works without the lock, so that the second has little left to encode while writers wait. A
        service that gets the lock after the swap sees that its file is no longer in place (`Catalogue.write`).

        Args:
            file: the catalogue that is in place now.
            before: the file that was in place when the build began, and its version. If another build has come in
                between, all changes since that one was made are made here.
            encode: makes entries of what has changed.
            until_swapped: holds the lock.
        """
        if current_build(file.parent) is None:
            return  # damaged, or of another format: there is nothing to keep of it
        old = until_swapped.enter_context(closing(connect(file, "rw")))
        old.execute(f"PRAGMA busy_timeout = {int(1000 * REPLAY_BUSY_S)}")
        done = before[1] if before is not None and before[0] == file else 0
        for locked in (False, True):
            if locked:
                old.execute("BEGIN IMMEDIATE")
                until_swapped.callback(old.rollback)
            until = version_of(old)
            self._replay_between(old, done, until, encode)
            done = until

    def _replay_between(self, old: sqlite3.Connection, since: int, until: int, encode: Encode) -> None:
        """Make the changes of `old` after version `since`, up to `until`."""
        changed = old.execute(
            "SELECT product_id FROM changes WHERE seq > ? AND seq <= ? GROUP BY product_id ORDER BY max(seq)",
            (since, until),
        ).fetchall()

        def read(ids: list[str]) -> list[tuple[str, str, dict[str, str], bytes]]:
            rows = old.execute(
                f"SELECT id, title, attributes, image FROM products WHERE id IN ({_marks(ids)}) ORDER BY position",  # noqa: S608
                ids,
            )
            return [(product_id, title, json.loads(text), bytes(image)) for product_id, title, text, image in rows]

        for ids, kept in replay_changes([product_id for (product_id,) in changed], self._info.split, read):
            self._connection.execute(f"DELETE FROM products WHERE id IN ({_marks(ids)})", ids)  # noqa: S608
            if kept:
                self.add(encode(kept))


def _marks(values: list[str]) -> str:
    return ", ".join("?" * len(values))


def _clear_abandoned(folder: Path) -> None:
    """Delete what killed builds of `folder` left beside it."""
    for left in folder.parent.glob(f".{glob.escape(folder.name)}.*.partial"):
        if time.time() - left.stat().st_mtime > ABANDONED_AFTER_S:
            shutil.rmtree(left, ignore_errors=True)


def _clear_replaced(folder: Path, kept: set[Path | None], kept_s: float) -> None:
    """Delete the files of catalogues that were replaced longer than `kept_s` ago, but for the `kept` ones."""
    for old in folder.glob(BUILD.format("*")):
        if old not in kept and time.time() - old.stat().st_mtime > kept_s:
            for end in ("", "-wal", "-shm"):
                old.with_name(old.name + end).unlink(missing_ok=True)


def _put_in_place(partial: Path, build: Path, folder: Path) -> Path | None:
    """Move a finished build into `folder` and point the name at it: readers find the old catalogue or the new one.

    Returns the file that the name pointed at before; None when there was no catalogue.

    The names are synced too, before anybody can write to the new one: after a loss of power the old one would otherwise
    be back, without what was acknowledged since.
    """
    if not (folder / FILE).exists():
        if folder.exists():
            folder.rmdir()
        _sync_names(partial)
        partial.rename(folder)
        _sync_names(folder.parent)
        return None
    before = (folder / FILE).resolve()
    build.rename(folder / build.name)
    _sync_names(folder)
    (partial / FILE).replace(folder / FILE)
    _sync_names(folder)
    return before


def _sync_names(folder: Path) -> None:
    """Put on the disk which file each name in a folder stands for."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
