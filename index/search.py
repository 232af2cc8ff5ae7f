"""Exact search over a snapshot of the catalogue, with filters and paging.

A search index never changes once made, so it may be searched while others read it. Knows no model,
no file and no HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Literal, TypeVar

import faiss
import numpy as np
import numpy.typing as npt

from common import InputError, NotFoundError
from index.catalogue import Snapshot, Vectors
from index.products import Product, title_key

MAX_K = 1000
"""Most results one query may ask for at once."""

MARGIN = 16
"""Results fetched beyond those wanted, so that the order among equals can usually be settled in one go."""

SLACK = 4e-6
"""More than two computations of the same score differ by, for a query of unit length."""


@dataclass(frozen=True, slots=True)
class Filter:
    """The condition on one attribute; all that is given must hold. Values compare like titles, in any case."""

    any: tuple[str, ...] | None = None
    """Allowed values."""
    none: tuple[str, ...] = ()
    """Forbidden values; a product without the attribute passes."""
    gte: float | None = None
    gt: float | None = None
    lte: float | None = None
    lt: float | None = None


Filters = Mapping[str, Filter | Sequence[str]]
"""Attribute -> condition, or allowed values. Several attributes must all hold."""

Mask = npt.NDArray[np.bool_]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Want:
    """What one query asks for: results `offset` to `offset + k` of those that pass the filters.

    Raises:
        InputError: `k` not in 1..MAX_K, or a negative offset.
    """

    k: int = 10
    offset: int = 0
    filters: Filters = field(default_factory=dict)
    exclude: frozenset[str] = frozenset()
    """Ids of products that must not be results of an image search."""
    min_score: float | None = None
    collapse: Literal["title", "image"] | None = None
    """One result per title; or none whose picture has a cosine of `collapse_threshold` or more to a better one."""
    collapse_threshold: float = 0.98
    facets: tuple[str, ...] = ()
    """Attributes to count among what passes, each one's own filter left out."""

    def __post_init__(self) -> None:
        """Refuse what no search can answer."""
        if not 1 <= self.k <= MAX_K:
            raise InputError(f"k is {self.k}; it must be from 1 to {MAX_K}: use offset to see more")
        if self.offset < 0:
            raise InputError(f"offset is {self.offset}; it must be 0 or more")


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
    """How many products (or descriptions) pass the filters; None where it is not known."""
    facets: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Column:
    """One attribute of all products as integers."""

    values: list[str]
    """The distinct values as first written."""
    code_of: dict[str, int]
    """Position in `values` of a value in the form it is compared in."""
    codes: npt.NDArray[np.int32]
    """(N,) positions in `values`; -1 where a product lacks the attribute."""


class SearchIndex:
    """Answers batches of queries against the image vectors or the descriptions of a snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.version = snapshot.version
        self.encoder_id = snapshot.info.encoder_id
        self._columns = _columns(snapshot.products)

        first: dict[str, int] = {}  # title -> number of the title, in order of appearance
        numbers = [first.setdefault(title_key(product.title), len(first)) for product in snapshot.products]
        self._title_of = np.array(numbers, dtype=np.int64)  # (N,)
        self._carriers: list[list[int]] = [[] for _ in first]
        for position, number in enumerate(numbers):
            self._carriers[number].append(position)
        # One vector per title, that of its first product: else a common title fills the page with itself.
        self._title_vectors = snapshot.text_vectors[[carriers[0] for carriers in self._carriers]]

        self._image_index = _flat(snapshot.image_vectors, snapshot.info.dim)
        self._title_index = _flat(self._title_vectors, snapshot.info.dim)

    def __len__(self) -> int:
        return len(self.snapshot.products)

    def facets(self, filters: Filters | None = None, names: Sequence[str] | None = None) -> dict[str, dict[str, int]]:
        """Return attribute -> value -> number of products, the most frequent value first."""
        facets = {}
        filters = filters or {}
        for name in self._columns if names is None else names:
            column = self._columns[name]
            mask = self._passing(_canonical({n: f for n, f in filters.items() if n != name})) & (column.codes >= 0)
            counts = np.bincount(column.codes[mask], minlength=len(column.values))
            order = np.argsort(-counts, kind="stable")
            facets[name] = {column.values[code]: int(counts[code]) for code in order if counts[code]}
        return facets

    def vectors(self, ids: Sequence[str]) -> Vectors:
        """Return the image vectors (len(ids), D) of these products.

        Raises:
            NotFoundError: no products of those ids; names them.
        """
        positions = {product.id: at for at, product in enumerate(self.snapshot.products)}
        missing = [one for one in ids if one not in positions]
        if missing:
            raise NotFoundError(
                f"no product has the id {', '.join(map(repr, missing))}; search to find the ids there are"
            )
        return self.snapshot.image_vectors[[positions[one] for one in ids]]

    def check(self, want: Want) -> None:
        """Refuse a want that cannot be answered, before it joins a batch with those of others.

        Raises:
            InputError: a filter on an attribute that no product has; names the known ones.
        """
        for name in (*want.filters, *want.facets):
            if name not in self._columns:
                known = ", ".join(sorted(self._columns)) or "none: the catalogue has no attributes"
                raise InputError(f"unknown filter {name!r}; the attributes one can filter by are: {known}")

    def images(self, queries: Vectors, wants: Sequence[Want]) -> list[Page[Hit]]:
        """Find the products whose image vectors are nearest to `queries` (B, D), one page per want.

        Raises:
            InputError: queries that are not (B, D) and finite, or a filter on an unknown attribute.
        """
        products, vectors = self.snapshot.products, self.snapshot.image_vectors
        whole = [replace(w, k=MAX_K, offset=0) if w.exclude or w.collapse else w for w in wants]
        found = self._search(self._image_index, vectors, queries, whole, titles=False)
        pages = []
        for want, (positions, scores, total, _) in zip(wants, found, strict=True):
            kept: list[tuple[int, float]] = []
            for at, score in zip(positions.tolist(), scores.tolist(), strict=True):
                if products[at].id in want.exclude or score < (-2 if want.min_score is None else want.min_score):
                    continue
                if want.collapse == "title" and any(self._title_of[at] == self._title_of[one] for one, _ in kept):
                    continue
                if want.collapse == "image" and any(
                    float(vectors[at] @ vectors[one]) >= want.collapse_threshold for one, _ in kept
                ):
                    continue
                kept.append((at, score))
            if want.exclude or want.collapse:
                kept = kept[want.offset : want.offset + want.k]
            known = None if want.collapse or want.min_score is not None else total - len(want.exclude)
            hits = [Hit(products[at], score) for at, score in kept]
            pages.append(Page(hits, known, self.facets(want.filters, want.facets)))
        return pages

    def descriptions(self, queries: Vectors, wants: Sequence[Want]) -> list[Page[DescriptionHit]]:
        """Find the distinct descriptions nearest to `queries` (B, D), one page per want.

        A description passes the filters when one of its products does; `product_ids` are those that do.

        Raises:
            InputError: queries that are not (B, D) and finite, or a filter on an unknown attribute.
        """
        products = self.snapshot.products
        pages = []
        found = self._search(self._title_index, self._title_vectors, queries, wants, titles=True)
        for want, (numbers, scores, total, passing) in zip(wants, found, strict=True):
            hits = []
            for number, score in zip(numbers.tolist(), scores.tolist(), strict=True):
                if want.min_score is not None and score < want.min_score:
                    continue
                carriers = self._carriers[number]
                ids = [products[at].id for at in carriers if passing is None or passing[at]]
                hits.append(DescriptionHit(products[carriers[0]].title, score, ids))
            known = None if want.min_score is not None else total
            pages.append(Page(hits, known, self.facets(want.filters, want.facets)))
        return pages

    def _search(
        self, index: Any, vectors: Vectors, queries: Vectors, wants: Sequence[Want], *, titles: bool
    ) -> list[tuple[npt.NDArray[np.int64], Vectors, int, Mask | None]]:
        """Return per want: positions (K,), scores (K,), how many pass, and which products do (None: all)."""
        queries = self._checked(queries)
        if len(queries) != len(wants):
            raise ValueError(f"{len(queries)} queries came with {len(wants)} wants; each query needs one")
        # Wants with the same filters share one FAISS call; so do, above all, those without any.
        groups: dict[frozenset[tuple[str, Filter]], list[int]] = {}
        for number, want in enumerate(wants):
            self.check(want)
            groups.setdefault(_canonical(want.filters), []).append(number)

        results: dict[int, tuple[npt.NDArray[np.int64], Vectors, int, Mask | None]] = {}
        for filters, numbers in groups.items():
            passing = self._passing(filters) if filters else None
            mask = passing
            if titles and passing is not None:
                mask = np.zeros(len(vectors), dtype=np.bool_)
                mask[self._title_of[passing]] = True
            total = len(vectors) if mask is None else int(mask.sum())
            ends = [min(wants[number].offset + wants[number].k, total) for number in numbers]
            for number, (positions, scores) in zip(
                numbers, _top(index, vectors, queries[numbers], ends, mask, total), strict=True
            ):
                start = wants[number].offset
                results[number] = (positions[start:], scores[start:], total, passing)
        return [results[number] for number in range(len(wants))]

    def _checked(self, queries: Vectors) -> Vectors:
        """Return `queries` as C-contiguous float32 (B, D): FAISS itself checks with bare asserts."""
        queries = np.ascontiguousarray(queries, dtype=np.float32)
        dim = self.snapshot.info.dim
        if queries.ndim != 2 or queries.shape[1] != dim:
            raise InputError(f"the queries are {queries.shape}; the catalogue needs (B, {dim}) of its own encoder")
        if not np.isfinite(queries).all():
            raise InputError("a query vector has NaN or infinite values; check the encoder and its input")
        return queries

    def _passing(self, filters: frozenset[tuple[str, Filter]]) -> Mask:
        """Return (N,) which products pass."""
        passing = np.ones(len(self), dtype=np.bool_)
        for name, one in filters:
            column = self._columns[name]
            allowed = np.zeros(len(column.values) + 1, dtype=np.bool_)  # last: code -1
            keys = sorted(column.code_of, key=column.code_of.__getitem__)
            for code, key in enumerate([*keys, None]):
                allowed[code] = _holds(one, key)
            passing &= allowed[column.codes]
        return passing


def _holds(one: Filter, key: str | None) -> bool:
    """Return whether a value, in the form it is compared in, fulfils a condition."""
    if key is None:
        return one.any is None and all(bound is None for bound in (one.gte, one.gt, one.lte, one.lt))
    if (one.any is not None and key not in one.any) or key in one.none:
        return False
    if all(bound is None for bound in (one.gte, one.gt, one.lte, one.lt)):
        return True
    try:
        number = float(key)
    except ValueError:
        return False
    return (
        (one.gte is None or number >= one.gte)
        and (one.gt is None or number > one.gt)
        and (one.lte is None or number <= one.lte)
        and (one.lt is None or number < one.lt)
    )


def _columns(products: Sequence[Product]) -> dict[str, _Column]:
    """Return attribute -> column, attributes in order of first appearance."""
    columns: dict[str, _Column] = {}
    seen: dict[str, str] = {}  # value as written -> as compared; there are few distinct ones
    for position, product in enumerate(products):
        for name, value in product.attributes.items():
            column = columns.get(name)
            if column is None:
                column = columns[name] = _Column([], {}, np.full(len(products), -1, dtype=np.int32))
            key = seen.get(value)
            if key is None:
                key = seen[value] = title_key(value)
            code = column.code_of.get(key)
            if code is None:
                code = column.code_of[key] = len(column.values)
                column.values.append(value)
            column.codes[position] = code
    return columns


def _canonical(filters: Filters) -> frozenset[tuple[str, Filter]]:
    """Return `filters` in a form in which equal filters are equal; a lone string counts as one value."""
    found = []
    for name, one in filters.items():
        if not isinstance(one, Filter):
            one = Filter(any=(one,) if isinstance(one, str) else tuple(one))
        allowed = None if one.any is None else tuple(sorted(set(map(title_key, one.any))))
        found.append((name, replace(one, any=allowed, none=tuple(sorted(set(map(title_key, one.none)))))))
    return frozenset(found)


def _flat(vectors: Vectors, dim: int) -> Any:
    """Return a FAISS index that compares a query with every row of `vectors` (N, D)."""
    index = faiss.IndexFlatIP(dim)
    if len(vectors):
        index.add(vectors)
    return index


def _top(
    index: Any, vectors: Vectors, queries: Vectors, ends: Sequence[int], mask: Mask | None, total: int
) -> list[tuple[npt.NDArray[np.int64], Vectors]]:
    """Return the best `ends[i]` rows of `vectors` for query i: positions and scores, equals by position.

    FAISS computes the same score in different ways depending on the size of the batch, and keeps any of several
    equals at the end of its list. What it returns is therefore scored again in one fixed way, and widened until
    everything left out is worse beyond doubt. So an answer depends neither on the other queries of the batch nor
    on how it is paged.
    """
    nothing = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))
    results = [nothing] * len(ends)
    params = None
    if mask is not None:
        bits = np.packbits(mask, bitorder="little")
        selector = faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
        params = faiss.SearchParameters()
        params.sel = selector
    widths = [min(end + MARGIN, total) for end in ends]
    slacks = SLACK * np.linalg.norm(queries, axis=1)
    pending = [number for number, end in enumerate(ends) if end > 0]
    while pending:
        near, ids = index.search(queries[pending], max(widths[number] for number in pending), params=params)
        unsettled = []
        for row, number in enumerate(pending):
            end, width = ends[number], widths[number]
            positions = ids[row, :width]
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
