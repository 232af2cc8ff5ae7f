"""The titles and pictures of a data set as vectors, on the cores of this process. Knows no catalogue and no cluster.

What goes through a tower together is the same here and on a cluster: torch's vectors differ in the last bits with it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
import numpy.typing as npt

from models import Encoder
from training.data import Dataset, decoded, in_order

TITLES = 32
"""Titles encoded at once."""
PICTURES = 16
"""Pictures encoded at once on a CPU."""
PICTURES_GPU = 128
"""Pictures encoded at once on a GPU."""
CALLS = 2
"""Calls of a tower side by side: while one waits for its last thread, or for a picture, the other has work."""

Vector = npt.NDArray[np.float32]
Read = Callable[[], bytes]
Encoded = tuple[bytes, Vector]
"""A picture as it was delivered, and its vector (D,) of unit length."""


def distinct_titles(dataset: Dataset) -> list[str]:
    """Return every title of the data set once, by length: neighbours need little padding."""
    return sorted({item.title for item in dataset.items}, key=lambda title: (len(title), title))


def encode_titles(encoder: Encoder, titles: Sequence[str], threads: int) -> Generator[Vector, None, None]:
    """Yield unit rows (B, D) for titles in order, `TITLES` at a time."""
    parts = (titles[start : start + TITLES] for start in range(0, len(titles), TITLES))
    return in_order(encoder.encode_text, parts, min(threads, CALLS), ahead=2 * CALLS)


def encode_pictures(
    encoder: Encoder, readers: Iterable[Read], threads: int
) -> Generator[list[Encoded | None], None, None]:
    """Yield pictures with their vectors in order, batch by batch; None for one that cannot be read or decoded.

    Every thread reads, decodes and scales the pictures of a batch and then calls the tower, `CALLS` of them at a time.
    Two batches per thread are in flight, which bounds the memory.
    """
    turn = threading.Semaphore(CALLS)

    def work(batch: Sequence[Read]) -> list[Encoded | None]:
        found = [decoded(read, encoder.prepare_image) for read in batch]
        usable = [pixels for _, pixels in filter(None, found)]
        if not usable:
            return [None] * len(found)
        with turn:
            rows = iter(encoder.encode_pixels(np.stack(usable)))  # (B, D)
        return [None if one is None else (one[0], next(rows)) for one in found]

    size = PICTURES if encoder.device == "cpu" else PICTURES_GPU
    return in_order(work, _batches(iter(readers), size), threads, ahead=2 * threads)


def cores() -> int:
    """Return how many threads keep this process busy: one per core, and two where there is only one."""
    return max(CALLS, len(os.sched_getaffinity(0)))


def _batches(readers: Iterator[Read], size: int) -> Iterator[list[Read]]:
    while batch := list(islice(readers, size)):
        yield batch
