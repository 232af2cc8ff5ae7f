"""The best rows for one query in the database, scored again here exactly as the index in memory scores.

Where few products pass, the database compares all of them by whole vectors. Else candidates come from the graph, HNSW
over half-precision vectors.
"""

# ruff: noqa: S608 - statements are put together from our own words; what callers give goes in as values.

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from index.postgres.catalogue import PostgresCatalogue
from index.postgres.connection import Connection
from index.postgres.pictures import further_vectors, stacked
from index.postgres.rows import to_vectors
from index.postgres.schema import EF_SEARCH
from index.product import Product
from index.query import Side
from index.records import Vectors
from index.results import MARGIN, SLACK, Integers, score_exactly
from index.values import attributes_of
from index.vectors.pictures import nearest_of
from index.vectors.scan import WIDENING

EXACT_ROWS = 10_000
"""Where at most this many products pass a query's filters, all of them are compared."""
EFFORT, PASSING = 12, 5
"""Candidates of the graph for each row that is wanted, and those of them that pass: with fewer, pages further back miss
more."""
AROUND = 2
"""Candidates for each row, where rows are only looked for to be ranked by more than their vectors."""
ROUND = 1000
"""Most candidates that pgvector compares before it returns rows; it goes on from there while more are asked for."""
STEPS, MEMORY = 16, 8
"""Products that may be visited for each candidate, and `work_mem` that they may take: where either ends, so does the
search."""
DEEPEST = 1000
"""Results beyond this rank are found by comparing everything."""


@dataclass(frozen=True, slots=True)
class FoundRow:
    """One row that a search found."""

    title: uuid.UUID
    product: Product
    position: int
    picture: int = 0
    """Number of the picture by which it was found."""


def _product(row: Sequence[Any]) -> Product:
    product_id, title, attributes, split = row
    return Product(product_id, title, attributes_of(attributes) or {}, split)


@dataclass(frozen=True, slots=True)
class FoundRanking:
    """The best rows of one query, best first, as `collapse` reads them."""

    found: list[FoundRow]
    scores: Vectors
    image_vectors: Vectors
    """(K, D) of the pictures by which they were found, or of titles."""

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
    several: bool = False
    """Whether products may have further pictures."""

    def top(self, end: int) -> FoundRanking:
        """Return the best `end` rows; equals in catalogue order."""
        if end <= 0:
            return FoundRanking.empty(len(self.query))
        ranking = self._top(end)
        return self._with_further(ranking, end) if self.several and self.side == "images" else ranking

    def _exact(self, end: int) -> bool:
        return self.total <= self.exact_rows or end > DEEPEST

    def _with_further(self, ranking: FoundRanking, end: int) -> FoundRanking:
        """Return the best `end` products by their nearest pictures; `ranking` is that by their first ones.

        As `index.vectors.scan.top_products`.
        """
        first = dict(zip([one.position for one in ranking.found], ranking.image_vectors, strict=True))
        rows = {one.position: one for one in ranking.found}
        slack = SLACK * float(np.linalg.norm(self.query))
        width = 2 * end + MARGIN
        while True:
            near = self._further_rows(width, EFFORT * end, exact=self._exact(end))
            for row in near:
                rows.setdefault(row[0], FoundRow(row[1], _product(row[2:6]), row[0]))
                first.setdefault(row[0], to_vectors([row[6]])[0])
            positions = np.array(sorted(rows), dtype=np.int64)
            more = further_vectors(self.connection, self.catalogue.build, positions.tolist())
            further = stacked([more.get(at, ()) for at in positions.tolist()], len(self.query))
            firsts = np.array([first[at] for at in positions.tolist()], dtype=np.float32).reshape(-1, len(self.query))
            found = nearest_of(self.query, firsts, further.owners, further.vectors)
            order = np.lexsort((positions, -found.scores))[:end]
            if len(near) == width and len(order):
                last = float((to_vectors([near[-1][7]])[0] * self.query).sum())
                if last >= float(found.scores[order[-1]]) - slack:
                    width *= WIDENING
                    continue
            numbers = found.numbers[order].tolist()
            kept = [
                replace(rows[at], picture=number) for at, number in zip(positions[order].tolist(), numbers, strict=True)
            ]
            return FoundRanking(kept, found.scores[order], found.vectors[order])

    def _top(self, end: int) -> FoundRanking:
        """Return the best `end` rows by their first pictures, or by their titles."""
        exact = self._exact(end)
        width = min(end + MARGIN if exact else 2 * end + 2 * MARGIN, self.total)
        while True:
            rows = self._exact_rows(width) if exact else self._graph_rows(width, EFFORT * end, PASSING * end)
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
            found = [FoundRow(rows[at][1], _product(rows[at][2:6]), rows[at][0]) for at in order]
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
        found = [row[0] for row in self._graph_rows(width, AROUND * width, width, "p.id")]
        if self.several and self.side == "images":
            found += [row[2] for row in self._further_rows(width, AROUND * width, exact=False)]
        return found

    def _further_rows(self, width: int, candidates: int, *, exact: bool) -> list[tuple[Any, ...]]:
        """Return the rows of the `width` further pictures that the database ranks first, each with both vectors."""
        column = "f.image_vector"
        distance = f"{column} <#> %s"
        if not exact:
            self._lead_far(width, candidates)
            distance = f"{column}::halfvec({{dim}}) <#> %s::vector({{dim}})::halfvec({{dim}})"
        elif self.total > self.exact_rows:
            self.connection.execute("SET LOCAL enable_sort = on")
        return self.connection.execute(
            self.catalogue.sql(
                f"SELECT p.position, title_id, p.id, title, attributes, split, p.image_vector, {column}"
                " FROM {build}.pictures f JOIN {build}.products p ON p.position = f.position"
                f" WHERE f.place > 0 AND {self.where} ORDER BY {distance} LIMIT %s"
            ),
            [*self.values, self.query, width],
            binary=True,
        ).fetchall()

    def _graph_rows(self, width: int, candidates: int, passing: int, columns: str = "") -> list[tuple[Any, ...]]:
        """Return about the `width` best of the rows to which the graph leads: so many candidates, so many that pass."""
        at_once = candidates * self.total // max(1, self.of)
        several = candidates > ROUND or at_once < passing
        passing = max(passing, at_once, width)
        self._lead_far(passing, candidates)
        distance = f"{self._column}::halfvec({{dim}}) <#> %s::vector({{dim}})::halfvec({{dim}})"
        if not several or passing == width:
            return self._rows(width, distance, columns)
        # Each round's rows are in order, but not all of them together.
        rows = f"SELECT p.* FROM {{build}}.products p WHERE {self.where} ORDER BY {distance} LIMIT %s"
        best = f"SELECT {columns or self._columns} FROM ({rows}) p ORDER BY {self._column} <#> %s LIMIT %s"
        values = [*self.values, self.query, passing, self.query, width]
        return self.connection.execute(self.catalogue.sql(best), values, binary=True).fetchall()

    def _lead_far(self, passing: int, candidates: int) -> None:
        """Let the graphs lead to so many candidates, and to so many rows that pass."""
        # Of the rows that the graph leads to, only the part that passes counts: it must lead to as many more.
        steps = STEPS * max(candidates, passing * max(1, self.of) // max(1, self.total))
        settings = {
            "hnsw.iterative_scan": "relaxed_order",
            "hnsw.ef_search": min(ROUND, max(EF_SEARCH, candidates)),
            "hnsw.max_scan_tuples": max(20_000, steps),
            "hnsw.scan_mem_multiplier": MEMORY,
            "enable_sort": "off",  # else the planner may sort everything instead of using the graph
        }
        # One statement: the way to the server and back counts, too.
        self.connection.execute(
            f"SELECT {', '.join(['set_config(%s, %s, true)'] * len(settings))}",
            [text for name, value in settings.items() for text in (name, str(value))],
        )

    @property
    def _columns(self) -> str:
        return f"position, title_id, p.id, title, attributes, split, {self._column}"

    def _rows(self, width: int, distance: str, columns: str = "") -> list[tuple[Any, ...]]:
        """Return the `width` rows that the database ranks first, or some of their columns."""
        rows = f"SELECT {columns or self._columns} FROM {{build}}.products p WHERE {self.where}"
        return self.connection.execute(
            self.catalogue.sql(f"{rows} ORDER BY {distance} LIMIT %s"), [*self.values, self.query, width], binary=True
        ).fetchall()
