"""The nearest of some vectors, and the places that follow from them. Knows no products and no file."""

from __future__ import annotations

import faiss
import numpy as np
import numpy.typing as npt

from index.records import Vectors

Rows = npt.NDArray[np.int64]
Points = npt.NDArray[np.float64]

EXACT = 8000
"""Vectors up to which all are compared; beyond, those of the nearest cells, which finds 98 of 100 neighbours."""
CELLS, PROBED = 256, 16
TRAINED = 50
"""Vectors of each cell from which the cells are found."""
PLACED_BY = 10
"""Neighbours that give a product its place."""
SHARPNESS = 60.0
"""By how much the nearer of them count more: a weight is e to so many times the similarity."""
TOGETHER = 20_000
"""Products that are placed at a time."""


class Neighbourhood:
    """Vectors among which others look for their nearest ones."""

    def __init__(self, vectors: Vectors) -> None:
        """Take `vectors` (N, D), of unit length."""
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        self._all = faiss.IndexFlatIP(vectors.shape[1])
        self._index: faiss.Index = self._all
        if len(vectors) > EXACT:
            cells = faiss.IndexIVFFlat(self._all, vectors.shape[1], CELLS, faiss.METRIC_INNER_PRODUCT)
            cells.cp.min_points_per_centroid = 1  # else it writes a warning where they are a little fewer than it likes
            cells.train(vectors[:: max(1, len(vectors) // (TRAINED * CELLS))])
            cells.nprobe = PROBED
            self._index = cells
        self._index.add(vectors)

    def nearest(self, vectors: Vectors, k: int) -> tuple[Vectors, Rows]:
        """Return the similarities and rows (M, k) of the nearest vectors to each of (M, D); -1 for none."""
        similarities, rows = self._index.search(np.ascontiguousarray(vectors, dtype=np.float32), k)
        return similarities, rows


def neighbour_graph(vectors: Vectors, k: int) -> Rows:
    """Return the rows (N, k) of the nearest vectors to each of N, without itself."""
    count = len(vectors)
    _, found = Neighbourhood(vectors).nearest(vectors, k + 1)
    own = found == np.arange(count)[:, None]
    own[~own.any(axis=1), -1] = True  # among many that are equal, its own row may be missing
    rows = found[~own].reshape(count, k)
    # The cells that were looked into may have too few: its nearest stands for what is missing.
    rows = np.where(rows < 0, rows[:, :1], rows)
    return np.where(rows < 0, (np.arange(count)[:, None] + 1) % count, rows)


def place_among(vectors: Vectors, others: Vectors, points: Points) -> Points:
    """Return places (M, 2) for M vectors: the mean of their nearest among `others`, the nearer ones weighing more.

    Args:
        vectors: (M, D).
        others: (N, D), N from 1 on.
        points: (N, 2), where the others are.
    """
    found = np.zeros((len(vectors), 2))
    if len(vectors):
        among = Neighbourhood(others)
        for at in range(0, len(vectors), TOGETHER):
            near, rows = among.nearest(vectors[at : at + TOGETHER], min(PLACED_BY, len(others)))
            weights = np.where(rows < 0, 0, np.exp(SHARPNESS * (near - near[:, :1])))
            weights /= weights.sum(axis=1, keepdims=True)
            found[at : at + TOGETHER] = np.einsum("mk,mkd->md", weights, points[rows])
    return found
