"""Means with 95 % intervals by the cluster bootstrap. From plain arrays."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

import numpy as np

from index.metrics.rank import Floats

CONFIDENCE = 0.95

Name = TypeVar("Name", bound=Hashable)


def figures_of(sums: Mapping[Name, Floats], counts: Floats, seed: int, resamples: int) -> dict[Name, dict[str, float]]:
    """Return the mean of each measure as `{"value", "low", "high"}`; `sums` and `counts` (T,) are per group."""
    figures = bootstrap(np.stack(list(sums.values()), axis=1), counts[:, None], seed, resamples).round(6).tolist()
    return {
        name: dict(zip(("value", "low", "high"), figure, strict=True))
        for name, figure in zip(sums, figures, strict=True)
    }


def bootstrap(sums: Floats, counts: Floats, seed: int, resamples: int) -> Floats:
    """Return value, low and high (M, 3) of M means; `sums` (T, M) and `counts` (T, 1) are per independent group.

    The cluster bootstrap: whole groups are drawn with replacement, and the mean is taken over what they hold.
    """
    rng = np.random.default_rng(seed)
    groups, measures = sums.shape
    means = np.empty((resamples, measures))
    for resample in range(resamples):
        times = np.bincount(rng.integers(0, groups, groups), minlength=groups).astype(np.float64)
        means[resample] = (times @ sums) / (times @ counts)
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(means, [tail, 100 - tail], axis=0)
    return np.stack([sums.sum(axis=0) / counts.sum(axis=0), low, high], axis=1)
