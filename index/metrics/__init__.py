"""Retrieval metrics from vectors and titles: ranks, recall@k with intervals, the KAGL protocol.

The same functions serve the command line, training and the service's evaluation subprocess.
"""

from __future__ import annotations

from index.metrics.evaluation import (
    KAGL_ATTRIBUTES,
    WHERE,
    What,
    evaluate,
    evaluate_details,
    evaluate_kagl,
    evaluate_split,
    examine,
    main,
    ranks,
    title_slices,
)

__all__ = [
    "KAGL_ATTRIBUTES",
    "WHERE",
    "What",
    "evaluate",
    "evaluate_details",
    "evaluate_kagl",
    "evaluate_split",
    "examine",
    "main",
    "ranks",
    "title_slices",
]
