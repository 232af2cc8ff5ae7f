"""Two bounded lines, one worker thread: many single jobs become few batched calls. Knows nothing of what a job is.

A job has a cost, the number of inputs that the encoder has to take for it, and work, about the time that it takes; both
bound lines and batches. Heavy jobs wait in a line of their own, which has every other turn: light ones wait for one
batch of them at most. Every accepted job is answered: with its result, with the exception that it caused, or with the
error that it took too long or that the worker died.
"""

from __future__ import annotations

import asyncio
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from typing import Any, Generic, TypeVar, cast

from app.caller import caller
from app.errors import DeadlineError, UnavailableError
from app.query.line import Line, QueuedJob
from app.spent import time_left
from common import OverloadedError

logger = logging.getLogger("vitrine.app")

CLOSING = "the service is shutting down; try again soon"

R = TypeVar("R")
J = TypeVar("J", bound=QueuedJob[Any])


class MicroBatcher(Generic[J, R]):
    """Runs `handler` in a thread of its own on whatever is waiting.

    A batch has at most `max_batch` inputs and `max_work` work. In each of the two lines wait at most `waiting_work`
    work and, with the light jobs, `queue_limit` inputs.

    A lone job is not held back to wait for others: batches form while the handler is busy with the one before.
    The handler takes B jobs and returns B results in their order. A result that is an exception is raised for its
    caller alone; one that is a future is of work that goes on elsewhere. When the handler itself raises, the jobs of
    that batch are tried one by one, so that only the bad one fails. A job of more than a batch takes is a batch of its
    own.
    """

    def __init__(
        self,
        handler: Callable[[Sequence[J]], Sequence[R | Exception | Future[R]]],
        *,
        name: str,
        max_batch: int,
        queue_limit: int,
        deadline_s: float,
        max_work: float = math.inf,
        waiting_work: float = math.inf,
    ) -> None:
        self._handler = handler
        self._name = name
        self._max_batch = max_batch
        self._queue_limit = queue_limit
        self._deadline_s = deadline_s
        self._max_work = max_work
        self._waiting_work = waiting_work
        self._light: Line[J] = Line()
        self._heavy: Line[J] = Line()
        self._heavy_turn = False
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
        return self._light.cost + self._heavy.cost

    def crowd(self, coming: int) -> int:
        """Return how many wait or are on their way, where a light job of this caller has no room; else 0."""
        with self._changed:
            ahead = self._light.cost + coming
            full = ahead >= self._queue_limit and self._light.gives_way(caller.get(), 1) is None
        return ahead if full else 0

    def start(self) -> None:
        """Start the worker; its answers are delivered on the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._refusal = ""
        # A daemon: a handler that never returns must not keep the process from ending.
        self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
        self._thread.start()

    async def submit(self, job: J, *, deadline_s: float | None = None) -> R:
        """Return the result of `job`; that of a cancelled caller is taken out of the queue. Callers take turns.

        Raises:
            OverloadedError: its line has no room for it; raised at once.
            DeadlineError: no result within `deadline_s` seconds (by default the batcher's own).
            UnavailableError: not started, shutting down, or the worker died.
            Exception: whatever the handler raised for this job.
        """
        deadline_s = self._deadline_s if deadline_s is None else deadline_s
        job.future = asyncio.get_running_loop().create_future()
        job.submitted = time.perf_counter()
        job.caller = caller.get()
        with self._changed:
            if self._refusal:
                raise UnavailableError(self._refusal)
            line = self._heavy if job.heavy else self._light
            # Heavy jobs are the first that find no room.
            ahead = self.waiting if job.heavy else line.cost
            full = ahead + job.cost > self._queue_limit or line.work + job.work > self._waiting_work
            # Where one caller fills the line, it is that caller's last job that is refused.
            refused = line.gives_way(job.caller, job.cost) if ahead and full else None
            if refused is not None:
                line.remove(refused)
            elif ahead and full:
                raise _crowded(ahead)
            line.append(job)
            self._changed.notify()
        if refused is not None and not refused.unwanted:
            refused.future.set_exception(_crowded(ahead))
        try:
            async with asyncio.timeout(time_left(deadline_s)) as timer:
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
                if len(batch) == 1 and batch[0].unwanted:
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
                left = [*batch, *(job for one in alone for job in one), *self._light.clear(), *self._heavy.clear()]
            self._deliver({job: UnavailableError(self._refusal) for job in left})

    def _next_batch(self) -> list[J]:
        """Return the next batch as soon as there is one; empty when the batcher is closed and all is answered."""
        with self._changed:
            while not (self._light or self._heavy or self._refusal):
                self._changed.wait()
            heavy = bool(self._heavy) and (self._heavy_turn or not self._light)
            self._heavy_turn = not heavy
            return (self._heavy if heavy else self._light).take(self._max_batch, self._max_work)

    def _withdraw(self, job: J) -> None:
        """Take a job whose caller has left out of the queue, if it is still there."""
        with self._changed:
            (self._heavy if job.heavy else self._light).remove(job)

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


def _crowded(ahead: int) -> OverloadedError:
    return OverloadedError(f"{ahead} queries are waiting, which is as many as we take; try again in a second")
