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


def recall(found: Rows, vectors: Vectors, queries: Vectors, truth: Rows) -> float:
    """Return which part of `truth` (B, k) is among the best k of the candidates (B, W), scored with the vectors."""
    hits = 0
    for rows, query, wanted in zip(found, queries, truth, strict=True):
        rows = rows[rows >= 0]
        best = rows[np.argsort(-(vectors[rows] @ query), kind="stable")[: len(wanted)]]
        hits += len(np.intersect1d(best, wanted))
    return hits / truth.size


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
        """Draw queries for `vectors` (M, D), and find what is right for them."""
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
        """Return the choice of `ann` with its recall and time."""

        def ask(query: Vectors) -> None:
            (rows,) = ann.search(query, None, 1.0)
            self.vectors[rows[rows >= 0]] @ query[0]

        at: dict[int, list[float]] = {AT: [], DEPTH: []}
        for queries, truth in ((self.own, self.truth_own), (self.other, self.truth_other)):
            found = ann.search(queries, None, 1.0)
            for k, parts in at.items():
                parts.append(recall(found, self.vectors, queries, truth[:, :k]))
        own, other = at[AT]
        ms = milliseconds(ask, self.own)
        return replace(
            ann.choice, recall=own, recall_other=other, recall_deep=min(at[DEPTH]), ms=ms, exact_ms=self.exact_ms
        )


def tuned(ann: AnnIndex, trial: Trial, target: float) -> AnnIndex:
    """Return `ann` with the least effort that reaches `target` with both modalities, a quarter of the rest in hand.

    Where none does, the one that comes nearest, and its choice says so.
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
            asked = AnnIndex(ann.index, replace(ann.choice, width=width, effort=effort, visited=visited))
            choice = trial.measured(asked)
            reached = choice.reached
            asked = AnnIndex(ann.index, replace(choice, enough=reached >= target))
            if best is None or reached > best.choice.reached:
                best = asked
            if reached >= aim:
                return asked
            if effort and reached - before < 2e-4 and before > 0.5:
                break  # what is missing is lost in the codes, not in the lists: more candidates must help
            before = reached
    assert best is not None  # noqa: S101 - every type was measured at least once
    return best


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

    The types are compared on a sample. The fastest that reaches the target is built over all rows; of those that are
    nearly as fast, the smallest. Where none reaches it, the one that comes nearest. The vectors themselves stay on the
    disk, and are not counted unless they are all that is searched.

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
    measured = [
        one if isinstance(one, Choice) else one.choice for one in (build_and_tune(k, trial, target) for k in fitting)
    ]
    order = _order(measured)
    if sample is vectors and order[0].kind == "flat":
        return order[0], measured
    whole = trial if sample is vectors else Trial.of(vectors, other)
    tried: list[AnnIndex | Choice] = []
    for one in order:
        made = build_and_tune(one.kind, whole, target)
        tried.append(made)
        if (made if isinstance(made, Choice) else made.choice).enough:
            return made, measured
    choices = [one if isinstance(one, Choice) else one.choice for one in tried]
    return tried[choices.index(_order(choices)[0])], measured


def _order(choices: Sequence[Choice]) -> list[Choice]:
    """Return `choices`, best first."""

    def rank(one: Choice) -> tuple[Any, ...]:
        if not one.enough:
            return (1, -one.reached)
        # Times within a quarter of one another are the same.
        return (0, round(math.log(max(one.ms, 1e-6), 1.25)), one.bytes)

    return sorted(choices, key=rank)
