"""One bounded queue, one worker thread: many single jobs become few batched calls. Knows nothing of what a job is.

A job has a cost, the number of inputs that the encoder has to take for it; it bounds queue and batches. Every accepted
job is answered: with its result, with the exception that it caused, or with the error that it took too long or that the
worker died.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from app.errors import DeadlineError, UnavailableError
from common import OverloadedError

logger = logging.getLogger("vitrine.app")

CLOSING = "the service is shutting down; try again soon"

R = TypeVar("R")


@dataclass(slots=True, eq=False)
class QueuedJob(Generic[R]):
    """What a job carries for the queue. A kind of job adds what its handler needs, and may cost more."""

    future: asyncio.Future[R] = field(init=False, repr=False)
    """What its caller waits for."""
    submitted: float = field(init=False, default=0.0, repr=False)
    """When it came, by `time.perf_counter`."""

    @property
    def cost(self) -> int:
        """How many inputs it has."""
        return 1


J = TypeVar("J", bound=QueuedJob[Any])


class MicroBatcher(Generic[J, R]):
    """Runs `handler` in a thread of its own on whatever is waiting, at most `max_batch` inputs at a time.

    A lone job is not held back to wait for others: batches form while the handler is busy with the one before.
    The handler takes B jobs and returns B results in their order. A result that is an exception is raised for its
    caller alone; one that is a future is of work that goes on elsewhere. When the handler itself raises, the jobs of
    that batch are tried one by one, so that only the bad one fails. A job of more than `max_batch` inputs is a batch of
    its own.
    """

    def __init__(
        self,
        handler: Callable[[Sequence[J]], Sequence[R | Exception | Future[R]]],
        *,
        name: str,
        max_batch: int,
        queue_limit: int,
        deadline_s: float,
    ) -> None:
        self._handler = handler
        self._name = name
        self._max_batch = max_batch
        self._queue_limit = queue_limit
        self._deadline_s = deadline_s
        self._waiting: deque[J] = deque()
        self._load = 0
        self._changed = threading.Condition()
        self._refusal = "the service has not started yet; try again soon"
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def alive(self) -> bool:
        """Whether the worker thread runs."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def waiting(self) -> int:
        """How many inputs wait for the worker."""
        return self._load

    def start(self) -> None:
        """Start the worker; its answers are delivered on the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._refusal = ""
        # A daemon: a handler that never returns must not keep the process from ending.
        self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
        self._thread.start()

    async def submit(self, job: J, *, deadline_s: float | None = None) -> R:
        """Return the result of `job`; that of a cancelled caller is taken out of the queue.

        Raises:
            OverloadedError: the queue has no room for it; raised at once.
            DeadlineError: no result within `deadline_s` seconds (by default the batcher's own).
            UnavailableError: not started, shutting down, or the worker died.
            Exception: whatever the handler raised for this job.
        """
        deadline_s = self._deadline_s if deadline_s is None else deadline_s
        job.future = asyncio.get_running_loop().create_future()
        job.submitted = time.perf_counter()
        with self._changed:
            if self._refusal:
                raise UnavailableError(self._refusal)
            if self._waiting and self._load + job.cost > self._queue_limit:
                raise OverloadedError(
                    f"{self._load} queries are waiting, which is as many as we take; try again in a second"
                )
            self._waiting.append(job)
            self._load += job.cost
            self._changed.notify()
        try:
            async with asyncio.timeout(deadline_s) as timer:
                return cast(R, await job.future)
        except TimeoutError:
            if not timer.expired():
                raise  # the handler's own
            raise DeadlineError(f"no answer within {deadline_s:g} s: the service is too busy or stuck") from None
        finally:
            if job.future.cancelled():
                self._withdraw(job)

    async def close(self, timeout_s: float | None = None) -> bool:
        """Refuse new jobs, finish the accepted ones, and stop the worker; whether it stopped within `timeout_s`."""
        with self._changed:
            self._refusal = self._refusal or CLOSING
            self._changed.notify()
        if self._thread is None:
            return True
        timeout_s = self._deadline_s if timeout_s is None else timeout_s
        await asyncio.to_thread(self._thread.join, timeout_s)
        if self.alive:
            logger.error("the worker %s did not stop within %g s and is left behind", self._name, timeout_s)
        return not self.alive

    def _work(self) -> None:
        """Take, run and deliver batches until the batcher is closed. However it ends, no caller is left waiting.

        A batch whose handler raised is put back as batches of one.
        """
        batch: list[J] = []
        alone: deque[list[J]] = deque()
        try:
            while batch := alone.popleft() if alone else self._next_batch():
                if batch[0].future.done() and len(batch) == 1:
                    continue  # its caller has left
                try:
                    results: Sequence[R | Exception | Future[R]] = self._handler(batch)
                    if len(results) != len(batch):
                        raise RuntimeError(f"the handler gave {len(results)} results for {len(batch)} jobs")
                except BaseException as error:
                    if len(batch) > 1:
                        logger.warning("a batch of %d failed (%r) and is tried one by one", len(batch), error)
                        alone.extend([job] for job in batch)
                        continue
                    results = [_as_exception(error)]
                ready: dict[J, R | Exception] = {}
                for job, result in zip(batch, results, strict=True):
                    if isinstance(result, Future):
                        self._deliver_later(job, result)
                    else:
                        ready[job] = result
                self._deliver(ready)
        except BaseException:
            logger.critical("the worker %s died", self._name, exc_info=True)
        finally:
            with self._changed:
                self._refusal = self._refusal or "the worker died and nothing can be searched; restart the service"
                left = [*batch, *(job for one in alone for job in one), *self._waiting]
                self._waiting.clear()
                self._load = 0
            self._deliver({job: UnavailableError(self._refusal) for job in left})

    def _next_batch(self) -> list[J]:
        """Return the next batch as soon as there is one; empty when the batcher is closed and all is answered."""
        with self._changed:
            batch: list[J] = []
            room = self._max_batch
            while True:
                while self._waiting and (not batch or self._waiting[0].cost <= room):
                    job = self._waiting.popleft()
                    batch.append(job)
                    room -= job.cost
                    self._load -= job.cost
                if batch or self._refusal:
                    return batch
                self._changed.wait()

    def _withdraw(self, job: J) -> None:
        """Take a job whose caller has left out of the queue, if it is still there."""
        with self._changed:
            if job in self._waiting:
                self._waiting.remove(job)
                self._load -= job.cost

    def _deliver_later(self, job: J, work: Future[R]) -> None:
        """Hand the result of work that goes on elsewhere to its caller, when it is there."""

        def deliver(done: Future[R]) -> None:
            result = _outcome(done)
            self._deliver({job: result})

        work.add_done_callback(deliver)

    def _deliver(self, results: dict[J, R | Exception]) -> None:
        """Hand results to their callers on the event loop; callers who left or timed out are skipped."""

        def settle() -> None:
            for job, result in results.items():
                if job.future.done():
                    continue
                if isinstance(result, Exception):
                    job.future.set_exception(result)
                else:
                    job.future.set_result(result)

        assert self._loop is not None  # noqa: S101 - set before the worker starts
        try:
            self._loop.call_soon_threadsafe(settle)
        except RuntimeError:
            logger.debug("the event loop is closed: %d answers are dropped", len(results))


def _outcome(done: Future[R]) -> R | Exception:
    """Return the result of work that went on elsewhere, or its exception."""
    try:
        return done.result()
    except CancelledError:
        return UnavailableError(CLOSING)
    except BaseException as error:
        return _as_exception(error)


def _as_exception(error: BaseException) -> Exception:
    """Return `error` as an exception that a future can carry.

    A SystemExit out of some library must reach the caller as an error, not end the worker or the loop; a future refuses
    StopIteration.
    """
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    failure = RuntimeError(f"the handler raised {error!r}")
    failure.__cause__ = error
    return failure
