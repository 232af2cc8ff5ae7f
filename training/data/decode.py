"""Decodes the pictures of a data set in threads, in order, and reports those that are damaged or converted.

Knows no layout, and nothing of preprocessing, splits or catalogues.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from typing import TypeVar

from common import InputError
from models import examine
from training.data.dataset import EXAMPLES, Dataset, Item, Problem, Report

UNUSUAL = (Problem.CONVERTED, Problem.ROTATED, Problem.PROFILED, Problem.REPAIRED)
"""What `models.examine` finds, in its order."""

S = TypeVar("S")
T = TypeVar("T")


def decode_pictures(
    dataset: Dataset, decode: Callable[[bytes], T], *, workers: int = 2, ahead: int = 256
) -> Generator[tuple[int, bytes, T], None, None]:
    """Yield (index in items, raw bytes, what `decode` makes of them) in order, decoded in `workers` threads.

    `decode` says at which size pictures are read: `models.read_pixels` at the one that an encoder needs. At most
    `ahead` pictures are in flight, so memory is bounded. A picture that cannot be decoded is left out and counted in
    the report. Any other exception of `decode` is raised here. Closing the generator early stops the threads.
    """
    read = (item.read for item in dataset.items)
    with closing(in_order(lambda one: decoded(one, decode), read, workers, ahead=ahead)) as outcomes:
        for index, outcome in enumerate(outcomes):
            if outcome is not None:
                yield index, *outcome
            else:
                undecodable(dataset, dataset.items[index])


def decoded(read: Callable[[], bytes], decode: Callable[[bytes], T]) -> tuple[bytes, T] | None:
    """Return the bytes that `read` gives and what `decode` makes of them; None when there is no picture to decode."""
    try:
        data = read()
        return data, decode(data)
    except (InputError, OSError):
        return None


def undecodable(dataset: Dataset, item: Item) -> None:
    """Count the picture of `item` as one that cannot be decoded; a second call for the same item counts nothing.

    The first of them are decoded once more, to say why.
    """
    report = dataset.report
    if not report.count(Problem.UNDECODABLE, item.id, once=True):
        return
    report.usable -= 1
    if report.counts[Problem.UNDECODABLE] <= EXAMPLES:
        try:
            examine(item.read())
        except (InputError, OSError) as error:
            report.explain(Problem.UNDECODABLE, item.id, str(error))


def further_undecodable(dataset: Dataset, item: Item) -> None:
    """Count one of several pictures of `item` as one that cannot be decoded."""
    dataset.report.count(Problem.FURTHER_UNDECODABLE, item.id)


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
    """Decode every picture and return the completed report: what is damaged, repaired, converted or turned.

    `progress` is called with (pictures done, pictures in all).
    """
    total = len(dataset.items)
    for index, _, found in decode_pictures(dataset, examine):
        for problem, is_so in zip(UNUSUAL, found, strict=True):
            if is_so:
                dataset.report.count(problem, dataset.items[index].id, once=True)
        if progress is not None:
            progress(index + 1, total)
    if progress is not None:
        progress(total, total)
    return dataset.report
