"""Which products of a SQLite catalogue were edited, for ever: in its log, by their rows, or in the table `edited`.

The table has what the log no longer has, and what the builds before this one have kept. It is made when it is first
needed: catalogues that are older have none, and only what their log and rows tell is known of them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress

from common import DamagedProductError
from index.damage import Damage
from index.kept import EditRange
from index.records import Entry
from index.sqlite.picture_files import PictureFiles
from index.sqlite.pictures import further_rows, marks
from index.sqlite.rows import ENTRY_COLUMNS, to_entry

# `brought`: 1 where no edit of this product was made here, but a copy brought one.
EDITED = """
CREATE TABLE IF NOT EXISTS edited (
    product_id TEXT PRIMARY KEY,
    brought INTEGER NOT NULL CHECK (brought IN (0, 1))
) WITHOUT ROWID
"""
REMEMBER = "INSERT OR REPLACE INTO edited VALUES (?, ?)"


def forget_changes(connection: sqlite3.Connection, until: int) -> None:
    """Take the changes up to version `until` out of the log; which products they touched stays known."""
    if connection.execute("SELECT 1 FROM changes WHERE seq <= ?", (until,)).fetchone() is None:
        return
    connection.execute(EDITED)
    connection.execute(
        "INSERT OR REPLACE INTO edited SELECT DISTINCT product_id, 0 FROM changes WHERE seq <= ?", (until,)
    )
    connection.execute("DELETE FROM changes WHERE seq <= ?", (until,))


def remember(connection: sqlite3.Connection, edited: Iterable[tuple[str, int]]) -> None:
    """Remember products as edited, each with whether a copy brought that."""
    connection.execute(EDITED)
    connection.executemany(REMEMBER, edited)


def edited_products(connection: sqlite3.Connection, wanted: EditRange, until: int) -> list[tuple[str, int]]:
    """Return the ids of the products that were edited up to version `until`, and whether a copy brought that.

    Deleted ones come first, the others in the order of the catalogue.
    """
    sources = [
        "SELECT product_id AS id, 0 AS brought FROM changes WHERE seq > :after AND seq <= :until",
        # The log of a catalogue that an older version has written may have forgotten them.
        "SELECT id, 0 FROM products WHERE seq > 0 AND seq > :after AND seq <= :until",
    ]
    if wanted.remembered and connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'edited'").fetchone():
        sources.append("SELECT product_id, brought FROM edited WHERE :brought OR NOT brought")
    return connection.execute(
        f"WITH found(id, brought) AS ({' UNION ALL '.join(sources)})"  # noqa: S608 - our own words
        " SELECT found.id, min(brought) FROM found LEFT JOIN products ON products.id = found.id"
        " GROUP BY found.id ORDER BY position, found.id",
        {"after": wanted.after, "until": until, "brought": wanted.brought},
    ).fetchall()


def read_entries(
    connection: sqlite3.Connection, ids: Sequence[str], dim: int, damage: Damage, pictures: PictureFiles
) -> list[tuple[Entry, str]]:
    """Return those of these products that are there, and their digests, in the order of the catalogue.

    Damaged ones are left out, and named in `damage`.
    """
    rows = connection.execute(
        f"SELECT {ENTRY_COLUMNS} FROM products WHERE id IN ({marks(ids)}) ORDER BY position",  # noqa: S608
        list(ids),
    ).fetchall()
    found = []
    for row in rows:
        with suppress(DamagedProductError):
            found.append(to_entry(row, further_rows(connection, row[0]), dim, damage, pictures))
    return found
