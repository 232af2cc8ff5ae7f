"""The write-ahead log beside a catalogue's file, and its index: whether they are those that this process has open.

SQLite goes on writing to a log whose name is gone, and what it acknowledges then is lost when it ends. What is in such
a log can be folded into the file while somebody has it open. Formats: https://sqlite.org/walformat.html.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import struct
import time
import uuid
from contextlib import closing, suppress
from pathlib import Path

from common import ArtefactError, DatabaseUnavailableError
from index.kept import Moment, unreadable_error
from index.sqlite.schema import FILE, FORMATS, connect, version_of

logger = logging.getLogger("vitrine.index")

WAL, SHM, ACKNOWLEDGED = "-wal", "-shm", "-version"
"""What follows the name of a catalogue's file in the names of the log, of its index, and of the newest version."""
FOREIGN = ".foreign-wal"
"""The end of the name of a log that was found in the place of ours, and put aside."""
FOLD_AFTER_S = 1.0
"""How long a catalogue has not been written when its log is folded into its file, in seconds."""

Identity = tuple[int, int]


class Log:
    """The log of a file that is open for writing.

    Args:
        file: which `writer` has open, and has read from: SQLite opens the log with the first statement.

    Raises:
        DatabaseUnavailableError: the files beside it are not those that SQLite has open.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._size = 0
        self._rescued = False
        self._written: float | None = None
        ours = _open_files()
        self._places = {end: file.with_name(file.name + end) for end in (WAL, SHM)}
        self._identities: dict[str, Identity] = {}
        for end, place in self._places.items():
            found = _identity(place)
            if found is None or (ours and found not in ours):
                raise DatabaseUnavailableError(f"{place} is not the one that is open; start the service again")
            self._identities[end] = found

    def in_place(self) -> bool:
        """Return whether log and index are still there under their names, and the log is not shorter than it was."""
        if _identity(self._places[SHM]) != self._identities[SHM]:
            return False
        try:
            found = self._places[WAL].stat()
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._identities[WAL] and found.st_size >= self._size

    def written(self, version: int) -> None:
        """Remember how far the log goes, and that this version is about to be acknowledged."""
        self._written = time.monotonic()
        with suppress(OSError):
            self._size = self._places[WAL].stat().st_size
        # After the log was synced, and not synced itself: it never tells of more than the log has.
        with suppress(OSError):
            beside = self._file.with_name(self._file.name + ACKNOWLEDGED)
            mode = self._file.stat().st_mode & 0o666  # that of SQLite's own files beside the catalogue
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT, mode)
            try:
                os.pwrite(descriptor, b"%020d\n" % version, 0)
            finally:
                os.close(descriptor)

    def fold(self, writer: sqlite3.Connection) -> None:
        """Fold the log into the file where nothing has been written for a while: then the file alone has everything."""
        if self._written is not None and time.monotonic() - self._written > FOLD_AFTER_S:
            busy, there, folded = writer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if not busy and there == folded:
                self._written = None

    def rescue(self, writer: sqlite3.Connection) -> None:
        """Fold what is in a log that is not in place into the file; then nobody needs it any more.

        Raises:
            DatabaseUnavailableError: it cannot be folded, now or at all.
        """
        if self._rescued:
            return
        wal = _descriptor(self._identities[WAL])
        moved = _identity(self._places[WAL]) != self._identities[WAL]
        size = None if wal is None else wal.stat().st_size
        if not (moved and size == 0):  # else another process has folded it
            if size is not None and self._needs() > size:
                raise DatabaseUnavailableError(
                    f"{self._places[WAL]} was cut while it was in use: the last changes are lost, and no more are"
                    " made. Put the file back as it was and start the service again"
                )
            try:
                (busy, *_) = writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            except sqlite3.Error as error:
                raise DatabaseUnavailableError(
                    f"{self._places[WAL]} is gone and cannot be folded into the catalogue ({error}); send it again"
                ) from error
            if busy:
                raise DatabaseUnavailableError(f"{self._places[WAL]} is gone, and in use; send it again")
        foreign = _identity(self._places[WAL])
        if foreign not in (None, self._identities[WAL]) and self._places[WAL].stat().st_size and size:
            # SQLite would take it for the log of this file and fold old pages into it.
            self._places[WAL].rename(self._file.with_name(f"{self._file.name}.{uuid.uuid4().hex[:8]}{FOREIGN}"))
        self._rescued = True
        logger.warning(
            "%s was removed or changed while it was in use; everything that was acknowledged is in %s now",
            self._places[WAL],
            self._file,
        )

    def _needs(self) -> int:
        """Return how many bytes the log must have: 0 where all of it is in the file already, or nobody can tell."""
        index = _descriptor(self._identities[SHM])
        if index is None:
            return 0
        with index.open("rb") as file:
            head = file.read(100)
        if len(head) < 100:
            return 0
        page, frames = struct.unpack_from("=HI", head, 14)
        (folded,) = struct.unpack_from("=I", head, 96)
        return 0 if folded >= frames else 32 + frames * (24 + (65536 if page == 1 else page))


def check_acknowledged(file: Path, connection: sqlite3.Connection) -> int:
    """Return the version of a catalogue's file, after comparing it with the newest that was acknowledged.

    Raises:
        ArtefactError: it lacks changes that were acknowledged, as its log is gone.
    """
    place = file.with_name(file.name + ACKNOWLEDGED)
    known = 0
    with suppress(OSError, ValueError):
        known = int(place.read_text(encoding="ascii"))  # first: what is acknowledged meanwhile is in the file then
    version = version_of(connection)
    if known > version:
        raise ArtefactError(
            f"{file} ends at version {version}, but version {known} was acknowledged: {file.name}{WAL} is missing or"
            f" damaged. Put it back, or use a copy; to go on without these changes, delete {place.name}"
        )
    return version


def moment_of(folder: Path) -> Moment | None:
    """Return which catalogue is in `folder` and its version; None when there is none.

    Raises:
        ArtefactError: there is one that cannot be read, or of a format that this version does not read.
    """
    try:
        file = (folder / FILE).resolve(strict=True)
    except FileNotFoundError:
        return None
    try:
        with closing(connect(file, "ro")) as connection:
            (found,) = connection.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()
            if json.loads(found) not in FORMATS:
                raise unreadable_error(
                    folder, f"its format is {found}, this version reads {FORMATS[0]} to {FORMATS[-1]}"
                )
            return Moment(file.stem, check_acknowledged(file, connection))
    except (OSError, sqlite3.Error, TypeError, ValueError) as error:
        raise unreadable_error(folder, error) from error


def _identity(place: Path) -> Identity | None:
    try:
        found = place.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _open_files() -> dict[Identity, Path]:
    """Return the files that this process has open; none where the system does not tell."""
    found = {}
    with suppress(OSError):
        for place in Path("/proc/self/fd").iterdir():
            identity = _identity(place)
            if identity is not None:
                found[identity] = place
    return found


def _descriptor(identity: Identity) -> Path | None:
    return _open_files().get(identity)
