"""How much of its deadline a request has spent before it is searched for: decoding and searching share one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_spent: ContextVar[float] = ContextVar("spent", default=0.0)


@contextmanager
def spending() -> Iterator[None]:
    """Count the time of the block against the deadline of the request that is answered."""
    start = time.monotonic()
    try:
        yield
    finally:
        _spent.set(_spent.get() + time.monotonic() - start)


def time_left(deadline_s: float) -> float:
    """Return the seconds that are left of a deadline, at least 0."""
    return max(0.0, deadline_s - _spent.get())
