"""Exact search over the products of a catalogue, with filters, paging, facets and collapsing.

A search index never changes once made, so it may be searched while others read it, and while the next one is made from
it: the two share rows that are only ever appended to. Knows no model, no file and no HTTP.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, Literal, TypeVar

import faiss
import numpy as np
import numpy.typing as npt

from common import InputError, NotFoundError
from index.catalogue import Changes, Snapshot, Vectors
from index.products import Product, title_key

MAX_K = 1000
"""Most results one query may ask for at once."""

MAX_COLLAPSED = 2000
"""Furthest result that a search which collapses like pictures can reach: the work grows with its square."""

MARGIN = 16
"""Results fetched beyond those wanted, so that the order among equals can usually be settled in one go."""

SLACK = 4e-6
"""More than two computations of the same score differ by, for a query of unit length."""

DEAD_ROWS = 0.25
"""Part of the rows that may be of products since replaced or taken out, before the rows are written anew."""

Collapse = Literal["title", "image"]
Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Filter:
    """What a product's value of one attribute must be; all that is given must hold. Values compare like titles."""

    any: tuple[str, ...] | None = None
    """Allowed values."""
    none: tuple[str, ...] = ()
    """Forbidden values; a product without the attribute passes."""
    gte: float | None = None
    """At least; over values that are numbers, such as a year. A value that is no number does not pass."""
    gt: float | None = None
    """More than."""
    lte: float | None = None
    """At most."""
    lt: float | None = None
    """Less than."""

    @property
    def needs_value(self) -> bool:
        """Whether a product without the attribute fails."""
        return any(part is not None for part in (self.any, self.gte, self.gt, self.lte, self.lt))


Filters = Mapping[str, Filter]
"""Attribute -> condition. Several attributes must all hold."""


@dataclass(frozen=True, slots=True)
class Want:
    """What one query asks for: results `offset` to `offset + k` of those that pass the filters.

    Raises:
        InputError: a number out of its range.
    """

    k: int = 10
    offset: int = 0
    filters: Filters = field(default_factory=dict)
    exclude: frozenset[str] = frozenset()
    """Ids of products that are no results; in a search for images."""
    min_score: float | None = None
    """Results that score less are left out."""
    collapse: Collapse | None = None
    """title: one product of each title, the best. image: none whose picture is nearly that of a better one."""
    collapse_threshold: float = 0.98
    """Cosine from which two pictures are nearly the same."""
    facets: tuple[str, ...] = ()
    """Attributes whose values are counted among all that passes."""

    def __post_init__(self) -> None:
        """Refuse what no search can answer."""
        if not 1 <= self.k <= MAX_K:
            raise InputError(f"k is {self.k}; it must be from 1 to {MAX_K}: use offset to see more")
        if self.offset < 0:
            raise InputError(f"offset is {self.offset}; it must be 0 or more")
        if self.min_score is not None and not math.isfinite(self.min_score):
            raise InputError(f"min_score is {self.min_score}; it must be a number")
        if not 0 < self.collapse_threshold <= 1:
            raise InputError(f"collapse_threshold is {self.collapse_threshold}; it must be above 0 and at most 1")
        if self.collapse == "image" and self.offset + self.k > MAX_COLLAPSED:
            raise InputError(
                f"offset + k is {self.offset + self.k}; with like pictures collapsed it may be {MAX_COLLAPSED:,}"
            )


@dataclass(frozen=True, slots=True)
class Hit:
    """A product that was found; the score is the inner product, 1 at best."""

    product: Product
    score: float


@dataclass(frozen=True, slots=True)
class DescriptionHit:
    """A description that was found, and the products that carry it."""

    description: str
    score: float
    product_ids: list[str]


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some of the results of one query, best first; equal scores stand in catalogue order."""

    hits: list[T]
    total: int | None
    """How many products (or descriptions) there are to page through; None where that is not known."""
    facets: dict[str, dict[str, int]] = field(default_factory=dict)
    """Attribute -> value -> products that pass, the most frequent value first; an attribute's own filter left out."""


class _Column:
    """One attribute of all products as integers."""

    def __init__(self) -> None:
        self.values: list[str] = []  # the distinct values as first written
        self.code_of: dict[str, int] = {}  # position in `values` of a value in the form it is compared in
        self.numbers: list[float] = []  # of `values`; NaN where one is no number
        self.codes = np.empty(0, dtype=np.int32)  # (capacity,) positions in `values`; -1: no such attribute

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


class _Rows:
    """Everything that is known of products, row by row. Only ever appended to, so that older indexes stay right."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.products: list[Product] = []
        self.row_of: dict[str, int] = {}
        self.earlier: dict[int, int] = {}  # row -> the row that the same product had before
        self.images = snapshot.image_vectors[:0]  # (capacity, D)
        self.texts = snapshot.text_vectors[:0]
        self.title_of = np.empty(0, dtype=np.int64)  # (capacity,) number of the title, in order of appearance
        self.titles: dict[str, int] = {}
        self.carriers: list[list[int]] = []  # title -> its rows
        self.columns: dict[str, _Column] = {}
        self._codes: dict[str, tuple[_Column, int]] = {}
        self.append(snapshot.products, snapshot.image_vectors, snapshot.text_vectors)

    def append(self, products: Sequence[Product], images: Vectors, texts: Vectors) -> None:
        if not products:
            return
        start, end = len(self.products), len(self.products) + len(products)
        if not start:
            self.images, self.texts = images, texts  # no copy: they are not written to
        elif end > len(self.images):
            # New arrays: those who hold the old ones go on with them.
            capacity = end + end // 8 + 1024
            self.images, self.texts = (_grown(rows, start, capacity) for rows in (self.images, self.texts))
        if start:
            self.images[start:end], self.texts[start:end] = images, texts
        if end > len(self.title_of):
            self.title_of = _grown(self.title_of, start, max(end, len(self.images)))
        for row, product in enumerate(products, start):
            if (before := self.row_of.get(product.id)) is not None:
                self.earlier[row] = before
            self.row_of[product.id] = row
            number = self.titles.setdefault(title_key(product.title), len(self.titles))
            if number == len(self.carriers):
                self.carriers.append([])
            self.carriers[number].append(row)
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
        self.products.extend(products)


class SearchIndex:
    """Answers batches of queries against the pictures or the descriptions of a catalogue at one version."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.info = snapshot.info
        self.version = snapshot.version
        self.encoder_id = snapshot.info.encoder_id
        rows = _Rows(snapshot)
        leads = np.array([carriers[0] for carriers in rows.carriers], dtype=np.int64)
        self._take(rows, np.ones(len(rows.products), dtype=np.bool_), leads)

    def _take(self, rows: _Rows, alive: Mask, leads: Rows) -> None:
        """Stand on `rows` as they are now.

        Args:
            rows: shared with the indexes before this one.
            alive: (N,) which rows are products of this version.
            leads: (T,) the first row of each title, whose words and vector stand for it; -1: nobody carries it now.
        """
        self._rows = rows
        self._alive = alive
        self._leads = leads
        self._count = int(np.count_nonzero(alive))
        self._images = rows.images[: len(alive)]
        self._texts = rows.texts[: len(alive)]
        self._title_of = rows.title_of[: len(alive)]
        # An attribute that only products had which are gone is unknown again, as it is to an index made anew.
        codes = {name: (column, column.codes[: len(alive)]) for name, column in rows.columns.items()}
        self._columns = {name: pair for name, pair in codes.items() if (alive & (pair[1] >= 0)).any()}

    def updated(self, changes: Changes) -> SearchIndex:
        """Return the index with these changes in it; this one stays as it is. Costs as much as there is to change.

        Only the newest index can be carried on.
        """
        rows, before = self._rows, len(self._alive)
        if len(rows.products) != before:
            raise ValueError("this index has been carried on already; carry on the newest one")
        gone = [row for row in map(self._row, {*changes.removed, *(p.id for p in changes.products)}) if row is not None]
        rows.append(changes.products, changes.image_vectors, changes.text_vectors)
        alive = np.ones(len(rows.products), dtype=np.bool_)
        alive[:before] = self._alive
        alive[gone] = False
        leads = np.full(len(rows.carriers), -1, dtype=np.int64)
        leads[: len(self._leads)] = self._leads
        for title in {int(rows.title_of[row]) for row in (*gone, *range(before, len(alive)))}:
            leads[title] = next((row for row in rows.carriers[title] if alive[row]), -1)
        index = object.__new__(SearchIndex)
        index.info, index.version, index.encoder_id = self.info, changes.version, self.encoder_id
        index._take(rows, alive, leads)
        if len(alive) - index._count > max(1024, DEAD_ROWS * len(alive)):
            products = [product for product, lives in zip(rows.products, alive, strict=True) if lives]
            kept = Snapshot(self.info, changes.version, products, index._images[alive], index._texts[alive])
            return SearchIndex(kept)
        return index

    def __len__(self) -> int:
        return self._count

    @cached_property
    def products(self) -> list[Product]:
        """The products that are there, in the catalogue's order; not to be changed."""
        rows = self._rows.products[: len(self._alive)]
        return [product for product, lives in zip(rows, self._alive.tolist(), strict=True) if lives]

    def _row(self, product_id: str) -> int | None:
        """Return the row of a product in this version; None when there is no such product."""
        row = self._rows.row_of.get(product_id)
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
        return np.asarray(self._images[rows], dtype=np.float32).reshape(len(ids), self.info.dim)

    def facets(self, filters: Filters | None = None, names: Iterable[str] | None = None) -> dict[str, dict[str, int]]:
        """Return attribute -> value -> number of products that pass the other attributes' filters, most frequent first.

        Raises:
            InputError: an attribute that no product has.
        """
        filters = filters or {}
        names = list(self._columns) if names is None else list(dict.fromkeys(names))
        self._check_names(filters, "filter")
        self._check_names(names, "facet")
        passing = {name: self._mask(name, condition) for name, condition in filters.items()}
        counts: dict[str, dict[str, int]] = {}
        for name in names:
            column, codes = self._columns[name]
            mask = self._alive & (codes >= 0)
            for other, passes in passing.items():
                if other != name:
                    mask &= passes
            found = np.bincount(codes[mask], minlength=1)
            order = np.argsort(-found, kind="stable")
            counts[name] = {column.values[code]: int(found[code]) for code in order if found[code]}
        return counts

    def check(self, want: Want) -> None:
        """Refuse a want that cannot be answered, before it joins a batch with those of others.

        Raises:
            InputError: a filter or facet on an attribute that no product has; names the known ones.
        """
        self._check_names(want.filters, "filter")
        self._check_names(want.facets, "facet")

    def _check_names(self, names: Iterable[str], what: str) -> None:
        for name in names:
            if name not in self._columns:
                known = ", ".join(sorted(self._columns)) or "none: the catalogue has no attributes"
                raise InputError(f"unknown {what} {name!r}; the attributes there are: {known}")

    def images(self, queries: Vectors, wants: Sequence[Want]) -> list[Page[Hit]]:
        """Find the products whose image vectors are nearest to `queries` (B, D), one page per want.

        Raises:
            InputError: queries that are not (B, D) and finite, or a filter or facet on an unknown attribute.
        """
        products = self._rows.products
        return [
            Page(
                [Hit(products[row], score) for row, score in zip(rows.tolist(), scores.tolist(), strict=True)],
                total,
                facets,
            )
            for rows, scores, total, facets, _ in self._search(queries, wants, titles=False)
        ]

    def descriptions(self, queries: Vectors, wants: Sequence[Want]) -> list[Page[DescriptionHit]]:
        """Find the distinct descriptions nearest to `queries` (B, D), one page per want.

        A description passes the filters when one of its products does; `product_ids` are those that do. Its words and
        its vector are those of the first product that carries it. Facets count products.

        Raises:
            InputError: as `images`.
        """
        rows = self._rows
        pages = []
        for leads, scores, total, facets, passing in self._search(queries, wants, titles=True):
            hits = []
            for lead, score in zip(leads.tolist(), scores.tolist(), strict=True):
                carriers = rows.carriers[self._title_of[lead]]
                ids = [rows.products[row].id for row in carriers if row < len(passing) and passing[row]]
                hits.append(DescriptionHit(rows.products[lead].title, score, ids))
            pages.append(Page(hits, total, facets))
        return pages

    def _search(
        self, queries: Vectors, wants: Sequence[Want], *, titles: bool
    ) -> list[tuple[Rows, Vectors, int | None, dict[str, dict[str, int]], Mask]]:
        """Return per want: rows (K,), scores (K,), how many there are, facets, and which rows (N,) pass."""
        queries = self._checked(queries)
        if len(queries) != len(wants):
            raise ValueError(f"{len(queries)} queries came with {len(wants)} wants; each query needs one")
        # Wants of the same products share one scan; so do, above all, those of all products.
        groups: dict[Any, list[int]] = {}
        for number, want in enumerate(wants):
            self.check(want)
            exclude = frozenset() if titles else want.exclude
            groups.setdefault((frozenset(want.filters.items()), exclude), []).append(number)

        results: dict[int, tuple[Rows, Vectors, int | None, dict[str, dict[str, int]], Mask]] = {}
        vectors = self._texts if titles else self._images
        for (filters, exclude), numbers in groups.items():
            passing = self._passing(dict(filters), exclude)
            mask: Mask | None
            if titles:
                mask = self._lead_mask if passing is self._alive else self._leads_of(passing)
            else:
                mask = None if passing.all() else passing
            total = len(vectors) if mask is None else int(np.count_nonzero(mask))
            plain = [number for number in numbers if titles or wants[number].collapse is None]
            ends = [min(wants[number].offset + wants[number].k, total) for number in plain]
            found = dict(zip(plain, _top(vectors, queries[plain], ends, mask, total), strict=True))
            counted: dict[tuple[str, ...], dict[str, dict[str, int]]] = {}
            for number in numbers:
                want = wants[number]
                known: int | None = total
                if number in found:
                    rows, scores = found[number]
                else:
                    rows, scores, known = self._collapsed(queries[number : number + 1], want, mask, passing, total)
                if want.min_score is not None:
                    enough = int(np.count_nonzero(scores >= want.min_score))
                    # Where the page holds a result that scores less, or all there is, the number is known.
                    known = enough if enough < len(scores) or len(scores) == known else None
                    rows, scores = rows[:enough], scores[:enough]
                if want.facets not in counted:
                    counted[want.facets] = self.facets(want.filters, want.facets) if want.facets else {}
                results[number] = (rows[want.offset :], scores[want.offset :], known, counted[want.facets], passing)
        return [results[number] for number in range(len(wants))]

    def _collapsed(
        self, query: Vectors, want: Want, mask: Mask | None, passing: Mask, total: int
    ) -> tuple[Rows, Vectors, int | None]:
        """Return the best `offset + k` rows that are not like a better one, their scores, and how many there are."""
        end, width = want.offset + want.k, want.offset + want.k
        while True:
            width = min(width, total)
            ((rows, scores),) = _top(self._images, query, [width], mask, total)
            if want.collapse == "title":
                first = np.sort(np.unique(self._title_of[rows], return_index=True)[1])
            else:
                first = unlike(self._images, rows, want.collapse_threshold, end)
            if len(first) >= end or width == total:
                break
            width *= 4
        known: int | None = len(first) if width == total and len(first) < end else None
        if want.collapse == "title":
            carried = np.zeros(len(self._leads), dtype=np.bool_)
            carried[self._title_of[passing]] = True
            known = int(np.count_nonzero(carried))
        return rows[first[:end]], scores[first[:end]], known

    def _checked(self, queries: Vectors) -> Vectors:
        """Return `queries` as C-contiguous float32 (B, D): FAISS itself checks with bare asserts."""
        queries = np.ascontiguousarray(queries, dtype=np.float32)
        dim = self.info.dim
        if queries.ndim != 2 or queries.shape[1] != dim:
            raise InputError(f"the queries are {queries.shape}; the catalogue needs (B, {dim}) of its own encoder")
        if not np.isfinite(queries).all():
            raise InputError("a query vector has NaN or infinite values; check the encoder and its input")
        return queries

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
    def _lead_mask(self) -> Mask:
        """Which rows (N,) stand for a title."""
        mask = np.zeros(len(self._alive), dtype=np.bool_)
        mask[self._leads[self._leads >= 0]] = True
        return mask

    def _leads_of(self, passing: Mask) -> Mask:
        """Which rows (N,) stand for a title that one of the `passing` rows carries."""
        mask = np.zeros(len(self._alive), dtype=np.bool_)
        mask[self._leads[self._title_of[passing]]] = True
        return mask


def number_of(text: str) -> float:
    """Return `text`, in the form values are compared in, as a number; NaN when it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _grown(rows: Any, kept: int, capacity: int, fill: int | None = None) -> Any:
    """Return a larger array that begins with `kept` of `rows`."""
    grown = np.empty((capacity, *rows.shape[1:]), dtype=rows.dtype)
    grown[:kept] = rows[:kept]
    if fill is not None:
        grown[kept:] = fill
    return grown


def unlike(vectors: Vectors, rows: Rows, threshold: float, end: int) -> Rows:
    """Return the places in `rows`, in order, of those with no better one nearer than `threshold`; at most `end`."""
    kept = np.empty((min(end, len(rows)), vectors.shape[1]), dtype=np.float32)
    places: list[int] = []
    for place, row in enumerate(rows.tolist()):
        if len(places) == len(kept):
            break
        vector = vectors[row]
        if not places or float((kept[: len(places)] @ vector).max()) < threshold:
            kept[len(places)] = vector
            places.append(place)
    return np.array(places, dtype=np.int64)


def _top(
    vectors: Vectors, queries: Vectors, ends: Sequence[int], mask: Mask | None, total: int
) -> list[tuple[Rows, Vectors]]:
    """Return the best `ends[i]` rows of `vectors` for query i: rows and scores, equals by row.

    FAISS computes the same score in different ways depending on the size of the batch, and keeps any of several
    equals at the end of its list. What it returns is therefore scored again in one fixed way, and widened until
    everything left out is worse beyond doubt. So an answer depends neither on the other queries of the batch nor
    on how it is paged.
    """
    nothing = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))
    results = [nothing] * len(ends)
    widths = [min(end + MARGIN, total) for end in ends]
    slacks = SLACK * np.linalg.norm(queries, axis=1)
    pending = [number for number, end in enumerate(ends) if end > 0]
    while pending:
        near, found = _scan(vectors, queries[pending], max(widths[number] for number in pending), mask)
        unsettled = []
        for row, number in enumerate(pending):
            end, width = ends[number], widths[number]
            positions = found[row, :width]
            positions = positions[positions >= 0]
            scores = (vectors[positions] * queries[number]).sum(axis=1)
            order = np.lexsort((positions, -scores))[:end]
            if width < total and near[row, width - 1] > scores[order[-1]] - slacks[number]:
                widths[number] = min(8 * width, total)
                unsettled.append(number)
            else:
                results[number] = (positions[order], scores[order])
        pending = unsettled
    return results


def _scan(vectors: Vectors, queries: Vectors, k: int, mask: Mask | None) -> tuple[Vectors, Rows]:
    """Compare `queries` (B, D) with every row of `vectors` (N, D) that `mask` (N,) lets pass: scores and rows (B, k).

    `faiss.knn` with a selector, which its Python wrapper lacks: unlike an index it needs no copy of the vectors.
    """
    count, dim = vectors.shape
    scores = np.empty((len(queries), k), dtype=np.float32)
    rows = np.empty((len(queries), k), dtype=np.int64)
    arrays = [faiss.swig_ptr(queries), faiss.swig_ptr(vectors), dim, len(queries), count, k]
    arrays += [faiss.swig_ptr(scores), faiss.swig_ptr(rows)]
    knn: Any = faiss.knn_inner_product
    if mask is None:
        knn(*arrays)
    else:
        bits = np.packbits(mask, bitorder="little")
        knn(*arrays, faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits)))
    return scores, rows
