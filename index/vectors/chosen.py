"""Choosing rows among many, in a few passes over plain arrays: NumPy's own ways hash or sort all of them."""

from __future__ import annotations

import numpy as np

from index.attributes import Mask
from index.records import Vectors
from index.vectors.rows import Rows

GROUP = 16
"""Scores of which the largest stands for all, where the best of many are looked for."""
FEW = 8
"""Rows up to which each is compared with all others."""


def best_places(scores: Vectors, count: int) -> Rows:
    """Return the places (count,) of the largest scores (K,), in any order; which of equals is not said.

    NumPy's selection takes ten times as long where many scores are equal. So the largest scores of groups bound what is
    looked at: at most `count` - 1 groups have a larger one than the last of the `count` largest of these.
    """
    if count >= len(scores):
        return np.arange(len(scores))
    groups = len(scores) // GROUP
    if groups <= count:
        return np.argpartition(scores, len(scores) - count)[len(scores) - count :]
    maxima = scores[: groups * GROUP].reshape(groups, GROUP).max(axis=1)
    least = np.partition(maxima, groups - count)[groups - count]
    above = np.flatnonzero(scores > least)
    if len(above) > count:
        chosen = scores[above]
        return above[np.argpartition(chosen, len(chosen) - count)[len(chosen) - count :]]
    return np.concatenate([above, np.flatnonzero(scores == least)[: count - len(above)]])


def are_among(rows: Rows, few: Rows) -> Mask:
    """Return which of some rows (K,) are among a few others."""
    if len(few) > FEW:
        return np.isin(rows, few)
    found = np.zeros(len(rows), dtype=np.bool_)
    for one in few.tolist():
        found |= rows == one
    return found


def joined(rows: Rows, few: Rows) -> Rows:
    """Return the rows of both, in order, each once; those given are in order."""
    if not len(few):
        return rows
    places = np.searchsorted(rows, few)
    there = rows[np.minimum(places, len(rows) - 1)] == few if len(rows) else np.zeros(len(few), dtype=np.bool_)
    return np.insert(rows, places[~there], few[~there])
