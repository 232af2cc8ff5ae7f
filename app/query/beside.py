"""Threads beside the one that encodes: where the catalogue is a database, they wait for it. Knows no search."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import Any, TypeVar

from app.query.line import QueuedJob
from common import OverloadedError

T = TypeVar("T")


class Beside:
    """A few threads, and a bound on what they owe.

    Args:
        name: of the threads.
        threads: how many.
        ahead: jobs that they may owe.
        patient: whether one more waits for its turn, and holds up who brings it; else it is refused.
    """

    def __init__(self, name: str, threads: int, ahead: int, *, patient: bool) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._ahead = BoundedSemaphore(ahead)
        self._patient = patient

    def run(self, job: QueuedJob[Any], work: Callable[[], T]) -> Future[T]:
        """Do the work of a job in one of the threads, unless its caller has left by then.

        Raises:
            OverloadedError: as many jobs are owed as may be.
        """
        if not self._ahead.acquire(blocking=self._patient):
            raise OverloadedError("the database owes as many answers as we wait for; try again in a second")

        def wanted() -> T:
            if job.unwanted:
                raise CancelledError
            return work()

        future = self._pool.submit(wanted)
        future.add_done_callback(lambda _: self._ahead.release())
        return future

    def close(self) -> None:
        """Wait for what still goes on."""
        self._pool.shutdown()
