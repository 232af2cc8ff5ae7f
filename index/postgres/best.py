"""The first results of a query that vectors alone rank, and how many there are. Knows no pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from index.postgres.catalogue import PostgresCatalogue
from index.postgres.connection import Connection
from index.postgres.counts import Counts
from index.postgres.filter_sql import leads_sql, narrowed_sql
from index.postgres.scan import FoundRow, HubTerm, Scan
from index.query import SearchQuery, Side
from index.records import Vectors
from index.results import SLACK, collapse
from index.vectors.state import IndexState

Found = tuple[list[FoundRow], Vectors, int | None]
"""Rows, their cosines (K,), and how many there are; None where that is not known."""


@dataclass(frozen=True, slots=True)
class Best:
    """What finds them in one version of a catalogue."""

    catalogue: PostgresCatalogue
    counts: Counts
    damaged: frozenset[str]
    count: int
    """How many products there are."""
    exact_rows: int
    """Where at most so many pass, all of them are compared."""
    several: bool
    """Whether products may have further pictures."""
    hub_mean: float | None
    """The mean hubness of the build."""

    def images(self, connection: Connection, vector: Vectors, query: SearchQuery, state: IndexState | None) -> Found:
        """Return the first `query.end` products; where hubness is taken off, those that reach the minimum score."""
        where, values = narrowed_sql(query.filters, query.exclude | self.damaged, state, self.exact_rows)
        least = None if self._hubs(query) is None else query.min_score
        if least is None:
            counted = query.filters or query.exclude
            total = self.counts.total(connection, where, values) if counted else self.count
        else:
            # What is corrected is not ordered by its cosine, so that those who reach it need not come first.
            where, values = self._reaching(vector, least, where, values)
            total = self.counts.rows(connection, where, values, "count(*)")
        scan = self.scan(connection, vector, "images", query, where, values, total)
        known: int | None = total
        if query.collapse is None:
            ranking = scan.top(min(query.end, total))
            places = np.arange(len(ranking.found))
        else:
            ranking, places, known = collapse(query, total, scan.top)
            if query.collapse == "title":
                known = self.counts.rows(connection, where, values, "count(DISTINCT title_id)")
        if least is not None:
            places = places[ranking.scores[places] >= least]
            known = len(places) if len(places) < query.end else None
        return [ranking.found[place] for place in places], ranking.scores[places], known

    def texts(self, connection: Connection, vector: Vectors, query: SearchQuery, state: IndexState | None) -> Found:
        """Return the first `query.end` rows that stand for a title."""
        passing, values = narrowed_sql(query.filters, self.damaged, state, self.exact_rows)
        where = leads_sql(passing) if query.filters or self.damaged else "p.lead"
        if self.damaged:  # the row that stands for a title must be sound itself
            where, values = f"{where} AND p.id <> ALL(%s)", [*values, list(self.damaged)]
        total = self.counts.total(connection, where, values)
        ranking = self.scan(connection, vector, "texts", query, where, values, total).top(min(query.end, total))
        return ranking.found, ranking.scores, total

    def scan(
        self,
        connection: Connection,
        vector: Vectors,
        side: Side,
        query: SearchQuery,
        where: str,
        values: list[Any],
        total: int,
    ) -> Scan:
        """Return the search of a query among the `total` rows of one side that pass the condition `where`."""
        hubs = self._hubs(query) if side == "images" else None
        sizes = total, self.count, self.exact_rows
        return Scan(self.catalogue, connection, vector, side, where, values, *sizes, self.several, hubs)

    def _hubs(self, query: SearchQuery) -> HubTerm | None:
        if not query.hub_weight or self.hub_mean is None:
            return None
        return HubTerm(query.hub_weight, self.hub_mean)

    def _reaching(self, vector: Vectors, least: float, where: str, values: list[Any]) -> tuple[str, list[Any]]:
        """Return the condition of the products that have a picture with a cosine of `least`, give or take the slack."""
        limit = float(SLACK * np.linalg.norm(vector)) - least
        near, asked = "p.image_vector <#> %s <= %s", [vector, limit]
        if self.several:
            further = "f.position = p.position AND f.place > 0 AND f.image_vector <#> %s <= %s"
            near = f"({near} OR EXISTS (SELECT FROM {{build}}.pictures f WHERE {further}))"
            asked = [*asked, vector, limit]
        return f"{near} AND {where}", [*asked, *values]
