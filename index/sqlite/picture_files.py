"""Where the pictures of a catalogue in a folder are: in its SQLite file, or as files beside it that its rows name.

A file is named after its content, so that equal pictures share one, and no edit changes a file that somebody reads. It
is on the disk before a row that names it is committed. Readers and writers hold a lock that they share: `picture_sweep`
deletes what nobody needs. Knows no records.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import sqlite3
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from common import ArtefactError, resource_error
from index.pictures import picture_digest

Pictures = Literal["inside", "folder", "size"]
"""Where pictures go: into the SQLite file, into files beside it, or the large ones into files."""

FOLDER = "pictures"
"""The files' folder beside the SQLite file; a file is `pictures/ab/abcd…`, the digest of its content."""
LARGE_BYTES = 256_000
"""A picture from this size on is a file, where the size decides (measured: `docs/performance.md`)."""
MODES: tuple[Pictures, ...] = ("inside", "size", "folder")
"""By SQLite's `user_version`: catalogues that are older have 0."""
NAME = re.compile("[0-9a-f]{32}")
LOCK = ".lock"
AT_ONCE = 64
"""Files that are put on the disk together, at most."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A picture that is not where its row says."""

    reason: str


def picture_mode(connection: sqlite3.Connection) -> Pictures:
    """Return where the pictures of a catalogue go."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    return MODES[found] if 0 <= found < len(MODES) else "inside"


def set_picture_mode(connection: sqlite3.Connection, mode: Pictures) -> None:
    """Say where the pictures of a catalogue go from now on."""
    connection.execute(f"PRAGMA user_version = {MODES.index(mode)}")


class PictureFiles:
    """Stores pictures for rows, and loads them again. One thread at a time stores; any thread loads.

    Args:
        folder: of the SQLite file.
        mode: where pictures go.
        permissions: of new files, less the process's mask.
        shared: folder of a catalogue whose files are used too where they are the same (by a link).
    """

    def __init__(
        self, folder: Path, mode: Pictures = "inside", *, permissions: int = 0o666, shared: Path | None = None
    ) -> None:
        self._root = folder / FOLDER
        self._shared = None if shared is None else shared / FOLDER
        self._least = {"inside": None, "size": LARGE_BYTES, "folder": 0}[mode]
        self._permissions = permissions
        self._fresh: list[Path] = []
        self._held: ExitStack | None = None
        self._any = False

    def stored(self, data: bytes) -> bytes | str:
        """Return what a row holds of a picture: its bytes, or the name of the file that has them now.

        Only between `batch` and its end. `settle` puts the files on the disk.

        Raises:
            NoSpaceError: the disk is full.
            ArtefactError: the file cannot be written.
        """
        if self._least is None or len(data) < self._least:
            return data
        name = picture_digest(data)
        if self._held is None:
            raise RuntimeError("a picture is stored outside of a batch")
        with self._writing():
            if not self._any:
                self._held.enter_context(self.held(make=True))
            self._any = True
            self._fresh.append(self._written(name, data))
            if len(self._fresh) >= AT_ONCE:
                self._sync()
        return name

    def loaded(self, value: Any) -> Any:
        """Return the picture that a row holds or names; `Lost` where its file cannot be read.

        Its content is not compared with its name: `records.entry_digest` covers it.

        Raises:
            OSError: the system gives no file or memory; that says nothing of the picture.
        """
        if not isinstance(value, str):
            return value
        if not NAME.fullmatch(value):
            return Lost("its picture is none")
        try:
            return (self._root / value[:2] / value).read_bytes()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
                raise
            return Lost(f"its picture {FOLDER}/{value[:2]}/{value} cannot be read: {error.strerror}")

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Let the block store pictures: until it ends, nothing is swept, so that it has time to commit their names."""
        with ExitStack() as held:
            self._held, self._any = held, False
            try:
                yield
            finally:
                self._held, self._fresh = None, []

    def settle(self) -> bool:
        """Put everything that was stored on the disk; return whether there was a file since the batch began.

        Raises:
            NoSpaceError, ArtefactError: as `stored`.
        """
        with self._writing():
            self._sync()
        return self._any

    @contextmanager
    def held(self, *, make: bool = False) -> Iterator[None]:
        """Keep the files as they are: nothing is swept while a block reads rows and the files that they name.

        Args:
            make: make the folder where there is none.
        """
        if make:
            self._root.mkdir(exist_ok=True)
        elif not self._root.is_dir():
            yield
            return
        with locked(self._root, fcntl.LOCK_SH):
            yield

    @contextmanager
    def moved_to(self, folder: Path) -> Iterator[None]:
        """Move all files to where another catalogue has its own, and keep them there while the block names them."""
        if not self._root.is_dir():
            yield
            return
        target = PictureFiles(folder)
        with ExitStack() as held:
            with target._writing():
                held.enter_context(target.held(make=True))
                for part in self._root.iterdir():
                    if part.is_dir():
                        to = target._root / part.name
                        to.mkdir(exist_ok=True)
                        for file in part.iterdir():
                            file.replace(to / file.name)
                        sync_names(to)
                sync_names(target._root)
                sync_names(folder)
            yield

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if resource := resource_error(error):
                raise resource from error
            raise ArtefactError(f"{self._root} cannot be written ({error}); check its permissions") from error

    def _written(self, name: str, data: bytes) -> Path:
        """Return the file of that name, after making sure that it has this content."""
        file = self._root / name[:2] / name
        with suppress(OSError):
            if file.read_bytes() == data:
                return file  # synced again: who wrote it may have ended before
        file.parent.mkdir(parents=True, exist_ok=True)
        beside = file.with_name(f".{uuid.uuid4().hex}")
        try:
            if not self._linked(name, data, beside):
                descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, self._permissions)
                with open(descriptor, "wb") as writing:
                    writing.write(data)
            beside.replace(file)
        finally:
            beside.unlink(missing_ok=True)
        return file

    def _linked(self, name: str, data: bytes, beside: Path) -> bool:
        if self._shared is None:
            return False
        there = self._shared / name[:2] / name
        with suppress(OSError):
            if there.read_bytes() == data:
                os.link(there, beside)
                return True
        return False

    def _sync(self) -> None:
        files = list(dict.fromkeys(self._fresh))
        if len(files) > 1:
            with ThreadPoolExecutor(8) as pool:  # a file system writes its journal once for many
                list(pool.map(_sync_file, files))
        elif files:
            _sync_file(files[0])
        for folder in {file.parent for file in files}:
            sync_names(folder)
        if files:
            sync_names(self._root)
            sync_names(self._root.parent)
        self._fresh = []


@contextmanager
def locked(root: Path, how: int) -> Iterator[None]:
    """Hold the lock on a folder of files; a file system that cannot be written needs none.

    Raises:
        BlockingIOError: somebody holds it, and `how` says not to wait.
    """
    try:
        descriptor = os.open(root / LOCK, os.O_RDONLY | os.O_CREAT, 0o666)
    except OSError as error:
        if how != fcntl.LOCK_SH:
            raise
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise
        yield
        return
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


def _sync_file(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_names(folder: Path) -> None:
    """Put on the disk which file each name in a folder stands for."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
