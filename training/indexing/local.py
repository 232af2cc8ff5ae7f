"""The titles and pictures of a data set as vectors, on the cores of this process. Knows no catalogue and no cluster.

Batches are the same here and on a cluster, because torch's vectors differ in the last bits with the batch.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rich.console import Console

from models import Encoder
from training.data import Dataset, chunks, decoded, in_order
from training.progress import bar

TITLES = 32
"""Titles encoded at once."""
PICTURES = 16
"""Pictures encoded at once on a CPU."""
PICTURES_GPU = 128
"""Pictures encoded at once on a GPU."""
CALLS = 2
"""Concurrent calls of a tower: while one waits for its last thread, or for a picture, the other has work."""

Vector = npt.NDArray[np.float32]
Read = Callable[[], bytes]
Encoded = tuple[bytes, Vector]
"""A picture as it was delivered, and its vector (D,) of unit length."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """The vectors of a data set."""

    titles: Vector
    """Of the distinct titles, (T, D)."""
    pictures: Generator[list[Encoded | None], None, None]
    """Those of `all_pictures`, batch by batch; None for a picture that cannot be read or decoded."""
    device: str
    """What encodes."""


def distinct_titles(dataset: Dataset) -> list[str]:
    """Return every title of the data set once, by length, so that batches need little padding."""
    return sorted({item.title for item in dataset.items}, key=lambda title: (len(title), title))


def all_pictures(dataset: Dataset) -> list[Read]:
    """Return what reads the pictures of a data set: item by item, in order."""
    return [read for item in dataset.items for read in item.pictures]


def encode_locally(encoder: Encoder, dataset: Dataset, titles: Sequence[str], console: Console) -> Encoding:
    """Encode the titles on the cores of this machine, and start on the pictures."""
    rows: list[Vector] = []
    with (
        bar("titles", len(titles), "titles", console) as advance,
        closing(encode_titles(encoder, titles, cores())) as batches,
    ):
        for batch in batches:
            rows.append(batch)
            advance(len(batch))
    pictures = encode_pictures(encoder, all_pictures(dataset), cores())
    return Encoding(np.concatenate(rows), pictures, encoder.device)


def encode_titles(encoder: Encoder, titles: Sequence[str], threads: int) -> Generator[Vector, None, None]:
    """Yield unit rows (B, D) for titles in order, `TITLES` at a time."""
    parts = (titles[start : start + TITLES] for start in range(0, len(titles), TITLES))
    return in_order(encoder.encode_text, parts, min(threads, CALLS), ahead=2 * CALLS)


def encode_pictures(
    encoder: Encoder, readers: Iterable[Read], threads: int
) -> Generator[list[Encoded | None], None, None]:
    """Yield pictures with their vectors in order, batch by batch; None for one that cannot be read or decoded.

    Every thread reads, decodes and scales the pictures of a batch and then calls the tower; `CALLS` threads may do so
    at a time.
    Two batches per thread are in flight, which bounds the memory.
    """
    turn = threading.Semaphore(CALLS)

    def work(batch: Sequence[Read]) -> list[Encoded | None]:
        found = [decoded(read, encoder.read_image) for read in batch]
        usable = [pixels for _, pixels in filter(None, found)]
        if not usable:
            return [None] * len(found)
        with turn:
            rows = iter(encoder.encode_pixels(np.stack(usable)))  # (B, D)
        return [None if one is None else (one[0], next(rows)) for one in found]

    size = PICTURES if encoder.device == "cpu" else PICTURES_GPU
    return in_order(work, chunks(iter(readers), size), threads, ahead=2 * threads)


def cores() -> int:
    """Return how many threads keep this process busy: one per core, and two where there is only one."""
    return max(CALLS, len(os.sched_getaffinity(0)))
