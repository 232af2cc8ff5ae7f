"""From rows that the database has found to hits."""

# ruff: noqa: S608 - statements are put together from our own words; what callers give goes in as values.

from __future__ import annotations

import uuid
from collections.abc import Iterable

from index.postgres.catalogue import PostgresCatalogue
from index.postgres.connection import Connection
from index.postgres.filter_sql import filter_sql
from index.postgres.scan import FoundRow
from index.query import SearchQuery, Side
from index.ranking.calibrate import Calibration
from index.records import Vectors
from index.results import DescriptionHit, Hit
from index.vectors.pages import relevance_of


def hits_of(
    catalogue: PostgresCatalogue,
    connection: Connection,
    side: Side,
    query: SearchQuery,
    found: list[FoundRow],
    scores: Vectors,
    calibration: Calibration,
    damaged: Iterable[str],
) -> list[Hit] | list[DescriptionHit]:
    """Return the hits of rows that were found; of descriptions, with those of their products that pass."""
    scored = list(zip(found, scores.tolist(), strict=True))
    if side == "images":
        relevance = relevance_of(calibration, side, query, scores)
        worth = [None] * len(found) if relevance is None else relevance.tolist()
        return [
            Hit(one.product, score, one_worth, picture=one.picture)
            for (one, score), one_worth in zip(scored, worth, strict=True)
        ]
    passing, values = filter_sql(query.filters, damaged)
    ids_with_title: dict[uuid.UUID, list[str]] = {}
    for title, product_id in connection.execute(
        catalogue.sql(
            f"SELECT title_id, p.id FROM {{build}}.products p WHERE title_id = ANY(%s) AND {passing} ORDER BY position"
        ),
        [[one.title for one in found], *values],
    ):
        ids_with_title.setdefault(title, []).append(product_id)
    return [DescriptionHit(one.product.title, score, ids_with_title.get(one.title, [])) for one, score in scored]
