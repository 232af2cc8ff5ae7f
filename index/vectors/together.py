"""Queries that vectors alone rank: those over the same products share a scan; what repeats a better result goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from index.attributes import Mask
from index.filters import Filters
from index.query import SearchQuery, Side
from index.records import Vectors
from index.results import MARGIN, SLACK, collapse, cut_at_min_score
from index.vectors.arrays import HubTerms
from index.vectors.pages import RankedRows
from index.vectors.scan import Ranked, top_k, top_products
from index.vectors.state import IndexState
from index.vectors.subset import RowSubset


@dataclass(frozen=True, slots=True)
class Together:
    """Queries over the same products: they share one scan. Above all, so do those over all products."""

    filters: Filters
    exclude: frozenset[str]
    numbers: list[int]


def queries_together(side: Side, queries: Mapping[int, SearchQuery]) -> Iterator[Together]:
    """Yield queries, by their numbers, that are over the same products."""
    groups: dict[Any, list[int]] = {}
    for number, query in queries.items():
        exclude = query.exclude if side == "images" else frozenset()
        groups.setdefault((frozenset(query.filters.items()), exclude), []).append(number)
    for (filters, exclude), numbers in groups.items():
        yield Together(dict(filters), exclude, numbers)


def ranked_together(
    state: IndexState,
    side: Side,
    vectors: Vectors,
    queries: Sequence[SearchQuery],
    group: Together,
    passing: Mask,
) -> Iterator[tuple[int, Ranked, int | None]]:
    """Yield for each query of a group its number, its first results with their scores, and how many there are.

    The results are those that reach the query's `min_score`, and at most as many as its `end`; `passing` (N,) are the
    rows that may be found.
    """
    subset = state.subset(side, passing)
    alone = {number for number in group.numbers if side == "images" and _needs_more(state, queries[number])}
    plain = [number for number in group.numbers if number not in alone]
    ends = [min(queries[number].end, subset.total) for number in plain]
    terms = hub_terms(state, [queries[number] for number in plain]) if side == "images" else None
    if side == "images":
        best = top_products(state.pictures, vectors[plain], ends, subset, terms)
    else:
        best = top_k(state.vectors[side], vectors[plain], ends, subset)
    found = dict(zip(plain, best, strict=True))
    for number in group.numbers:
        query = queries[number]
        if number in alone:
            yield number, *_ranked_alone(state, vectors[number : number + 1], query, subset, passing)
            continue
        rows, scores = found[number]
        if terms is not None and query.hub_weight:
            scores = state.pictures.cosines(vectors[number], rows)
        enough, total = cut_at_min_score(query, scores, subset.total)
        yield number, (rows[:enough], scores[:enough]), total


def hub_terms(state: IndexState, queries: Sequence[SearchQuery]) -> HubTerms | None:
    """Return what is taken off the cosines of pictures for some queries; None for nothing."""
    weights = np.array([query.hub_weight for query in queries], dtype=np.float32)
    return HubTerms(state.hubs, weights) if state.hubs is not None and weights.any() else None


def _needs_more(state: IndexState, query: SearchQuery) -> bool:
    """Return whether the first results do not tell a query's page: some repeat others, or are out of order."""
    return query.collapse is not None or (query.min_score is not None and hub_terms(state, [query]) is not None)


def _ranked_alone(
    state: IndexState, vector: Vectors, query: SearchQuery, subset: RowSubset, passing: Mask
) -> tuple[Ranked, int | None]:
    """Return the first results of one query (1, D) with their scores, and how many there are."""
    terms = hub_terms(state, [query])
    least = query.min_score
    ended = False  # whether the ranking had all that reach the minimum score

    def best(width: int) -> RankedRows:
        nonlocal ended
        if terms is not None and least is not None:
            (rows, scores), ended = _above(state, vector, subset, terms, least, width)
        else:
            ((rows, scores),) = top_products(state.pictures, vector, [width], subset, terms)
        return RankedRows(state, partial(state.pictures.nearest, vector[0]), rows, scores)

    total: int | None = subset.total
    if query.collapse is None:
        ranking = best(query.end)
        rows, scores = ranking.rows, ranking.scores
    else:
        ranking, places, total = collapse(query, subset.total, best)
        if query.collapse == "title":
            total = state.title_count(passing)
        rows, scores = ranking.rows[places], ranking.scores[places]
    if terms is not None:
        scores = state.pictures.cosines(vector[0], rows)
        if least is not None:
            return (rows, scores), len(rows) if ended and len(rows) < query.end else None
    enough, total = cut_at_min_score(query, scores, total)
    return (rows[:enough], scores[:enough]), total


def _above(
    state: IndexState, vector: Vectors, subset: RowSubset, terms: HubTerms, least: float, width: int
) -> tuple[Ranked, bool]:
    """Return the first `width` rows of one corrected query (1, D) whose cosine is `least` or more.

    And whether these are all. What is corrected is not ordered by the cosine: the ranking is widened until a row that
    reaches it would have come before.
    """
    # Where the hubness is greatest, such a row has this much left.
    left = least - float(terms.weights[0] * terms.hubs.max(initial=0.0)) - SLACK * float(np.linalg.norm(vector))
    looked = min(width + MARGIN, subset.total)
    while True:
        ((rows, scores),) = top_products(state.pictures, vector, [looked], subset, terms)
        kept = state.pictures.cosines(vector[0], rows) >= least
        ended = looked == subset.total or not len(rows) or float(scores[-1]) < left
        if ended or np.count_nonzero(kept) >= width:
            found = rows[kept], scores[kept]
            return (found[0][:width], found[1][:width]), ended and len(found[0]) <= width
        looked = min(4 * looked, subset.total)


def scan_all(state: IndexState, vector: Vectors, query: SearchQuery, passing: Mask) -> Callable[[int], Ranked]:
    """Return what finds the best rows of one query (D,) among those that pass (N,), exactly: by no index."""
    subset = RowSubset(None if passing is state.alive and state.count == len(passing) else passing, len(passing))
    terms = hub_terms(state, [query])

    def best(width: int) -> Ranked:
        return top_products(state.pictures, vector[None], [min(width, subset.total)], subset, terms, exact=True)[0]

    return best
