"""Search in PostgreSQL with the calls of `index.SearchIndex`: filters, totals, facets, pages. Holds no products."""

# ruff: noqa: S608 - statements are put together from our own words; what callers give goes in as values.

from __future__ import annotations

import uuid
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, Literal, TypeVar, overload

import numpy as np

from index.language.understand import Languages
from index.postgres.catalogue import PostgresCatalogue
from index.postgres.connection import Connection
from index.postgres.filter_sql import filter_sql
from index.postgres.rows import storable, to_vectors
from index.postgres.scan import EXACT_ROWS, FoundRow, Scan
from index.query import (
    Filters,
    LikeVectors,
    SearchQuery,
    Side,
    check_names,
    checked_vectors,
    like_vectors,
    missing_products,
)
from index.records import Vectors
from index.results import DescriptionHit, Hit, Page, collapse, cut_at_min_score

KEPT_COUNTS = 1000
"""Counts that a search keeps until the catalogue changes."""

T = TypeVar("T")


def open_search(
    catalogue: PostgresCatalogue, exact_rows: int = EXACT_ROWS, languages: Languages | None = None
) -> PostgresSearch:
    """Return what searches a catalogue, labelled with its version of now."""
    with catalogue.reading() as connection:
        current = catalogue.current(connection)
        names = connection.execute(
            catalogue.sql("SELECT name FROM {build}.attributes WHERE products > 0 ORDER BY name")
        ).fetchall()
    return PostgresSearch(catalogue, current.version, current.products, [name for (name,) in names], exact_rows)


class PostgresSearch:
    """Answers queries in the database.

    `version`, the number of products, the known attributes and the counts it has seen are of one moment; the results
    are of now. Where at most `exact_rows` products pass the filters, the results are exactly those of `SearchIndex`.
    """

    def __init__(
        self, catalogue: PostgresCatalogue, version: int, products: int, names: Sequence[str], exact_rows: int
    ) -> None:
        self.info = catalogue.info
        self.encoder_id = catalogue.info.encoder_id
        self.version = version
        self._catalogue = catalogue
        self._count = products
        self._names = list(names)
        self._exact_rows = exact_rows
        self._totals: dict[Hashable, int] = {}
        self._counts: dict[Hashable, dict[str, int]] = {}

    def __len__(self) -> int:
        return self._count

    def vectors(self, product_ids: Iterable[str]) -> Vectors:
        """Return the image vectors (K, D) of products; NotFoundError names the ids that there are not."""
        ids = list(product_ids)
        return self._stack(ids, self._read_vectors(ids))

    def check(self, query: SearchQuery) -> LikeVectors:
        """As `SearchIndex.check`; asks the database at most once."""
        check_names(self._names, query.filters, query.facets)
        found = self._read_vectors((*query.like, *query.unlike))
        return like_vectors(query, lambda ids: self._stack(ids, found))

    def _read_vectors(self, product_ids: Iterable[str]) -> dict[str, Any]:
        """Return id -> image vector of the products that are there."""
        wanted = list(filter(storable, set(product_ids)))
        if not wanted:
            return {}
        with self._catalogue.reading() as connection:
            rows = connection.execute(
                self._catalogue.sql("SELECT id, image_vector FROM {build}.products WHERE id = ANY(%s)"),
                [wanted],
                binary=True,
            ).fetchall()
        return dict(rows)

    def _stack(self, product_ids: Sequence[str], found: dict[str, Any]) -> Vectors:
        missing = [product_id for product_id in product_ids if product_id not in found]
        if missing:
            raise missing_products(missing)
        if not product_ids:
            return np.empty((0, self.info.dim), dtype=np.float32)
        return to_vectors(found[product_id] for product_id in product_ids)

    def count(self, filters: Filters | None = None) -> int:
        """Return how many products pass the filters, as `SearchIndex`."""
        filters = filters or {}
        check_names(self._names, filters)
        where, values = filter_sql(filters, ())
        with self._catalogue.reading() as connection:
            return self._total(connection, where, values) if filters else self._count

    def facets(self, filters: Filters | None = None, names: Iterable[str] | None = None) -> dict[str, dict[str, int]]:
        """Return attribute -> value -> number of products that pass the other attributes' filters, as `SearchIndex`."""
        filters = filters or {}
        wanted = list(self._names) if names is None else list(dict.fromkeys(names))
        check_names(self._names, filters, wanted)
        with self._catalogue.reading() as connection:
            return self._facets(connection, filters, wanted)

    def _facets(self, connection: Connection, filters: Filters, names: Iterable[str]) -> dict[str, dict[str, int]]:
        """Return the counts; each is made once per version, since every page of a search needs the same."""
        counts: dict[str, dict[str, int]] = {}
        for name in names:
            others = {other: one for other, one in filters.items() if other != name}
            key = (name, frozenset(others.items()))
            # Several threads search at once, and any of them may forget all: what was found is held on to.
            found = self._counts.get(key)
            if found is None:
                passing, values = filter_sql(others, ())
                # The words of a value are those of the first product that has it: looked up once the values are known.
                rows = connection.execute(
                    self._catalogue.sql(
                        "WITH found AS (SELECT p.keys ->> %s AS key, count(*) AS number, min(position) AS first"
                        f" FROM {{build}}.products p WHERE {passing} GROUP BY 1)"
                        " SELECT p.attributes ->> %s, number FROM found JOIN {build}.products p ON p.position = first"
                        " WHERE key IS NOT NULL ORDER BY number DESC, first"
                    ),
                    [name, *values, name],
                ).fetchall()
                found = _remember(self._counts, key, dict(rows))
            counts[name] = dict(found)
        return counts

    @overload
    def search(self, side: Literal["images"], vectors: Vectors, queries: Sequence[SearchQuery]) -> list[Page[Hit]]: ...

    @overload
    def search(
        self, side: Literal["texts"], vectors: Vectors, queries: Sequence[SearchQuery]
    ) -> list[Page[DescriptionHit]]: ...

    @overload
    def search(
        self, side: Side, vectors: Vectors, queries: Sequence[SearchQuery]
    ) -> list[Page[Hit]] | list[Page[DescriptionHit]]: ...

    def search(
        self, side: Side, vectors: Vectors, queries: Sequence[SearchQuery]
    ) -> list[Page[Hit]] | list[Page[DescriptionHit]]:
        """Find what is nearest to `vectors` (B, D), a page for each of B queries; as `SearchIndex.search`.

        Raises:
            InputError: as `SearchIndex.search`.
            DatabaseUnavailableError: the database does not answer.
        """
        vectors = checked_vectors(vectors, queries, self.info.dim)
        for query in queries:
            check_names(self._names, query.filters, query.facets)
        pages: list[Page[Any]] = []
        with self._catalogue.reading() as connection:
            for vector, query in zip(vectors, queries, strict=True):
                best = self._best_images if side == "images" else self._best_texts
                found, scores, total = best(connection, vector, query)
                enough, total = cut_at_min_score(query, scores, total)
                found, scores = found[query.offset : enough], scores[query.offset : enough]
                facets = self._facets(connection, query.filters, query.facets)
                pages.append(Page(self._hits(connection, side, query, found, scores), total, facets))
        return pages

    def _best_images(
        self, connection: Connection, vector: Vectors, query: SearchQuery
    ) -> tuple[list[FoundRow], Vectors, int | None]:
        """Return the first `query.end` products, their scores, and how many there are."""
        where, values = filter_sql(query.filters, query.exclude)
        filtered = bool(query.filters or query.exclude)
        total = self._total(connection, where, values) if filtered else self._count
        scan = self._scan(connection, vector, "images", where, values, total)
        if query.collapse is None:
            ranking = scan.top(min(query.end, total))
            return ranking.found, ranking.scores, total
        ranking, places, known = collapse(query, total, scan.top)
        if query.collapse == "title":
            known = self._count_rows(connection, where, values, "count(DISTINCT title_id)")
        return [ranking.found[place] for place in places], ranking.scores[places], known

    def _best_texts(
        self, connection: Connection, vector: Vectors, query: SearchQuery
    ) -> tuple[list[FoundRow], Vectors, int | None]:
        """Return the first `query.end` rows that stand for a title, their scores, and how many there are."""
        passing, values = filter_sql(query.filters, ())
        where = "p.lead"
        if query.filters:
            carried = passing.replace("p.", "c.")
            where += f" AND EXISTS (SELECT 1 FROM {{build}}.products c WHERE c.title_id = p.title_id AND {carried})"
        total = self._total(connection, where, values)
        ranking = self._scan(connection, vector, "texts", where, values, total).top(min(query.end, total))
        return ranking.found, ranking.scores, total

    def _scan(
        self, connection: Connection, vector: Vectors, side: Side, where: str, values: list[Any], total: int
    ) -> Scan:
        return Scan(self._catalogue, connection, vector, side, where, values, total, self._count, self._exact_rows)

    def _hits(
        self, connection: Connection, side: Side, query: SearchQuery, found: list[FoundRow], scores: Vectors
    ) -> list[Hit] | list[DescriptionHit]:
        scored = list(zip(found, scores.tolist(), strict=True))
        if side == "images":
            return [Hit(one.product, score) for one, score in scored]
        passing, values = filter_sql(query.filters, ())
        ids_with_title: dict[uuid.UUID, list[str]] = {}
        for title, product_id in connection.execute(
            self._catalogue.sql(
                f"SELECT title_id, p.id FROM {{build}}.products p WHERE title_id = ANY(%s) AND {passing}"
                " ORDER BY position"
            ),
            [[one.title for one in found], *values],
        ):
            ids_with_title.setdefault(title, []).append(product_id)
        return [DescriptionHit(one.product.title, score, ids_with_title.get(one.title, [])) for one, score in scored]

    def _total(self, connection: Connection, where: str, values: list[Any]) -> int:
        """Return how many products pass; counted once per version, since paging asks again."""
        key = repr((where, values))
        found = self._totals.get(key)
        if found is None:
            found = _remember(self._totals, key, self._count_rows(connection, where, values, "count(*)"))
        return found

    def _count_rows(self, connection: Connection, where: str, values: list[Any], counted: str) -> int:
        row = connection.execute(
            self._catalogue.sql(f"SELECT {counted} FROM {{build}}.products p WHERE {where}"), values
        ).fetchone()
        return int(row[0]) if row else 0


def _remember(kept: dict[Hashable, T], key: Hashable, value: T) -> T:
    if len(kept) > KEPT_COUNTS:
        kept.clear()
    kept[key] = value
    return value
