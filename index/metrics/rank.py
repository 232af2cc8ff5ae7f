"""The rank of relevant items among all items of a gallery, by exact scores. From plain arrays.

A tie counts against us: an encoder that gives everything the same vector finds nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common import InputError
from index.metrics import progress
from index.pictures import starts_of
from index.records import FurtherVectors, Vectors

TIE = 1e-6
"""Scores this close are equal: the same vector may score a last bit apart by its place in a matrix product."""

CHUNK_BYTES = 64 * 2**20
"""How much of the score matrix is held in memory at a time."""

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Correction(NamedTuple):
    """What is taken off the scores: of query q and item n, `weights[q] * hubs[n]`."""

    hubs: Vectors
    """(N,)."""
    weights: Vectors
    """(Q,)."""


def ranks(
    queries: Vectors,
    gallery: Vectors,
    relevant: tuple[Integers, Integers],
    further: FurtherVectors | None = None,
    correction: Correction | None = None,
) -> Integers:
    """Return the 1-based position of every relevant item in the ranking of its query.

    Every irrelevant item that scores at least as much, ties included, stands ahead; relevant items are ordered among
    themselves by score. Holds a bounded part of the (Q, N) scores at a time.

    Args:
        queries: (Q, D).
        gallery: (N, D).
        relevant: `(indptr, indices)`, (Q+1,) and (R,): the relevant items of query q are
            `indices[indptr[q]:indptr[q + 1]]`, each once.
        further: more vectors of the items: the best of its vectors counts for each.
        correction: taken off the scores.

    Returns:
        (R,), aligned with `indices`.

    Raises:
        InputError: vectors that are not finite or do not fit together, or items that are not in the gallery.
    """
    queries, gallery = checked_pair(queries, gallery)
    indptr, indices = (np.asarray(part, dtype=np.int64) for part in relevant)
    if len(indptr) != len(queries) + 1 or indptr[0] != 0 or indptr[-1] != len(indices) or (np.diff(indptr) < 0).any():
        raise InputError(f"indptr does not divide {len(indices)} relevant items among {len(queries)} queries")
    check_positions("relevant items", indices, len(gallery))
    if correction is not None and correction.hubs.shape != (len(gallery),):
        raise InputError(f"the hubness is {correction.hubs.shape}; it must be ({len(gallery)},), one of each product")
    positions = np.empty(len(indices), dtype=np.int64)
    for query, row in score_rows(queries, gallery, further):
        if correction is not None:
            row -= correction.weights[query] * correction.hubs
        items = slice(indptr[query], indptr[query + 1])
        scores = row[indices[items]]
        order = np.argsort(-scores, kind="stable")
        scores = scores[order]
        at_least = scores - np.float32(TIE)
        ahead = np.array([np.count_nonzero(row >= score) for score in at_least], dtype=np.int64)
        # The relevant ones among those count for their place among the relevant instead.
        ahead -= np.searchsorted(-scores, -at_least, side="right")
        positions[items][order] = ahead + np.arange(1, len(scores) + 1)
    return positions


def product_ranks(
    queries: Vectors,
    gallery: Vectors,
    rows: Integers,
    title_of: Integers,
    members: Integers,
    starts: Integers,
    further: FurtherVectors | None = None,
) -> tuple[Integers, Integers]:
    """Return (Q,) ranks of the query's own product, and (Q,) of the best product of its title.

    Both come from one pass over the scores. That of the title needs no list of relevant items per query, which would
    take the square of the size of a title.
    """
    strict_id = np.empty(len(rows), dtype=np.int64)
    same_title = np.empty(len(rows), dtype=np.int64)
    for query, row in score_rows(queries[rows], gallery, further):
        product = rows[query]
        title = title_of[product]
        strict_id[query] = np.count_nonzero(row >= row[product] - np.float32(TIE))
        relevant = row[members[starts[title] : starts[title + 1]]]
        at_least = relevant.max() - np.float32(TIE)
        same_title[query] = np.count_nonzero(row >= at_least) - np.count_nonzero(relevant >= at_least) + 1
    return strict_id, same_title


def score_rows(
    queries: Vectors, gallery: Vectors, further: FurtherVectors | None = None
) -> Iterator[tuple[int, Vectors]]:
    """Yield each query's number with its scores (N,), which are overwritten later; of several vectors the best counts.

    `further` has more vectors of some of the N items.
    """
    rows = max(1, CHUNK_BYTES // (4 * max(1, len(gallery) + len(further or ()))))
    buffer = np.empty((min(rows, len(queries)), len(gallery)), dtype=np.float32)
    for start in range(0, len(queries), rows):
        chunk = queries[start : start + rows]
        scores = np.matmul(chunk, gallery.T, out=buffer[: len(chunk)])
        if further is not None:
            starts = starts_of(further.owners)
            best = np.maximum.reduceat(chunk @ further.vectors.T, starts, axis=1)
            owners = further.owners[starts]
            scores[:, owners] = np.maximum(scores[:, owners], best)
        yield from enumerate(scores, start)
        progress.done((start + len(chunk)) / len(queries))


def checked_pair(one: Vectors, other: Vectors) -> tuple[Vectors, Vectors]:
    """Return both as float32, after checking that they are matrices of equal width with finite values."""
    one, other = np.asarray(one, dtype=np.float32), np.asarray(other, dtype=np.float32)
    if one.ndim != 2 or other.ndim != 2 or one.shape[1] != other.shape[1]:
        raise InputError(f"vectors are {one.shape} and {other.shape}; both must be (count, D) with the same D")
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        raise InputError("vectors have NaN or infinite values; check the encoder")
    return one, other


def check_positions(what: str, positions: Integers, count: int) -> None:
    """Refuse positions that are not in a gallery of `count` items.

    Raises:
        InputError: says which positions there are.
    """
    if len(positions) and not 0 <= positions.min() <= positions.max() < count:
        raise InputError(
            f"{what} run from {positions.min()} to {positions.max()}; the gallery has {count}: count from 0"
        )
