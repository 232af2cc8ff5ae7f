"""A layout of points in the plane in which neighbours stay neighbours: t-SNE (van der Maaten and Hinton 2008).

The affinities are those of the graph of nearest neighbours, all with one weight, which gives the same picture as
Gaussian ones (Böhm et al. 2022). Nothing is drawn by chance: the same graph and start give the same layout.
Knows no products and no file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from index.map.repulsion import Plane, Repulsion

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Phase:
    """Some steps of the descent."""

    steps: int
    attraction: float
    """By how much the attraction is exaggerated: clusters find their places first, and stay dense and apart."""
    momentum: float


FROM_START = Phase(150, 12.0, 0.5), Phase(350, 1.2, 0.8)
"""For a start that only says where things belong on the whole, such as a PCA."""
FROM_LAYOUT = (Phase(100, 1.2, 0.8),)
"""For a start that is a layout with some points that are new."""
LONGEST_STEP = 5.0
"""Of one point, in the layout's unit."""


@dataclass(frozen=True, slots=True)
class _Edges:
    """The graph of nearest neighbours with every edge in both directions, sorted by where it starts."""

    tails: Rows
    weights: npt.NDArray[np.float32]
    """Together 1."""
    counts: Rows
    """Edges of each point."""
    starts: Rows
    """The first edge of each point."""

    def pull(self, points: Plane) -> Plane:
        """Return for each point the weighted sum over its edges of `difference / (1 + distance²)`."""
        difference = np.repeat(points, self.counts)
        difference -= points[self.tails]
        near = difference.real**2
        near += difference.imag**2
        near += 1
        difference *= self.weights / near
        return np.asarray(np.add.reduceat(difference, self.starts))


def _edges(neighbours: Rows) -> _Edges:
    count, k = neighbours.shape
    heads, tails = np.repeat(np.arange(count), k), neighbours.ravel()
    both, times = np.unique(np.concatenate([heads * count + tails, tails * count + heads]), return_counts=True)
    counts = np.bincount(both // count, minlength=count)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    return _Edges(both % count, (times / times.sum()).astype(np.float32), counts, starts)


def lay_out(neighbours: Rows, start: npt.NDArray[np.float64], phases: tuple[Phase, ...] = FROM_START) -> Plane:
    """Return the places (N,) of points whose nearest neighbours are the rows `neighbours` (N, K), none its own.

    Args:
        neighbours: (N, K), K from 1 on.
        start: (N, 2), where the points are at first; for `FROM_START` within some thousandths.
        phases: the descent, with momentum and a gain for each direction as in the paper.
    """
    edges, repulsion = _edges(neighbours), Repulsion()
    points = (start[:, 0] + 1j * start[:, 1]).astype(np.complex64)
    velocity = np.zeros((2, len(points)), dtype=np.float32)
    gains = np.ones_like(velocity)
    for phase in phases:
        rate = len(points) / phase.attraction
        for _ in range(phase.steps):
            pushed, total = repulsion.of(points)
            slope = (4 * phase.attraction) * edges.pull(points) - (4 / total) * pushed
            downhill = np.stack([slope.real, slope.imag])
            # A direction that has turned is followed more slowly from here on.
            gains = np.where(downhill * velocity > 0, gains * 0.8, gains + 0.2).clip(0.01)
            velocity = phase.momentum * velocity - rate * gains * downhill
            velocity *= np.minimum(1, LONGEST_STEP / np.maximum(np.hypot(*velocity), 1e-9))
            points = points + (velocity[0] + 1j * velocity[1])
        points -= points.mean()
    return points
