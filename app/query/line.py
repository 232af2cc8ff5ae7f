"""A line of jobs that wait, and what every job carries for it. Knows no worker and nothing of what a job is."""

from __future__ import annotations

import asyncio
import math
from collections import deque
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
    """The jobs of one kind that wait, in order, and how much they are together."""

    def __init__(self) -> None:
        self.jobs: deque[J] = deque()
        self.cost = 0
        self.work = 0.0

    def append(self, job: J) -> None:
        """Put a job at the end."""
        self.jobs.append(job)
        self.cost += job.cost
        self.work += job.work

    def remove(self, job: J) -> None:
        """Take a job out, if it is there."""
        if job in self.jobs:
            self.jobs.remove(job)
            self._left(job)

    def take(self, cost: int, work: float) -> list[J]:
        """Take the first jobs, as many as fit into a batch; one at least."""
        batch: list[J] = []
        while self.jobs and (not batch or (self.jobs[0].cost <= cost and self.jobs[0].work <= work)):
            job = self.jobs.popleft()
            batch.append(job)
            cost -= job.cost
            work -= job.work
            self._left(job)
        return batch

    def clear(self) -> list[J]:
        """Take all."""
        return self.take(self.cost, math.inf)

    def _left(self, job: J) -> None:
        self.cost -= job.cost
        self.work = self.work - job.work if self.jobs else 0.0  # no rounding adds up
