"""An approximate index by FAISS: its types, how it is built and mapped, and its candidates for a query.

The caller scores the candidates again with the vectors themselves, so an index decides which products are found and
never what they score. Knows no products, no filters and no catalogue.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import faiss
import numpy as np
import numpy.typing as npt

from index.ann.private_files import PrivateFiles
from index.records import Vectors

Kind = Literal["flat", "fp16", "int8", "ivf", "ivf-int8", "hnsw", "pq"]
Rows = npt.NDArray[np.int64]
Indexed = Literal["images", "texts", "further"]
"""What an index may be over: the first pictures of products, their titles, or the further pictures."""

WIDTHS: dict[Kind, tuple[int, ...]] = {"pq": (128, 512, 2048)}
"""How many candidates are scored again, where it is not `WIDTH`; the coarser the codes, the more it takes."""
WIDTH = 128
DEPTH = 50
"""Results down to this rank come from the same candidates, so that pages fit together; deeper ones take a scan."""

DEEPER = 3
"""How many times as much may be missing among the `DEPTH` best as among the ten best."""

GRAPH_ROWS = 4_000_000
"""Rows from which a graph takes too long to build to be considered."""
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
    """At 10, with queries of the other modality: titles that find pictures."""
    ms: float
    """Of one query, rescoring included."""
    exact_ms: float
    """Of one exact scan, measured beside it."""
    bytes: int
    """What it holds in memory; for flat, the vectors themselves."""
    build_s: float
    enough: bool = True
    """Whether the required recall was reached."""
    recall_deep: float = 1.0
    """Of the `DEPTH` best, with the queries of which fewer are found."""

    @property
    def reached(self) -> float:
        """What is compared with the required recall."""
        return min(self.recall, self.recall_other, 1 - (1 - self.recall_deep) / DEEPER)


class AnnIndex:
    """A FAISS index over M rows, and how it is asked. Searched by many threads; never changed."""

    def __init__(self, index: Any, choice: Choice) -> None:
        self.index = index
        self.choice = choice
        lists = inverted_lists(index)
        self._most = lists.nlist if lists is not None else 16 * WIDTHS.get(choice.kind, (WIDTH,))[-1]

    def __len__(self) -> int:
        return int(self.index.ntotal)

    def search(self, queries: Vectors, bits: npt.NDArray[np.uint8] | None, share: float, times: int = 1) -> Rows:
        """Return the candidates (B, width · times) of `queries` (B, D) among M rows; -1 where there are no more.

        Args:
            queries: (B, D).
            bits: which rows may be found, as packed bits; None for all.
            share: the part (0 to 1] of the rows that this is: the fewer, the further it looks.
            times: how many times as many candidates as the index was chosen for, and how many times as far it looks.
        """
        choice = self.choice
        library: Any = faiss  # its stubs lack these parameters
        selector = None if bits is None else library.IDSelectorBitmap(bits)
        width = min(times * choice.width, len(self))
        effort = min(math.ceil(times * choice.effort / share), self._most)
        if inverted_lists(self.index) is not None:
            parameters = library.SearchParametersIVF(nprobe=effort, sel=selector)
        elif choice.kind == "hnsw":
            parameters = library.SearchParametersHNSW(efSearch=max(effort, width), sel=selector)
        else:
            parameters = library.SearchParameters(sel=selector)
        _, rows = self.index.search(queries, width, params=parameters)
        return np.asarray(rows, dtype=np.int64)


def inverted_lists(index: Any) -> Any:
    """Return `index` as one with inverted lists; None when it has none."""
    return index if isinstance(index, faiss.IndexIVF) else None


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
    lists = inverted_lists(index)
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


def load(files: PrivateFiles, name: str, choice: Choice) -> AnnIndex:
    """Return an index that was written with `faiss.write_index`; mapped, where `files` are this one and in a file.

    Raises:
        ValueError: FAISS cannot read it.
    """
    try:
        if files.path is not None:
            return AnnIndex(faiss.read_index(str(files.path), faiss.IO_FLAG_MMAP_IFC), choice)
        return AnnIndex(faiss.deserialize_index(np.frombuffer(files[name], dtype=np.uint8)), choice)
    except RuntimeError as error:
        raise ValueError(f"FAISS cannot read {name}") from error


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
