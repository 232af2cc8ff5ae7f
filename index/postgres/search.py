"""Search in PostgreSQL with the calls of `index.SearchIndex`: filters, totals, facets, pages. Holds no vectors."""

# ruff: noqa: S608 - statements are put together from our own words; what callers give goes in as values.

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any, Literal, overload

import numpy as np

from index.fields import Field
from index.filters import Filters
from index.language.understand import Languages
from index.postgres.best import Best
from index.postgres.catalogue import PostgresCatalogue
from index.postgres.connection import Connection
from index.postgres.counts import Counts
from index.postgres.filter_sql import narrowed_sql
from index.postgres.hits import hits_of
from index.postgres.hubs import mean_hub
from index.postgres.maps import Mapped
from index.postgres.pictures import has_further
from index.postgres.renew import renew_numbers
from index.postgres.scan import EXACT_ROWS, Scan
from index.postgres.texts import TextKeeper
from index.postgres.vectors import QueryVectors, Rankings, read_vectors
from index.query import (
    LikeVectors,
    SearchQuery,
    Side,
    check_names,
    check_query,
    checked_vectors,
    like_vectors,
    missing_products,
)
from index.ranking.calibrate import Calibration
from index.records import Vectors
from index.results import DescriptionHit, Hit, Page, cut_at_min_score
from index.vectors.browsing import BrowseRanking
from index.vectors.pages import histograms, needs_scores, ranked_page
from index.vectors.state import IndexState
from index.words.units import ParsedText, Suggestion

SEARCH_S = 10
"""Longest that a statement of a search may take, in seconds: nobody waits longer for what it finds."""


def open_search(
    catalogue: PostgresCatalogue, exact_rows: int = EXACT_ROWS, languages: Languages | None = None
) -> PostgresSearch:
    """Return what searches a catalogue, labelled with its version of now."""
    renew_numbers(catalogue)
    return _search_of(catalogue, TextKeeper(catalogue, Languages() if languages is None else languages), exact_rows)


def _search_of(catalogue: PostgresCatalogue, keeper: TextKeeper, exact_rows: int) -> PostgresSearch:
    with catalogue.reading() as connection:
        current = catalogue.current(connection)
        names = connection.execute(
            catalogue.sql("SELECT name FROM {build}.attributes WHERE products > 0 ORDER BY name")
        ).fetchall()
        gone = catalogue.gone_names(connection)
        several = has_further(connection, catalogue.build)
        mean = mean_hub(connection, catalogue.build)
    keeper.now()  # it also finds what is damaged
    calibration = catalogue.calibration()
    sound = max(0, current.products - len(catalogue.damaged()))
    counted = current.version, sound, [name for (name,) in names]
    return PostgresSearch(catalogue, keeper, calibration, *counted, gone, exact_rows, several, mean)


class PostgresSearch(Mapped):
    """Answers queries in the database, but what is about words in memory.

    `version`, the number of products, the known attributes and the counts it has seen are of one moment; the results
    are of now. Where at most `exact_rows` products pass the filters, the results are exactly those of `SearchIndex`.
    """

    def __init__(
        self,
        catalogue: PostgresCatalogue,
        keeper: TextKeeper,
        calibration: Calibration,
        version: int,
        products: int,
        names: Sequence[str],
        gone: frozenset[str],
        exact_rows: int,
        several: bool,
        hub_mean: float | None,
    ) -> None:
        self.info = catalogue.info
        self.encoder_id = catalogue.info.encoder_id
        self.version = version
        self.calibration = calibration
        self.languages = keeper.languages
        self._catalogue = catalogue
        self._keeper = keeper
        self._count = products
        self._damaged = frozenset(catalogue.damaged())
        self._names = list(names)
        self._gone = gone
        self._exact_rows = exact_rows
        self._several = several
        self._counts = Counts(catalogue, self._damaged)
        self._best = Best(catalogue, self._counts, self._damaged, products, exact_rows, several, hub_mean)

    def refreshed(self) -> PostgresSearch:
        """Return the search of now; of texts, only what has changed is read."""
        return _search_of(self._catalogue, self._keeper, self._exact_rows)

    def __len__(self) -> int:
        return self._count

    @property
    def attributes(self) -> list[str]:
        """As `SearchIndex.attributes`."""
        return list(self._names)

    def vectors(self, product_ids: Iterable[str], *, first: bool = False) -> Vectors:
        """As `SearchIndex.vectors`."""
        ids = list(product_ids)
        return self._stack(ids, read_vectors(self._catalogue, ids, SEARCH_S, first=first))

    def understand(
        self, text: str, language: str | None = None, *, correct: bool = True, dismissed: Collection[str] = ()
    ) -> ParsedText:
        """As `SearchIndex.understand`; asks the database for nothing but its version."""
        return self._keeper.now().understanding.parse(text, language, correct=correct, dismissed=dismissed)

    def suggest(self, text: str, count: int = 8) -> list[Suggestion]:
        """As `SearchIndex.suggest`; asks the database for nothing but its version."""
        return self._keeper.now().completer.suggest(text, count)

    def check(self, query: SearchQuery) -> LikeVectors:
        """As `SearchIndex.check`; asks the database at most once."""
        check_query(self._names, query, self._gone)
        self._check_bounds(query.filters)
        found = read_vectors(self._catalogue, (*query.like, *query.unlike), SEARCH_S)
        return like_vectors(query, lambda ids: self._stack(ids, found))

    def _check_names(self, filters: Filters, facets: Collection[str] = ()) -> IndexState | None:
        check_names(self._names, filters, facets, gone=self._gone)
        return self._check_bounds(filters)

    def _check_bounds(self, filters: Filters) -> IndexState | None:
        """Return the texts of now, which know what is within bounds; None where the filters have none."""
        if not any(condition.bounds for condition in filters.values()):
            return None
        state = self._keeper.now().state
        state.check_bounds(filters)
        return state

    def _where(self, filters: Filters, excluded: Collection[str], state: IndexState | None) -> tuple[str, list[Any]]:
        return narrowed_sql(filters, excluded, state, self._exact_rows)

    def fields(self, names: Iterable[str] | None = None) -> dict[str, Field]:
        """As `SearchIndex.fields`."""
        return self._keeper.now().state.fields(names)

    def ids_titled(self, title: str) -> list[str]:
        """As `SearchIndex.ids_titled`."""
        return self._keeper.now().state.ids_titled(title)

    def passing_ids(self, filters: Filters) -> list[str]:
        """As `SearchIndex.passing_ids`, of now."""
        where, values = self._where(filters, self._damaged, self._check_names(filters))
        with self._catalogue.reading() as connection:
            rows = connection.execute(
                self._catalogue.sql(f"SELECT id FROM {{build}}.products p WHERE {where} ORDER BY position"), values
            ).fetchall()
        return [product_id for (product_id,) in rows]

    def _stack(self, product_ids: Sequence[str], found: dict[str, Vectors]) -> Vectors:
        missing = [product_id for product_id in product_ids if product_id not in found]
        if missing:
            raise missing_products(missing)
        if not product_ids:
            return np.empty((0, self.info.dim), dtype=np.float32)
        return np.stack([found[product_id] for product_id in product_ids])

    def count(self, filters: Filters | None = None) -> int:
        """Return how many products pass the filters, as `SearchIndex`."""
        filters = filters or {}
        where, values = self._where(filters, self._damaged, self._check_names(filters))
        with self._catalogue.reading(SEARCH_S) as connection:
            return self._counts.total(connection, where, values) if filters else self._count

    def facets(self, filters: Filters | None = None, names: Iterable[str] | None = None) -> dict[str, dict[str, int]]:
        """Return attribute -> value -> number of products that pass the other attributes' filters, as `SearchIndex`."""
        filters = filters or {}
        wanted = list(self._names) if names is None else list(dict.fromkeys(names))
        state = self._check_names(filters, wanted)
        with self._catalogue.reading(SEARCH_S) as connection:
            return self._counts.facets(connection, filters, wanted, state)

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
        bounded = any(one.bounds for query in queries for one in query.filters.values())
        # Asks the database for its version: once, and only where a query needs it.
        asked = bounded or any(needs_scores(query) or query.histograms for query in queries)
        state = self._keeper.now().state if asked else None
        for query in queries:
            check_query(self._names, query, self._gone)
            if state is not None:
                state.check_bounds(query.filters)

        def page(connection: Connection, number: int) -> Page[Any]:
            return self._page(connection, state, side, vectors[number], queries[number])

        pages = self._catalogue.readers.each(SEARCH_S, len(queries), page)
        if state is None:
            return pages
        noted = [state.notes(query.filters) for query in queries]
        return [replace(page, notes=notes) if notes else page for page, notes in zip(pages, noted, strict=True)]

    def _page(
        self, connection: Connection, state: IndexState | None, side: Side, vector: Vectors, query: SearchQuery
    ) -> Page[Any]:
        if state is not None and needs_scores(query):
            return self._ranked_page(connection, state, side, vector, query)
        best = self._best.images if side == "images" else self._best.texts
        found, scores, total = best(connection, vector, query, state)
        enough, total = cut_at_min_score(query, scores, total)
        found, scores = found[query.offset : enough], scores[query.offset : enough]
        facets = self._counts.facets(connection, query.filters, query.facets, state)
        hits = hits_of(self._catalogue, connection, side, query, found, scores, self.calibration, self._damaged)
        return Page(hits, total, facets, {} if state is None else histograms(query, state.passing, state.histogram))

    def _ranked_page(
        self, connection: Connection, state: IndexState, side: Side, vector: Vectors, query: SearchQuery
    ) -> Page[Any]:
        """Return the page of a query whose results depend on more than the order of one cosine."""

        def scan(one: Side, where: str, values: list[Any], total: int) -> Scan:
            return self._best.scan(connection, vector, one, query, where, values, total)

        def facets(filters: Filters, names: Sequence[str]) -> dict[str, dict[str, int]]:
            return self._counts.facets(connection, filters, names, state)

        vectors = QueryVectors(self._catalogue, connection, state, vector, several=self._several)
        if query.browse:
            return ranked_page(state, side, query, lambda _: BrowseRanking(state, vectors.side("images")), facets)
        rankings = Rankings(state, vectors, side, query, self.calibration, scan, self._exact_rows)
        return ranked_page(state, side, query, rankings.of, facets)
