"""What a search answers, and the rules for results that every search keeps: order, collapsing, the minimum score.

Pure functions over plain arrays. Knows no storage and no scan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from index.histograms import Histogram
from index.product import Product
from index.query import Collapse, SearchQuery
from index.records import Vectors

MARGIN = 16
"""Results fetched beyond those wanted, so that the order among equals can usually be settled in one go."""

SLACK = 4e-6
"""Two computations of the same score differ by less than this, for a query of unit length."""

PIECE = 256
"""Results whose vectors are compared with one another at a time."""

EXAMINED: Mapping[Collapse, int] = {"title": 20_000, "image": 10_000}
"""Best results that a search which collapses looks through, at most: what comes after them is not found by it."""
MEMBERS = 20
"""Products of a group that are told, at most."""
COMPARED = 10_000_000
"""Pairs of pictures that it compares, at most, once it has looked through twice as many results as are wanted."""
ROWS, SMALL_PRODUCT = 16, 1 << 18
"""Rows of a product of matrices, and multiplications in it, that OpenBLAS computes in one thread."""
SAME = 1e-6
"""Cosines that differ by less are equal: that of a picture with itself is summed to a little more or less than 1."""

Integers = npt.NDArray[np.int64]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Signals:
    """What carried a hit, each 1 at best; None where it was not looked at."""

    words: float | None
    """Part of the query's words that the product carries, rare ones counting more."""
    title: float | None
    """Cosine of query and title."""
    image: float | None
    """Cosine of query and picture."""


@dataclass(frozen=True, slots=True)
class Group:
    """The products that one result stands for, where a search groups them."""

    value: str | None
    """The value that they share, as it was first written; None for a product without one, which is alone."""
    count: int
    """How many of them pass."""
    members: list[Product]
    """The best of them in the order of the results, at most `MEMBERS`; the first one is the hit's."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A product that was found.

    The score is 1 at best. It is what ranks the product, but in mode vector: there it is the inner product, and the
    order follows it less a part of the product's hubness where the query asks for that.
    """

    product: Product
    score: float
    relevance: float | None = None
    """How often such a score is right, 0 to 1; None where that was not measured."""
    signals: Signals | None = None
    picture: int = 0
    """Number of its picture that matched best, the first for 0."""
    group: Group | None = None
    """Which products it stands for; None where the search groups nothing."""


@dataclass(frozen=True, slots=True)
class DescriptionHit:
    """A description that was found, and the products that carry it."""

    description: str
    score: float
    product_ids: list[str]
    relevance: float | None = None


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some of the results of one query, best first; equal scores stand in catalogue order."""

    hits: list[T]
    total: int | None
    """How many products (or descriptions) there are to page through; None where that is not known."""
    facets: dict[str, dict[str, int]] = field(default_factory=dict)
    """Attribute -> value -> products that pass, the most frequent value first; an attribute's own filter left out."""
    histograms: dict[str, Histogram] = field(default_factory=dict)
    """Attribute -> how its numbers or dates are spread among what the facets count; none for one that is gone."""
    cutoff: float | None = None
    """The relevance below which results were left out; None: none were."""
    kind: str | None = None
    """Which queries the scores are comparable with, one of `index.ranking.Kind`; None: those of vectors alone."""
    notes: tuple[str, ...] = ()
    """What a caller should know of the answer, such as how many products hold no number where one was compared."""


def score_exactly(
    query: Vectors, vectors: Vectors, rows: Integers, less: Vectors | None = None
) -> tuple[Integers, Vectors]:
    """Return the order of some rows for a query, best first and equals by row, and their scores in that order.

    A score is summed in one fixed way: the same pair of vectors has the same score to the last bit, whatever found it.

    Args:
        query: (D,).
        vectors: (K, D), of the rows.
        rows: (K,), positions in the catalogue's order.
        less: (K,), taken off the scores.
    """
    scores = (vectors * query).sum(axis=1)
    if less is not None:
        scores = scores - less
    order = np.lexsort((rows, -scores))
    return order, scores[order]


class Ranking(Protocol):
    """The best K results of one query, best first."""

    @property
    def scores(self) -> Vectors:
        """(K,)."""

    def title_keys(self) -> Integers:
        """Return (K,) numbers that are equal for results with the same title."""

    def vectors(self, places: slice) -> Vectors:
        """Return the image vectors (n, D) of some of the results."""


R = TypeVar("R", bound=Ranking)


class Collapsed(NamedTuple, Generic[R]):
    """Which results of a ranking are left after collapsing."""

    ranking: R
    places: Integers
    """In the ranking; at most the query's `end` of them, best first."""
    total: int | None
    """How many there are in all, where the ranking was long enough to know."""


def collapse(query: SearchQuery, total: int, best: Callable[[int], R]) -> Collapsed[R]:
    """Return the best results that do not repeat a better one; `best` ranks the first `width` of `total`.

    The ranking is widened until enough of it is left, or as many results are looked through as ever are.
    """
    assert query.collapse is not None  # noqa: S101 - else there is nothing to collapse
    most = EXAMINED[query.collapse]
    if query.collapse == "image":
        most = min(most, max(2 * query.end, COMPARED // query.end))
    width, most = min(query.end, total), min(most, total)
    while True:
        ranking = best(width)
        if query.collapse == "title":
            places = _first_of_each(ranking.title_keys())
        else:
            places = _drop_near_duplicates(ranking, query.collapse_threshold, query.end)
        if len(places) >= query.end or width >= most:
            break
        width = min(4 * width, most)
    known = len(places) if width == total and len(places) < query.end else None
    return Collapsed(ranking, places[: query.end], known)


def _first_of_each(keys: Integers) -> Integers:
    """Return the first place of each distinct key, in order."""
    return np.sort(np.unique(keys, return_index=True)[1]).astype(np.int64)


def _drop_near_duplicates(ranking: Ranking, threshold: float, end: int) -> Integers:
    """Return the places, in order, of those with no better one nearer than `threshold`; at most `end`."""
    count = len(ranking.scores)
    near = threshold - SAME
    kept: Vectors = np.empty((0, 0), dtype=np.float32)
    places: list[int] = []
    for start in range(0, count, PIECE):
        piece = ranking.vectors(slice(start, start + PIECE))
        if not start:
            kept = np.empty((min(end, count), piece.shape[1]), dtype=np.float32)
        others = np.arange(len(piece))
        if places:
            others = np.flatnonzero(_cosines(piece, kept[: len(places)]).max(axis=1) < near)
        # What is left is compared with one another, since those that are kept of it count too.
        alike = _cosines(piece[others], piece[others]) >= near
        dropped = np.zeros(len(others), dtype=np.bool_)
        for number, place in enumerate(others.tolist()):
            if dropped[number]:
                continue
            kept[len(places)] = piece[place]
            places.append(start + place)
            if len(places) == end:
                return np.array(places, dtype=np.int64)
            dropped |= alike[number]
    return np.array(places, dtype=np.int64)


def _cosines(vectors: Vectors, others: Vectors) -> Vectors:
    """Return the inner products (n, m) of `vectors` (n, D) with `others` (m, D).

    In products so small that BLAS computes them in the calling thread: threads that it wakes wait for one another, on
    busy cores for ten times as long as one of them computes.
    """
    count, dim = vectors.shape
    whole = count // ROWS * ROWS
    groups = vectors[:whole].reshape(-1, ROWS, dim)
    step = max(1, SMALL_PRODUCT // (ROWS * dim))
    found = np.empty((count, len(others)), dtype=np.float32)
    for start in range(0, len(others), step):
        columns = others[start : start + step].T
        end = start + columns.shape[1]
        found[:whole, start:end] = np.matmul(groups, columns).reshape(whole, columns.shape[1])
        found[whole:, start:end] = vectors[whole:] @ columns
    return found


def cut_at_min_score(query: SearchQuery, scores: Vectors, total: int | None) -> tuple[int, int | None]:
    """Return how many of the first results reach the query's `min_score`, and how many there are of those in all.

    Args:
        query: with or without a `min_score`.
        scores: of the first results, best first; as many as the query's `end`, or all there are.
        total: how many results there are without a `min_score`; None where that is not known.
    """
    if query.min_score is None:
        return len(scores), total
    enough = int(np.count_nonzero(scores >= query.min_score))
    # The number is known where the first results hold one that scores less, or are all there is.
    return enough, enough if enough < len(scores) or len(scores) == total else None
