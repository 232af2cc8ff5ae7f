"""Data sets of pictures with titles: a path in; items, decoded pictures and a report of what was dirty out.

Leaves the layouts to `training.readers`. Knows nothing of preprocessing, splits or catalogues.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TypeVar

from PIL import ExifTags, Image

from common import DataError, InputError
from models.images import decode_image
from training.dataset import Dataset, Item, Problem, Report
from training.readers import read_dataset

__all__ = ["Dataset", "Item", "chunks", "decode", "inspect", "open_dataset"]

T = TypeVar("T")


def open_dataset(path: Path) -> Dataset:
    """Open the data set at `path`, in whichever layout it is; reads the rows, not the pictures.

    Raises:
        DataError: nothing there, no layout that fits, or no usable row. Says what was found and the nearest fix.
    """
    try:
        return read_dataset(path.expanduser())
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}); check the path and its rights") from error


def decode(
    dataset: Dataset, transform: Callable[[Image.Image], T], *, workers: int = 2, ahead: int = 256
) -> Generator[tuple[int, bytes, T], None, None]:
    """Yield (index in items, raw bytes, transformed picture) in order, decoded in `workers` threads.

    At most `ahead` pictures are in flight, so memory is bounded. A picture that cannot be decoded is left out and
    counted in the report, once however often it is met. An exception of `transform` itself is raised here. Closing
    the generator early stops the threads.
    """

    def work(item: Item) -> tuple[bytes, T] | None:
        try:
            data = item.read()
            image = decode_image(data)
        except (InputError, OSError):
            return None
        return data, transform(image)

    def finished() -> Iterator[tuple[int, bytes, T]]:
        index, future = waiting.popleft()
        outcome = future.result()
        if outcome is not None:
            yield index, *outcome
        elif dataset.report.count(Problem.UNDECODABLE, dataset.items[index].id, once=True):
            dataset.report.usable -= 1

    waiting: deque[tuple[int, Future[tuple[bytes, T] | None]]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="decode")
    try:
        for index, item in enumerate(dataset.items):
            if len(waiting) >= max(ahead, 1):
                yield from finished()
            waiting.append((index, pool.submit(work, item)))
        while waiting:
            yield from finished()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def chunks(stream: Iterator[T], size: int) -> Iterator[list[T]]:
    """Yield what `stream` yields in lists of `size`, the last one of what is left."""
    while chunk := list(islice(stream, size)):
        yield chunk


def inspect(dataset: Dataset, progress: Callable[[int, int], None] | None = None) -> Report:
    """Decode every picture and return the completed report: what is damaged, converted to RGB or rotated.

    `progress` is called with (pictures done, pictures in all).
    """
    total = len(dataset.items)
    for index, data, _ in decode(dataset, lambda image: None):
        converted, rotated = _header_of(data)
        if converted:
            dataset.report.count(Problem.CONVERTED, dataset.items[index].id, once=True)
        if rotated:
            dataset.report.count(Problem.ROTATED, dataset.items[index].id, once=True)
        if progress is not None:
            progress(index + 1, total)
    if progress is not None:
        progress(total, total)
    return dataset.report


def _header_of(data: bytes) -> tuple[bool, bool]:
    """Return (colours need conversion, EXIF asks for a turn) of a picture that decodes."""
    with Image.open(io.BytesIO(data)) as image:
        converted = image.mode != "RGB" or "transparency" in image.info
        return converted, image.getexif().get(ExifTags.Base.Orientation, 1) in range(2, 9)
