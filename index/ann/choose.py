"""Which approximate index a catalogue gets: the types are built, tuned and measured against the exact scan.

Knows no products, no filters and no catalogue.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import faiss
import numpy as np

from index.ann.faiss_index import (
    DEPTH,
    WIDTH,
    WIDTHS,
    AnnIndex,
    Choice,
    Kind,
    Rows,
    build,
    bytes_of,
    factories,
    inverted_lists,
)
from index.records import Vectors

AT = 10
"""Recall is measured at this many results."""

QUERIES = 500
"""Queries of either modality that recall is measured with."""

SAMPLE = 200_000
"""Rows that the types are compared on; the one that is chosen is then built, and tuned, over all."""

NOISE = 0.35
"""Part of the difference of two rows that makes a query of a third one: it is then about .9 from where it came."""


def queries_of(own: Vectors, other: Vectors, count: int = QUERIES, seed: int = 0) -> tuple[Vectors, Vectors]:
    """Return queries that are like rows of `own` (M, D) and not among them, and some of the `other` modality (B, D).

    A query is a row and a part of the difference of two others: noise that is spread as the vectors are.
    """
    rng = np.random.default_rng(seed)
    rows, plus, minus = (np.sort(rng.integers(0, len(own), size=count)) for _ in range(3))
    rng.shuffle(plus)
    rng.shuffle(minus)
    drawn = own[rows] + np.float32(NOISE) * (own[plus] - own[minus])
    drawn /= np.maximum(np.linalg.norm(drawn, axis=1, keepdims=True), 1e-9)
    return np.ascontiguousarray(drawn), np.ascontiguousarray(other[np.sort(rng.integers(0, len(other), size=count))])


def exact(vectors: Vectors, queries: Vectors, k: int = DEPTH) -> Rows:
    """Return the best `k` rows (B, k) of `vectors` for each query."""
    return np.asarray(faiss.knn(queries, vectors, min(k, len(vectors)), metric=faiss.METRIC_INNER_PRODUCT)[1])


def recall(found: Rows, vectors: Vectors, queries: Vectors, truth: Rows) -> tuple[float, float]:
    """Return which part of the `AT` best, and of all of `truth` (B, K), the candidates (B, W) give.

    They are the best of the candidates by their scores with the vectors.
    """
    near, deep = min(AT, truth.shape[1]), truth.shape[1]
    hits = np.zeros(2, dtype=np.int64)
    for rows, query, wanted in zip(found, queries, truth.tolist(), strict=True):
        rows = rows[rows >= 0]
        best = rows[np.argsort(-(vectors[rows] @ query), kind="stable")[:deep]].tolist()
        hits += len({*best[:near]}.intersection(wanted[:near])), len({*best}.intersection(wanted))
    return float(hits[0] / (near * len(truth))), float(hits[1] / truth.size)


def milliseconds(call: Any, queries: Vectors, most: int = 100) -> float:
    """Return the median time of `call` for one query at a time."""
    times = []
    for query in queries[:most]:
        start = time.perf_counter()
        call(query[None])
        times.append(1000 * (time.perf_counter() - start))
    return float(np.median(times))


@dataclass(frozen=True, slots=True)
class Trial:
    """What recall and time are measured with."""

    vectors: Vectors
    own: Vectors
    other: Vectors
    truth_own: Rows
    """(B, DEPTH)."""
    truth_other: Rows
    exact_ms: float

    @classmethod
    def of(cls, vectors: Vectors, other: Vectors) -> Trial:
        """Draw queries for `vectors` (M, D), and find their true results."""
        own_queries, other_queries = queries_of(vectors, other)
        return cls(
            vectors,
            own_queries,
            other_queries,
            exact(vectors, own_queries),
            exact(vectors, other_queries),
            milliseconds(lambda query: exact(vectors, query, AT), own_queries, 15),
        )

    def measured(self, ann: AnnIndex) -> Choice:
        """Return the choice of `ann` with its recall."""
        own, own_deep = recall(ann.search(self.own, None, 1.0), self.vectors, self.own, self.truth_own)
        other, other_deep = recall(ann.search(self.other, None, 1.0), self.vectors, self.other, self.truth_other)
        return replace(ann.choice, recall=own, recall_other=other, recall_deep=min(own_deep, other_deep))

    def timed(self, ann: AnnIndex) -> AnnIndex:
        """Return `ann` with the time of a query in its choice, and that of an exact scan."""

        def ask(query: Vectors) -> None:
            (rows,) = ann.search(query, None, 1.0)
            self.vectors[rows[rows >= 0]] @ query[0]

        ms = milliseconds(ask, self.own)
        return AnnIndex(ann.index, replace(ann.choice, ms=ms, exact_ms=self.exact_ms))


def tuned(ann: AnnIndex, trial: Trial, target: float) -> AnnIndex:
    """Return `ann` with the least effort that reaches `target` with both modalities.

    It goes a quarter of the way from `target` to 1 beyond it, since new queries differ. Where no effort reaches the
    target, the best one is returned, and its choice says so.
    """
    aim = target + (1 - target) / 4
    best: AnnIndex | None = None
    lists = inverted_lists(ann.index)
    for width in WIDTHS.get(ann.choice.kind, (WIDTH,)):
        if lists is not None:
            efforts = [2**step for step in range(int(math.log2(lists.nlist)) + 1)]
        else:
            efforts = [width << step for step in range(5)] if ann.choice.kind == "hnsw" else [0]
        before = 0.0
        for effort in efforts:
            visited = len(ann)
            if lists is not None:
                visited = max(1, len(ann) * effort // lists.nlist)
            elif ann.choice.kind == "hnsw":
                visited = min(len(ann), 24 * effort)
            tried = AnnIndex(ann.index, replace(ann.choice, width=width, effort=effort, visited=visited))
            choice = trial.measured(tried)
            reached = choice.reached
            tried = AnnIndex(ann.index, replace(choice, enough=reached >= target))
            if best is None or reached > best.choice.reached:
                best = tried
            if reached >= aim:
                return trial.timed(tried)
            if effort and reached - before < 2e-4 and before > 0.5:
                break  # what is missing is lost in the codes, not in the lists: more candidates must help
            before = reached
    assert best is not None  # noqa: S101 - every type was measured at least once
    return trial.timed(best)


def build_and_tune(kind: Kind, trial: Trial, target: float) -> AnnIndex | Choice:
    """Build an index of that kind over the trial's vectors and tune it; for flat, only its choice."""
    count, dim = trial.vectors.shape
    blank = Choice(kind, factories(count, dim)[kind], WIDTH, 0, count, 1.0, 1.0, 0.0, trial.exact_ms, 0, 0.0)
    if kind == "flat":
        return replace(blank, ms=trial.exact_ms, bytes=trial.vectors.nbytes)
    start = time.perf_counter()
    index = build(blank.factory, trial.vectors)
    took = round(time.perf_counter() - start, 1)
    size = len(faiss.serialize_index(index)) if count <= SAMPLE else bytes_of(kind, count, dim)
    return tuned(AnnIndex(index, replace(blank, bytes=size, build_s=took)), trial, target)


def choose(
    vectors: Vectors, other: Vectors, budget: int | None, target: float
) -> tuple[AnnIndex | Choice, list[Choice]]:
    """Return the index to search `vectors` (M, D) with, and what was measured of every type that fits the budget.

    The types are compared on a sample, where there are so many rows that it is one. The fastest that reaches the target
    is built over all rows; of those that are nearly as fast, the smallest. Where none reaches it, the best one. The
    vectors themselves stay on the disk, so they count for a flat scan only.

    Args:
        vectors: what is searched.
        other: (B, D) of the other modality: some of the queries that will come.
        budget: bytes that the index may take; None: any.
        target: recall at 10; at `DEPTH`, `DEEPER` times as much may be missing.
    """
    count, dim = vectors.shape
    sample = vectors
    if count > SAMPLE:
        sample = np.ascontiguousarray(vectors[np.sort(np.random.default_rng(1).choice(count, SAMPLE, replace=False))])
    trial = Trial.of(sample, other)
    fitting = [k for k in factories(count, dim) if budget is None or bytes_of(k, count, dim) <= budget]
    if not fitting:
        fitting = [min(factories(count, dim), key=lambda kind: bytes_of(kind, count, dim))]
    best, measured = _best(fitting, trial, target, first=False)
    if sample is vectors:
        return best, measured
    kinds = [one.kind for one in sorted(measured, key=_rank)]
    best, _ = _best(kinds, Trial.of(vectors, other), target, first=True)
    return best, measured


def _best(kinds: Sequence[Kind], trial: Trial, target: float, *, first: bool) -> tuple[AnnIndex | Choice, list[Choice]]:
    """Return the best of these types, and what was measured of each; with `first`, the first that reaches the target.

    No more than the best one so far is held beside the one that is being built.
    """
    best: AnnIndex | Choice | None = None
    measured: list[Choice] = []
    for kind in kinds:
        made = build_and_tune(kind, trial, target)
        measured.append(_choice(made))
        if best is None or _rank(_choice(made)) < _rank(_choice(best)):
            best = made
        if first and measured[-1].enough:
            return made, measured
    assert best is not None  # noqa: S101 - there is always one type at least
    return best, measured


def _choice(made: AnnIndex | Choice) -> Choice:
    return made if isinstance(made, Choice) else made.choice


def _rank(one: Choice) -> tuple[Any, ...]:
    """Return what sorts choices, best first."""
    if not one.enough:
        return (1, -one.reached)
    # Times within a quarter of one another are the same.
    return (0, round(math.log(max(one.ms, 1e-6), 1.25)), one.bytes)
