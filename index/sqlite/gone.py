"""Names of attributes that products had once, in a small table of a SQLite catalogue.

A shop's page asks for the same facets all year: an attribute that no product has any more is no error. The table is
made when it is first needed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from index.names import MAX_NAMES

GONE = "CREATE TABLE IF NOT EXISTS gone (name TEXT PRIMARY KEY) WITHOUT ROWID"


def gone_names(connection: sqlite3.Connection) -> frozenset[str]:
    """Return the names that are remembered; products may have some of them again."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'gone'").fetchone() is None:
        return frozenset()
    return frozenset(str(name) for (name,) in connection.execute("SELECT name FROM gone"))


def remember_names(connection: sqlite3.Connection, names: Iterable[str]) -> None:
    """Remember names that a product has no longer, as long as there is room."""
    new = set(names)
    if new:  # most edits leave none: they keep the attributes of their product
        new -= gone_names(connection)
    if not new:
        return
    connection.execute(GONE)
    (count,) = connection.execute("SELECT count(*) FROM gone").fetchone()
    kept = sorted(new)[: max(0, MAX_NAMES - count)]
    connection.executemany("INSERT OR IGNORE INTO gone VALUES (?)", [(name,) for name in kept])
