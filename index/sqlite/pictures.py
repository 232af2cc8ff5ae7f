"""The pictures of products in SQLite beyond the first, and the digest of each picture.

They have a table of their own, made with the first write: an older catalogue has none, and one picture a product.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import numpy as np

from index.damage import Damage
from index.pictures import (
    FurtherVectors,
    Vectors,
    check_number_of_pictures,
    no_picture_error,
    picture_digest,
)
from index.records import Entry, checked_vector
from index.sqlite.picture_files import Lost, PictureFiles

# `position`: of the product, which gets another one whenever it is replaced. `place`: of the picture. The first one,
# number 0, is in the table of products: here it has its digest only, so that no picture is read to list digests.
PICTURES = """
CREATE TABLE IF NOT EXISTS pictures (
    position INTEGER NOT NULL,
    place INTEGER NOT NULL,
    digest TEXT NOT NULL,
    image_vector BLOB,
    image BLOB,
    PRIMARY KEY (position, place)
);
CREATE INDEX IF NOT EXISTS further_picture_files ON pictures (image) WHERE typeof(image) = 'text';
"""
INSERT_PICTURE = "INSERT INTO pictures VALUES (?, ?, ?, ?, ?)"

TOGETHER = 500
"""Products whose digests are read at a time."""

PictureRow = tuple[Any, Any]
"""Vector and picture as they are stored."""


def has_pictures(connection: sqlite3.Connection) -> bool:
    """Return whether the table is there."""
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'pictures'").fetchone() is not None


def make_table(connection: sqlite3.Connection) -> None:
    """Make the table of a catalogue that has none."""
    if not has_pictures(connection):
        for statement in filter(str.strip, PICTURES.split(";")):
            connection.execute(statement)  # `executescript` would commit the transaction


def picture_rows(entry: Entry, dim: int, position: int, pictures: PictureFiles) -> list[tuple[Any, ...]]:
    """Return the values of `INSERT_PICTURE` for all pictures of an entry, after checking them.

    Raises:
        InputError: too many pictures, or a vector that cannot be stored.
    """
    check_number_of_pictures(entry.product.id, len(entry.images))
    rows: list[tuple[Any, ...]] = [(position, 0, picture_digest(entry.image), None, None)]
    for place, one in enumerate(entry.more, 1):
        vector = checked_vector(one.vector, dim, entry.product.id, "image").tobytes()
        rows.append((position, place, picture_digest(one.image), vector, pictures.stored(one.image)))
    return rows


def forget_pictures(connection: sqlite3.Connection, ids: Sequence[str]) -> None:
    """Take out the pictures of products that are about to go."""
    connection.execute(
        f"DELETE FROM pictures WHERE position IN (SELECT position FROM products WHERE id IN ({marks(ids)}))",  # noqa: S608
        list(ids),
    )


def further_rows(connection: sqlite3.Connection, position: int) -> list[PictureRow]:
    """Return the further pictures of the product at a position, in order."""
    if not has_pictures(connection):
        return []
    return connection.execute(
        "SELECT image_vector, image FROM pictures WHERE position = ? AND place > 0 ORDER BY place", (position,)
    ).fetchall()


def further_vectors(connection: sqlite3.Connection, first: int, last: int) -> dict[int, list[Any]]:
    """Return position -> the vectors of its further pictures as they are stored, of products in a range."""
    found: dict[int, list[Any]] = {}
    rows = connection.execute(
        "SELECT position, image_vector FROM pictures WHERE position BETWEEN ? AND ? AND place > 0"
        " ORDER BY position, place",
        (first, last),
    )
    for position, vector in rows:
        found.setdefault(position, []).append(vector)
    return found


def stacked(vectors: Sequence[Sequence[Any]], dim: int) -> FurtherVectors | None:
    """Return the stored vectors of the further pictures of n products; None where there are none."""
    owners = [owner for owner, some in enumerate(vectors) for _ in some]
    if not owners:
        return None
    blobs = b"".join(blob for some in vectors for blob in some)
    found: Vectors = np.frombuffer(blobs, dtype="<f4").astype(np.float32).reshape(len(owners), dim)
    return FurtherVectors(np.array(owners, dtype=np.int64), found)


def read_picture(
    connection: sqlite3.Connection, product_id: str, number: int, damage: Damage, pictures: PictureFiles
) -> bytes | None:
    """Return a picture of a product as it was delivered; None where that is its only one, or there is no product.

    Raises:
        NotFoundError: it has no picture of that number.
        DamagedProductError: it is not what was stored.
    """
    row = connection.execute("SELECT position FROM products WHERE id = ?", (product_id,)).fetchone()
    if row is None:
        return None
    (position,) = row
    count = 1
    if has_pictures(connection):
        further = "SELECT count(*) FROM pictures WHERE position = ? AND place > 0"
        count += connection.execute(further, row).fetchone()[0]
    if not 0 <= number < count:
        raise no_picture_error(product_id, number, count)
    if count == 1:
        return None
    digest, image = connection.execute(
        "SELECT pictures.digest, CASE place WHEN 0 THEN products.image ELSE pictures.image END"
        " FROM products LEFT JOIN pictures ON pictures.position = products.position AND place = ?"
        " WHERE products.position = ?",
        (number, position),
    ).fetchone()
    found = pictures.loaded(image)
    if not isinstance(found, bytes) or picture_digest(found) != digest:
        reason = f"its picture number {number} has not the digest that it was stored with"
        raise damage.refused(product_id, found.reason if isinstance(found, Lost) else reason)
    return found


def read_digests(connection: sqlite3.Connection, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the digests of the pictures of those of these products that are there."""
    found: dict[str, tuple[str, ...]] = {}
    for start in range(0, len(ids), TOGETHER):
        some = list(ids[start : start + TOGETHER])
        if has_pictures(connection):
            rows = connection.execute(
                f"SELECT id, pictures.digest FROM products JOIN pictures USING (position) WHERE id IN ({marks(some)})"  # noqa: S608
                " ORDER BY position, place",
                some,
            )
            for product_id, digest in rows:
                found[product_id] = (*found.get(product_id, ()), digest)
        # An older version has written the others: their pictures are read.
        some = [one for one in some if one not in found]
        rows = connection.execute(f"SELECT id, image FROM products WHERE id IN ({marks(some)})", some)  # noqa: S608
        # A picture in a file has its digest for a name.
        found.update((one, (image if isinstance(image, str) else picture_digest(image),)) for one, image in rows)
    return found


def marks(values: Sequence[str]) -> str:
    """Return a place for each of some values in a statement."""
    return ", ".join("?" * len(values))
