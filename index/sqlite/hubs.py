"""The hubness of products in a SQLite catalogue: measured when it is built, and for each product that is written.

They have a table of their own, made by a build: older catalogues have none, and no write makes one. The mean over the
products of the build is kept too, and never changes: what is ranked depends on the products, not on when it was read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

import numpy as np

from index.damage import bad_lengths, lengths_of
from index.entry_vectors import entry_vectors
from index.product import title_key
from index.ranking.hubs import TitleBank, hubness_of_products, nearest_titles, product_hubness
from index.records import Delete, Entry, Put, Vectors
from index.sqlite.pictures import further_vectors, marks

# `position` and `seq`: of the product. An older version, which knows nothing of this table, may put another product at
# a position that is free again; its change has a number of its own. At position 0 is the mean.
HUBS = """
CREATE TABLE hubs (position INTEGER PRIMARY KEY, seq INTEGER NOT NULL, hub REAL NOT NULL);
"""
MEAN = 0
READ = 4096
"""Products that are read at a time."""
SOUND = "FROM hubs JOIN products USING (position, seq) WHERE typeof(hub) = 'real'"
UNMEASURED = "FROM products LEFT JOIN hubs USING (position) WHERE hub IS NULL"


def hub_mean(connection: sqlite3.Connection) -> float | None:
    """Return the mean hubness of the products of the build; None for a catalogue without any."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'hubs'").fetchone() is None:
        return None
    row = connection.execute("SELECT hub FROM hubs WHERE position = ? AND typeof(hub) = 'real'", (MEAN,)).fetchone()
    return None if row is None else float(row[0])


def stored_hubs(connection: sqlite3.Connection, first: int, last: int) -> dict[int, float]:
    """Return position -> hubness of the products in a range that have one; there must be the table."""
    rows = connection.execute(f"SELECT position, hub {SOUND} AND position BETWEEN ? AND ?", (first, last))
    return dict(rows.fetchall())


def hubs_of(connection: sqlite3.Connection, ids: Sequence[str]) -> dict[str, float]:
    """Return id -> hubness of those of these products that have one; there must be the table."""
    rows = connection.execute(
        f"SELECT id, hub {SOUND} AND id IN ({marks(ids)})",
        list(ids),
    )
    return dict(rows.fetchall())


def store_hub(connection: sqlite3.Connection, position: int, seq: int, hub: float) -> None:
    """Store the hubness of the product at a position."""
    connection.execute("INSERT OR REPLACE INTO hubs VALUES (?, ?, ?)", (position, seq, hub))


def forget_hubs(connection: sqlite3.Connection, ids: Sequence[str]) -> None:
    """Take out the hubness of products that are about to go; there must be the table."""
    connection.execute(
        f"DELETE FROM hubs WHERE position IN (SELECT position FROM products WHERE id IN ({marks(ids)}))",  # noqa: S608
        list(ids),
    )


class WrittenHubs:
    """The hubness of products that are written in one transaction, among the titles that there are before it.

    The titles are read where a product comes without its hubness.
    """

    def __init__(self, connection: sqlite3.Connection, edits: Sequence[Put | Delete], dim: int) -> None:
        self.there = hub_mean(connection) is not None
        """Whether the catalogue has any."""
        self._dim = dim
        self._known: set[str] = set()
        wanted = self.there and any(isinstance(edit, Put) and edit.entry.hub is None for edit in edits)
        self._titles = _new_titles(connection, "FROM products", self._known, dim) if wanted else None

    def of(self, entry: Entry) -> float:
        """Return the hubness of a product: what came with it, else what is measured now."""
        if entry.hub is not None:
            return entry.hub
        assert self._titles is not None  # noqa: S101 - they were read for this one
        images, text = entry_vectors(entry, self._dim)
        own = None if title_key(entry.product.title) in self._known else images @ text
        return product_hubness(nearest_titles(images, self._titles), own)


class BuildHubs:
    """Measures the products of a build, those that came without their hubness.

    The distinct titles are in memory from the first call that finds one: 4 D bytes each.
    """

    def __init__(self, connection: sqlite3.Connection, dim: int) -> None:
        self._connection = connection
        self._dim = dim
        self._bank: TitleBank | None = None
        self._known: set[str] = set()
        self.mean: float | None = None
        """That of the catalogue which is copied; None: that of the products of this one."""

    def measure(self) -> None:
        """Measure the products that are not, against the titles of all that are there by now."""
        if self._connection.execute(f"SELECT 1 {UNMEASURED} LIMIT 1").fetchone() is None:
            return
        if self._bank is None:
            self._bank = TitleBank(_new_titles(self._connection, "FROM products", self._known, self._dim))
        else:
            self._bank.add(_new_titles(self._connection, UNMEASURED, self._known, self._dim))
        for positions, vectors, starts in self._unmeasured():
            hubs = hubness_of_products(self._bank.hubness(vectors), starts)
            rows = zip(positions, hubs.tolist(), strict=True)
            self._connection.executemany("INSERT INTO hubs VALUES (?, 0, ?)", rows)

    def finish(self) -> None:
        """Keep the mean."""
        mean = self.mean
        if mean is None:
            (mean,) = self._connection.execute("SELECT avg(hub) FROM hubs").fetchone()
        if mean is not None:
            store_hub(self._connection, MEAN, 0, mean)

    def _unmeasured(self) -> Iterator[tuple[list[int], Vectors, np.ndarray[tuple[int], np.dtype[np.int64]]]]:
        """Yield positions of products (P,), the vectors of all their pictures (K, D), and where each one's begin."""
        query = f"SELECT position, image_vector {UNMEASURED} AND position > ? ORDER BY position LIMIT ?"
        last = MEAN
        while rows := self._connection.execute(query, (last, READ)).fetchall():
            last = rows[-1][0]
            further = further_vectors(self._connection, rows[0][0], last)
            blobs = [(vector, *further.get(position, ())) for position, vector in rows]
            counts = np.array([len(some) for some in blobs])
            found = np.frombuffer(b"".join(blob for some in blobs for blob in some), dtype="<f4")
            yield [position for position, _ in rows], found.reshape(-1, self._dim), np.cumsum(counts) - counts


def _new_titles(connection: sqlite3.Connection, source: str, known: set[str], dim: int) -> Vectors:
    """Return the vectors (T, D) of titles that are not known yet, and make them known; damaged ones are left out."""
    rows = connection.execute(f"SELECT title, text_vector {source} ORDER BY position")
    found: list[Vectors] = []
    while piece := rows.fetchmany(READ):
        sound = [(title, one) for title, one in piece if type(title) is str and type(one) is bytes]
        sound = [(title, one) for title, one in sound if len(one) == 4 * dim]
        joined = b"".join(one for _, one in sound)
        vectors = np.frombuffer(joined, dtype="<f4").astype(np.float32).reshape(-1, dim)
        fresh = []
        for at in np.flatnonzero(~bad_lengths(lengths_of(vectors[None]))).tolist():
            key = title_key(sound[at][0])
            if key not in known:
                known.add(key)
                fresh.append(at)
        found.append(vectors[fresh])
    return np.concatenate(found) if found else np.empty((0, dim), dtype=np.float32)
