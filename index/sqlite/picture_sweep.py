"""Deletes the picture files of a catalogue's folder that nobody needs any more, safely beside readers and writers."""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from index.sqlite.picture_files import FOLDER, LOCK, locked
from index.sqlite.schema import BUILD, FILE, connect

logger = logging.getLogger("vitrine.index")

SWEEP_AFTER_S = 600.0
"""How long after a sweep the next one is due, in seconds."""
TABLES = ("products", "pictures")
"""The tables whose column `image` holds pictures, or names of files."""


def sweep_due(folder: Path) -> bool:
    """Return whether the files of a catalogue have not been swept for a while."""
    try:
        return time.time() - (folder / FOLDER / LOCK).stat().st_mtime > SWEEP_AFTER_S
    except OSError:
        return False


def sweep(folder: Path) -> int:
    """Delete the picture files that no build in a folder names; return how many.

    Nothing is deleted while somebody reads or writes the catalogue's files, or where one of its builds cannot be read.
    """
    root = folder / FOLDER
    if not root.is_dir():
        return 0
    builds = {(folder / FILE).resolve(), *(one.resolve() for one in folder.glob(BUILD.format("*")))}
    count = 0
    try:
        with ExitStack() as opened:
            connections = [opened.enter_context(closing(connect(build, "ro"))) for build in builds if build.is_file()]
            named: set[str] = set()
            for one in connections:
                named.update(_named(one))
            unused = [file for part in root.iterdir() if part.is_dir() for file in part.iterdir()]
            unused = [file for file in unused if file.name not in named]
            with locked(root, fcntl.LOCK_EX | fcntl.LOCK_NB):
                os.utime(root / LOCK)
                for file in unused:
                    # What was put in meanwhile is committed: who stores holds the lock until then.
                    if not any(_is_named(one, file.name) for one in connections):
                        file.unlink(missing_ok=True)
                        count += 1
    except (sqlite3.Error, OSError) as error:  # the next one goes on
        logger.info("the pictures of %s were not swept: %s", folder, error)
    return count


def _tables(connection: sqlite3.Connection) -> Sequence[str]:
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return [name for name in TABLES if name in there]


def _named(connection: sqlite3.Connection) -> Iterator[str]:
    for table in _tables(connection):
        query = f"SELECT image FROM {table} WHERE typeof(image) = 'text'"  # noqa: S608 - our own words
        yield from (name for (name,) in connection.execute(query))


def _is_named(connection: sqlite3.Connection, name: str) -> bool:
    queries = [f"SELECT 1 FROM {one} WHERE typeof(image) = 'text' AND image = ?" for one in _tables(connection)]  # noqa: S608
    return any(connection.execute(query, (name,)).fetchone() for query in queries)
