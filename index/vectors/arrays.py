"""The best k rows of some arrays of vectors for each query of a batch, by coarse scores.

The only file that hands pointers to FAISS. Knows rows and vectors, no products and no filters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import faiss
import numpy as np

from common import compute_threads
from index.attributes import Mask
from index.records import Vectors
from index.results import SMALL_PRODUCT
from index.vectors.block import GROUP, largest, products
from index.vectors.rows import Rows, RowVectors
from index.vectors.side_by_side import each

PRODUCT_FROM = 8
"""Queries from which on a product of matrices is faster than a scan of each."""
BLOCK = 65_536
"""Rows whose scores a thread holds at a time."""
LEAST_BLOCK = 16_384
"""Rows from which on a thread of their own is worth the search for the best among them."""
MAX_POSTFILTERED = 64
"""Rows that a scan of few queries may find although they do not pass, and drop afterwards: a mask makes it slower."""
Scored = tuple[Vectors, Rows]
"""Scores (B, k) and rows (B, k), best first; row -1 where there are no more."""


@dataclass(frozen=True, slots=True)
class HubTerms:
    """What is taken off the scores of rows, for each query of a batch: a part of their hubness."""

    hubs: Vectors
    """(N,)."""
    weights: Vectors
    """(B,)."""

    def of(self, number: int, rows: Rows) -> Vectors:
        """Return what is taken off the scores (K,) of some rows for one query."""
        return np.asarray(self.weights[number] * self.hubs[rows])

    def among(self, numbers: Sequence[int]) -> HubTerms:
        """Return those of some of the queries."""
        return HubTerms(self.hubs, self.weights[numbers])


@dataclass(frozen=True, slots=True)
class Part:
    """A contiguous array of vectors, and which of its rows are compared."""

    start: int
    """Row that its first vector is of."""
    vectors: Vectors
    mask: Mask | None
    rows: Rows | None
    count: int
    """Rows that a scan of it may find."""
    hubs: Vectors | None
    """(n,) of its vectors; None where scores are cosines."""


def parts_of(vectors: RowVectors, mask: Mask | None, rows: Rows | None, hubs: Vectors | None = None) -> list[Part]:
    """Return the arrays to scan for the rows that `mask` (N,) lets pass, or for `rows`, which are in order."""
    start, parts = 0, []
    for part in (vectors.fixed, vectors.late):
        end = start + len(part)
        of_part = None if rows is None else rows[np.searchsorted(rows, start) : np.searchsorted(rows, end)] - start
        count = len(part if of_part is None else of_part)
        if count:
            passing = None if mask is None or rows is not None else mask[start:end]
            parts.append(Part(start, part, passing, of_part, count, None if hubs is None else hubs[start:end]))
        start = end
    return parts


def scan(parts: Sequence[Part], queries: Vectors, k: int, terms: HubTerms | None = None) -> Scored:
    """Return the best k rows of some arrays for each of B queries (B, D), with the numbers that they have in the whole.

    The scores are inner products, less the terms; the parts have the hubness where there are terms.
    """
    one = _scan_together if len(queries) >= PRODUCT_FROM else _scan_each
    found = [one(part, queries, min(k, part.count), None if terms is None else terms.weights) for part in parts]
    rows = [np.where(places >= 0, places + part.start, -1) for part, (_, places) in zip(parts, found, strict=True)]
    if len(parts) == 1:
        return found[0][0], rows[0]
    return _best_first(np.concatenate([scores for scores, _ in found], axis=1), np.concatenate(rows, axis=1), k)


def _best_first(scores: Vectors, places: Rows, k: int) -> Scored:
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(scores, order, axis=1), np.take_along_axis(places, order, axis=1)


def _scan_each(part: Part, queries: Vectors, k: int, weights: Vectors | None) -> Scored:
    """Scan one array for each query: `faiss.knn`, with a choice of rows, which FAISS's Python wrapper lacks.

    Unlike an index it needs no copy of the vectors.
    """
    if weights is not None and part.hubs is not None:
        return _scan_corrected(part, part.hubs, queries, k, weights)
    vectors, mask, rows = part.vectors, part.mask, part.rows
    count, dim = vectors.shape
    if mask is not None and (failing := count - int(np.count_nonzero(mask))) <= min(MAX_POSTFILTERED, count // 8):
        scores, places = _scan_each(replace(part, mask=None), queries, min(k + failing, count), None)
        passes = mask[places]
        return _best_first(np.where(passes, scores, -np.inf), np.where(passes, places, -1), k)
    scores = np.empty((len(queries), k), dtype=np.float32)
    places = np.empty((len(queries), k), dtype=np.int64)
    out = [faiss.swig_ptr(scores), faiss.swig_ptr(places)]
    given = [faiss.swig_ptr(queries), faiss.swig_ptr(vectors)]
    library: Any = faiss  # its stubs lack these arguments
    threads = faiss.omp_get_max_threads()
    if len(queries) == 1:
        # Threads share out queries: for a single one the others would only be woken. It holds for the calling thread.
        faiss.omp_set_num_threads(1)
    try:
        if rows is not None:
            rows = np.ascontiguousarray(rows, dtype=np.int64)
            sizes = [dim, len(queries), count, len(rows), k]
            library.knn_inner_products_by_idx(given[0], given[1], faiss.swig_ptr(rows), *sizes, *out, 0)
        elif mask is None:
            return faiss.knn(queries, vectors, k, metric=faiss.METRIC_INNER_PRODUCT)
        else:
            bits = np.packbits(mask, bitorder="little")
            selector = library.IDSelectorBitmap(bits)
            library.knn_inner_product(*given, dim, len(queries), count, k, *out, selector)
    finally:
        faiss.omp_set_num_threads(threads)
    return scores, places


def _scan_corrected(part: Part, hubs: Vectors, queries: Vectors, k: int, weights: Vectors) -> Scored:
    """Scan one array for each query, less its part (B,) of the hubness (n,): FAISS knows nothing of that."""
    rows = part.rows
    vectors, hubs = (part.vectors, hubs) if rows is None else (part.vectors[rows], hubs[rows])
    scores, places = [], []
    for query, weight in zip(queries, weights, strict=True):
        # einsum stays in the calling thread, as in `RowVectors.times`.
        found = np.einsum("ij,j->i", vectors, query) - weight * hubs
        if part.mask is not None:
            found[~part.mask] = -np.inf
        best = np.argpartition(found, len(found) - k)[len(found) - k :]
        scores.append(found[best])
        places.append(best if rows is None else rows[best])
    best_scores, best_places = _best_first(np.stack(scores), np.stack(places), k)
    return best_scores, np.where(best_scores > -np.inf, best_places, -1)


def _scan_together(part: Part, queries: Vectors, k: int, weights: Vectors | None) -> Scored:
    """Scan one array for all queries at once, by products of matrices: as many queries a product as are small.

    The blocks of rows are scanned side by side.
    """
    vectors, mask, rows, count = part.vectors, part.mask, part.rows, part.count
    few = max(1, SMALL_PRODUCT // (GROUP * vectors.shape[1]))
    if len(queries) > few:
        starts = range(0, len(queries), few)
        some = [None if weights is None else weights[start : start + few] for start in starts]
        pieces = [
            _scan_together(part, queries[start : start + few], k, of) for start, of in zip(starts, some, strict=True)
        ]
        scores, places = (np.concatenate(of_pieces) for of_pieces in zip(*pieces, strict=True))
        return scores, places
    transposed = np.ascontiguousarray(queries.T)
    numbers = np.arange(len(queries))[:, None]
    blocks = max(1, math.ceil(count / BLOCK), min(compute_threads(), count // LEAST_BLOCK))
    size = math.ceil(count / blocks / GROUP) * GROUP

    def best_of(start: int) -> Scored:
        end = min(start + size, count)
        block = vectors[start:end] if rows is None else vectors[rows[start:end]]
        scores = products(block, transposed)
        if weights is not None and part.hubs is not None:
            of_block = part.hubs[start:end] if rows is None else part.hubs[rows[start:end]]
            scores -= of_block[:, None] * weights
        if mask is not None:
            scores[~mask[start:end]] = -np.inf
        places = largest(scores, min(k, end - start))
        return scores[places, numbers], places + start

    found = each(best_of, range(0, count, size))
    best, places = (np.concatenate(parts, axis=1) for parts in zip(*found, strict=True))
    best, places = _best_first(best, places, k)
    if rows is not None:
        places = rows[places]
    return best, np.where(best > -np.inf, places, -1)
