"""The pictures of products in PostgreSQL beyond the first, and the digest of each picture.

They have a table of their own, as in `index.sqlite.pictures`. A build of an older version has none until it is written
to: there every product has one picture.
"""

# ruff: noqa: S608 - statements are put together from our own words; what callers give goes in as values.

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
from index.postgres.connection import Connection
from index.postgres.schema import EF_CONSTRUCTION, M, format_sql
from index.records import Entry, checked_vector

# `position`: of the product, which gets another one whenever it is replaced. The first picture, number 0, is in the
# table `images`, and has only its digest here.
PICTURES = """
CREATE TABLE IF NOT EXISTS {build}.pictures (
    position BIGINT NOT NULL,
    place INTEGER NOT NULL,
    digest TEXT NOT NULL,
    image_vector VECTOR({dim}),
    image BYTEA,
    PRIMARY KEY (position, place)
);
ALTER TABLE {build}.pictures ALTER image SET STORAGE EXTERNAL;
"""
# As the graphs over products.
FURTHER_GRAPH = """
CREATE INDEX IF NOT EXISTS pictures_further ON {build}.pictures (position) WHERE place > 0;
CREATE INDEX IF NOT EXISTS pictures_graph ON {build}.pictures
    USING hnsw ((image_vector::halfvec({dim})) halfvec_ip_ops) WITH (m = {m}, ef_construction = {ef}) WHERE place > 0;
"""
PICTURE_COLUMNS = "position, place, digest, image_vector, image"
PICTURE_TYPES = ["int8", "int4", "text", "vector", "bytea"]
"""Of `PICTURE_COLUMNS`."""

PictureRow = tuple[Any, Any]
"""Vector and picture as they are stored."""


def has_pictures(connection: Connection, build: str) -> bool:
    """Return whether the table is there."""
    found = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [f"{build}.pictures"]).fetchone()
    return found == (True,)


def has_further(connection: Connection, build: str) -> bool:
    """Return whether a product has more than one picture."""
    if not has_pictures(connection, build):
        return False
    query = format_sql("SELECT EXISTS (SELECT FROM {build}.pictures WHERE place > 0)", build)
    return connection.execute(query).fetchone() == (True,)


def make_table(connection: Connection, build: str, dim: int) -> None:
    """Make the table of a build that has none."""
    if not has_pictures(connection, build):
        connection.execute(format_sql(PICTURES, build, dim=dim))
        make_graph(connection, build, dim)


def make_graph(connection: Connection, build: str, dim: int) -> None:
    """Make the indexes over further pictures."""
    connection.execute(format_sql(FURTHER_GRAPH, build, dim=dim, m=M, ef=EF_CONSTRUCTION))


def picture_rows(entry: Entry, dim: int, position: int) -> list[tuple[Any, ...]]:
    """Return the values of `PICTURE_COLUMNS` for all pictures of an entry, after checking them.

    Raises:
        InputError: too many pictures, or a vector that cannot be stored.
    """
    check_number_of_pictures(entry.product.id, len(entry.images))
    rows: list[tuple[Any, ...]] = [(position, 0, picture_digest(entry.image), None, None)]
    for place, one in enumerate(entry.more, 1):
        vector = checked_vector(one.vector, dim, entry.product.id, "image")
        rows.append((position, place, picture_digest(one.image), vector, one.image))
    return rows


def insert_pictures(connection: Connection, build: str, rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows of `PICTURE_COLUMNS`."""
    query = format_sql(f"INSERT INTO {{build}}.pictures ({PICTURE_COLUMNS}) VALUES (%s, %s, %s, %s, %s)", build)
    for row in rows:
        connection.execute(query, row)


def forget_pictures(connection: Connection, build: str, ids: Sequence[str]) -> None:
    """Take out the pictures of products that are about to go."""
    connection.execute(
        format_sql(
            "DELETE FROM {build}.pictures WHERE position IN (SELECT position FROM {build}.products WHERE id = ANY(%s))",
            build,
        ),
        [list(ids)],
    )


def further_rows(connection: Connection, build: str, positions: Sequence[int]) -> dict[int, list[PictureRow]]:
    """Return position -> the further pictures of the product there, in order, of those that have any."""
    return _by_position(connection, build, "image_vector, image", positions) if has_pictures(connection, build) else {}


def further_vectors(
    connection: Connection, build: str, positions: Sequence[int], *, lengths: bool = False
) -> dict[int, list[Any]]:
    """Return position -> the vectors of the further pictures of the product there, or only their lengths."""
    column = "vector_norm(image_vector)" if lengths else "image_vector"
    found = _by_position(connection, build, column, positions)
    return {position: [one for (one,) in rows] for position, rows in found.items()}


def _by_position(connection: Connection, build: str, columns: str, positions: Sequence[int]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    rows = connection.execute(
        format_sql(
            f"SELECT position, {columns} FROM {{build}}.pictures WHERE position = ANY(%s) AND place > 0"
            " ORDER BY position, place",
            build,
        ),
        [list(positions)],
        binary=True,
    )
    for position, *values in rows:
        found.setdefault(position, []).append(tuple(values))
    return found


def read_picture(connection: Connection, build: str, product_id: str, number: int, damage: Damage) -> bytes | None:
    """As `index.sqlite.pictures.read_picture`.

    Raises:
        NotFoundError: it has no picture of that number.
        DamagedProductError: it is not what was stored.
    """
    query = format_sql("SELECT position FROM {build}.products WHERE id = %s", build)
    row = connection.execute(query, [product_id]).fetchone()
    if row is None:
        return None
    count = 1
    if has_pictures(connection, build):
        query = format_sql("SELECT count(*) FROM {build}.pictures WHERE position = %s AND place > 0", build)
        (further,) = connection.execute(query, row).fetchone() or (0,)
        count += further
    if not 0 <= number < count:
        raise no_picture_error(product_id, number, count)
    if count == 1:
        return None
    found = connection.execute(
        format_sql(
            "SELECT f.digest, CASE place WHEN 0 THEN (SELECT image FROM {build}.images WHERE id = %s) ELSE f.image END"
            " FROM {build}.pictures f WHERE position = %s AND place = %s",
            build,
        ),
        [product_id, *row, number],
        binary=True,
    ).fetchone()
    if found is None or not isinstance(found[1], bytes) or picture_digest(found[1]) != found[0]:
        raise damage.refused(product_id, f"its picture number {number} has not the digest that it was stored with")
    return found[1]


def stacked(vectors: Sequence[Sequence[Any]], dim: int) -> FurtherVectors:
    """Return the vectors of the further pictures of n products, as the database gave them."""
    owners = np.array([owner for owner, some in enumerate(vectors) for _ in some], dtype=np.int64)
    found: Vectors = np.empty((len(owners), dim), dtype=np.float32)
    for at, one in enumerate(vector for some in vectors for vector in some):
        found[at] = one if isinstance(one, np.ndarray) else one.to_numpy()
    return FurtherVectors(owners, found)


def read_digests(connection: Connection, build: str, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the digests of the pictures of those of these products that are there."""
    found: dict[str, tuple[str, ...]] = {}
    if has_pictures(connection, build):
        rows = connection.execute(
            format_sql(
                "SELECT id, f.digest FROM {build}.products p JOIN {build}.pictures f ON f.position = p.position"
                " WHERE id = ANY(%s) ORDER BY p.position, place",
                build,
            ),
            [list(ids)],
        )
        for product_id, digest in rows:
            found[product_id] = (*found.get(product_id, ()), digest)
    left = [one for one in ids if one not in found]
    if left:
        # An older version has written these: their pictures are read.
        with connection.cursor(binary=True) as cursor:
            cursor.execute(format_sql("SELECT id, image FROM {build}.images WHERE id = ANY(%s)", build), [left])
            for product_id, image in cursor:
                found[product_id] = (picture_digest(bytes(image)),)
    return found
