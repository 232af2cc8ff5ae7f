"""Decodes the pictures of a data set in threads, in order, and reports those that are damaged or converted.

Knows no layout, and nothing of preprocessing, splits or catalogues.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from typing import TypeVar

from PIL import ExifTags, Image

from common import InputError
from models import FORMATS, decode_image
from training.data.dataset import Dataset, Item, Problem, Report

S = TypeVar("S")
T = TypeVar("T")


def decode_pictures(
    dataset: Dataset, transform: Callable[[Image.Image], T], *, workers: int = 2, ahead: int = 256
) -> Generator[tuple[int, bytes, T], None, None]:
    """Yield (index in items, raw bytes, transformed picture) in order, decoded in `workers` threads.

    At most `ahead` pictures are in flight, so memory is bounded. A picture that cannot be decoded is left out and
    counted in the report. An exception of `transform` itself is raised here. Closing the generator early stops the
    threads.
    """
    read = (item.read for item in dataset.items)
    with closing(in_order(lambda one: decoded(one, transform), read, workers, ahead=ahead)) as outcomes:
        for index, outcome in enumerate(outcomes):
            if outcome is not None:
                yield index, *outcome
            else:
                undecodable(dataset, dataset.items[index])


def decoded(read: Callable[[], bytes], transform: Callable[[Image.Image], T]) -> tuple[bytes, T] | None:
    """Return the bytes that `read` gives and the picture in them, transformed; None when there is none to decode."""
    try:
        data = read()
        image = decode_image(data)
    except (InputError, OSError):
        return None
    return data, transform(image)


def undecodable(dataset: Dataset, item: Item) -> None:
    """Count the picture of `item` as one that cannot be decoded; a second call for the same item counts nothing."""
    if dataset.report.count(Problem.UNDECODABLE, item.id, once=True):
        dataset.report.usable -= 1


def in_order(work: Callable[[S], T], parts: Iterable[S], workers: int, *, ahead: int) -> Generator[T, None, None]:
    """Yield `work(part)` for each part, in order, computed in `workers` threads, at most `ahead` of them in flight.

    What `work` raises is raised here. Closing the generator early stops the threads.
    """
    waiting: deque[Future[T]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="data")
    try:
        for part in parts:
            if len(waiting) >= max(ahead, 1):
                yield waiting.popleft().result()
            waiting.append(pool.submit(work, part))
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def chunks(stream: Iterator[T], size: int) -> Iterator[list[T]]:
    """Yield the elements of `stream` in lists of `size`; the last list may be shorter."""
    while chunk := list(islice(stream, size)):
        yield chunk


def inspect(dataset: Dataset, progress: Callable[[int, int], None] | None = None) -> Report:
    """Decode every picture and return the completed report: what is damaged, converted to RGB or rotated.

    `progress` is called with (pictures done, pictures in all).
    """
    total = len(dataset.items)
    for index, data, _ in decode_pictures(dataset, lambda image: None):
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
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        converted = image.mode != "RGB" or "transparency" in image.info
        return converted, image.getexif().get(ExifTags.Base.Orientation, 1) in range(2, 9)
