"""Search over the products of a catalogue at one version, in memory: filters, paging, facets, collapsing.

A search index never changes once made. It may be searched while others read it, and while the next one is made from
it. A large catalogue has a base, `Columns` and FAISS indexes that are mapped from files. Knows no model, no file and
no HTTP.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, overload

import numpy as np

from index.ann import AnnIndex, Columns, Indexed
from index.fields import Field
from index.filters import Filters
from index.language.understand import Languages, Understanding
from index.product import Product
from index.query import (
    LikeVectors,
    SearchQuery,
    Side,
    check_names,
    checked_vectors,
    like_vectors,
    missing_products,
)
from index.ranking.calibrate import Calibration, shipped_calibration
from index.records import Changes, Entry, Snapshot, Vectors
from index.results import DescriptionHit, Hit, Page
from index.vectors.browsing import BrowseRanking
from index.vectors.hybrid import HybridRanking
from index.vectors.measuring import entries_hubness
from index.vectors.pages import histograms, hits_of, needs_scores, ranked_page, relevance_of
from index.vectors.reach import NearestRows
from index.vectors.side_by_side import each
from index.vectors.state import IndexState, updated
from index.vectors.together import hub_terms, queries_together, ranked_together, scan_all
from index.words import PostingLists
from index.words.suggest import Completer
from index.words.units import ParsedText, Suggestion


class SearchIndex:
    """Answers batches of queries against the pictures or the descriptions of a catalogue at one version.

    Args:
        products: a snapshot, which is searched by a scan, or a state that is made already.
        calibration: what its scores are worth; that of the shipped checkpoint when it is not given.
        languages: lexicons and spelling, shared by the versions; the shipped ones when they are not given.
        completer: of the version before this one.
    """

    def __init__(
        self,
        products: Snapshot | IndexState,
        calibration: Calibration | None = None,
        languages: Languages | None = None,
        completer: Completer | None = None,
    ) -> None:
        state = products if isinstance(products, IndexState) else IndexState.of(products)
        self.info = state.info
        self.version = state.version
        self.encoder_id = state.info.encoder_id
        self._state = state
        self.calibration = shipped_calibration() if calibration is None else calibration
        self.languages = Languages() if languages is None else languages
        self._understanding = Understanding(state.words, self.languages)
        self._completer = self._understanding.completer(lambda row: state.rows.product(row).title, completer)
        self._counted: dict[str, dict[str, int]] = {}

    @classmethod
    def over(
        cls,
        base: Columns,
        ann: Mapping[Indexed, AnnIndex],
        words: PostingLists | None = None,
        calibration: Calibration | None = None,
        languages: Languages | None = None,
        gone: frozenset[str] = frozenset(),
    ) -> SearchIndex:
        """Return the index over a base; `ann` may have an index for each, as `IndexState` takes it."""
        return cls(IndexState.over(base, ann, words, gone), calibration, languages)

    def updated(self, changes: Changes) -> SearchIndex:
        """Return the index with these changes in it; this one stays as it is. Costs as much as there is to change.

        Only the newest index can be updated.
        """
        return SearchIndex(updated(self._state, changes), self.calibration, self.languages, self._completer)

    def __len__(self) -> int:
        return self._state.count

    @property
    def attributes(self) -> list[str]:
        """The names of the attributes that its products have."""
        return list(self._state.columns)

    @property
    def products(self) -> list[Product]:
        """The products, in the catalogue's order. The list is made at each call: slow for a large catalogue."""
        return [self._state.rows.product(row) for row in np.flatnonzero(self._state.alive).tolist()]

    def edited(self) -> None:
        """Return None: any product may have changed, and all vectors are at hand."""

    def vectors(self, product_ids: Iterable[str], *, first: bool = False) -> Vectors:
        """Return for each of some products the mean (K, D) of its pictures, of unit length; or its first picture.

        Raises:
            NotFoundError: names the ids that there are not.
        """
        ids = list(product_ids)
        found = [self._state.row(product_id) for product_id in ids]
        missing = [product_id for product_id, row in zip(ids, found, strict=True) if row is None]
        if missing:
            raise missing_products(missing)
        rows = np.array(found, dtype=np.int64)
        return (self._state.pictures.of if first else self._state.pictures.mean)(rows).reshape(len(ids), self.info.dim)

    def hubness(self, entries: Sequence[Entry]) -> list[float | None]:
        """Return the hubness of products that are about to be written; None where the catalogue has none.

        Raises:
            InputError: a vector that cannot be stored; names the product.
        """
        return entries_hubness(self._state, entries)

    def understand(
        self, text: str, language: str | None = None, *, correct: bool = True, dismissed: Collection[str] = ()
    ) -> ParsedText:
        """Return what a text asks of the products.

        Raises:
            InputError: an unknown language; names the known ones.
        """
        return self._understanding.parse(text, language, correct=correct, dismissed=dismissed)

    def suggest(self, text: str, count: int = 8) -> list[Suggestion]:
        """Return completions of what is being typed, the likeliest first; none leads to nothing."""
        return self._completer.suggest(text, count)

    def check(self, query: SearchQuery) -> LikeVectors:
        """Refuse a query that cannot be answered, before it is encoded; return the vectors that it names.

        Raises:
            InputError: a filter, facet or order on an attribute that no product has; names the known ones.
            UnknownProductError: `like` or `unlike` names a product that is not there.
        """
        self._state.check(query)
        return like_vectors(query, self.vectors)

    def count(self, filters: Filters | None = None) -> int:
        """Return how many products pass the filters.

        Raises:
            InputError: a filter on an attribute that no product has or had, or bounds on one that holds neither numbers
                nor dates.
        """
        filters = filters or {}
        self._check_names(filters)
        return int(np.count_nonzero(self._state.passing(filters)))

    def passing_ids(self, filters: Filters) -> list[str]:
        """Return the ids of the products of this version that pass the filters, in the catalogue's order.

        Raises:
            InputError: as `count`.
        """
        self._check_names(filters)
        return [self._state.rows.product(row).id for row in np.flatnonzero(self._state.passing(filters)).tolist()]

    def ids_titled(self, title: str) -> list[str]:
        """Return the ids of the products with this title, in whatever case it is written."""
        return self._state.ids_titled(title)

    def fields(self, names: Iterable[str] | None = None) -> dict[str, Field]:
        """Return what the products hold of some attributes; of all, when None. Those that are gone are left out."""
        return self._state.fields(names)

    def _check_names(self, filters: Filters, facets: Collection[str] = ()) -> None:
        check_names(self._state.columns, filters, facets, gone=self._state.gone)
        self._state.check_bounds(filters)

    def facets(self, filters: Filters | None = None, names: Iterable[str] | None = None) -> dict[str, dict[str, int]]:
        """Return attribute -> value -> number of products that pass the other attributes' filters, most frequent first.

        Raises:
            InputError: an attribute that no product has.
        """
        filters = filters or {}
        columns = self._state.columns
        names = list(columns) if names is None else list(dict.fromkeys(names))
        self._check_names(filters, names)
        passing = {name: self._state.passing({name: condition}) for name, condition in filters.items()}
        counts: dict[str, dict[str, int]] = {}
        for name in names:
            others = [passes for other, passes in passing.items() if other != name]
            if others:
                mask = np.logical_and.reduce([self._state.alive, *others])
                counts[name] = self._state.value_counts(name, mask)
                continue
            if name not in self._counted:
                self._counted[name] = self._state.value_counts(name, self._state.alive)
            counts[name] = dict(self._counted[name])
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
        """Find what is nearest to `vectors` (B, D), a page for each of B queries.

        "images" finds products by their pictures. "texts" finds the distinct descriptions: one passes the filters when
        one of its products does, and `product_ids` are those that do. Its words and its vector are those of the first
        product that carries it. `exclude` and `collapse` do not apply to it, and facets count products.

        Raises:
            InputError: vectors that are not (B, D) and finite, or a filter or facet on an unknown attribute.
        """
        state = self._state
        vectors = checked_vectors(vectors, queries, self.info.dim)
        for query in queries:
            state.check(query)
        ranked = [number for number, query in enumerate(queries) if needs_scores(query)]
        of_ranked = each(lambda number: self._ranked_page(side, vectors[number], queries[number]), ranked)
        pages: dict[int, Page[Any]] = dict(zip(ranked, of_ranked, strict=True))
        for group in queries_together(side, {number: one for number, one in enumerate(queries) if number not in pages}):
            passing = state.passing(group.filters, group.exclude)
            counted: dict[tuple[str, ...], dict[str, dict[str, int]]] = {(): {}}
            for number, (rows, scores), total in ranked_together(state, side, vectors, queries, group, passing):
                query = queries[number]
                rows, scores = rows[query.offset :], scores[query.offset :]
                if query.facets not in counted:
                    counted[query.facets] = self.facets(query.filters, query.facets)
                hits = hits_of(
                    state,
                    side,
                    rows,
                    scores,
                    passing,
                    relevance_of(self.calibration, side, query, scores),
                    state.pictures.numbers(vectors[number], rows) if side == "images" else (),
                )
                spread = histograms(query, state.passing, state.histogram)
                pages[number] = Page(hits, total, counted[query.facets], spread)
        return [_noted(pages[number], state.notes(query.filters)) for number, query in enumerate(queries)]

    def _ranked_page(self, side: Side, vector: Vectors, query: SearchQuery) -> Page[Any]:
        """Return the page of a query whose results depend on more than the order of one cosine."""
        state = self._state
        if query.browse:
            browsing = BrowseRanking(state, state.pictures)
            return ranked_page(state, side, query, lambda _: browsing, self.facets)
        excluded = query.exclude if side == "images" else ()
        # Of groups all rows are compared: the best of each is asked for, however far it is.
        grouped = query.grouping is not None and side == "images"
        approximate = "images" in state.ann and not grouped
        terms = hub_terms(state, [query]) if side == "images" else None
        reach = NearestRows(state, vector, terms) if approximate else None
        found = state.rows_of(side, state.passing({}, excluded))

        def ranking_of(filters: Filters) -> HybridRanking:
            within = None if reach is None else state.rows_of(side, state.passing(filters, excluded))
            return HybridRanking(
                state, state.sources, side, vector, query, found, self.calibration, reach=reach, within=within
            )

        if reach is not None:
            return ranked_page(state, side, query, ranking_of, self.facets)
        # All rows are compared at once, whatever passes the filters: the facets need them.
        ranking = ranking_of({})
        plain = grouped and query.mode == "vector" and not ranking.bounded
        top = scan_all(state, vector, query, state.passing(query.filters, excluded)) if plain else None
        return ranked_page(state, side, query, lambda _: ranking, self.facets, top)


def _noted(page: Page[Any], notes: tuple[str, ...]) -> Page[Any]:
    return replace(page, notes=notes) if notes else page
