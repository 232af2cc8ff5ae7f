"""Retrieval metrics from vectors and titles: ranks, recall@k with intervals, the KAGL protocol.

The same functions serve the command line, training and the service's evaluation subprocess.
"""

from __future__ import annotations

from index.metrics.evaluate import (
    CATALOGUE_VARIABLE,
    KAGL_ATTRIBUTES,
    Report,
    evaluate,
    evaluate_details,
    evaluate_kagl,
    evaluate_split,
    main,
    query_stats,
    ranks,
    title_slices,
)

__all__ = [
    "CATALOGUE_VARIABLE",
    "KAGL_ATTRIBUTES",
    "Report",
    "evaluate",
    "evaluate_details",
    "evaluate_kagl",
    "evaluate_split",
    "main",
    "query_stats",
    "ranks",
    "title_slices",
]
