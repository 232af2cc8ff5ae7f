"""Means with 95 % intervals by the cluster bootstrap. From plain arrays."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

import numpy as np

from index.metrics import progress
from index.metrics.rank import Floats

CONFIDENCE = 0.95

Name = TypeVar("Name", bound=Hashable)


def figures_of(sums: Mapping[Name, Floats], counts: Floats, seed: int, resamples: int) -> dict[Name, dict[str, float]]:
    """Return the mean of each measure as `{"value", "low", "high"}`; `sums` and `counts` (T,) are per group."""
    return named(sums, bootstrap(np.stack(list(sums.values()), axis=1), counts[:, None], seed, resamples))


def named(names: Iterable[Name], figures: Floats) -> dict[Name, dict[str, float]]:
    """Return M figures (M, 3) by name, each as `{"value", "low", "high"}`."""
    return {
        name: dict(zip(("value", "low", "high"), figure, strict=True))
        for name, figure in zip(names, figures.round(6).tolist(), strict=True)
    }


def bootstrap(sums: Floats, counts: Floats, seed: int, resamples: int) -> Floats:
    """Return value, low and high (M, 3) of M means; `sums` (T, M) and `counts` (T, 1) are per independent group.

    The cluster bootstrap: whole groups are drawn with replacement, and the mean is taken over what they hold.
    """
    return interval(sums.sum(axis=0) / counts.sum(axis=0), resampled(sums, counts, seed, resamples))


def interval(value: Floats, drawn: Floats) -> Floats:
    """Return value, low and high (M, 3) of M means from their values (M,) and what was drawn (R, M)."""
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(drawn, [tail, 100 - tail], axis=0)
    return np.stack([value, low, high], axis=1)


def resampled(sums: Floats, counts: Floats, seed: int, resamples: int) -> Floats:
    """Return M means (R, M) of R draws of the groups, as `bootstrap` makes them; one that counts nothing is redone."""
    rng = np.random.default_rng(seed)
    groups, measures = sums.shape
    drawn = np.empty((resamples, measures))
    for resample in range(resamples):
        held = 0.0
        while not held:
            times = np.bincount(rng.integers(0, groups, groups), minlength=groups).astype(np.float64)
            held = float((times @ counts).item())
        drawn[resample] = (times @ sums) / held
        progress.done((resample + 1) / resamples)
    return drawn
