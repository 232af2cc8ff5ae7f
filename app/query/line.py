"""A line of jobs that wait, and what every job carries for it. Knows no worker and nothing of what a job is."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

R = TypeVar("R")


@dataclass(slots=True, eq=False)
class QueuedJob(Generic[R]):
    """What a job carries for the queue. A kind of job adds what its handler needs, and may cost more."""

    future: asyncio.Future[R] = field(init=False, repr=False)
    """What its caller waits for."""
    submitted: float = field(init=False, default=0.0, repr=False)
    """When it came, by `time.perf_counter`."""
    work: float = field(default=0.0, kw_only=True)
    """How much there is to do, in units of its kind."""
    heavy: bool = field(default=False, kw_only=True)
    """Whether it waits in the line of heavy jobs."""
    caller: str = field(init=False, default="", repr=False)
    """Whose it is."""

    @property
    def cost(self) -> int:
        """How many inputs it has."""
        return 1

    @property
    def unwanted(self) -> bool:
        """Whether its caller has left, or has an answer; may be asked from any thread."""
        future: asyncio.Future[R] | None = getattr(self, "future", None)
        return future is not None and future.done()


J = TypeVar("J", bound=QueuedJob[Any])


class Line(Generic[J]):
    """The jobs of one kind that wait, and how much they are together. Callers take turns, each in order of coming."""

    def __init__(self) -> None:
        self.cost = 0
        self.work = 0.0
        self._of: OrderedDict[str, deque[J]] = OrderedDict()
        self._costs: dict[str, int] = {}

    def __bool__(self) -> bool:
        """Return whether a job waits."""
        return bool(self._of)

    def append(self, job: J) -> None:
        """Put a job at the end of those of its caller."""
        self._of.setdefault(job.caller, deque()).append(job)
        self._costs[job.caller] = self._costs.get(job.caller, 0) + job.cost
        self.cost += job.cost
        self.work += job.work

    def remove(self, job: J) -> None:
        """Take a job out, if it is there."""
        jobs = self._of.get(job.caller, ())
        if job in jobs:
            self._of[job.caller].remove(job)
            self._left(job)

    def take(self, cost: int, work: float) -> list[J]:
        """Take jobs, one of each caller in turn, as many as fit into a batch; one at least."""
        batch: list[J] = []
        while self._of:
            caller, jobs = next(iter(self._of.items()))
            if batch and (jobs[0].cost > cost or jobs[0].work > work):
                break
            job = jobs.popleft()
            self._of.move_to_end(caller)
            batch.append(job)
            cost -= job.cost
            work -= job.work
            self._left(job)
        return batch

    def clear(self) -> list[J]:
        """Take all."""
        return self.take(self.cost, math.inf)

    def gives_way(self, caller: str, cost: int) -> J | None:
        """Return the job that gives way to one of `caller` in a full line: the last of who has most, if that is more.

        It stays in the line. None: nobody has more than `caller` would have.
        """
        greatest = max(self._costs, key=self._costs.__getitem__, default=caller)
        if self._costs.get(greatest, 0) <= self._costs.get(caller, 0) + cost:
            return None
        return self._of[greatest][-1]

    def _left(self, job: J) -> None:
        self.cost -= job.cost
        self._costs[job.caller] -= job.cost
        if not self._of[job.caller]:
            del self._of[job.caller], self._costs[job.caller]
        self.work = self.work - job.work if self._of else 0.0  # no rounding adds up
