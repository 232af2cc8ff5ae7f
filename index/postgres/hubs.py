"""The hubness of products in PostgreSQL: one number each, in a table of its own, as in `index.sqlite.hubs`.

A build of an older version has none: there cosines alone rank, and edits add none.
"""

# ruff: noqa: S608 - statements are put together from our own words; what callers give goes in as values.

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from index.entry_vectors import entry_vectors
from index.pictures import Vectors
from index.postgres.connection import Connection
from index.postgres.pictures import further_vectors, has_pictures
from index.postgres.rows import title_id, to_vectors
from index.postgres.schema import EF_SEARCH, format_sql
from index.ranking.hubs import NEAREST, TitleBank, hubness_of, hubness_of_products, product_hubness
from index.records import UNIT_TOLERANCE, Entry

HUBS = """
CREATE TABLE IF NOT EXISTS {build}.hubs (position BIGINT PRIMARY KEY, hub DOUBLE PRECISION NOT NULL);
"""
HUB_COLUMNS = "position, hub"
HUB_TYPES = ["int8", "float8"]
"""Of `HUB_COLUMNS`."""
MEAN_AT = 0
"""Where the mean of the build stands, which edits do not change: positions of products begin at 1."""
TOGETHER = 4096
"""Products whose hubness is found at a time."""
EXACT_TITLES = 1000
"""Products up to which a picture is compared with all titles; beyond, the graph leads to the nearest ones."""
TITLES = f"lead AND abs(vector_norm(text_vector) - 1) <= {UNIT_TOLERANCE}"
"""The rows whose text vectors are those of the distinct titles; damaged ones count for nothing."""


class Bank(Protocol):
    """The titles with which pictures are compared."""

    def hubness(self, images: Vectors, /) -> Vectors:
        """Return the hubness (K,) of pictures (K, D)."""


class StoredTitles:
    """The titles of a build as they are stored, for a few pictures.

    Args:
        connection: in a transaction.
        build: whose titles they are.
        dim: D.
        products: how many it has.
    """

    def __init__(self, connection: Connection, build: str, dim: int, products: int) -> None:
        distance = "text_vector <#> %(image)s::vector({dim})"
        if products > EXACT_TITLES:
            distance = "text_vector::halfvec({dim}) <#> %(image)s::vector({dim})::halfvec({dim})"
            connection.execute("SELECT set_config('hnsw.ef_search', %s, true)", [str(EF_SEARCH)])
        self._connection = connection
        self._nearest = format_sql(
            "SELECT -(text_vector <#> %(image)s::vector({dim})) FROM (SELECT text_vector FROM {build}.products"
            f" WHERE {TITLES} ORDER BY {distance} LIMIT {NEAREST}) near",
            build,
            dim=dim,
        )

    def nearest(self, images: Vectors) -> Vectors:
        """Return the cosines (K, n) of pictures (K, D) with their nearest titles; -1 where there are no more."""
        found = np.full((len(images), NEAREST), -1, dtype=np.float32)
        for number, image in enumerate(images):
            rows = self._connection.execute(self._nearest, {"image": image}).fetchall()
            found[number, : len(rows)] = [cosine for (cosine,) in rows]
        return found

    def hubness(self, images: Vectors) -> Vectors:
        """Return the hubness (K,) of pictures (K, D)."""
        return hubness_of(self.nearest(images))


def has_hubs(connection: Connection, build: str) -> bool:
    """Return whether the table is there."""
    found = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [f"{build}.hubs"]).fetchone()
    return found == (True,)


def hubs_at(connection: Connection, build: str, positions: Sequence[int]) -> dict[int, float]:
    """Return position -> the hubness of the product there, of those that have one; there must be the table."""
    query = format_sql(f"SELECT {HUB_COLUMNS} FROM {{build}}.hubs WHERE position = ANY(%s)", build)
    return dict(connection.execute(query, [list(positions)]).fetchall())


def mean_hub(connection: Connection, build: str) -> float | None:
    """Return the mean hubness of a build as it was made; None where it has none."""
    return hubs_at(connection, build, [MEAN_AT]).get(MEAN_AT) if has_hubs(connection, build) else None


def forget_hubs(connection: Connection, build: str, ids: Sequence[str]) -> None:
    """Take out the hubness of products that are about to go."""
    if has_hubs(connection, build):
        connection.execute(
            format_sql(
                "DELETE FROM {build}.hubs WHERE position IN (SELECT position FROM {build}.products WHERE id = ANY(%s))",
                build,
            ),
            [list(ids)],
        )


def insert_hubs(connection: Connection, build: str, rows: Iterable[tuple[int, float]]) -> None:
    """Insert rows of `HUB_COLUMNS`."""
    with connection.cursor() as cursor:
        cursor.executemany(format_sql(f"INSERT INTO {{build}}.hubs ({HUB_COLUMNS}) VALUES (%s, %s)", build), [*rows])


def hubness_in(
    connection: Connection, build: str, dim: int, products: int, entries: Sequence[Entry]
) -> list[float | None]:
    """Return the hubness of entries that are about to be written, among the titles that are there and their own.

    None for each where the build has no mean.

    Args:
        connection: in a transaction.
        build: that they are written to.
        dim: D.
        products: how many it has.
        entries: products with their vectors.

    Raises:
        InputError: a vector that cannot be stored.
    """
    if mean_hub(connection, build) is None:
        return [None] * len(entries)
    titles = StoredTitles(connection, build, dim, products)
    wanted = [title_id(one.product.title) for one in entries]
    query = format_sql(f"SELECT title_id FROM {{build}}.products WHERE {TITLES} AND title_id = ANY(%s)", build)
    known = {title for (title,) in connection.execute(query, [wanted])}
    found: list[float | None] = []
    for entry, title in zip(entries, wanted, strict=True):
        images, text = entry_vectors(entry, dim)
        own = None if title in known else images @ text
        found.append(product_hubness(titles.nearest(images), own))
    return found


def find_hubs(connection: Connection, build: str, mean: float | None) -> None:
    """Find the hubness of all products of a build that have none, and its mean where a copy brings none."""
    if missing := _missing(connection, build):
        _insert_found(connection, build, TitleBank(_titles(connection, build)), missing)
    if mean is None:
        (mean,) = connection.execute(format_sql("SELECT avg(hub) FROM {build}.hubs", build)).fetchone() or (None,)
    if mean is not None:
        insert_hubs(connection, build, [(MEAN_AT, mean)])


def find_late_hubs(connection: Connection, build: str, dim: int, products: int) -> None:
    """Find the hubness of the few products that came while a build was finished."""
    if missing := _missing(connection, build):
        _insert_found(connection, build, StoredTitles(connection, build, dim, products), missing)


def _insert_found(connection: Connection, build: str, bank: Bank, missing: Sequence[int]) -> None:
    several = has_pictures(connection, build)
    for start in range(0, len(missing), TOGETHER):
        rows = _firsts(connection, build, missing[start : start + TOGETHER])
        positions = [position for position, _ in rows]
        more = further_vectors(connection, build, positions) if several else {}
        groups = [[first, *more.get(position, ())] for position, first in rows]
        hubs = bank.hubness(to_vectors(vector for group in groups for vector in group))
        starts = np.cumsum([0, *map(len, groups)])[:-1]
        found = hubness_of_products(hubs, starts).tolist()
        insert_hubs(connection, build, zip(positions, found, strict=True))


def _missing(connection: Connection, build: str) -> list[int]:
    """Return the positions of the products that have no hubness yet, in order."""
    rows = connection.execute(
        format_sql(
            "SELECT position FROM {build}.products p WHERE NOT EXISTS"
            " (SELECT FROM {build}.hubs h WHERE h.position = p.position) ORDER BY position",
            build,
        )
    )
    return [position for (position,) in rows]


def _firsts(connection: Connection, build: str, positions: Sequence[int]) -> list[tuple[int, Any]]:
    query = "SELECT position, image_vector FROM {build}.products WHERE position = ANY(%s) ORDER BY position"
    return connection.execute(format_sql(query, build), [list(positions)], binary=True).fetchall()


def _titles(connection: Connection, build: str) -> Vectors:
    """Return the vectors (T, D) of the distinct titles."""
    return np.concatenate(list(_title_pieces(connection, build)))


def _title_pieces(connection: Connection, build: str) -> Iterator[Vectors]:
    with connection.transaction(), connection.cursor(name="titles", binary=True) as cursor:
        cursor.execute(format_sql("SELECT text_vector FROM {build}.products WHERE lead ORDER BY position", build))
        while rows := cursor.fetchmany(TOGETHER):
            yield to_vectors(vector for (vector,) in rows)
