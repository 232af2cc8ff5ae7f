"""What the figures stand on: how each query fares, what it finds first, and how similar right and wrong pairs are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from index.metrics.rank import TIE, Integers, checked_pair, score_rows
from index.records import FurtherVectors, Vectors

BINS = 100
"""Of a histogram of similarities, which run from -1 to 1."""
SHOWN_FOUND = 4
"""How many of the first results of a query are shown."""
BLOCK = 64
"""Scores of a block, of which only the best is compared at first."""


class QueryStats(NamedTuple):
    """How Q queries fared, and how similar their pairs are."""

    rank: Integers
    """(Q,) of the best relevant item; a tie counts against it."""
    right: Vectors
    """(Q,) similarity of the best relevant item."""
    wrong: Vectors
    """(Q,) similarity of the best irrelevant item; -1 where there is none."""
    own: Integers
    """(Q,) the best relevant item."""
    found: Integers
    """(Q, F) the first results, F = `SHOWN_FOUND` at most; of equal ones the first in the gallery comes first."""
    scores: Vectors
    """(Q, F) their similarity."""
    histograms: dict[str, Integers]
    """"right" and "wrong": (BINS,) how many pairs; "nearest_wrong": each query's best irrelevant item only."""


def query_stats(
    queries: Vectors,
    gallery: Vectors,
    relevant: tuple[Integers, Integers],
    further: FurtherVectors | None = None,
) -> QueryStats:
    """Return rank and similarities of every query, and the distribution of the similarities of all Q x N pairs.

    One pass, which holds a bounded part of the (Q, N) scores at a time. Arguments are those of `ranks`; every query
    needs a relevant item.
    """
    queries, gallery = checked_pair(queries, gallery)
    indptr, indices = relevant
    rank = np.empty(len(queries), dtype=np.int64)
    right, wrong = (np.empty(len(queries), dtype=np.float32) for _ in range(2))
    own = np.empty(len(queries), dtype=np.int64)
    shown = min(SHOWN_FOUND, len(gallery))
    found, found_scores = np.empty((len(queries), shown), dtype=np.int64), np.empty((len(queries), shown), np.float32)
    pairs, right_pairs, nearest = (np.zeros(BINS, dtype=np.int64) for _ in range(3))
    for query, row in score_rows(queries, gallery, further):
        items = indices[indptr[query] : indptr[query + 1]]
        scores = row[items]
        best = scores.argmax()
        own[query], right[query] = items[best], scores[best]
        found[query] = first_of(row, shown)
        found_scores[query] = row[found[query]]
        at_least = right[query] - np.float32(TIE)
        rank[query] = np.count_nonzero(row >= at_least) - np.count_nonzero(scores >= at_least) + 1
        pairs += _binned(row)
        right_pairs += _binned(scores)
        row[items] = -1  # the row is overwritten later anyway
        wrong[query] = row.max()
        if len(items) < len(row):
            nearest += _binned(wrong[query : query + 1])
    histograms = {"right": right_pairs, "wrong": pairs - right_pairs, "nearest_wrong": nearest}
    return QueryStats(rank, right, wrong, own, found, found_scores, histograms)


def first_of(row: Vectors, count: int) -> Integers:
    """Return where the `count` highest of some scores (N,) are, the highest first; of equal ones the first.

    Only the scores of the `count` blocks that have the highest ones are ordered: the others have none of them.
    """
    blocks = np.arange(0, len(row), BLOCK)
    if len(blocks) > count:
        tops = np.maximum.reduceat(row, blocks)
        chosen = np.sort(np.argsort(-tops, kind="stable")[:count]) * BLOCK
        places = (chosen[:, None] + np.arange(BLOCK)).ravel()
        places = places[places < len(row)]
    else:
        places = np.arange(len(row))
    return places[np.argsort(-row[places], kind="stable")[:count]]


def _binned(scores: Vectors) -> Integers:
    """Return how many of `scores` fall into each of the bins (BINS,) between -1 and 1."""
    places = ((scores + np.float32(1)) * np.float32(BINS / 2)).astype(np.int32)
    return np.bincount(places.clip(0, BINS - 1), minlength=BINS)
