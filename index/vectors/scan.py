"""The best k rows for each query of a batch, exactly: by a scan of all rows, or among the candidates of an index.

Knows rows and vectors, no products and no filters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from index.ann import DEPTH, AnnIndex
from index.records import Vectors
from index.results import MARGIN, SLACK, score_exactly
from index.vectors.arrays import HubTerms, parts_of, scan
from index.vectors.pictures import Pictures
from index.vectors.rows import Rows, RowVectors
from index.vectors.subset import RowSubset

FILTER_WIDENING = 2
"""How many times as far an index looks under a filter as the part of the rows that passes would suggest."""

NEARLY_ALL = 0.95
"""Part of the rows from which on they are spread as all rows are: what was deleted is no filter."""

EXACT_ROW_WORTH = 4
"""A search that looks only at rows that pass is exact, and worth this many rows of one that visits lists or a graph."""

CORRECTED_WIDENING = 2
"""How many times as many candidates an index gives, and how many times as far it looks for them, where hubness is taken
off, of which it knows nothing.

With twice as many, no more of the corrected results is missing than of those by the cosine.
"""

WIDENING = 4
"""How many times as many further pictures are looked at where the first ones do not settle the order."""

Ranked = tuple[Rows, Vectors]
"""Rows (K,) and their scores (K,), best first, equals by row."""


def top_k(
    vectors: RowVectors,
    queries: Vectors,
    ends: Sequence[int],
    subset: RowSubset,
    terms: HubTerms | None = None,
) -> list[Ranked]:
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
        terms: taken off the inner products, of N rows and B queries.
    """
    results = _among_candidates(vectors, queries, ends, subset, terms)
    total = subset.total
    widths = [min(end + MARGIN, total) for end in ends]
    slacks = SLACK * np.linalg.norm(queries, axis=1)
    pending = [number for number, end in enumerate(ends) if end > 0 and number not in results]
    parts = parts_of(vectors, subset.mask, subset.rows, None if terms is None else terms.hubs) if pending else []
    while pending:
        widest = max(widths[number] for number in pending)
        near, found = scan(parts, queries[pending], widest, None if terms is None else terms.among(pending))
        unsettled = []
        for row, number in enumerate(pending):
            end, width = ends[number], widths[number]
            rows = found[row, :width]
            rows = rows[rows >= 0]
            less = None if terms is None else terms.of(number, rows)
            order, scores = score_exactly(queries[number], vectors.of(rows), rows, less)
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
    pictures: Pictures,
    queries: Vectors,
    ends: Sequence[int],
    subset: RowSubset,
    terms: HubTerms | None = None,
    *,
    exact: bool = False,
) -> list[Ranked]:
    """Return the best `ends[i]` rows of a subset for query i, each by its nearest picture; as `top_k`.

    A product among the best has its place by its first picture or by a further one. So the best by each are looked at
    together, and more of the further ones until all that are left out are worse beyond doubt. `exact`: by no index.
    """
    results = top_k(pictures.first, queries, ends, subset, terms)
    if not pictures.several:
        return results
    among = pictures.subset(subset, exact=exact)
    further = None if terms is None else replace(terms, hubs=pictures.of_owners(terms.hubs))
    widths = {number: min(end + MARGIN, among.total) for number, end in enumerate(ends) if end > 0 and among.total}
    while widths:
        numbers = list(widths)
        wanted = [widths[number] for number in numbers]
        chosen = None if further is None else further.among(numbers)
        found = top_k(pictures.further, queries[numbers], wanted, among, chosen)
        for number, (places, near) in zip(numbers, found, strict=True):
            rows = np.union1d(results[number][0], pictures.owners_of(places))
            scores = pictures.cosines(queries[number], rows)
            if terms is not None:
                scores = scores - terms.of(number, rows)
            order = np.lexsort((rows, -scores))[: ends[number]]
            results[number] = rows[order], scores[order]
            if widths[number] < among.total and len(near) and near[-1] >= scores[order[-1]]:
                widths[number] = min(WIDENING * widths[number], among.total)
            else:
                del widths[number]
    return results


def _among_candidates(
    vectors: RowVectors, queries: Vectors, ends: Sequence[int], subset: RowSubset, terms: HubTerms | None
) -> dict[int, Ranked]:
    """Return the results of the queries that the candidates of the subset's index are enough for."""
    ann = subset.ann
    if ann is None or (subset.mask is not None and subset.total <= EXACT_ROW_WORTH * ann.choice.visited):
        return {}
    shallow = [number for number, end in enumerate(ends) if 0 < end <= DEPTH]
    if not shallow:
        return {}
    results: dict[int, Ranked] = {}
    # Those that nothing is taken off are asked apart: what they find must not depend on their company.
    plain = [number for number in shallow if terms is None or not terms.weights[number]]
    corrected = [number for number in shallow if terms is not None and terms.weights[number]]
    for numbers, chosen in ((plain, None), (corrected, terms)):
        of_numbers = None if chosen is None else chosen.among(numbers)
        candidates = _candidates(ann, vectors, queries[numbers], subset, of_numbers) if numbers else ()
        for number, rows in zip(numbers, candidates, strict=True):
            rows = rows[rows >= 0]
            if len(rows) >= ends[number]:
                less = None if chosen is None else chosen.of(number, rows)
                order, scores = score_exactly(queries[number], vectors.of(rows), rows, less)
                results[number] = rows[order[: ends[number]]], scores[: ends[number]]
    return results


def _candidates(
    ann: AnnIndex, vectors: RowVectors, queries: Vectors, subset: RowSubset, terms: HubTerms | None
) -> Rows:
    """Return the candidates (B, W) of an index, and the best of the rows that it does not know; -1 for no more."""
    bits, share = subset.ann_bits
    # What passes a filter is seldom spread as the rest: near a query there may be little of it.
    share = share if share > NEARLY_ALL else share / FILTER_WIDENING
    found = ann.search(queries, bits, share, 1 if terms is None else CORRECTED_WIDENING)
    if subset.labels is not None:
        found = np.where(found >= 0, subset.labels[found], -1)
    others = subset.beyond_ann
    if len(others):
        width = min(ann.choice.width, len(others))
        parts = parts_of(vectors, None, others, None if terms is None else terms.hubs)
        _, more = scan(parts, queries, width, terms)
        found = np.concatenate([found, more], axis=1)
    return found
