"""Search over the products of a catalogue, with filters, paging, facets and collapsing.

A search index never changes once made, so it may be searched while others read it, and while the next one is made from
it: the two share rows that are only ever appended to. A large catalogue has a base, `Columns` and FAISS indexes that
are mapped from files: the first results of a search then come from the candidates of an index, and everything else from
a scan. Scores are always those of the vectors themselves. Knows no model, no file and no HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, overload

import faiss
import numpy as np
import numpy.typing as npt

from common import NotFoundError
from index.ann import DEPTH, AnnIndex, Columns
from index.product import Product, title_key
from index.query import (
    DescriptionHit,
    Filter,
    Filters,
    Hit,
    LikeVectors,
    Page,
    SearchQuery,
    Side,
    check_names,
    checked_vectors,
    collapse,
    cut_at_min_score,
    like_vectors,
    number_of,
)
from index.sqlite import CatalogueInfo, Changes, Snapshot, Vectors

MARGIN = 16
"""Results fetched beyond those wanted, so that the order among equals can usually be settled in one go."""

SLACK = 4e-6
"""More than two computations of the same score differ by, for a query of unit length."""

BLAS_THRESHOLD: int = faiss.cvar.distance_compute_blas_threshold
"""FAISS's own. Read once: it holds for all threads, and another one may have lowered it for its scan just now."""

PRODUCT_FROM = 4
"""Queries from which on their scores are faster to have as a product of matrices than one by one."""

MAX_POSTFILTERED = 64
"""Rows that a scan without them may find all the same, and leave out afterwards: with a mask there is no product."""

DEAD_ROWS = 0.25
"""Part of the appended rows that may be of products since replaced or taken out, before they are written anew."""

GATHER_BELOW = 1 / 8
"""Part of the rows from which on it is faster to look at all of them than to pick those that pass."""

FILTER_WIDENING = 2
"""How many times as far an index looks for what passes a filter as the part that passes would have it."""

NEARLY_ALL = 0.95
"""Part of the rows from which on they are spread as all are: what was taken out of a catalogue is no filter."""

EXACT_ROW_WORTH = 4
"""A search that looks only at rows that pass is exact, and worth this many rows of one that visits lists or a graph."""

Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]


class _Column:
    """One attribute of all products as integers."""

    def __init__(self) -> None:
        self.values: list[str] = []  # the distinct values as first written
        self.code_of: dict[str, int] = {}  # position in `values` of a value in the form it is compared in
        self.numbers: list[float] = []  # of `values`; NaN where one is no number
        self.codes: npt.NDArray[np.int32] = np.empty(0, dtype=np.int32)  # (capacity,) places in `values`; -1: none

    @classmethod
    def of(cls, values: Sequence[str], codes: npt.NDArray[np.int32]) -> _Column:
        """Return the column with these values and codes."""
        column = cls()
        for value in values:
            column.code(value)
        column.codes = codes
        return column

    def code(self, value: str) -> int:
        key = title_key(value)
        code = self.code_of.get(key)
        if code is None:
            code = len(self.values)
            self.values.append(value)
            self.numbers.append(number_of(key))
            self.code_of[key] = code  # last: whoever finds a code finds its value
        return code

    def allowed(self, condition: Filter) -> Mask:
        """Return which codes a condition lets pass; the last one is for a product without the attribute."""
        size = len(self.code_of)
        allowed = np.full(size + 1, condition.any is None)
        for values, passes in ((condition.any or (), True), (condition.none, False)):
            codes = [self.code_of.get(title_key(value), size) for value in values]
            allowed[[code for code in codes if code < size]] = passes
        numbers = np.array(self.numbers[:size])
        for limit, compare in (
            (condition.gte, np.greater_equal),
            (condition.gt, np.greater),
            (condition.lte, np.less_equal),
            (condition.lt, np.less),
        ):
            if limit is not None:
                allowed[:size] &= compare(numbers, limit)
        allowed[size] = not condition.needs_value
        return allowed


class _Vectors:
    """The vectors of N rows: those of the base or of the first products, which stay as they are, and later ones."""

    def __init__(self, fixed: Vectors, late: Vectors) -> None:
        self.fixed = fixed
        self.late = late

    def __len__(self) -> int:
        return len(self.fixed) + len(self.late)

    def of(self, rows: Rows) -> Vectors:
        """Return the vectors (K, D) of some rows."""
        if not len(self.late):
            return self.fixed[rows]
        found = np.empty((len(rows), self.fixed.shape[1]), dtype=np.float32)
        late = rows >= len(self.fixed)
        found[~late] = self.fixed[rows[~late]]
        found[late] = self.late[rows[late] - len(self.fixed)]
        return found


class _Rows:
    """Everything that is known of products, row by row. Only ever appended to, so that older indexes stay right.

    The rows of a base come first. What is known of them is looked up there; dicts and lists hold what came later.
    """

    def __init__(self, dim: int, base: Columns | None) -> None:
        self.base = base
        self.based = 0 if base is None else len(base)
        self.count = self.based
        self.title_count = 0 if base is None else len(base.titles)
        self._later: list[Product] = []
        self.earlier: dict[int, int] = {}  # row -> the row that the same product had before
        self._row_of: dict[str, int] = {}
        self._titles: dict[str, int] = {}
        self._rows_with_title: dict[int, list[int]] = {}
        nothing = np.empty((0, dim), dtype=np.float32)
        self._fixed: dict[Side, Vectors] = {"images": nothing, "texts": nothing}  # (F, D)
        self._late: dict[Side, Vectors] = {"images": nothing, "texts": nothing}  # (capacity, D)
        self.title_of: Any = np.empty(0, dtype=np.int32)  # (capacity,) number of the title, in order of appearance
        self.columns: dict[str, _Column] = {}
        if base is not None:
            self._fixed = {"images": base.images, "texts": base.texts}
            self.title_of = base.title_of
            self.columns = {name: _Column.of(*column) for name, column in base.attributes.items()}

    def product(self, row: int) -> Product:
        if self.base is not None and row < self.based:
            return self.base.product(row)
        return self._later[row - self.based]

    def row(self, product_id: str) -> int | None:
        """Return the newest row of a product, dead or alive."""
        row = self._row_of.get(product_id)
        return self.base.row(product_id) if row is None and self.base is not None else row

    def rows_with_title(self, number: int) -> list[int]:
        """Return the rows that carry a title, dead or alive, in order."""
        based = self.base.rows_with_title(number) if self.base is not None and number < len(self.base.titles) else []
        return based + self._rows_with_title.get(number, [])

    def vectors(self, side: Side) -> _Vectors:
        """Return the vectors of the rows there are now."""
        fixed = self._fixed[side]
        return _Vectors(fixed, self._late[side][: self.count - len(fixed)])

    def first_title_rows(self) -> Rows:
        """Return the first row (T,) of each title."""
        title_rows = np.empty(self.title_count, dtype=np.int64)
        known = 0
        if self.base is not None:
            known = len(self.base.titles)
            title_rows[:known] = self.base.title_rows
        for number in range(known, self.title_count):
            title_rows[number] = self._rows_with_title[number][0]
        return title_rows

    def _title(self, key: str) -> int:
        number = self._titles.get(key)
        if number is None and self.base is not None:
            number = self.base.title(key)
        if number is None:
            number = self._titles[key] = self.title_count
            self.title_count += 1
        return number

    def append(self, products: Sequence[Product], images: Vectors, texts: Vectors) -> None:
        if not products:
            return
        start, end = self.count, self.count + len(products)
        if not start:
            self._fixed = {"images": images, "texts": texts}  # no copy: they are not written to
        else:
            late = end - len(self._fixed["images"])
            given: dict[Side, Vectors] = {"images": images, "texts": texts}
            for side, vectors in given.items():
                if late > len(self._late[side]):
                    # New arrays: those who hold the old ones go on with them.
                    self._late[side] = _grown(self._late[side], late - len(products), late + late // 8 + 1024)
                self._late[side][late - len(products) : late] = vectors
        if end > len(self.title_of):
            self.title_of = _grown(self.title_of, start, end + end // 8 + 1024 if start else end)
        for row, product in enumerate(products, start):
            if (before := self.row(product.id)) is not None:
                self.earlier[row] = before
            self._row_of[product.id] = row
            number = self._title(title_key(product.title))
            self._rows_with_title.setdefault(number, []).append(row)
            self.title_of[row] = number
            for name, value in product.attributes.items():
                column = self.columns.get(name)
                if column is None:
                    column = self.columns[name] = _Column()
                if end > len(column.codes):
                    column.codes = _grown(column.codes, min(start, len(column.codes)), len(self.title_of), fill=-1)
                column.codes[row] = column.code(value)
        for column in self.columns.values():
            if end > len(column.codes):
                column.codes = _grown(column.codes, min(start, len(column.codes)), len(self.title_of), fill=-1)
        self._later.extend(products)
        self.count = end


class RowSubset:
    """Which rows of one side a search is over; what it takes to search them is made once."""

    def __init__(self, mask: Mask | None, total: int, near: AnnIndex | None, labels: Rows | None) -> None:
        """Take a mask (N,), None for all rows, and how many pass; `labels` are the rows (M,) that `near` is of."""
        self.mask = mask
        self.total = total
        self._ann = near
        self._labels = labels

    @cached_property
    def rows(self) -> Rows | None:
        """The rows that pass, where they are so few that it is faster to pick them."""
        return (
            np.flatnonzero(self.mask) if self.mask is not None and self.total <= GATHER_BELOW * len(self.mask) else None
        )

    @cached_property
    def found_near(self) -> tuple[npt.NDArray[np.uint8] | None, float]:
        """Which of the M labels pass, as packed bits, None for all; and which part of them that is."""
        if self.mask is None or self._ann is None:
            return None, 1.0
        size = len(self._ann)
        passing = self.mask[:size] if self._labels is None else self.mask[self._labels]
        count = int(np.count_nonzero(passing))
        return (None if count == size else np.packbits(passing, bitorder="little")), max(count, 1) / size

    def others(self, count: int) -> Rows:
        """Return the rows among N that pass and that `near` does not know."""
        if self._ann is None or (self._labels is None and self.mask is None):
            return np.arange(0 if self._ann is None else len(self._ann), count)
        return self._others

    @cached_property
    def _others(self) -> Rows:
        assert self.mask is not None and self._ann is not None  # noqa: S101, PT018 - see `others`
        if self._labels is None:
            return np.flatnonzero(self.mask[len(self._ann) :]) + len(self._ann)
        left = self.mask.copy()
        left[self._labels] = False
        return np.flatnonzero(left)


@dataclass(frozen=True, slots=True)
class _Ranking:
    """Rows that a search found, best first, as `collapse` reads them."""

    index: SearchIndex
    rows: Rows
    scores: Vectors

    def title_keys(self) -> list[int]:
        keys: list[int] = self.index._title_of[self.rows].tolist()
        return keys

    def vectors(self, places: slice) -> Vectors:
        return self.index._vectors["images"].of(self.rows[places])


_Found = tuple[Rows, Vectors, int | None, dict[str, dict[str, int]], Mask]


class SearchIndex:
    """Answers batches of queries against the pictures or the descriptions of a catalogue at one version."""

    def __init__(self, snapshot: Snapshot) -> None:
        rows = _Rows(snapshot.info.dim, None)
        rows.append(snapshot.products, snapshot.image_vectors, snapshot.text_vectors)
        alive = np.ones(rows.count, dtype=np.bool_)
        self._init_state(snapshot.info, snapshot.version, rows, {}, alive, rows.first_title_rows())

    @classmethod
    def over(cls, base: Columns, near: Mapping[Side, AnnIndex]) -> SearchIndex:
        """Return the index over a base.

        Args:
            base: the products.
            near: for none, one or both sides an index over the base's vectors: of all rows for images, and of the first
                row of each title for texts.
        """
        rows = _Rows(base.info.dim, base)
        index = object.__new__(cls)
        index._init_state(
            base.info, base.version, rows, near, np.ones(len(base), dtype=np.bool_), rows.first_title_rows()
        )
        return index

    def _init_state(
        self,
        info: CatalogueInfo,
        version: int,
        rows: _Rows,
        near: Mapping[Side, AnnIndex],
        alive: Mask,
        title_rows: Rows,
        having: Mapping[str, int] | None = None,
    ) -> None:
        """Stand on `rows` as they are now.

        Args:
            info: of the catalogue.
            version: of the catalogue.
            rows: shared with the indexes before this one.
            near: over the rows of the base.
            alive: (N,) which rows are products of this version.
            title_rows: (T,) the first row of each title, whose words and vector stand for it; -1: no row has it now.
            having: attribute -> how many living rows have it; counted when it is not given.
        """
        self.info = info
        self.version = version
        self.encoder_id = info.encoder_id
        self._rows = rows
        self._ann = near
        self._alive = alive
        self._title_rows = title_rows
        self._count = int(np.count_nonzero(alive))
        self._vectors: dict[Side, _Vectors] = {side: rows.vectors(side) for side in ("images", "texts")}
        self._title_of = rows.title_of[: len(alive)]
        codes = {name: (column, column.codes[: len(alive)]) for name, column in rows.columns.items()}
        if having is None:
            having = {name: int(np.count_nonzero(alive & (pair[1] >= 0))) for name, pair in codes.items()}
        self._having = having
        # An attribute that only products had which are gone is unknown again, as it is to an index made anew.
        self._columns = {name: pair for name, pair in codes.items() if having[name]}
        self._counted: dict[str, dict[str, int]] = {}

    def updated(self, changes: Changes) -> SearchIndex:
        """Return the index with these changes in it; this one stays as it is. Costs as much as there is to change.

        Only the newest index can be carried on.
        """
        rows, before = self._rows, len(self._alive)
        if rows.count != before:
            raise ValueError("this index has been carried on already; carry on the newest one")
        gone = [row for row in map(self._row, {*changes.removed, *(p.id for p in changes.products)}) if row is not None]
        rows.append(changes.products, changes.image_vectors, changes.text_vectors)
        alive = np.ones(rows.count, dtype=np.bool_)
        alive[:before] = self._alive
        alive[gone] = False
        title_rows = np.full(rows.title_count, -1, dtype=np.int64)
        title_rows[: len(self._title_rows)] = self._title_rows
        for title in {int(rows.title_of[row]) for row in (*gone, *range(before, len(alive)))}:
            title_rows[title] = next((row for row in rows.rows_with_title(title) if alive[row]), -1)
        having = {}
        for name, column in rows.columns.items():
            came = np.count_nonzero(column.codes[before : len(alive)] >= 0)
            having[name] = self._having.get(name, 0) + int(came) - int(np.count_nonzero(column.codes[gone] >= 0))
        index = object.__new__(SearchIndex)
        late = alive[rows.based :]
        if len(late) - int(np.count_nonzero(late)) > max(1024, DEAD_ROWS * len(late)):
            rows, alive, title_rows = self._rewritten(rows, alive)
            having = {name: having[name] for name in rows.columns}
        index._init_state(self.info, changes.version, rows, self._ann, alive, title_rows, having)
        return index

    def _rewritten(self, rows: _Rows, alive: Mask) -> tuple[_Rows, Mask, Rows]:
        """Return new rows with only the living of the appended ones, which rows live, and the rows of titles.

        The dead of the base stay, masked: they cost no more than they did alive.
        """
        kept = np.flatnonzero(alive[rows.based :]) + rows.based
        fresh = _Rows(self.info.dim, rows.base)
        products = [rows.product(row) for row in kept.tolist()]
        fresh.append(products, rows.vectors("images").of(kept), rows.vectors("texts").of(kept))
        lives = np.ones(fresh.count, dtype=np.bool_)
        lives[: rows.based] = alive[: rows.based]
        title_rows = fresh.first_title_rows()
        for title in np.unique(fresh.title_of[: rows.based][~alive[: rows.based]]).tolist():
            title_rows[title] = next((row for row in fresh.rows_with_title(title) if lives[row]), -1)
        return fresh, lives, title_rows

    def __len__(self) -> int:
        return self._count

    @property
    def products(self) -> list[Product]:
        """The products that are there, in the catalogue's order. Made when asked for: of a large catalogue, slowly."""
        return [self._rows.product(row) for row in np.flatnonzero(self._alive).tolist()]

    def _row(self, product_id: str) -> int | None:
        """Return the row of a product in this version; None when there is no such product."""
        row = self._rows.row(product_id)
        while row is not None and row >= len(self._alive):
            row = self._rows.earlier.get(row)
        return row if row is not None and self._alive[row] else None

    def vectors(self, product_ids: Iterable[str]) -> Vectors:
        """Return the image vectors (K, D) of products.

        Raises:
            NotFoundError: names the ids that there are not.
        """
        ids = list(product_ids)
        found = [self._row(product_id) for product_id in ids]
        missing = [product_id for product_id, row in zip(ids, found, strict=True) if row is None]
        if missing:
            raise NotFoundError(f"no product has the id {', '.join(map(repr, missing[:5]))}; search to find the ids")
        rows = np.array(found, dtype=np.int64)
        return self._vectors["images"].of(rows).reshape(len(ids), self.info.dim)

    def facets(self, filters: Filters | None = None, names: Iterable[str] | None = None) -> dict[str, dict[str, int]]:
        """Return attribute -> value -> number of products that pass the other attributes' filters, most frequent first.

        Raises:
            InputError: an attribute that no product has.
        """
        filters = filters or {}
        names = list(self._columns) if names is None else list(dict.fromkeys(names))
        check_names(self._columns, filters, names)
        passing = {name: self._mask(name, condition) for name, condition in filters.items()}
        counts: dict[str, dict[str, int]] = {}
        for name in names:
            others = [passes for other, passes in passing.items() if other != name]
            if not others and name not in self._counted:
                self._counted[name] = self._count_values(name, self._alive)
            counts[name] = dict(self._counted[name]) if not others else {}
            if others:
                counts[name] = self._count_values(name, np.logical_and.reduce([self._alive, *others]))
        return counts

    def _count_values(self, name: str, mask: Mask) -> dict[str, int]:
        """Return value -> number of rows that pass and have it, most frequent first."""
        column, codes = self._columns[name]
        found = np.bincount(codes[mask] + 1, minlength=1)[1:]  # without those that have none
        order = np.argsort(-found, kind="stable")
        return {column.values[code]: int(found[code]) for code in order.tolist() if found[code]}

    def count(self, filters: Filters | None = None) -> int:
        """Return how many products pass the filters.

        Raises:
            InputError: a filter on an attribute that no product has.
        """
        filters = filters or {}
        check_names(self._columns, filters)
        return int(np.count_nonzero(self._passing(filters)))

    def check(self, query: SearchQuery) -> LikeVectors:
        """Refuse a query that cannot be answered, before it is encoded; return the vectors that it names.

        Raises:
            InputError: a filter or facet on an attribute that no product has; names the known ones.
            UnknownProductError: `like` or `unlike` names a product that is not there.
        """
        check_names(self._columns, query.filters, query.facets)
        return like_vectors(query, self.vectors)

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
        found = self._search(vectors, queries, titles=side == "texts")
        return self._product_pages(found) if side == "images" else self._description_pages(found)

    def _product_pages(self, found: Sequence[_Found]) -> list[Page[Hit]]:
        product = self._rows.product
        return [
            Page(
                [Hit(product(row), score) for row, score in zip(rows.tolist(), scores.tolist(), strict=True)],
                total,
                facets,
            )
            for rows, scores, total, facets, _ in found
        ]

    def _description_pages(self, found: Sequence[_Found]) -> list[Page[DescriptionHit]]:
        rows = self._rows
        pages = []
        for title_rows, scores, total, facets, passing in found:
            hits = []
            for title_row, score in zip(title_rows.tolist(), scores.tolist(), strict=True):
                carrying = rows.rows_with_title(int(self._title_of[title_row]))
                ids = [rows.product(row).id for row in carrying if row < len(passing) and passing[row]]
                hits.append(DescriptionHit(rows.product(title_row).title, score, ids))
            pages.append(Page(hits, total, facets))
        return pages

    def _search(self, vectors: Vectors, queries: Sequence[SearchQuery], *, titles: bool) -> list[_Found]:
        """Return for each query: rows (K,), scores (K,), how many there are, facets, and which rows (N,) pass."""
        vectors = checked_vectors(vectors, queries, self.info.dim)
        # Queries over the same products share one scan; so do, above all, those over all products.
        groups: dict[Any, list[int]] = {}
        for number, query in enumerate(queries):
            check_names(self._columns, query.filters, query.facets)
            exclude = frozenset() if titles else query.exclude
            groups.setdefault((frozenset(query.filters.items()), exclude), []).append(number)

        results: dict[int, _Found] = {}
        side: Side = "texts" if titles else "images"
        for (filters, exclude), numbers in groups.items():
            passing = self._passing(dict(filters), exclude)
            if passing is self._alive:
                among = self._all_texts if titles else self._all_images
            else:
                among = self._among(side, self._title_rows_of(passing) if titles else passing)
            total = among.total
            plain = [number for number in numbers if titles or queries[number].collapse is None]
            ends = [min(queries[number].end, total) for number in plain]
            found = dict(zip(plain, self._best(side, vectors[plain], ends, among), strict=True))
            counted: dict[tuple[str, ...], dict[str, dict[str, int]]] = {}
            for number in numbers:
                query = queries[number]
                known: int | None = total
                if number in found:
                    rows, scores = found[number]
                else:
                    rows, scores, known = self._collapsed(vectors[number : number + 1], query, among, passing)
                enough, known = cut_at_min_score(query, scores, known)
                rows, scores = rows[query.offset : enough], scores[query.offset : enough]
                if query.facets not in counted:
                    counted[query.facets] = self.facets(query.filters, query.facets) if query.facets else {}
                results[number] = (rows, scores, known, counted[query.facets], passing)
        return [results[number] for number in range(len(queries))]

    def _collapsed(
        self, vector: Vectors, query: SearchQuery, among: RowSubset, passing: Mask
    ) -> tuple[Rows, Vectors, int | None]:
        """Return the best `offset + k` rows that do not repeat a better one, their scores, and how many there are."""

        def best(width: int) -> _Ranking:
            ((rows, scores),) = self._best("images", vector, [width], among)
            return _Ranking(self, rows, scores)

        ranking, places, known = collapse(query, among.total, best)
        if query.collapse == "title":
            known = self._all_texts.total
            if passing is not self._alive:
                carried = np.zeros(len(self._title_rows), dtype=np.bool_)
                carried[self._title_of[passing]] = True
                known = int(np.count_nonzero(carried))
        return ranking.rows[places], ranking.scores[places], known

    def _passing(self, filters: Filters, exclude: Iterable[str] = ()) -> Mask:
        """Return (N,) which rows pass; `self._alive` itself when nothing is asked."""
        excluded = [row for row in map(self._row, exclude) if row is not None]
        if not filters and not excluded:
            return self._alive
        passing = self._alive.copy()
        for name, condition in filters.items():
            passing &= self._mask(name, condition)
        passing[excluded] = False
        return passing

    def _mask(self, name: str, condition: Filter) -> Mask:
        """Return (N,) which rows an attribute's condition lets pass, dead ones among them."""
        column, codes = self._columns[name]
        return np.asarray(column.allowed(condition)[codes])  # code -1 is the last

    @cached_property
    def _all_images(self) -> RowSubset:
        return self._among("images", None if self._count == len(self._alive) else self._alive)

    @cached_property
    def _all_texts(self) -> RowSubset:
        mask = np.zeros(len(self._alive), dtype=np.bool_)
        mask[self._title_rows[self._title_rows >= 0]] = True
        return self._among("texts", mask)

    def _among(self, side: Side, mask: Mask | None) -> RowSubset:
        base, near = self._rows.base, self._ann.get(side)
        labels = None
        if base is not None and near is not None and side == "texts":
            labels = base.title_rows
        return RowSubset(mask, len(self._alive) if mask is None else int(np.count_nonzero(mask)), near, labels)

    def _best(self, side: Side, queries: Vectors, ends: Sequence[int], among: RowSubset) -> list[tuple[Rows, Vectors]]:
        """Return the best `ends[i]` rows for query i: rows and scores, equals by row.

        The first results come from the candidates of an index, where there is one and it pays.
        """
        vectors, near = self._vectors[side], self._ann.get(side)
        results: dict[int, tuple[Rows, Vectors]] = {}
        if near is not None and (among.mask is None or among.total > EXACT_ROW_WORTH * near.choice.visited):
            shallow = [number for number, end in enumerate(ends) if 0 < end <= DEPTH]
            for number, found in zip(shallow, search_candidates(near, among, vectors, queries[shallow]), strict=True):
                if len(found[0]) >= ends[number]:
                    results[number] = found[0][: ends[number]], found[1][: ends[number]]
        left = [number for number in range(len(ends)) if number not in results]
        if left:
            scanned = _top(vectors, queries[left], [ends[number] for number in left], among)
            results |= dict(zip(left, scanned, strict=True))
        return [results[number] for number in range(len(ends))]

    def _title_rows_of(self, passing: Mask) -> Mask:
        """Which rows (N,) stand for a title that one of the `passing` rows carries."""
        mask = np.zeros(len(self._alive), dtype=np.bool_)
        mask[self._title_rows[self._title_of[passing]]] = True
        return mask


def _grown(rows: Any, kept: int, capacity: int, fill: int | None = None) -> Any:
    """Return a larger array that begins with `kept` of `rows`."""
    grown = np.empty((capacity, *rows.shape[1:]), dtype=rows.dtype)
    grown[:kept] = rows[:kept]
    if fill is not None:
        grown[kept:] = fill
    return grown


def search_candidates(
    near: AnnIndex, among: RowSubset, vectors: _Vectors, queries: Vectors
) -> list[tuple[Rows, Vectors]]:
    """Return the candidates of `near` and the best of the rows that it does not know, by their exact scores."""
    if not len(queries):
        return []
    bits, share = among.found_near
    # What passes a filter is seldom spread as the rest: where a query points there may be little of it.
    found = near.search(queries, bits, share if share > NEARLY_ALL else share / FILTER_WIDENING)
    if (labels := among._labels) is not None:
        found = np.where(found >= 0, labels[found], -1)
    others = among.others(len(vectors))
    if len(others):
        _, more = _scan(vectors, queries, min(near.choice.width, len(others)), None, others)
        found = np.concatenate([found, more], axis=1)
    results = []
    for rows, query in zip(found, queries, strict=True):
        rows = rows[rows >= 0]
        scores = (vectors.of(rows) * query).sum(axis=1)
        order = np.lexsort((rows, -scores))
        results.append((rows[order], scores[order]))
    return results


def _top(vectors: _Vectors, queries: Vectors, ends: Sequence[int], among: RowSubset) -> list[tuple[Rows, Vectors]]:
    """Return the best `ends[i]` rows of `vectors` for query i by a scan: rows and scores, equals by row.

    FAISS computes the same score in different ways depending on the size of the batch, and keeps any of several
    equals at the end of its list. What it returns is therefore scored again in one fixed way, and widened until
    everything left out is worse beyond doubt. So an answer depends neither on the other queries of the batch nor
    on how it is paged.
    """
    nothing = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))
    results = [nothing] * len(ends)
    total = among.total
    widths = [min(end + MARGIN, total) for end in ends]
    slacks = SLACK * np.linalg.norm(queries, axis=1)
    pending = [number for number, end in enumerate(ends) if end > 0]
    while pending:
        widest = max(widths[number] for number in pending)
        near, found = _scan(vectors, queries[pending], widest, among.mask, among.rows)
        unsettled = []
        for row, number in enumerate(pending):
            end, width = ends[number], widths[number]
            positions = found[row, :width]
            positions = positions[positions >= 0]
            scores = (vectors.of(positions) * queries[number]).sum(axis=1)
            order = np.lexsort((positions, -scores))[:end]
            if width < total and near[row, width - 1] > scores[order[-1]] - slacks[number]:
                widths[number] = min(8 * width, total)
                unsettled.append(number)
            else:
                results[number] = (positions[order], scores[order])
        pending = unsettled
    return results


def _scan(vectors: _Vectors, queries: Vectors, k: int, mask: Mask | None, rows: Rows | None) -> tuple[Vectors, Rows]:
    """Compare `queries` (B, D) with every row (N, D) that `mask` (N,) lets pass: scores and rows (B, k), best first.

    With `rows`, in order, with those instead.
    """
    start, found = 0, []
    for part in (vectors.fixed, vectors.late):
        end = start + len(part)
        some = None if rows is None else rows[np.searchsorted(rows, start) : np.searchsorted(rows, end)] - start
        if len(part if some is None else some):
            passing = None if mask is None or rows is not None else mask[start:end]
            scores, places = _scan_part(part, queries, min(k, len(part if some is None else some)), passing, some)
            found.append((scores, np.where(places >= 0, places + start, -1)))
        start = end
    if len(found) == 1:
        return found[0]
    scores, places = (np.concatenate(parts, axis=1) for parts in zip(*found, strict=True))
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(scores, order, axis=1), np.take_along_axis(places, order, axis=1)


def _scan_part(
    vectors: Vectors, queries: Vectors, k: int, mask: Mask | None, rows: Rows | None
) -> tuple[Vectors, Rows]:
    """As `_scan`, of one array: `faiss.knn` with a choice of rows, which its Python wrapper lacks.

    Unlike an index it needs no copy of the vectors.
    """
    count, dim = vectors.shape
    if mask is not None and (failing := count - int(np.count_nonzero(mask))) <= min(MAX_POSTFILTERED, count // 8):
        scores, places = _scan_part(vectors, queries, min(k + failing, count), None, None)
        scores, places = np.where(mask[places], scores, -np.inf), np.where(mask[places], places, -1)
        kept = np.argsort(places < 0, axis=1, kind="stable")[:, :k]  # those that pass first, and still best first
        return np.take_along_axis(scores, kept, axis=1), np.take_along_axis(places, kept, axis=1)
    scores = np.empty((len(queries), k), dtype=np.float32)
    places = np.empty((len(queries), k), dtype=np.int64)
    out = [faiss.swig_ptr(scores), faiss.swig_ptr(places)]
    given = [faiss.swig_ptr(queries), faiss.swig_ptr(vectors)]
    library: Any = faiss  # its stubs lack these arguments
    product = mask is None and rows is None and len(queries) >= PRODUCT_FROM
    threads = faiss.omp_get_max_threads()
    if len(queries) == 1 or product:
        # Threads share out queries: for a single one the others would only be woken. In a product of matrices they
        # spend more time on each other than they gain. It holds for the calling thread.
        faiss.omp_set_num_threads(1)
    if product:
        # Lower than anything it can count, queries or their numbers: that differs between releases.
        library.cvar.distance_compute_blas_threshold = 1
    try:
        if rows is not None:
            rows = np.ascontiguousarray(rows, dtype=np.int64)
            sizes = [dim, len(queries), count, len(rows), k]
            library.knn_inner_products_by_idx(given[0], given[1], faiss.swig_ptr(rows), *sizes, *out, 0)
        elif mask is None:
            library.knn_inner_product(*given, dim, len(queries), count, k, *out)
        else:
            bits = np.packbits(mask, bitorder="little")
            selector = faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
            library.knn_inner_product(*given, dim, len(queries), count, k, *out, selector)
    finally:
        faiss.omp_set_num_threads(threads)
        library.cvar.distance_compute_blas_threshold = BLAS_THRESHOLD
    return scores, places
