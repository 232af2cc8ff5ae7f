"""The state of a mirror: which address has which file, as the last answer said, and what failed. One SQLite file.

Whatever moment a run is killed at, the next one goes on: a file takes its place before the state names it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from common import DataError, InputError, atomic_file
from training.data import MIRROR_FILE, MIRROR_FORMAT, PICTURES

COMMIT_S = 0.2
"""What is learned is written together for so long, in seconds."""

_OWN = re.compile(r"\.?[0-9a-f]{32}\.")
"""Names of the files that a mirror writes, also of those that a run was killed at."""
_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS pictures (
    address TEXT PRIMARY KEY,
    name TEXT,      -- of the file below the folder; null: none was ever fetched
    etag TEXT,
    modified TEXT,
    run INTEGER NOT NULL  -- in which it was answered last
) WITHOUT ROWID;
"""


class Known(NamedTuple):
    """What is known of an address from earlier runs."""

    name: str | None
    etag: str | None
    modified: str | None
    run: int


class State:
    """The state of the mirror in a folder; one process at a time has it."""

    def __init__(self, folder: Path, database: sqlite3.Connection) -> None:
        self.folder = folder
        self._database = database
        self._committed = time.monotonic()
        self.run = int(self.meta("run") or 0)
        if not self.run or self.meta("finished") == str(self.run):
            self.run += 1
            self.set_meta(run=str(self.run))

    def meta(self, name: str) -> str | None:
        """Return a fact about the whole mirror."""
        row = self._database.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def set_meta(self, **facts: str) -> None:
        """Write facts about the whole mirror."""
        self._database.executemany("REPLACE INTO meta VALUES (?, ?)", facts.items())
        self._database.commit()

    def known(self, address: str) -> Known:
        """Return what is known of an address; a file that is gone is not known any more."""
        row = self._database.execute(
            "SELECT name, etag, modified, run FROM pictures WHERE address = ?", (address,)
        ).fetchone()
        if row is None or (row[0] is not None and not (self.folder / row[0]).is_file()):
            return Known(None, None, None, 0)
        return Known(*row)

    def store(self, address: str, data: bytes, suffix: str) -> str:
        """Write a picture to its file and return the file's name; the state does not name it yet."""
        digest = hashlib.blake2b(address.encode(), digest_size=16).hexdigest()
        name = f"{PICTURES}/{digest}{suffix}"
        path = self.folder / name
        if not (path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data):
            with atomic_file(path) as beside:
                beside.write_bytes(data)
        return name

    def learned(self, address: str, name: str | None, etag: str | None, modified: str | None) -> None:
        """Note the answer to an address in this run."""
        self._database.execute(
            "REPLACE INTO pictures VALUES (?, ?, ?, ?, ?)", (address, name, etag, modified, self.run)
        )
        if time.monotonic() - self._committed >= COMMIT_S:
            self._database.commit()
            self._committed = time.monotonic()

    def finish(self, wanted: Iterable[str]) -> int:
        """End the run: forget addresses that the feed has no more; return how many files went with them."""
        database = self._database
        database.execute("CREATE TEMP TABLE wanted (address TEXT PRIMARY KEY)")
        database.executemany("INSERT OR IGNORE INTO wanted VALUES (?)", ((address,) for address in wanted))
        database.execute("DELETE FROM pictures WHERE address NOT IN (SELECT address FROM wanted)")
        database.commit()
        named = {name for (name,) in database.execute("SELECT name FROM pictures WHERE name IS NOT NULL")}
        removed = 0
        for path in list((self.folder / PICTURES).iterdir()):
            if _OWN.match(path.name) and f"{PICTURES}/{path.name}" not in named:
                path.unlink()
                removed += not path.name.startswith(".")
        self.set_meta(finished=str(self.run))
        return removed

    def close(self) -> None:
        """Write what was learned, and close the file."""
        self._database.commit()
        self._database.close()


@contextmanager
def open_state(folder: Path) -> Iterator[State]:
    """Open the mirror in `folder`, or begin one there.

    Raises:
        InputError: the folder holds something else, or another process mirrors into it.
        DataError: the state is damaged.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; give a folder to --out")
    path = folder / MIRROR_FILE
    if folder.is_dir() and not path.is_file() and any(folder.iterdir()):
        names = sorted(entry.name for entry in folder.iterdir())
        raise InputError(
            f"{folder} holds {', '.join(names[:3])}{', …' if len(names) > 3 else ''} and no mirror; "
            "give an empty or a new folder to --out, so that no file of yours is touched"
        )
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        try:
            database = sqlite3.connect(path)
            database.executescript(f"PRAGMA journal_mode = TRUNCATE; {_TABLES}")
            database.execute("INSERT OR IGNORE INTO meta VALUES ('format', ?)", (MIRROR_FORMAT,))
            state = State(folder, database)
        except sqlite3.DatabaseError as error:
            raise DataError(f"{path} is damaged ({error}); delete {folder} and mirror again") from error
        if (found := state.meta("format")) != MIRROR_FORMAT:
            database.close()
            raise DataError(f"{path} is of format {found}; this version writes {MIRROR_FORMAT}: choose another --out")
        try:
            (folder / PICTURES).mkdir(exist_ok=True)
            yield state
        finally:
            state.close()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder for one process; the system lets go when the process ends, however it ends."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(f"another process mirrors into {folder}; wait for it, or give another folder") from error
        yield
    finally:
        os.close(descriptor)
