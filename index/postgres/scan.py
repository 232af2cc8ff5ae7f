"""The best rows for one query in the database, scored again here exactly as the index in memory scores.

Where few products pass, the database compares all of them by whole vectors. Else candidates come from the graph, HNSW
over half-precision vectors.
"""

# ruff: noqa: S608 - statements are put together from our own words; what callers give goes in as values.

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from index.postgres.catalogue import PostgresCatalogue
from index.postgres.connection import Connection
from index.postgres.rows import to_vectors
from index.postgres.schema import EF_SEARCH
from index.product import Product
from index.query import Side
from index.records import Vectors
from index.results import MARGIN, SLACK, Integers, score_exactly
from index.values import attributes_of

EXACT_ROWS = 10_000
"""Where at most this many products pass a query's filters, all of them are compared."""
DEEPEST = 1000
"""Results beyond this rank are found by comparing everything."""


@dataclass(frozen=True, slots=True)
class FoundRow:
    """One row that a search found."""

    title: uuid.UUID
    product: Product


def _product(row: Sequence[Any]) -> Product:
    product_id, title, attributes, split = row
    return Product(product_id, title, attributes_of(attributes) or {}, split)


@dataclass(frozen=True, slots=True)
class FoundRanking:
    """The best rows of one query, best first, as `collapse` reads them."""

    found: list[FoundRow]
    scores: Vectors
    image_vectors: Vectors

    @classmethod
    def empty(cls, dim: int) -> FoundRanking:
        """Return the ranking of no rows."""
        return cls([], np.empty(0, dtype=np.float32), np.empty((0, dim), dtype=np.float32))

    def title_keys(self) -> Integers:
        """Return a number (K,) for each row's title."""
        numbers: dict[uuid.UUID, int] = {}
        return np.array([numbers.setdefault(one.title, len(numbers)) for one in self.found], dtype=np.int64)

    def vectors(self, places: slice) -> Vectors:
        """Return the vectors (n, D) of some of the rows."""
        return self.image_vectors[places]


@dataclass(frozen=True, slots=True)
class Scan:
    """The search of one query among the rows that pass."""

    catalogue: PostgresCatalogue
    connection: Connection
    query: Vectors
    """(D,)."""
    side: Side
    where: str
    """The condition under which a product (p) may be found."""
    values: list[Any]
    """Of `where`."""
    total: int
    """How many products pass."""
    of: int
    """How many products there are."""
    exact_rows: int = EXACT_ROWS

    def top(self, end: int) -> FoundRanking:
        """Return the best `end` rows; equals in catalogue order."""
        if end <= 0:
            return FoundRanking.empty(len(self.query))
        exact = self.total <= self.exact_rows or end > DEEPEST
        width = min(end + MARGIN if exact else 2 * end + 2 * MARGIN, self.total)
        while True:
            rows = self._exact_rows(width) if exact else self._graph_rows(width)
            if not exact and len(rows) < width:
                exact = True  # the graph led to fewer rows than pass
                continue
            if not rows:
                return FoundRanking.empty(len(self.query))
            vectors = to_vectors(row[6] for row in rows)
            order, scores = score_exactly(self.query, vectors, np.array([row[0] for row in rows]))
            slack = SLACK * float(np.linalg.norm(self.query))
            # As in the scan in memory: what was left out must be worse than what is returned, beyond doubt.
            if exact and width < self.total and scores[-1] > scores[:end][-1] - slack:
                width = min(8 * width, self.total)
                continue
            order, scores = order[:end], scores[:end]
            found = [FoundRow(rows[at][1], _product(rows[at][2:6])) for at in order]
            return FoundRanking(found, scores, vectors[order])

    @property
    def _column(self) -> str:
        return "p.image_vector" if self.side == "images" else "p.text_vector"

    def _exact_rows(self, width: int) -> list[tuple[Any, ...]]:
        if self.total > self.exact_rows:
            self.connection.execute("SET LOCAL enable_sort = on")
        return self._rows(width, f"{self._column} <#> %s")

    def near(self, width: int) -> list[str]:
        """Return the ids of about `width` products to which the graph leads, those that pass among them."""
        return [row[0] for row in self._graph_rows(width, "p.id")]

    def _graph_rows(self, width: int, columns: str = "") -> list[tuple[Any, ...]]:
        # Of the rows that the graph leads to, only the part that passes counts: it must lead to as many more.
        steps = 4 * width * max(1, self.of) // max(1, self.total)
        for name, value in (
            ("hnsw.iterative_scan", "relaxed_order"),
            ("hnsw.ef_search", min(1000, max(EF_SEARCH, 2 * width))),
            ("hnsw.max_scan_tuples", max(20_000, steps)),
            ("enable_sort", "off"),  # else the planner may sort everything instead of using the graph
        ):
            self.connection.execute("SELECT set_config(%s, %s, true)", [name, str(value)])
        distance = f"{self._column}::halfvec({{dim}}) <#> %s::vector({{dim}})::halfvec({{dim}})"
        return self._rows(width, distance, columns)

    def _rows(self, width: int, distance: str, columns: str = "") -> list[tuple[Any, ...]]:
        """Return the `width` rows that the database ranks first, or some of their columns."""
        columns = columns or f"position, title_id, p.id, title, attributes, split, {self._column}"
        return self.connection.execute(
            self.catalogue.sql(
                f"SELECT {columns} FROM {{build}}.products p WHERE {self.where} ORDER BY {distance} LIMIT %s"
            ),
            [*self.values, self.query, width],
            binary=True,
        ).fetchall()
