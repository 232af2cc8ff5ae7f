"""Building a catalogue folder: a new file beside the old one, the changes made meanwhile, and the swap of the link."""

from __future__ import annotations

import glob
import shutil
import sqlite3
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from common import ArtefactError, resource_error
from index.damage import Damage
from index.kept import ROUNDS, TOGETHER, Carrier, EditRange, Keep, Kept, unreadable_error
from index.records import ABANDONED_AFTER_S, CatalogueInfo, Encode, Entry, repeated_id_error
from index.sqlite.edited import edited_products, read_entries, remember
from index.sqlite.gone import gone_names, remember_names
from index.sqlite.hubs import HUBS, BuildHubs, forget_hubs, store_hub
from index.sqlite.picture_files import PictureFiles, Pictures, set_picture_mode, sync_names
from index.sqlite.picture_sweep import sweep
from index.sqlite.pictures import PICTURES, forget_pictures, marks
from index.sqlite.rows import (
    DamagedError,
    attribute_names,
    info_to_rows,
    insert_entry,
    read_info,
    settle_pictures,
)
from index.sqlite.schema import BUILD, FILE, SCHEMA, connect, version_of
from index.sqlite.wal import ACKNOWLEDGED, FOREIGN, SHM, WAL, check_acknowledged, moment_of

REPLACED_KEPT_S = 60.0
"""How long a replaced catalogue is kept for those who have it open, in seconds; the last one always is."""

REPLAY_BUSY_S = 60.0
"""Longest that a build waits for a write to the catalogue that it replaces, in seconds."""


class CatalogueWriter:
    """Builds a catalogue folder; leaving the `with` block without an error moves it into place.

    Until then the folder's name stands for what it stood for before, and an error leaves nothing behind. An earlier
    catalogue of that name is replaced, but for the edits that were made in it: no write that a service acknowledged
    is lost, before or while this build runs.

    Args:
        folder: where the catalogue goes.
        info: what it says of itself.
        encode: makes the vectors of edited products, where those that they have are of another encoder.
        keep: which edits; None: none at all, and what is there need not be readable.
        replaced_kept_s: how long replaced catalogues are kept.
        pictures: where its pictures go, from now on too.

    Raises:
        ArtefactError: on entering, when the folder holds something other than a catalogue that can be read; on
            leaving, when an edit cannot be kept, or the file could not be written.
        NoSpaceError: on leaving, when the disk is full.
    """

    def __init__(
        self,
        folder: Path,
        info: CatalogueInfo,
        encode: Encode | None = None,
        *,
        keep: Keep | None = Keep(),  # noqa: B008 - frozen
        replaced_kept_s: float = REPLACED_KEPT_S,
        pictures: Pictures = "size",
    ) -> None:
        self._folder = folder.resolve()
        self._info = info
        self._keep = keep
        self._carrier = Carrier(self, info, encode)
        self._replaced_kept_s = replaced_kept_s
        self._picture_mode = pictures
        self._build = self._building()

    @property
    def kept(self) -> Kept:
        """The edits that were kept: all of them once the block has ended."""
        return self._carrier.kept

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
                position = insert_entry(self._connection, entry, self._info.dim, 0, self._pictures, "ABORT")
            except sqlite3.IntegrityError:
                raise repeated_id_error(entry.product.id) from None
            if entry.hub is not None:
                store_hub(self._connection, position, 0, entry.hub)

    def bring(self, edited: Iterable[str]) -> None:
        """Remember these products as edited where they are copied from."""
        remember(self._connection, ((one, 1) for one in edited))

    def centre_hubs(self, mean: float | None) -> None:
        """Take over the mean hubness of the catalogue that is copied; None: that of the products of this one."""
        self._hubs.mean = mean

    def digests(self, ids: Sequence[str]) -> dict[str, str]:
        """Return the digests of those of these products that were added."""
        query = f"SELECT id, digest FROM products WHERE id IN ({marks(ids)})"  # noqa: S608
        return dict(self._connection.execute(query, list(ids)).fetchall())

    def drop(self, ids: Sequence[str]) -> None:
        """Take products out again."""
        forget_pictures(self._connection, ids)
        forget_hubs(self._connection, ids)
        self._connection.execute(f"DELETE FROM products WHERE id IN ({marks(ids)})", list(ids))  # noqa: S608

    @contextmanager
    def _building(self) -> Iterator[sqlite3.Connection]:
        folder = self._folder
        if folder.exists() and not (folder / FILE).exists() and (folder.is_file() or any(folder.iterdir())):
            raise ArtefactError(
                f"{folder} exists and is no catalogue; give a new or empty folder: what is there would be lost"
            )
        if self._keep is not None:
            moment_of(folder)  # better refused now than at the end
        name = uuid.uuid4().hex[:12]
        _clear_abandoned(folder)
        partial = folder.with_name(f".{folder.name}.{name}.partial")
        partial.mkdir(parents=True)
        self._pictures = PictureFiles(partial, self._picture_mode, shared=folder)
        try:
            with ExitStack() as until_swapped, self._pictures.batch():
                # One transaction in the default rollback mode: its commit syncs the data and leaves a single
                # file, which can be read from a read-only file system.
                build = partial / BUILD.format(name)
                with closing(sqlite3.connect(build, isolation_level=None)) as connection:
                    connection.executescript(SCHEMA + PICTURES + HUBS)
                    set_picture_mode(connection, self._picture_mode)
                    connection.execute("BEGIN")
                    connection.executemany("INSERT INTO meta VALUES (?, ?)", info_to_rows(self._info))
                    self._hubs = BuildHubs(connection, self._info.dim)
                    yield connection
                    self._hubs.measure()  # now, and not while writers wait for the last edits to be carried over
                    if self._keep is not None:
                        while (folder / FILE).is_file() and not self._carry_over(self._keep, until_swapped):
                            pass  # another build took its place meanwhile: its edits are kept too
                    self._hubs.finish()
                    settle_pictures(connection, self._pictures)
                    connection.execute("COMMIT")
                if (folder / FILE).exists():
                    until_swapped.enter_context(self._pictures.moved_to(folder))
                (partial / FILE).symlink_to(build.name)
                before_swap = _put_in_place(partial, build, folder)
                _clear_replaced(folder, {before_swap, folder / build.name}, self._replaced_kept_s)
            sweep(folder)
        except sqlite3.OperationalError as error:
            if resource := resource_error(error):
                raise resource from error
            raise ArtefactError(f"{folder}: the catalogue cannot be written ({error}); make room and retry") from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _carry_over(self, keep: Keep, until_swapped: ExitStack) -> bool:
        """Make the edits of the catalogue in place here too, and lock it until the swap is done.

        The first rounds work without the lock, so that the last one has little left to do while writers wait. A
        service that gets the lock after the swap sees that its file is no longer in place (`Catalogue.write`).

        Args:
            keep: which edits.
            until_swapped: holds the lock.

        Returns:
            Whether what was locked is still in place.
        """
        file = (self._folder / FILE).resolve()
        with ExitStack() as held:
            with self._reading_old():
                old = held.enter_context(closing(connect(file, "rw")))
                old.execute(f"PRAGMA busy_timeout = {int(1000 * REPLAY_BUSY_S)}")
                info = read_info(old, self._folder)
                check_acknowledged(file, old)
                # A page asks for the same facets, whatever this build's data has.
                remember_names(self._connection, attribute_names(old, None) | gone_names(old))
                held.enter_context(PictureFiles(self._folder).held())
            wanted = keep.range(file.stem)
            for number in range(ROUNDS + 1):
                with self._reading_old():
                    few = not wanted.remembered and version_of(old) - wanted.after <= TOGETHER
                    last = few or number == ROUNDS
                    if last:
                        old.execute("BEGIN IMMEDIATE")
                        held.callback(old.rollback)
                    until = version_of(old)
                if last and (self._folder / FILE).resolve() != file:
                    return False
                self._carry(old, info, wanted, until)
                if last:
                    break
                wanted = replace(wanted, after=until, remembered=False)
            until_swapped.push(held.pop_all())
        return True

    def _carry(self, old: sqlite3.Connection, info: CatalogueInfo, wanted: EditRange, until: int) -> None:
        damage = Damage(self._folder)

        def read(ids: Sequence[str]) -> list[tuple[Entry, str]]:
            with self._reading_old():
                return read_entries(old, ids, info.dim, damage, PictureFiles(self._folder))

        with self._reading_old():
            edited = edited_products(old, wanted, until)
        self._carrier.carry([one for one, _ in edited], info, read, damage)
        remember(self._connection, edited)
        self._hubs.measure()

    @contextmanager
    def _reading_old(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, DamagedError) as error:
            raise unreadable_error(self._folder, error) from error


def _clear_abandoned(folder: Path) -> None:
    """Delete what killed builds of `folder` left beside it."""
    for left in folder.parent.glob(f".{glob.escape(folder.name)}.*.partial"):
        if time.time() - left.stat().st_mtime > ABANDONED_AFTER_S:
            shutil.rmtree(left, ignore_errors=True)


def _clear_replaced(folder: Path, kept: set[Path | None], kept_s: float) -> None:
    """Delete the files of catalogues that were replaced longer than `kept_s` ago, but for the `kept` ones."""
    for old in folder.glob(BUILD.format("*")):
        if old not in kept and time.time() - old.stat().st_mtime > kept_s:
            for end in ("", WAL, SHM, ACKNOWLEDGED):
                old.with_name(old.name + end).unlink(missing_ok=True)
            for log in folder.glob(f"{old.name}.*{FOREIGN}"):
                log.unlink(missing_ok=True)


def _put_in_place(partial: Path, build: Path, folder: Path) -> Path | None:
    """Move a finished build into `folder` and point the name at it: readers find the old catalogue or the new one.

    Returns the file that the name pointed at before; None when there was no catalogue.

    The names are synced too, before anybody can write to the new one: after a loss of power the old one would otherwise
    be back, without what was acknowledged since.
    """
    if not (folder / FILE).exists():
        if folder.exists():
            folder.rmdir()
        sync_names(partial)
        partial.rename(folder)
        sync_names(folder.parent)
        return None
    before = (folder / FILE).resolve()
    build.rename(folder / build.name)
    sync_names(folder)
    (partial / FILE).replace(folder / FILE)
    sync_names(folder)
    return before
