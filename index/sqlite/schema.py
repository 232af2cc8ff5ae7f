"""The catalogue's SQLite file: its name, its tables, how it is opened, and which file is in place.

Knows no records: what the rows mean is in `rows.py`.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from functools import partial
from pathlib import Path

from common import ArtefactError

FILE = "catalogue.sqlite"
"""The name under which a catalogue is opened: a link to the file of the build that is in place.

SQLite finds a write-ahead log by the name of its database. So each build has a file name of its own, and the log of a
catalogue that was replaced never meets the new one.
"""
BUILD = "catalogue-{}.sqlite"
FORMAT = 2
FORMAT_OF_FILES = 3
"""The format of a catalogue some of whose pictures are files beside it (`picture_files.py`); else it is that of 2."""
FORMATS = (FORMAT, FORMAT_OF_FILES)

BUSY_S = 10.0
"""Longest that a write waits for another process's write, in seconds."""

# `position` keeps the order through VACUUM; a product that is replaced goes to the end. `seq` is the change that last
# touched a product: 0 for everything the build itself put there, which the log therefore does not repeat. `digest`
# names what a client sees of a product. The picture comes last, so that reading the other columns does not walk
# through the pages of a large picture: its bytes, or as a text the name of the file that has them.
SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE products (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    split TEXT NOT NULL,
    attributes TEXT NOT NULL,
    seq INTEGER NOT NULL,
    digest TEXT NOT NULL,
    image_vector BLOB NOT NULL,
    text_vector BLOB NOT NULL,
    image BLOB NOT NULL
);
CREATE INDEX changed_products ON products (seq) WHERE seq > 0;
CREATE INDEX picture_files ON products (image) WHERE typeof(image) = 'text';
CREATE TABLE changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    product_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('put', 'delete'))
);
"""
VERSION = "SELECT coalesce(max(seq), 0) FROM changes"


def connect(file: Path, mode: str, *, immutable: bool = False) -> sqlite3.Connection:
    """Open an SQLite file that exists, in the mode "ro" or "rw"; without a mode, SQLite would make a missing one."""
    connection = sqlite3.connect(
        f"{file.as_uri()}?mode={mode}{'&immutable=1' if immutable else ''}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=BUSY_S,
    )
    # A damaged text must not end the reading of all others: it is found where its product is made.
    connection.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
    # Never mapped, whatever SQLite was built with: a file that is cut while it is mapped ends the process.
    connection.execute("PRAGMA mmap_size = 0")
    return connection


def may_write(file: Path) -> bool:
    """Return whether a catalogue's file can be written, and other files beside it."""
    return os.access(file.parent, os.W_OK) and os.access(file, os.W_OK)


def open_reader(file: Path) -> tuple[sqlite3.Connection, tuple[int, int]]:
    """Return a connection for reading, and the identity of the file that it reads.

    Raises:
        ArtefactError: it cannot be opened.
    """
    # A file in write-ahead mode cannot be read where its companion files cannot be made, unless SQLite is told that
    # nobody changes it. Without a log beside it all of it is in the file.
    immutable = not may_write(file) and not file.with_name(f"{file.name}-wal").exists()
    try:
        if may_write(file) and file.with_name(f"{file.name}-journal").exists():
            # A process was killed while it put the file into write-ahead mode. Only a connection that may write can
            # roll that back; one that reads would refuse the file (SQLITE_READONLY_ROLLBACK).
            with closing(connect(file, "rw")) as writer:
                version_of(writer)
        identity = file_identity(file)
        return connect(file, "ro", immutable=immutable), identity
    except (sqlite3.Error, OSError) as error:
        raise ArtefactError(f"{file} cannot be opened ({error}); check its permissions") from error


def open_writer(file: Path) -> sqlite3.Connection:
    """Return a connection for writing, in write-ahead mode.

    Raises:
        ArtefactError: it cannot be opened for writing.
    """
    try:
        writer = connect(file, "rw")
        end = time.monotonic() + BUSY_S
        while True:
            try:
                writer.execute("PRAGMA journal_mode = WAL")
                break
            except sqlite3.OperationalError:  # another process does the same now; SQLite does not wait here
                if time.monotonic() > end:
                    raise
                time.sleep(0.01)
        # An acknowledged write is on the disk: the log is synced at every commit.
        writer.execute("PRAGMA synchronous = FULL")
    except sqlite3.Error as error:
        raise ArtefactError(f"{file} cannot be opened for writing ({error}); check its permissions") from error
    return writer


def version_of(connection: sqlite3.Connection) -> int:
    """Return the last sequence number of the change log; 0 for a catalogue as it was built."""
    (version,) = connection.execute(VERSION).fetchone()
    return int(version)


def file_identity(file: Path) -> tuple[int, int]:
    """Return what tells a file from another one of the same name."""
    found = file.stat()
    return found.st_dev, found.st_ino
