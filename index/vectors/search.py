"""Search over the products of a catalogue at one version, in memory: filters, paging, facets, collapsing.

A search index never changes once made. It may be searched while others read it, and while the next one is made from
it. A large catalogue has a base, `Columns` and FAISS indexes that are mapped from files. Knows no model, no file and
no HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, overload

import numpy as np

from index.ann import AnnIndex, Columns
from index.product import Product
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
from index.records import Changes, Snapshot, Vectors
from index.results import DescriptionHit, Hit, Page, collapse, cut_at_min_score
from index.vectors.facets import Mask
from index.vectors.rows import Rows
from index.vectors.scan import Ranked, top_k
from index.vectors.state import IndexState, updated
from index.vectors.subset import RowSubset


class SearchIndex:
    """Answers batches of queries against the pictures or the descriptions of a catalogue at one version.

    Args:
        products: a snapshot, which is searched by a scan, or a state that is made already.
    """

    def __init__(self, products: Snapshot | IndexState) -> None:
        state = products if isinstance(products, IndexState) else IndexState.of(products)
        self.info = state.info
        self.version = state.version
        self.encoder_id = state.info.encoder_id
        self._state = state
        self._counted: dict[str, dict[str, int]] = {}

    @classmethod
    def over(cls, base: Columns, ann: Mapping[Side, AnnIndex]) -> SearchIndex:
        """Return the index over a base; `ann` may have an index for each side, as `IndexState` takes it."""
        return cls(IndexState.over(base, ann))

    def updated(self, changes: Changes) -> SearchIndex:
        """Return the index with these changes in it; this one stays as it is. Costs as much as there is to change.

        Only the newest index can be updated.
        """
        return SearchIndex(updated(self._state, changes))

    def __len__(self) -> int:
        return self._state.count

    @property
    def row_count(self) -> int:
        """How many rows it holds, those of deleted and replaced products among them."""
        return len(self._state.alive)

    @property
    def products(self) -> list[Product]:
        """The products that are there, in the catalogue's order. Made when asked for: of a large catalogue, slowly."""
        return [self._state.rows.product(row) for row in np.flatnonzero(self._state.alive).tolist()]

    def vectors(self, product_ids: Iterable[str]) -> Vectors:
        """Return the image vectors (K, D) of products.

        Raises:
            NotFoundError: names the ids that there are not.
        """
        ids = list(product_ids)
        found = [self._state.row(product_id) for product_id in ids]
        missing = [product_id for product_id, row in zip(ids, found, strict=True) if row is None]
        if missing:
            raise missing_products(missing)
        rows = np.array(found, dtype=np.int64)
        return self._state.vectors["images"].of(rows).reshape(len(ids), self.info.dim)

    def check(self, query: SearchQuery) -> LikeVectors:
        """Refuse a query that cannot be answered, before it is encoded; return the vectors that it names.

        Raises:
            InputError: a filter or facet on an attribute that no product has; names the known ones.
            UnknownProductError: `like` or `unlike` names a product that is not there.
        """
        check_names(self._state.columns, query.filters, query.facets)
        return like_vectors(query, self.vectors)

    def count(self, filters: Filters | None = None) -> int:
        """Return how many products pass the filters.

        Raises:
            InputError: a filter on an attribute that no product has.
        """
        filters = filters or {}
        check_names(self._state.columns, filters)
        return int(np.count_nonzero(self._state.passing(filters)))

    def facets(self, filters: Filters | None = None, names: Iterable[str] | None = None) -> dict[str, dict[str, int]]:
        """Return attribute -> value -> number of products that pass the other attributes' filters, most frequent first.

        Raises:
            InputError: an attribute that no product has.
        """
        filters = filters or {}
        columns = self._state.columns
        names = list(columns) if names is None else list(dict.fromkeys(names))
        check_names(columns, filters, names)
        passing = {name: columns[name].passing(condition) for name, condition in filters.items()}
        counts: dict[str, dict[str, int]] = {}
        for name in names:
            others = [passes for other, passes in passing.items() if other != name]
            if others:
                mask = np.logical_and.reduce([self._state.alive, *others])
                counts[name] = columns[name].value_counts(mask)
                continue
            if name not in self._counted:
                self._counted[name] = columns[name].value_counts(self._state.alive)
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
            check_names(state.columns, query.filters, query.facets)
        pages: dict[int, Page[Any]] = {}
        for group in _groups(side, queries):
            passing = state.passing(group.filters, group.exclude)
            subset = state.subset(side, passing)
            plain = [number for number in group.numbers if side == "texts" or queries[number].collapse is None]
            ends = [min(queries[number].end, subset.total) for number in plain]
            found = dict(zip(plain, top_k(state.vectors[side], vectors[plain], ends, subset), strict=True))
            counted: dict[tuple[str, ...], dict[str, dict[str, int]]] = {(): {}}
            for number in group.numbers:
                query = queries[number]
                total: int | None = subset.total
                if number in found:
                    rows, scores = found[number]
                else:
                    (rows, scores), total = _collapsed(state, vectors[number : number + 1], query, subset, passing)
                enough, total = cut_at_min_score(query, scores, total)
                shown = slice(query.offset, enough)
                if query.facets not in counted:
                    counted[query.facets] = self.facets(query.filters, query.facets)
                pages[number] = Page(
                    _hits(state, side, rows[shown], scores[shown], passing), total, counted[query.facets]
                )
        return [pages[number] for number in range(len(queries))]


@dataclass(frozen=True, slots=True)
class _Group:
    """Queries over the same products: they share one scan. Above all, so do those over all products."""

    filters: Filters
    exclude: frozenset[str]
    numbers: list[int]


def _groups(side: Side, queries: Sequence[SearchQuery]) -> Iterator[_Group]:
    groups: dict[Any, list[int]] = {}
    for number, query in enumerate(queries):
        exclude = query.exclude if side == "images" else frozenset()
        groups.setdefault((frozenset(query.filters.items()), exclude), []).append(number)
    for (filters, exclude), numbers in groups.items():
        yield _Group(dict(filters), exclude, numbers)


@dataclass(frozen=True, slots=True)
class _Ranking:
    """Rows that a search found, best first, as `collapse` reads them."""

    state: IndexState
    rows: Rows
    scores: Vectors

    def title_keys(self) -> list[int]:
        keys: list[int] = self.state.title_of[self.rows].tolist()
        return keys

    def vectors(self, places: slice) -> Vectors:
        return self.state.vectors["images"].of(self.rows[places])


def _collapsed(
    state: IndexState, vector: Vectors, query: SearchQuery, subset: RowSubset, passing: Mask
) -> tuple[Ranked, int | None]:
    """Return the best rows of one query (1, D) that do not repeat a better one, and how many there are."""

    def best(width: int) -> _Ranking:
        ((rows, scores),) = top_k(state.vectors["images"], vector, [width], subset)
        return _Ranking(state, rows, scores)

    ranking, places, total = collapse(query, subset.total, best)
    if query.collapse == "title":
        total = state.title_count(passing)
    return (ranking.rows[places], ranking.scores[places]), total


def _hits(
    state: IndexState, side: Side, rows: Rows, scores: Vectors, passing: Mask
) -> list[Hit] | list[DescriptionHit]:
    """Return the hits of some rows; of descriptions, with those of their products that are `passing` (N,)."""
    table = state.rows
    scored = list(zip(rows.tolist(), scores.tolist(), strict=True))
    if side == "images":
        return [Hit(table.product(row), score) for row, score in scored]
    hits = []
    for title_row, score in scored:
        carrying = table.rows_with_title(int(state.title_of[title_row]))
        ids = [table.product(row).id for row in carrying if row < len(passing) and passing[row]]
        hits.append(DescriptionHit(table.product(title_row).title, score, ids))
    return hits
