"""Figures of a run in which all products of one title count as one answer: ranks, and calibration.

Works on plain arrays: V products of validation, each a query and in the gallery.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from index import ranks, title_key

BINS = 10
"""Groups of equal size, by confidence, in which confidence and accuracy are compared."""


def number_titles(titles: Sequence[str]) -> np.ndarray:
    """Return (V,) the number of each one's title, from 0 in order of appearance; equal keys have one number."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(title_key(title), len(numbers)) for title in titles])


def same_title_ranks(queries: np.ndarray, gallery: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return (V,) the 1-based rank of the first answer of each query's own group.

    Answers of the same group do not push each other down; a tie with another group counts against us.

    Args:
        queries: (V, D).
        gallery: (V, D).
        groups: (V,) the number of each one's title, from 0.
    """
    members = np.split(np.argsort(groups, kind="stable"), np.cumsum(np.bincount(groups))[:-1])
    relevant = [members[group] for group in groups]
    indptr = np.concatenate([[0], np.cumsum([len(own) for own in relevant])])
    positions = ranks(queries, gallery, (indptr, np.concatenate(relevant)))
    return np.asarray(np.minimum.reduceat(positions, indptr[:-1]))


def calibration(
    queries: np.ndarray, gallery: np.ndarray, groups: np.ndarray, right: np.ndarray, scale: float
) -> dict[str, Any]:
    """Compare the model's confidence in its first answer with how often that answer is right.

    The confidence is the softmax probability, over all V answers, of the first answer's title: the sum over its
    products, since the loss shares the target among the products of a title. Bins hold equally many queries
    (arXiv 1904.01685), as most confidences are small. The expected calibration error is the mean distance between
    confidence and fraction right over the bins, weighted by their size (arXiv 1706.04599).

    Args:
        queries: (V, D).
        gallery: (V, D).
        groups: (V,) the number of each one's title.
        right: (V,) whether the first answer has the query's title.
        scale: the inverse temperature.

    Returns:
        `{"ece", "confidence", "accuracy", "bins": [{"queries", "confidence", "accuracy"}]}`, all fractions.
    """
    confidence = np.empty(len(queries))
    for start in range(0, len(queries), 512):  # rows at a time, to bound the memory of the scores
        part = slice(start, start + 512)
        scores = scale * (queries[part] @ gallery.T).astype(np.float64)  # (b, V)
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        same = groups[None, :] == groups[scores.argmax(axis=1)][:, None]
        confidence[part] = (weights * same).sum(axis=1) / weights.sum(axis=1)
    bins = [
        {"queries": len(rows), "confidence": float(confidence[rows].mean()), "accuracy": float(right[rows].mean())}
        for rows in np.array_split(np.argsort(confidence, kind="stable"), min(BINS, len(confidence)))
    ]
    return {
        "ece": sum(b["queries"] * abs(b["confidence"] - b["accuracy"]) for b in bins) / len(confidence),
        "confidence": float(confidence.mean()),
        "accuracy": float(right.mean()),
        "bins": bins,
    }
