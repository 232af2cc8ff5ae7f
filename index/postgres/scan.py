"""The best rows for one query in the database, scored again here exactly as the index in memory scores.

Where few products pass, the database compares all of them by whole vectors. Else candidates come from the graph, HNSW
over half-precision vectors.
"""

# ruff: noqa: S608 - statements are put together from our own words; what callers give goes in as values.

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
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
CORRECTED = 160
"""Fewest candidates where hubness, of which the graph knows nothing, is taken off: the best ten for titles that were
held out, among 40,632 products, are all among the best 160 by cosine."""
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
    hub: float | None = None
    """Its hubness, where that counts."""


def _product(row: Sequence[Any]) -> Product:
    product_id, title, attributes, split = row
    return Product(product_id, title, attributes_of(attributes) or {}, split)


@dataclass(frozen=True, slots=True)
class HubTerm:
    """What is taken off the cosines of pictures: a part of each product's hubness."""

    weight: float
    mean: float
    """Of the build."""

    def of(self, hubs: Iterable[float | None]) -> Vectors:
        """Return what is taken off (K,); nothing where the hubness is not known."""
        centred = np.array([0.0 if hub is None else hub - self.mean for hub in hubs], dtype=np.float32)
        return np.float32(self.weight) * centred

    @property
    def sql(self) -> str:
        """The same in the database, where `hub` is a product's."""
        return f"{self.weight!r} * coalesce(hub - {self.mean!r}, 0)"


@dataclass(frozen=True, slots=True)
class FoundRanking:
    """The best rows of one query, best first, as `collapse` reads them."""

    found: list[FoundRow]
    scores: Vectors
    """(K,) cosines, by which they are ranked but for their hubness."""
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
    hubs: HubTerm | None = None
    """What is taken off the cosines, in a search for images."""

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
                rows.setdefault(row[0], FoundRow(row[1], _product(row[2:6]), row[0], hub=row[8]))
                first.setdefault(row[0], to_vectors([row[6]])[0])
            positions = np.array(sorted(rows), dtype=np.int64)
            more = further_vectors(self.connection, self.catalogue.build, positions.tolist())
            further = stacked([more.get(at, ()) for at in positions.tolist()], len(self.query))
            firsts = np.array([first[at] for at in positions.tolist()], dtype=np.float32).reshape(-1, len(self.query))
            found = nearest_of(self.query, firsts, further.owners, further.vectors)
            scores = found.scores - self._less(rows[at].hub for at in positions.tolist())
            order = np.lexsort((positions, -scores))[:end]
            if len(near) == width and len(order):
                last = float((to_vectors([near[-1][7]])[0] * self.query).sum()) - float(self._less([near[-1][8]])[0])
                if last >= float(scores[order[-1]]) - slack:
                    width *= WIDENING
                    continue
            numbers = found.numbers[order].tolist()
            kept = [
                replace(rows[at], picture=number) for at, number in zip(positions[order].tolist(), numbers, strict=True)
            ]
            return FoundRanking(kept, found.scores[order], found.vectors[order])

    def _less(self, hubs: Iterable[float | None]) -> Vectors:
        """Return what is taken off the cosines (K,) of products with some hubness."""
        known = list(hubs)
        return np.zeros(len(known), dtype=np.float32) if self.hubs is None else self.hubs.of(known)

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
            vectors, less = to_vectors(row[6] for row in rows), self._less(row[7] for row in rows)
            order, scores = score_exactly(self.query, vectors, np.array([row[0] for row in rows]), less)
            slack = SLACK * float(np.linalg.norm(self.query))
            # As in the scan in memory: what was left out must be worse than what is returned, beyond doubt.
            if exact and width < self.total and scores[-1] > scores[:end][-1] - slack:
                width = min(8 * width, self.total)
                continue
            order = order[:end]
            found = [FoundRow(rows[at][1], _product(rows[at][2:6]), rows[at][0], hub=rows[at][7]) for at in order]
            return FoundRanking(found, (vectors[order] * self.query).sum(axis=1), vectors[order])

    @property
    def _column(self) -> str:
        return "p.image_vector" if self.side == "images" else "p.text_vector"

    @property
    def _columns(self) -> str:
        hub = "NULL" if self.hubs is None else "hub"
        return f"p.position, title_id, p.id, title, attributes, split, {self._column}, {hub}"

    def _with_hubs(self, products: str) -> str:
        """Return products (p), with their hubness where that counts."""
        return products if self.hubs is None else f"{products} LEFT JOIN {{build}}.hubs h ON h.position = p.position"

    def _ranked(self, distance: str) -> str:
        """Return what rows are ordered by: a distance, or with what hubness adds to it."""
        return distance if self.hubs is None else f"({distance}) + {self.hubs.sql}"

    def _exact_rows(self, width: int) -> list[tuple[Any, ...]]:
        """Return the `width` rows that the database ranks first by whole vectors."""
        if self.total > self.exact_rows:
            self.connection.execute("SET LOCAL enable_sort = on")
        products = self._with_hubs("{build}.products p")
        order = self._ranked(f"{self._column} <#> %s")
        return self._select(
            f"SELECT {self._columns} FROM {products} WHERE {self.where} ORDER BY {order} LIMIT %s",
            [*self.values, self.query, width],
        )

    def near(self, width: int) -> list[str]:
        """Return the ids of about `width` products to which the graph leads, those that pass among them."""
        found = [row[0] for row in self._graph_rows(width, AROUND * width, width, "p.id")]
        if self.several and self.side == "images":
            found += [row[2] for row in self._further_rows(width, AROUND * width, exact=False)]
        return found

    def _further_rows(self, width: int, candidates: int, *, exact: bool) -> list[tuple[Any, ...]]:
        """Return the rows of the `width` further pictures that the database ranks first, each with both vectors."""
        column = "f.image_vector"
        order = self._ranked(f"{column} <#> %s")
        if not exact:
            candidates = self._deep(candidates)
            self._lead_far(max(width, candidates), candidates)
            order = f"{column}::halfvec({{dim}}) <#> %s::vector({{dim}})::halfvec({{dim}})"
        elif self.total > self.exact_rows:
            self.connection.execute("SET LOCAL enable_sort = on")
        hub = "NULL" if self.hubs is None else "hub"
        products = self._with_hubs("{build}.pictures f JOIN {build}.products p ON p.position = f.position")
        rows = (
            f"SELECT p.position, title_id, p.id, title, attributes, split, p.image_vector, {column} AS other, {hub}"
            f" FROM {products} WHERE f.place > 0 AND {self.where} ORDER BY {order} LIMIT %s"
        )
        if exact or self.hubs is None:
            return self._select(rows, [*self.values, self.query, width])
        best = f"SELECT * FROM ({rows}) found ORDER BY {self._ranked('other <#> %s')} LIMIT %s"
        return self._select(best, [*self.values, self.query, max(width, candidates), self.query, width])

    def _deep(self, candidates: int) -> int:
        """Return how many candidates of the graph are ranked by more than their cosines."""
        return candidates if self.hubs is None else max(CORRECTED, candidates)

    def _graph_rows(self, width: int, candidates: int, passing: int, columns: str = "") -> list[tuple[Any, ...]]:
        """Return about the `width` best of the rows to which the graph leads: so many candidates, so many that pass."""
        candidates = self._deep(candidates)
        at_once = candidates * self.total // max(1, self.of)
        several = candidates > ROUND or at_once < passing
        passing = max(passing, at_once, width, 0 if self.hubs is None else candidates)
        self._lead_far(passing, candidates)
        distance = f"{self._column}::halfvec({{dim}}) <#> %s::vector({{dim}})::halfvec({{dim}})"
        if self.hubs is None and (not several or passing == width):
            rows = f"SELECT {columns or self._columns} FROM {{build}}.products p WHERE {self.where}"
            return self._select(f"{rows} ORDER BY {distance} LIMIT %s", [*self.values, self.query, width])
        # Each round's rows are in order, but not all of them together; nor do they know of hubness.
        rows = f"SELECT p.* FROM {{build}}.products p WHERE {self.where} ORDER BY {distance} LIMIT %s"
        products, order = self._with_hubs(f"({rows}) p"), self._ranked(f"{self._column} <#> %s")
        best = f"SELECT {columns or self._columns} FROM {products} ORDER BY {order} LIMIT %s"
        return self._select(best, [*self.values, self.query, passing, self.query, width])

    def _select(self, text: str, values: list[Any]) -> list[tuple[Any, ...]]:
        return self.connection.execute(self.catalogue.sql(text), values, binary=True).fetchall()

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
