"""The best k rows for each query of a batch, exactly: by a scan of all rows, or among the candidates of an index.

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
from index.ann import DEPTH, AnnIndex
from index.attributes import Mask
from index.records import Vectors
from index.results import MARGIN, SLACK, SMALL_PRODUCT, score_exactly
from index.vectors.block import GROUP, largest, products
from index.vectors.pictures import Pictures
from index.vectors.rows import Rows, RowVectors
from index.vectors.side_by_side import each
from index.vectors.subset import RowSubset

PRODUCT_FROM = 8
"""Queries from which on a product of matrices is faster than a scan of each."""

BLOCK = 65_536
"""Rows whose scores a thread holds at a time."""
LEAST_BLOCK = 16_384
"""Rows from which on a thread of their own is worth the search for the best among them."""

MAX_POSTFILTERED = 64
"""Rows that a scan of few queries may find although they do not pass, and drop afterwards: a mask makes it slower."""

FILTER_WIDENING = 2
"""How many times as far an index looks under a filter as the part of the rows that passes would suggest."""

NEARLY_ALL = 0.95
"""Part of the rows from which on they are spread as all rows are: what was deleted is no filter."""

EXACT_ROW_WORTH = 4
"""A search that looks only at rows that pass is exact, and worth this many rows of one that visits lists or a graph."""

WIDENING = 4
"""How many times as many further pictures are looked at where the first ones do not settle the order."""

Ranked = tuple[Rows, Vectors]
"""Rows (K,) and their scores (K,), best first, equals by row."""
Scored = tuple[Vectors, Rows]
"""Scores (B, k) and rows (B, k), best first; row -1 where there are no more."""


def top_k(vectors: RowVectors, queries: Vectors, ends: Sequence[int], subset: RowSubset) -> list[Ranked]:
    """Return the best `ends[i]` rows of a subset for query i.

    Candidates of an index come first, where there is one and it pays. A scan finds everything else. It computes the
    same score in different ways depending on the size of the batch, and keeps any of several equals at the end of its
    list. What it returns is therefore scored again in one fixed way, and widened until everything left out is worse
    beyond doubt. So an answer depends neither on the other queries of the batch nor on how it is paged.

    Args:
        vectors: (N, D) of one side.
        queries: (B, D).
        ends: B numbers of rows, each at most `subset.total`.
        subset: of the N rows.
    """
    results = _among_candidates(vectors, queries, ends, subset)
    total = subset.total
    widths = [min(end + MARGIN, total) for end in ends]
    slacks = SLACK * np.linalg.norm(queries, axis=1)
    pending = [number for number, end in enumerate(ends) if end > 0 and number not in results]
    parts = _parts(vectors, subset.mask, subset.rows) if pending else []
    while pending:
        widest = max(widths[number] for number in pending)
        scan = _scan_together if len(pending) >= PRODUCT_FROM else _scan_each
        scans = [scan(part, queries[pending], min(widest, part.count)) for part in parts]
        near, found = _merged(parts, scans, widest)
        unsettled = []
        for row, number in enumerate(pending):
            end, width = ends[number], widths[number]
            rows = found[row, :width]
            rows = rows[rows >= 0]
            order, scores = score_exactly(queries[number], vectors.of(rows), rows)
            # A row that was left out scores at most as the last one that was found, give or take the slack.
            if width < total and near[row, width - 1] > scores[:end][-1] - slacks[number]:
                widths[number] = min(8 * width, total)
                unsettled.append(number)
            else:
                results[number] = rows[order[:end]], scores[:end]
        pending = unsettled
    nothing = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
    return [results.get(number, nothing) for number in range(len(ends))]


def top_products(
    pictures: Pictures, queries: Vectors, ends: Sequence[int], subset: RowSubset, *, exact: bool = False
) -> list[Ranked]:
    """Return the best `ends[i]` rows of a subset for query i, each by its nearest picture; as `top_k`.

    A product among the best has its place by its first picture or by a further one. So the best by each are looked at
    together, and more of the further ones until all that are left out are worse beyond doubt. `exact`: by no index.
    """
    results = top_k(pictures.first, queries, ends, subset)
    if not pictures.several:
        return results
    among = pictures.subset(subset, exact=exact)
    widths = {number: min(end + MARGIN, among.total) for number, end in enumerate(ends) if end > 0 and among.total}
    while widths:
        numbers = list(widths)
        found = top_k(pictures.further, queries[numbers], [widths[number] for number in numbers], among)
        for number, (places, near) in zip(numbers, found, strict=True):
            rows = np.union1d(results[number][0], pictures.owners_of(places))
            scores = pictures.cosines(queries[number], rows)
            order = np.lexsort((rows, -scores))[: ends[number]]
            results[number] = rows[order], scores[order]
            if widths[number] < among.total and len(near) and near[-1] >= scores[order[-1]]:
                widths[number] = min(WIDENING * widths[number], among.total)
            else:
                del widths[number]
    return results


def _among_candidates(
    vectors: RowVectors, queries: Vectors, ends: Sequence[int], subset: RowSubset
) -> dict[int, Ranked]:
    """Return the results of the queries that the candidates of the subset's index are enough for."""
    ann = subset.ann
    if ann is None or (subset.mask is not None and subset.total <= EXACT_ROW_WORTH * ann.choice.visited):
        return {}
    shallow = [number for number, end in enumerate(ends) if 0 < end <= DEPTH]
    if not shallow:
        return {}
    results: dict[int, Ranked] = {}
    candidates = _candidates(ann, vectors, queries[shallow], subset)
    for number, rows in zip(shallow, candidates, strict=True):
        rows = rows[rows >= 0]
        if len(rows) >= ends[number]:
            order, scores = score_exactly(queries[number], vectors.of(rows), rows)
            results[number] = rows[order[: ends[number]]], scores[: ends[number]]
    return results


def _candidates(ann: AnnIndex, vectors: RowVectors, queries: Vectors, subset: RowSubset) -> Rows:
    """Return the candidates (B, W) of an index, and the best of the rows that it does not know; -1 for no more."""
    bits, share = subset.ann_bits
    # What passes a filter is seldom spread as the rest: near a query there may be little of it.
    found = ann.search(queries, bits, share if share > NEARLY_ALL else share / FILTER_WIDENING)
    if subset.labels is not None:
        found = np.where(found >= 0, subset.labels[found], -1)
    others = subset.beyond_ann
    if len(others):
        width = min(ann.choice.width, len(others))
        scan = _scan_together if len(queries) >= PRODUCT_FROM else _scan_each
        parts = _parts(vectors, None, others)
        _, more = _merged(parts, [scan(part, queries, min(width, part.count)) for part in parts], width)
        found = np.concatenate([found, more], axis=1)
    return found


@dataclass(frozen=True, slots=True)
class _Part:
    """A contiguous array of vectors, and which of its rows are compared."""

    start: int
    """Row that its first vector is of."""
    vectors: Vectors
    mask: Mask | None
    rows: Rows | None
    count: int
    """Rows that a scan of it may find."""


def _parts(vectors: RowVectors, mask: Mask | None, rows: Rows | None) -> list[_Part]:
    """Return the arrays to scan for the rows that `mask` (N,) lets pass, or for `rows`, which are in order."""
    start, parts = 0, []
    for part in (vectors.fixed, vectors.late):
        end = start + len(part)
        of_part = None if rows is None else rows[np.searchsorted(rows, start) : np.searchsorted(rows, end)] - start
        count = len(part if of_part is None else of_part)
        if count:
            parts.append(
                _Part(start, part, None if mask is None or rows is not None else mask[start:end], of_part, count)
            )
        start = end
    return parts


def _merged(parts: Sequence[_Part], found: Sequence[Scored], k: int) -> Scored:
    """Return the best k of what the scan of each part found, with rows of the whole."""
    rows = [np.where(places >= 0, places + part.start, -1) for part, (_, places) in zip(parts, found, strict=True)]
    if len(parts) == 1:
        return found[0][0], rows[0]
    return _sorted(np.concatenate([scores for scores, _ in found], axis=1), np.concatenate(rows, axis=1), k)


def _sorted(scores: Vectors, places: Rows, k: int) -> Scored:
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(scores, order, axis=1), np.take_along_axis(places, order, axis=1)


def _scan_each(part: _Part, queries: Vectors, k: int) -> Scored:
    """Scan one array for each query: `faiss.knn`, with a choice of rows, which FAISS's Python wrapper lacks.

    Unlike an index it needs no copy of the vectors.
    """
    vectors, mask, rows = part.vectors, part.mask, part.rows
    count, dim = vectors.shape
    if mask is not None and (failing := count - int(np.count_nonzero(mask))) <= min(MAX_POSTFILTERED, count // 8):
        scores, places = _scan_each(replace(part, mask=None), queries, min(k + failing, count))
        passes = mask[places]
        return _sorted(np.where(passes, scores, -np.inf), np.where(passes, places, -1), k)
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


def _scan_together(part: _Part, queries: Vectors, k: int) -> Scored:
    """Scan one array for all queries at once, by products of matrices: as many queries a product as are small.

    The blocks of rows are scanned side by side.
    """
    vectors, mask, rows, count = part.vectors, part.mask, part.rows, part.count
    few = max(1, SMALL_PRODUCT // (GROUP * vectors.shape[1]))
    if len(queries) > few:
        pieces = [_scan_together(part, queries[start : start + few], k) for start in range(0, len(queries), few)]
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
        if mask is not None:
            scores[~mask[start:end]] = -np.inf
        places = largest(scores, min(k, end - start))
        return scores[places, numbers], places + start

    found = each(best_of, range(0, count, size))
    best, places = (np.concatenate(parts, axis=1) for parts in zip(*found, strict=True))
    best, places = _sorted(best, places, k)
    if rows is not None:
        places = rows[places]
    return best, np.where(best > -np.inf, places, -1)
