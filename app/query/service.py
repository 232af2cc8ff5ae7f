"""What answers queries: the queue, its engine, and the ways to use them. Knows no request, no edit and no route."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from app.errors import REPLACED, DeadlineError, UnavailableError
from app.query.batcher import MicroBatcher
from app.query.cost import BATCH_WORK, LIGHT, WAITING_WORK, encoding_work, search_work
from app.query.engine import Engine, stack_rows
from app.query.jobs import Job, JobResult, Lookup, Serving
from app.query.modified import answer_modified
from app.settings import Settings
from app.telemetry import Telemetry
from common import DatabaseUnavailableError, InputError, OverloadedError
from index import Database

T = TypeVar("T")

CALLS = 8
"""Calls of more than one batch that are at work at a time: those that are begun are finished, further ones refused."""


class Service:
    """Encodes and searches for all callers through one queue.

    Args:
        serving: returns the encoder and the index of now.
        settings: bounds of queue, batches and cache.
        telemetry: where times are recorded.
    """

    def __init__(self, serving: Callable[[], Serving], settings: Settings, telemetry: Telemetry) -> None:
        self._serving = serving
        self._telemetry = telemetry
        self._calls = asyncio.Semaphore(CALLS)
        self._deadline_s = settings.deadline_s
        self._piece = min(settings.max_batch, settings.queue_limit)
        remote = isinstance(settings.catalogue, Database)
        self._engine = Engine(serving, settings.text_cache, telemetry, remote=remote)
        self.batcher: MicroBatcher[Job | Lookup, Any] = MicroBatcher(
            self._engine.answer,
            name="vitrine-encode",
            max_batch=settings.max_batch,
            queue_limit=settings.queue_limit,
            deadline_s=settings.deadline_s,
            max_work=BATCH_WORK,
            waiting_work=WAITING_WORK,
        )

    @property
    def serving(self) -> Serving:
        """The encoder and the index of now; taken once, they stay together."""
        return self._serving()

    def start(self) -> None:
        """Start the worker on the running event loop."""
        self.batcher.start()

    async def close(self) -> None:
        """Finish what was accepted."""
        await self.batcher.close()
        await asyncio.to_thread(self._engine.close)

    async def search(self, job: Job) -> JobResult:
        """Return the result of a job, and record what it took.

        Raises:
            InputError: a filter or facet that no product has, products that cannot be used.
            VitrineError: as `MicroBatcher.submit`.
        """
        if job.modify is not None:
            return await answer_modified(job, job.modify, self.search)
        if not job.work:
            job.work = self._work(job)
        job.heavy = job.heavy or job.work > LIGHT
        result: JobResult = await self.batcher.submit(job)
        self._telemetry.observe_stage("queue", result.queued_s)
        if result.parsed is not None:
            self._telemetry.observe_stage("understand", result.understand_s)
        self._telemetry.observe_stage("encode", result.encode_s)
        if job.query is not None:
            self._telemetry.observe_stage("search", result.search_s)
        if self._telemetry.tracing is not None:
            self._telemetry.tracing.searched(job, result)
        return result

    async def look_up(self, ask: Callable[[Serving], T], work: float) -> T:
        """Return what `ask` makes of what is served; it takes its turn as a search of so much work does.

        Raises:
            VitrineError: as `MicroBatcher.submit`, and what `ask` raises.
        """
        answer: T = await self.batcher.submit(Lookup(ask, work=work, heavy=work > LIGHT))
        return answer

    def check_room(self) -> None:
        """Refuse a call with many queries before it is read, where it could not be begun now.

        Raises:
            OverloadedError: as many large calls are at work as may be.
        """
        if self._calls.locked():
            raise OverloadedError(f"{CALLS} large calls are at work, as many as we take; try again in a second")

    async def search_many(self, jobs: Sequence[Job | InputError]) -> list[JobResult | Exception]:
        """Return the result of each of several jobs, or why it failed; an error among them stays where it is.

        Raises:
            OverloadedError, DeadlineError, UnavailableError, DatabaseUnavailableError: as `MicroBatcher.submit`; they
                concern all.
        """
        answers: dict[int, JobResult | Exception] = {
            number: job for number, job in enumerate(jobs) if isinstance(job, InputError)
        }
        good = [(number, job) for number, job in enumerate(jobs) if not isinstance(job, InputError)]
        for _, job in good:
            job.work = self._work(job)
            job.heavy = len(jobs) > 1
        # A call with many queries waits in line again after every batch, and behind single light ones.
        pieces = self._pieces(good, lambda item: (item[1].cost, item[1].work))
        async with self._begun(pieces):
            for piece in pieces:
                found = await asyncio.gather(*(self.search(job) for _, job in piece), return_exceptions=True)
                for (number, _), answer in zip(piece, found, strict=True):
                    if isinstance(answer, (OverloadedError, DeadlineError, UnavailableError, DatabaseUnavailableError)):
                        raise answer
                    if isinstance(answer, BaseException) and not isinstance(answer, Exception):
                        raise answer
                    answers[number] = answer
        return [answers[number] for number in range(len(jobs))]

    async def encode(
        self, texts: Sequence[str], pixels: Sequence[np.ndarray], *, cached: bool = False, patient: bool = False
    ) -> JobResult:
        """Return the vectors of texts and of pictures that `Encoder.read_image` made; all are by one encoder.

        `cached` is for texts that are likely to come again; who is `patient` waits where others are refused.

        Raises:
            UnavailableError: the model was replaced in between.
            VitrineError: as `MicroBatcher.submit`.
        """
        serving = self.serving
        nothing = stack_rows((), serving.encoder.dim)
        results = [JobResult(serving, nothing, nothing, 0)]
        inputs: list[str | np.ndarray] = [*texts, *pixels]
        device = serving.encoder.device

        def cost(one: str | np.ndarray) -> tuple[int, float]:
            return 1, encoding_work([one], 0, device) if isinstance(one, str) else encoding_work((), 1, device)

        pieces = self._pieces(inputs, cost)
        async with self._begun(pieces, patient=patient):
            for piece in pieces:
                job = Job(
                    tuple(one for one in piece if isinstance(one, str)),
                    tuple(one for one in piece if not isinstance(one, str)),
                    cached=cached,
                )
                result = await self.search(job)
                if result.serving.encoder is not serving.encoder:
                    raise UnavailableError(REPLACED)
                results.append(result)
        if len(pieces) == 1:
            return results[1]
        return replace(
            results[0],
            texts=np.concatenate([result.texts for result in results]),
            images=np.concatenate([result.images for result in results]),
            tokens=sum(result.tokens for result in results),
        )

    def _work(self, job: Job) -> float:
        """Return the work of a job."""
        work = encoding_work(job.texts, len(job.pixels), self.serving.encoder.device)
        return work if job.query is None else work + search_work(job.query)

    @asynccontextmanager
    async def _begun(self, pieces: Sequence[object], *, patient: bool = False) -> AsyncIterator[None]:
        """Let a call of several pieces be one of those that are at work.

        Raises:
            OverloadedError: there are as many as may be, and this one does not wait.
            DeadlineError: it does not wait, and all pieces together take too long.
        """
        if len(pieces) < 2:
            yield
            return
        if patient:
            async with self._calls:
                yield
            return
        self.check_room()
        try:
            async with self._calls, asyncio.timeout(self._deadline_s) as timer:
                yield
        except TimeoutError:
            if not timer.expired():
                raise
            raise DeadlineError(
                f"{len(pieces)} batches of work were not done within {self._deadline_s:g} s; send less in one call"
            ) from None

    def _pieces(self, items: Iterable[T], cost: Callable[[T], tuple[int, float]]) -> list[list[T]]:
        """Return `items` in pieces of at most as many inputs and as much work as a batch takes, at least one item each.

        `cost` returns both of an item.
        """
        pieces: list[list[T]] = []
        room, left = 0, 0.0
        for item in items:
            inputs, work = cost(item)
            if not pieces or inputs > room or work > left:
                pieces.append([])
                room, left = self._piece, BATCH_WORK
            pieces[-1].append(item)
            room -= inputs
            left -= work
        return pieces
