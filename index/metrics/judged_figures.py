"""Figures of a search over judged queries: how good the first results are, per kind of query, with 95 % intervals.

From ids alone. Knows no search.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from index.metrics.intervals import interval, means
from index.metrics.judged import JudgedQuery
from index.metrics.rank import Floats

DEPTH = 10
"""How many of the first results are looked at."""
MEASURES = ("p10", "ndcg10", "mrr10", "success1")


@dataclass(frozen=True, slots=True)
class Found:
    """What a search answered to a text."""

    ids: tuple[str, ...]
    """The first results, at most `DEPTH`, without a cutoff."""
    kept: tuple[str, ...]
    """The same with the cutoff that the catalogue chooses."""
    corrected: bool = False
    """Whether words of the text were corrected."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A query, what is right for it, and what was found."""

    query: JudgedQuery
    relevant: frozenset[str]
    found: Found
    found_plain: Found | None = None
    """For the query's other text, where it has one."""


def measures(ids: Sequence[str], relevant: Collection[str]) -> dict[str, float]:
    """Return how good the first results of a query are, each 0 to 1.

    p10: right ones among the first ten, of as many as there can be. ndcg10: the same, early ones counting more
    (Järvelin and Kekäläinen, 2002; a result is right or not). mrr10: 1 / rank of the first right one. success1:
    whether the first one is right.

    Raises:
        ValueError: nothing is right for the query.
    """
    if not relevant:
        raise ValueError("nothing is right for the query, so nothing can be measured")
    right = [product_id in relevant for product_id in ids[:DEPTH]]
    possible = min(DEPTH, len(relevant))
    gained = sum(1 / math.log2(rank + 1) for rank, hit in enumerate(right, 1) if hit)
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, possible + 1))
    first = right.index(True) + 1 if any(right) else math.inf
    return {
        "p10": sum(right) / possible,
        "ndcg10": gained / ideal,
        "mrr10": 1 / first,
        "success1": float(bool(right) and right[0]),
    }


def judged_figures(asked: Sequence[Asked], *, seed: int = 0, resamples: int = 1000) -> dict[str, Any]:
    """Return the figures of a search.

    Args:
        asked: of every kind; kinds keep their order.
        seed: of the bootstrap, which resamples the queries of a kind.
        resamples: of the bootstrap.

    Returns:
        Each figure is `{"value", "low", "high"}`. `kinds`: kind -> `queries` and the measures of `measures`,
        `no_answer` (share without a result at the automatic cutoff) and `corrected` (share with corrected words).
        `mean`: of the measures over kinds. `ratios`: kind -> P@10 as a part of that of its queries' other text.
        `cutoff`: `nothing`, the share of the queries with no right answer that have none at the automatic cutoff;
        `lost`, the share of the right results among the first ten that it leaves out. `changed`: share of the queries
        with neither typo nor foreign words that were corrected.
    """
    of_kind: dict[str, list[Asked]] = defaultdict(list)
    for one in asked:
        of_kind[one.query.kind].append(one)
    draws = {kind: _Draws(len(group), seed, resamples) for kind, group in of_kind.items()}
    kinds: dict[str, Any] = {}
    ratios: dict[str, Any] = {}
    scored: list[tuple[Floats, Floats]] = []
    for kind, group in of_kind.items():
        figures: dict[str, Any] = {"queries": len(group)}
        judged = [one for one in group if not one.query.nothing]
        if len(judged) == len(group):
            table = _table([measures(one.found.ids, one.relevant) for one in group])
            drawn = draws[kind].means(table)
            scored.append((table.mean(axis=0), drawn))
            figures |= {name: interval(value, drawn[:, at]) for at, (name, value) in enumerate(zip(MEASURES, table.mean(axis=0), strict=True))}
        kinds[kind] = figures
    return {}
