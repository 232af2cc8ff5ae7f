"""Figures of a search over judged queries: how good the first results are, per kind of query, with 95 % intervals.

From ids alone. Knows no search.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from index.metrics.intervals import figures_of, interval, named, resampled
from index.metrics.judged import ENGLISH, JudgedQuery
from index.metrics.rank import Floats

DEPTH = 10
"""How many of the first results are looked at."""
MEASURES = ("p10", "ndcg10", "mrr10", "success1", "lost")


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


def lost(asked: Asked) -> float:
    """Return the part of the right results among the first ten that the automatic cutoff leaves out; 0 without any."""
    right = set(asked.found.ids) & asked.relevant
    return len(right - set(asked.found.kept)) / len(right) if right else 0.0


def judged_figures(asked: Sequence[Asked], *, seed: int = 0, resamples: int = 1000) -> dict[str, Any]:
    """Return the figures of a search.

    Args:
        asked: of every kind; kinds keep their order.
        seed: of the bootstrap, which resamples the queries of a kind.
        resamples: of the bootstrap.

    Returns:
        Each figure is `{"value", "low", "high"}`. `kinds`: kind -> `queries`, what `measures` returns, `lost` (what
        `lost` returns), `no_answer` (share without a result at the automatic cutoff) and `corrected` (share with
        corrected words). `mean`: of the measures over kinds. `ratios`: kind -> P@10 as a part of that of its queries'
        other text. `nothing`: share of the queries with no right answer that have none at the automatic cutoff.
        `changed`: share of the queries that have something right, and neither typo nor foreign words, of which words
        were corrected.
    """
    of_kind: dict[str, list[Asked]] = defaultdict(list)
    for one in asked:
        of_kind[one.query.kind].append(one)
    kinds: dict[str, Any] = {}
    ratios: dict[str, Any] = {}
    means: list[tuple[Floats, Floats]] = []
    for number, (kind, group) in enumerate(of_kind.items()):
        own_seed = seed + number  # kinds are drawn independently of one another
        kinds[kind] = {"queries": len(group)}
        judged = [one for one in group if not one.query.nothing]
        if judged:
            table = np.array([[*measures(one.found.ids, one.relevant).values(), lost(one)] for one in judged])
            drawn = resampled(table, np.ones((len(table), 1)), own_seed, resamples)
            means.append((table.mean(axis=0), drawn))
            kinds[kind] |= named(MEASURES, interval(table.mean(axis=0), drawn))
        shares = {
            "no_answer": np.array([not one.found.kept for one in group], dtype=np.float64),
            "corrected": np.array([one.found.corrected for one in group], dtype=np.float64),
        }
        kinds[kind] |= figures_of(shares, np.ones(len(group)), own_seed, resamples)
        ratio = _ratio(group, own_seed, resamples)
        if ratio is not None:
            ratios[kind] = ratio
    result: dict[str, Any] = {"kinds": kinds, "ratios": ratios}
    if means:
        values, draws = (np.mean(parts, axis=0) for parts in zip(*means, strict=True))
        result["mean"] = named(MEASURES, interval(values, draws))
    nothing = np.array([not one.found.kept for one in asked if one.query.nothing], dtype=np.float64)
    if len(nothing):
        result |= figures_of({"nothing": nothing}, np.ones(len(nothing)), seed, resamples)
    untouched = [one for one in asked if one.query.plain is None and one.query.language == ENGLISH and one.relevant]
    if untouched:
        changed = np.array([one.found.corrected for one in untouched], dtype=np.float64)
        result |= figures_of({"changed": changed}, np.ones(len(changed)), seed, resamples)
    return result


def _ratio(group: Sequence[Asked], seed: int, resamples: int) -> dict[str, float] | None:
    """Return P@10 as a part of that of the queries' other text; None where no such text finds anything."""
    pairs = [
        (measures(one.found.ids, one.relevant)["p10"], measures(one.found_plain.ids, one.relevant)["p10"])
        for one in group
        if one.found_plain is not None
    ]
    if not any(plain for _, plain in pairs):
        return None
    own, plain = np.array(pairs).T
    return figures_of({"p10": own}, plain, seed, resamples)["p10"]
