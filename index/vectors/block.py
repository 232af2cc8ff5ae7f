"""Scores of one block of rows for all queries of a batch, and its best, by NumPy without the interpreter lock."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from index.records import Vectors

GROUP = 16
"""Rows that one product is over, and whose best score stands for all of them while the best are looked for.

So small that BLAS computes it in the calling thread: in a service, threads that BLAS wakes take the cores that encode.
"""


def products(vectors: Vectors, transposed: Vectors) -> Vectors:
    """Return the inner products (n, B) of `vectors` (n, D) with queries (D, B), a group of rows at a time."""
    scores = np.empty((len(vectors), transposed.shape[1]), dtype=np.float32)
    whole = len(vectors) // GROUP * GROUP
    groups = vectors[:whole].reshape(-1, GROUP, vectors.shape[1])
    np.matmul(groups, transposed, out=scores[:whole].reshape(-1, GROUP, transposed.shape[1]))
    np.matmul(vectors[whole:], transposed, out=scores[whole:])
    return scores


def largest(scores: Vectors, k: int) -> npt.NDArray[np.int64]:
    """Return the places (B, k), in any order, of the k largest of the scores (n, B) of each query.

    The k largest are in the k groups whose own largest scores are the largest, so only those are looked through.
    """
    count, queries = scores.shape
    groups = count // GROUP
    if groups < 2 * k:
        return np.argpartition(scores.T, count - k, axis=1)[:, count - k :]
    maxima = scores[: groups * GROUP].reshape(groups, GROUP, queries).max(axis=1).T
    best = np.argpartition(maxima, groups - k, axis=1)[:, groups - k :]
    places = (best[:, :, None] * GROUP + np.arange(GROUP)).reshape(queries, -1)
    rest = np.broadcast_to(np.arange(groups * GROUP, count), (queries, count - groups * GROUP))
    places = np.concatenate([places, rest], axis=1)
    chosen = scores[places, np.arange(queries)[:, None]]
    of_chosen = np.argpartition(chosen, chosen.shape[1] - k, axis=1)[:, chosen.shape[1] - k :]
    return np.take_along_axis(places, of_chosen, axis=1)
