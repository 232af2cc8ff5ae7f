"""Several calls at a time on the cores of this machine, each in one thread. Knows no search."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from common import compute_threads

T = TypeVar("T")
R = TypeVar("R")


def each(call: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Return call(item) for each item, in order; the calling thread and helpers take the next one when they are ready.

    It pays where calls spend their time in NumPy, without the interpreter lock. Who calls waits for no helper that has
    not begun.

    Raises:
        Exception: that of a call; those that were not begun are dropped.
    """
    found: dict[int, R] = {}
    left = deque(enumerate(items))

    def work() -> None:
        try:
            while True:
                try:
                    place, item = left.popleft()
                except IndexError:
                    return
                found[place] = call(item)
        finally:
            left.clear()  # empty already, unless a call failed

    threads = compute_threads()
    helpers = [_pool(threads).submit(work) for _ in range(min(threads, len(items)) - 1)]
    try:
        work()
    finally:
        begun = [helper for helper in helpers if not helper.cancel()]
        errors = [error for helper in begun if (error := helper.exception()) is not None]
    if errors:
        raise errors[0]
    return [found[place] for place in range(len(items))]


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="vitrine-ranking")
