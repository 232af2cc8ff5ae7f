"""Approximate nearest neighbours by FAISS: which index fits a budget, how hard it must look, and its candidates.

What it finds are candidates. Whoever asks scores them again with the vectors themselves, so an index decides which
products are found and never what they score. Knows no products, no filters and no catalogue.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import faiss
import numpy as np
import numpy.typing as npt

from index.sqlite import Vectors

Kind = Literal["flat", "fp16", "int8", "ivf", "ivf-int8", "hnsw", "pq"]
Rows = npt.NDArray[np.int64]

AT = 10
"""Recall is measured at this many results."""
DEEPER = 3
"""How many times as much may be missing among the `DEPTH` best as among the `AT` best."""
WIDTHS: dict[Kind, tuple[int, ...]] = {"pq": (128, 512, 2048)}
"""How many candidates are scored again, where it is not `WIDTH`; the coarser the codes, the more it takes."""
WIDTH = 128
DEPTH = 50
"""Results down to this rank come from the same candidates, so that pages fit together; deeper ones take a scan."""

QUERIES = 500
"""Queries of either modality that recall is measured with."""
SAMPLE = 200_000
"""Rows that the types are compared on; the one that is chosen is then built, and tuned, over all."""
GRAPH_ROWS = 4_000_000
"""Rows from which a graph takes too long to build to be considered."""
NOISE = 0.35
"""Part of the difference of two rows that makes a query of a third one: it is then about .9 from where it came."""
LISTS = 4096
"""Most lists: more take long to learn, and save little where so few are visited."""
TRAINING = 64
"""Rows per list that the lists are learned from."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An index as data: what it is, how hard it looks, and what was measured of it when it was made."""

    kind: Kind
    factory: str
    """As FAISS's `index_factory` reads it; empty for flat, which needs no index beside the vectors."""
    width: int
    """Candidates that are scored again."""
    effort: int
    """Lists that are visited, or length of the graph's queue; 0 where everything is looked at."""
    visited: int
    """Rows that a query is compared with, about."""
    recall: float
    """At 10, with queries of the side's own modality."""
    recall_other: float
    """At 10, with queries of the other modality: a title that asks for pictures."""
    ms: float
    """Of one query, rescoring included."""
    exact_ms: float
    """Of one exact scan, measured beside it."""
    bytes: int
    """What it holds in memory; for flat, the vectors themselves."""
    build_s: float
    enough: bool = True
    """Whether the recall that was asked for was reached."""
    recall_deep: float = 1.0
    """Of the `DEPTH` best, with the queries of which fewer are found."""

    @property
    def reached(self) -> float:
        """What is held against the recall that was asked for."""
        return min(self.recall, self.recall_other, 1 - (1 - self.recall_deep) / DEEPER)


class AnnIndex:
    """A FAISS index over M rows, and how it is asked. Searched by many threads; never changed."""

    def __init__(self, index: Any, choice: Choice) -> None:
        self.index = index
        self.choice = choice
        lists = _lists(index)
        self._most = lists.nlist if lists is not None else 16 * WIDTHS.get(choice.kind, (WIDTH,))[-1]

    def __len__(self) -> int:
        return int(self.index.ntotal)

    def search(self, queries: Vectors, bits: npt.NDArray[np.uint8] | None, share: float) -> Rows:
        """Return the candidates (B, width) of `queries` (B, D) among M rows; -1 where there are no more.

        Args:
            queries: (B, D).
            bits: which rows may be found, as packed bits; None for all.
            share: the part (0 to 1] of the rows that this is: the fewer, the further it looks.
        """
        choice = self.choice
        selector = None if bits is None else faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
        effort = min(math.ceil(choice.effort / share), self._most)
        library: Any = faiss  # its stubs lack these parameters
        if _lists(self.index) is not None:
            parameters = library.SearchParametersIVF(nprobe=effort, sel=selector)
        elif choice.kind == "hnsw":
            parameters = library.SearchParametersHNSW(efSearch=effort, sel=selector)
        else:
            parameters = library.SearchParameters(sel=selector)
        _, rows = self.index.search(queries, min(choice.width, len(self)), params=parameters)
        return np.asarray(rows, dtype=np.int64)


def _lists(index: Any) -> Any:
    """Return `index` as one with inverted lists; None when it has none."""
    return index if isinstance(index, faiss.IndexIVF) else None


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


def factories(count: int, dim: int) -> dict[Kind, str]:
    """Return the types there are for `count` vectors of length `dim`, as FAISS's factory reads them."""
    lists = max(1, min(2 ** round(math.log2(2 * math.sqrt(max(count, 1)))), count // 40, LISTS))
    found: dict[Kind, str] = {
        "flat": "",
        "fp16": "SQfp16",
        "int8": "SQ8",
        "ivf": f"IVF{lists},Flat",
        "ivf-int8": f"IVF{lists},SQ8",
    }
    if count <= GRAPH_ROWS:
        found["hnsw"] = "HNSW24,SQ8"
    if dim % 4 == 0 and count >= 10_000:  # 256 centroids for each part are learned
        found["pq"] = f"IVF{lists},PQ{dim // 4}np"
    return found


def bytes_of(kind: Kind, count: int, dim: int) -> int:
    """Return about what an index of that kind holds in memory."""
    lists = 8 * dim * math.sqrt(count)
    each = {"flat": 4 * dim, "fp16": 2 * dim, "int8": dim, "ivf": 4 * dim + 8, "ivf-int8": dim + 8}
    each |= {"hnsw": dim + 4 * 2 * 24 + 24, "pq": dim // 4 + 8}
    return int(each[kind] * count + (lists if kind in ("ivf", "ivf-int8", "pq") else 0))


def build(factory: str, vectors: Vectors) -> Any:
    """Return a FAISS index over `vectors` (M, D)."""
    count, dim = vectors.shape
    index = faiss.index_factory(dim, factory, faiss.METRIC_INNER_PRODUCT)
    trained = min(count, 100_000)
    lists = _lists(index)
    if lists is not None:
        lists.cp.niter = 10
        lists.cp.min_points_per_centroid = 1
        lists.cp.max_points_per_centroid = TRAINING
        trained = min(count, max(TRAINING * lists.nlist, 50_000))
        if isinstance(index, faiss.IndexIVFPQ):
            index.pq.cp.niter = 10
            index.pq.cp.max_points_per_centroid = TRAINING
    elif isinstance(index, faiss.IndexHNSW):
        index.hnsw.efConstruction = 80
    index.train(vectors[np.sort(np.random.default_rng(0).choice(count, trained, replace=False))])
    for start in range(0, count, 100_000):
        index.add(vectors[start : start + 100_000])
    return index


def load(path: Path, choice: Choice) -> AnnIndex:
    """Map an index that was written with `faiss.write_index`: what it holds is shared by all processes that map it.

    Raises:
        ValueError: FAISS cannot read it.
    """
    try:
        return AnnIndex(faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC), choice)
    except RuntimeError as error:
        raise ValueError(f"FAISS cannot read {path.name}") from error


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

    def measured(self, near: AnnIndex) -> Choice:
        """Return the choice of `near` with its recall and time."""

        def ask(query: Vectors) -> None:
            (rows,) = near.search(query, None, 1.0)
            self.vectors[rows[rows >= 0]] @ query[0]

        at: dict[int, list[float]] = {AT: [], DEPTH: []}
        for queries, truth in ((self.own, self.truth_own), (self.other, self.truth_other)):
            found = near.search(queries, None, 1.0)
            for k, parts in at.items():
                parts.append(recall(found, self.vectors, queries, truth[:, :k]))
        own, other = at[AT]
        ms = milliseconds(ask, self.own)
        return replace(
            near.choice, recall=own, recall_other=other, recall_deep=min(at[DEPTH]), ms=ms, exact_ms=self.exact_ms
        )


def tuned(near: AnnIndex, trial: Trial, target: float) -> AnnIndex:
    """Return `near` with the least effort that reaches `target` with both modalities, a quarter of the rest in hand.

    Where none does, the one that comes nearest, and its choice says so.
    """
    aim = target + (1 - target) / 4
    best: AnnIndex | None = None
    lists = _lists(near.index)
    for width in WIDTHS.get(near.choice.kind, (WIDTH,)):
        if lists is not None:
            efforts = [2**step for step in range(int(math.log2(lists.nlist)) + 1)]
        else:
            efforts = [width << step for step in range(5)] if near.choice.kind == "hnsw" else [0]
        before = 0.0
        for effort in efforts:
            visited = len(near)
            if lists is not None:
                visited = max(1, len(near) * effort // lists.nlist)
            elif near.choice.kind == "hnsw":
                visited = min(len(near), 24 * effort)
            asked = AnnIndex(near.index, replace(near.choice, width=width, effort=effort, visited=visited))
            choice = trial.measured(asked)
            reached = choice.reached
            asked = AnnIndex(near.index, replace(choice, enough=reached >= target))
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


def to_json(choice: Choice) -> dict[str, Any]:
    """Return a choice as plain data, rounded for people."""
    value = asdict(choice)
    return value | {
        "recall": round(choice.recall, 4),
        "recall_other": round(choice.recall_other, 4),
        "recall_deep": round(choice.recall_deep, 4),
        "ms": round(choice.ms, 3),
        "exact_ms": round(choice.exact_ms, 3),
    }


def from_json(value: Mapping[str, Any]) -> Choice:
    """Return the choice that `to_json` described.

    Raises:
        TypeError, ValueError: it is none.
    """
    choice = Choice(**value)
    if choice.kind not in factories(10_000, 4) or not (choice.width >= 1 and choice.effort >= 0):
        raise ValueError(f"there is no index {value!r}")
    return choice
