"""One bounded queue, one worker thread: many single jobs become few batched calls. Knows nothing of what a job is.

A job has a cost, the number of inputs that the encoder has to take for it; it bounds queue and batches. Every accepted
job is answered: with its result, with the exception that it caused, or with the news that it took too long or that the
worker died.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from app.http import DeadlineError, UnavailableError
from common import OverloadedError

logger = logging.getLogger("vitrine.app")

J = TypeVar("J")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Answered(Generic[R]):
    """The result of a job, and how long it waited for the worker (seconds)."""

    result: R
    queued_s: float


@dataclass(slots=True, eq=False)
class _Ticket(Generic[J, R]):
    """A job that was accepted, and the future that its caller waits for."""

    job: J
    cost: int
    future: asyncio.Future[Answered[R]]
    submitted: float


class MicroBatcher(Generic[J, R]):
    """Runs `handler` in a thread of its own on whatever is waiting, at most `max_batch` inputs at a time.

    A lone job is not held back to wait for others: batches form while the handler is busy with the one before.
    The handler takes B jobs and returns B results in their order; a result that is an exception is raised for its
    caller alone. When the handler itself raises, the jobs of that batch are tried one by one, so that only the bad one
    fails. A job of more than `max_batch` inputs is a batch of its own.
    """

    def __init__(
        self,
        handler: Callable[[Sequence[J]], Sequence[R | Exception]],
        *,
        max_batch: int,
        queue_limit: int,
        deadline_s: float,
    ) -> None:
        self._handler = handler
        self._max_batch = max_batch
        self._queue_limit = queue_limit
        self._deadline_s = deadline_s
        self._waiting: deque[_Ticket[J, R]] = deque()
        self._load = 0
        self._in_hand: list[_Ticket[J, R]] = []
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
        self._thread = threading.Thread(target=self._work, name="vitrine-worker", daemon=True)
        self._thread.start()

    async def submit(self, job: J, *, cost: int = 1, deadline_s: float | None = None) -> Answered[R]:
        """Return the result of `job`, which has `cost` inputs; a cancelled caller's job is taken out of the queue.

        Raises:
            OverloadedError: the queue has no room for it; raised at once.
            DeadlineError: no result within `deadline_s` seconds (by default the batcher's own).
            UnavailableError: not started, shutting down, or the worker died.
            Exception: whatever the handler raised for this job.
        """
        deadline_s = self._deadline_s if deadline_s is None else deadline_s
        future: asyncio.Future[Answered[R]] = asyncio.get_running_loop().create_future()
        ticket = _Ticket(job, cost, future, time.perf_counter())
        with self._changed:
            if self._refusal:
                raise UnavailableError(self._refusal)
            if self._waiting and self._load + cost > self._queue_limit:
                raise OverloadedError(
                    f"{self._load} queries are waiting, which is as many as we take; try again in a second"
                )
            self._waiting.append(ticket)
            self._load += cost
            self._changed.notify()
        try:
            async with asyncio.timeout(deadline_s) as timer:
                return await future
        except TimeoutError:
            if not timer.expired():
                raise  # the handler's own
            raise DeadlineError(f"no answer within {deadline_s:g} s: the service is too busy or stuck") from None
        finally:
            if future.cancelled():
                self._withdraw(ticket)

    async def close(self, timeout_s: float | None = None) -> bool:
        """Refuse new jobs, finish the accepted ones, and stop the worker; whether it stopped within `timeout_s`."""
        with self._changed:
            self._refusal = self._refusal or "the service is shutting down; try again soon"
            self._changed.notify()
        if self._thread is None:
            return True
        timeout_s = self._deadline_s if timeout_s is None else timeout_s
        await asyncio.to_thread(self._thread.join, timeout_s)
        if self.alive:
            logger.error("the worker did not stop within %g s and is left behind", timeout_s)
        return not self.alive

    def _withdraw(self, ticket: _Ticket[J, R]) -> None:
        """Take a job that nobody waits for any more out of the queue, if it is still there."""
        with self._changed:
            if ticket in self._waiting:
                self._waiting.remove(ticket)
                self._load -= ticket.cost

    def _work(self) -> None:
        """Answer batches until the batcher is closed; whatever ends this thread, nobody is left waiting."""
        try:
            while batch := self._next_batch():
                self._answer(batch)
        except BaseException:
            logger.critical("the worker died", exc_info=True)
        finally:
            with self._changed:
                self._refusal = self._refusal or "the worker died and nothing can be searched; restart the service"
                left = [*self._in_hand, *self._waiting]
                self._waiting.clear()
                self._load = 0
            self._deliver([(ticket, UnavailableError(self._refusal)) for ticket in left])

    def _next_batch(self) -> list[_Ticket[J, R]]:
        """Return the next batch as soon as there is one; empty when the batcher is closed and all is answered."""
        with self._changed:
            batch = self._in_hand = []
            room = self._max_batch
            while True:
                while self._waiting and (not batch or self._waiting[0].cost <= room):
                    ticket = self._waiting.popleft()
                    batch.append(ticket)
                    room -= ticket.cost
                    self._load -= ticket.cost
                if batch or self._refusal:
                    return batch
                self._changed.wait()

    def _answer(self, batch: list[_Ticket[J, R]]) -> None:
        """Run the handler on `batch` and deliver; after a failure job by job."""
        taken = time.perf_counter()
        results = self._run([ticket.job for ticket in batch])
        if not isinstance(results, Exception):
            self._deliver(
                [
                    (ticket, result if isinstance(result, Exception) else Answered(result, taken - ticket.submitted))
                    for ticket, result in zip(batch, results, strict=True)
                ]
            )
        elif len(batch) == 1:
            self._deliver([(batch[0], results)])
        else:
            logger.warning("a batch of %d failed (%r) and is tried one by one", len(batch), results)
            for ticket in batch:
                if not ticket.future.done():
                    self._answer([ticket])

    def _run(self, jobs: list[J]) -> Sequence[R | Exception] | Exception:
        """Return what the handler returns, or what it raises as an exception that a future can carry."""
        try:
            results: Sequence[R | Exception] = self._handler(jobs)
            if len(results) != len(jobs):
                raise RuntimeError(f"the handler gave {len(results)} results for {len(jobs)} jobs")
        except BaseException as error:
            # A SystemExit out of some library must reach the caller as an error, not end the worker or the loop;
            # a future refuses StopIteration.
            if isinstance(error, Exception) and not isinstance(error, StopIteration):
                return error
            failure = RuntimeError(f"the handler raised {error!r}")
            failure.__cause__ = error
            return failure
        return results

    def _deliver(self, answers: list[tuple[_Ticket[J, R], Answered[R] | Exception]]) -> None:
        """Hand results to their callers on the event loop; those who left or timed out are passed over."""

        def settle() -> None:
            for ticket, answer in answers:
                if ticket.future.done():
                    continue
                if isinstance(answer, Exception):
                    ticket.future.set_exception(answer)
                else:
                    ticket.future.set_result(answer)

        assert self._loop is not None  # noqa: S101 - set before the worker starts
        try:
            self._loop.call_soon_threadsafe(settle)
        except RuntimeError:
            logger.debug("the event loop is closed: %d answers have nobody to go to", len(answers))
