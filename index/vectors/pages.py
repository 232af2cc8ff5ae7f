"""From a ranking to a page: total, facets, order, collapsing and hits, by rules that all stores share.

Knows rows and their products; not where their vectors are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from index.attributes import Mask
from index.filters import Filters
from index.histograms import Histogram
from index.query import SearchQuery, Side
from index.ranking.calibrate import Calibration
from index.ranking.fuse import kind_of
from index.records import Vectors
from index.results import DescriptionHit, Hit, Page, Signals, collapse
from index.vectors.browsing import BrowseRanking
from index.vectors.grouped import GroupedRanking
from index.vectors.hybrid import HybridRanking
from index.vectors.rows import Nearest, Rows
from index.vectors.scan import Ranked
from index.vectors.state import IndexState


@dataclass(frozen=True, slots=True)
class RankedRows:
    """Rows that a search found, best first, as `collapse` reads them."""

    state: IndexState
    pictures_of: Callable[[Rows], Nearest]
    """From rows to the pictures by which they were found."""
    rows: Rows
    scores: Vectors

    def title_keys(self) -> Rows:
        """Return the number (K,) of each row's title."""
        return np.asarray(self.state.title_of[self.rows])

    def vectors(self, places: slice) -> Vectors:
        """Return the vectors (n, D) of the pictures by which some of the rows were found."""
        return self.pictures_of(self.rows[places]).vectors


def needs_scores(query: SearchQuery) -> bool:
    """Return whether a query is answered by scores of its own, not by the scan that queries share."""
    worded = query.mode != "vector" and (query.parsed is not None or query.mode == "lexical")
    ordered = query.sort is not None or query.browse or query.group_by is not None
    return worded or ordered or query.cutoff is not None


def relevance_of(calibration: Calibration, side: Side, query: SearchQuery, cosines: Vectors) -> Vectors | None:
    """Return the relevance (K,) of the cosines (K,) of a query that vectors alone rank; descriptions have none."""
    curve = calibration.curves.get(kind_of("vector", None, query.text_share)) if side == "images" else None
    return None if curve is None else curve.of(cosines)


def ranked_page(
    state: IndexState,
    side: Side,
    query: SearchQuery,
    ranking_of: Callable[[Filters], HybridRanking | BrowseRanking],
    facets_of: Callable[[Filters, Sequence[str]], dict[str, dict[str, int]]],
    top: Callable[[int], Ranked] | None = None,
) -> Page[Any]:
    """Return the page of a query whose results depend on more than the order of one cosine.

    Args:
        state: the version.
        side: what is found.
        query: what is asked.
        ranking_of: returns the ranking of what passes some filters; it may be over more rows than these.
        facets_of: returns the counts of all that passes the filters, for attributes.
        top: returns the best rows of all that passes, where there is a faster way than by the ranking.
    """
    if query.grouping is not None and side == "images":
        return _grouped_page(state, query, query.grouping, ranking_of, top)
    excluded = query.exclude if side == "images" else ()
    passing = state.passing(query.filters, excluded)
    ranking = ranking_of(query.filters)
    among = state.rows_of(side, passing)
    total: int | None = int(np.count_nonzero(among & ranking.relevant if ranking.bounded else among))
    if query.sort is not None:
        rows, scores = ranking.sorted(query.sort, query.end, among)
    elif query.collapse is not None and side == "images":
        chosen, places, total = collapse(
            query, total or 0, lambda width: RankedRows(state, ranking.pictures, *ranking.top(width, among))
        )
        rows, scores = chosen.rows[places], chosen.scores[places]
    else:
        rows, scores = ranking.top(query.end, among)
    if not ranking.complete and (ranking.bounded or query.collapse is not None):
        total = None
    rows = rows[query.offset :]
    scores = ranking.shown(rows, scores[query.offset :])

    def counted_of(others: Filters) -> Mask:
        if not ranking.bounded:
            return state.passing(others)
        # Most attributes have no filter of their own: what counts of them is what was ranked.
        relevant = (ranking if others == query.filters else ranking_of(others)).relevant
        return state.passing(others, excluded) & (state.carrying(relevant) if side == "texts" else relevant)

    if ranking.bounded:
        facets = {name: state.value_counts(name, counted_of(query.others(name))) for name in query.facets}
    else:
        facets = facets_of(query.filters, query.facets)
    relevance, signals = ranking.relevance(rows, scores), ranking.signals(rows)
    numbers = ranking.picture_numbers(rows) if side == "images" else ()
    hits = hits_of(state, side, rows, scores, passing, relevance, numbers, signals)
    spread = histograms(query, counted_of, state.histogram)
    return Page(hits, total, facets, spread, ranking.cutoff, ranking.kind)


def histograms(
    query: SearchQuery, counted_of: Callable[[Filters], Mask], histogram_of: Callable[[str, Mask], Histogram | None]
) -> dict[str, Histogram]:
    """Return how the attributes that a query asks for are spread; each one's own filter is left out.

    Args:
        query: what is asked.
        counted_of: returns which rows (N,) count, of those that pass some filters.
        histogram_of: returns how an attribute is spread among rows (N,).
    """
    found = {}
    for name in query.histograms:
        spread = histogram_of(name, counted_of(query.others(name)))
        if spread is not None:
            found[name] = spread
    return found


def _grouped_page(
    state: IndexState,
    query: SearchQuery,
    name: str,
    ranking_of: Callable[[Filters], HybridRanking | BrowseRanking],
    top: Callable[[int], Ranked] | None,
) -> Page[Any]:
    """Return the page of a query for products whose results are groups, by the attribute `name`."""
    passing = state.passing(query.filters, query.exclude)
    ranking = ranking_of(query.filters)
    grouping = state.grouping(name)
    among = passing & ranking.relevant if ranking.bounded else passing
    found = GroupedRanking(state, grouping, ranking, query.sort, among, top)
    rows, exact, groups = found.best(query.end)
    if len(rows) < min(query.end, found.total):
        rows, exact, groups = found.best(query.end, whole=True)
    rows, groups = rows[query.offset :], groups[query.offset :]
    scores = ranking.shown(rows, exact[query.offset :].astype(np.float32))
    total: int | None = found.total

    def counted_of(others: Filters) -> Mask:
        counted = state.passing(others, query.exclude)
        return counted & ranking_of(others).relevant if ranking.bounded else counted

    facets = {name: grouping.value_counts(name, counted_of(query.others(name))) for name in query.facets}
    spread = histograms(query, counted_of, grouping.histogram)
    worths, parts = ranking.relevance(rows, scores), ranking.signals(rows)
    hits = hits_of(state, "images", rows, scores, passing, worths, ranking.picture_numbers(rows), parts)
    grouped = zip(hits, found.members(groups), strict=True)
    hits = [replace(hit, group=group) for hit, group in grouped if isinstance(hit, Hit)]
    if ranking.bounded and not ranking.complete:
        total = None
    return Page(hits, total, facets, spread, ranking.cutoff, ranking.kind)


def hits_of(
    state: IndexState,
    side: Side,
    rows: Rows,
    scores: Vectors,
    passing: Mask,
    relevance: Vectors | None,
    numbers: Sequence[int],
    signals: Sequence[Signals | None] | None = None,
) -> list[Hit] | list[DescriptionHit]:
    """Return the hits of some rows; of descriptions, with those of their products that are `passing` (N,).

    `numbers`: of the pictures by which products were found.
    """
    table = state.rows
    worths = [None] * len(rows) if relevance is None else relevance.tolist()
    scored = list(zip(rows.tolist(), scores.tolist(), worths, strict=True))
    if side == "images":
        parts = [None] * len(rows) if signals is None else signals
        return [
            Hit(table.product(row), score, worth, part, number)
            for (row, score, worth), part, number in zip(scored, parts, numbers, strict=True)
        ]
    hits = []
    for title_row, score, worth in scored:
        carrying = table.rows_with_title(int(state.title_of[title_row]))
        ids = [table.product(row).id for row in carrying if row < len(passing) and passing[row]]
        hits.append(DescriptionHit(table.product(title_row).title, score, ids, worth))
    return hits
