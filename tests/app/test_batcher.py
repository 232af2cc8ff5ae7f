"""The queue and its worker: every accepted job is answered, whatever happens."""

from __future__ import annotations

import asyncio
import ctypes
import threading
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import DeadlineError, UnavailableError
from app.query import MicroBatcher, QueuedJob
from common import OverloadedError


@dataclass(slots=True, eq=False)
class Value(QueuedJob[Any]):
    """A job of this value."""

    value: Any
    price: int = 1

    @property
    def cost(self) -> int:
        return self.price


class Doubler:
    """A handler that doubles numbers, raises values that are exceptions, and can be held at the door."""

    def __init__(self) -> None:
        self.batches: list[list[Any]] = []
        self.threads: set[int] = set()
        self.door = threading.Event()
        self.door.set()

    def __call__(self, jobs: Sequence[Value]) -> list[Any]:
        values = [job.value for job in jobs]
        self.batches.append(values)
        self.threads.add(threading.get_ident())
        assert self.door.wait(60)
        for value in values:
            if isinstance(value, BaseException):
                raise value
        return [2 * value for value in values]


@asynccontextmanager
async def running(handler: Any, **options: Any) -> AsyncIterator[MicroBatcher[Any, Any]]:
    batcher = MicroBatcher(
        handler, **{"name": "worker-under-test", "max_batch": 4, "queue_limit": 100, "deadline_s": 60.0, **options}
    )
    batcher.start()
    try:
        yield batcher
    finally:
        await batcher.close()


async def result(batcher: MicroBatcher[Any, Any], value: Any, cost: int = 1, **options: Any) -> Any:
    return await batcher.submit(Value(value, cost), **options)


async def until(holds: Any) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.001)


async def held(batcher: MicroBatcher[Any, Any], handler: Doubler, jobs: Sequence[Any]) -> list[asyncio.Task[Any]]:
    """Return the calls of 0 and of `jobs`: the worker stands at the closed door with 0, the others wait."""
    handler.door.clear()
    tasks = [asyncio.create_task(result(batcher, 0))]
    await until(lambda: len(handler.batches) == 1)
    tasks += [asyncio.create_task(result(batcher, job)) for job in jobs]
    await until(lambda: batcher.waiting == len(jobs))
    return tasks


def test_a_lone_job_is_answered_at_once() -> None:
    async def main() -> None:
        async with running(Doubler()) as batcher:
            await result(batcher, 1)
            took = []
            for job in range(50):
                asked = Value(job)
                assert await batcher.submit(asked) == 2 * job
                took.append(time.perf_counter() - asked.submitted)
            assert min(took) < 0.02, "a job waited for others"  # at the best: other processes may hold one up

    asyncio.run(main())


@settings(max_examples=25)
@given(st.lists(st.one_of(st.integers(), st.just("bad")), max_size=40), st.integers(1, 8))
def test_batched_answers_are_those_of_the_handler_called_job_by_job(jobs: list[Any], max_batch: int) -> None:
    async def main() -> list[Any]:
        batcher: MicroBatcher[Any, Any]
        async with running(Doubler(), max_batch=max_batch) as batcher:
            calls = (result(batcher, ValueError(number) if job == "bad" else job) for number, job in enumerate(jobs))
            return await asyncio.gather(*calls, return_exceptions=True)

    answers = asyncio.run(main())
    for number, (job, answer) in enumerate(zip(jobs, answers, strict=True)):
        if job == "bad":
            assert isinstance(answer, ValueError)
            assert answer.args == (number,)
        else:
            assert answer == 2 * job


def test_what_waits_while_the_worker_is_busy_becomes_one_batch_in_one_thread() -> None:
    async def main() -> None:
        handler = Doubler()
        async with running(handler) as batcher:
            tasks = await held(batcher, handler, range(1, 10))
            handler.door.set()
            assert await asyncio.gather(*tasks) == [2 * job for job in range(10)]
            assert handler.batches == [[0], [1, 2, 3, 4], [5, 6, 7, 8], [9]]
            assert len(handler.threads) == 1
            assert handler.threads != {threading.get_ident()}

    asyncio.run(main())


def test_a_full_queue_refuses_at_once_and_takes_jobs_again_later() -> None:
    async def main() -> None:
        handler = Doubler()
        async with running(handler, queue_limit=3) as batcher:
            tasks = await held(batcher, handler, [1, 2, 3])
            with pytest.raises(OverloadedError, match="3 queries are waiting"):
                await result(batcher, 4)
            assert len(handler.batches) == 1, "it waited for the worker"
            handler.door.set()
            assert await asyncio.gather(*tasks) == [0, 2, 4, 6]
            assert await result(batcher, 5) == 10

    asyncio.run(main())


def test_batches_and_queue_count_inputs_not_jobs() -> None:
    async def main() -> None:
        handler = Doubler()
        async with running(handler, queue_limit=8) as batcher:
            tasks = await held(batcher, handler, [])
            for job, cost in ((1, 3), (2, 2), (3, 2)):
                tasks.append(asyncio.create_task(result(batcher, job, cost)))
            await until(lambda: batcher.waiting == 7)
            with pytest.raises(OverloadedError, match="7 queries are waiting"):
                await result(batcher, 4, 2)
            tasks.append(asyncio.create_task(result(batcher, 5)))  # for one more there is room
            await until(lambda: batcher.waiting == 8)
            handler.door.set()
            assert await asyncio.gather(*tasks) == [0, 2, 4, 6, 10]
            assert handler.batches == [[0], [1], [2, 3], [5]]
            assert batcher.waiting == 0

    asyncio.run(main())


def test_a_job_larger_than_any_batch_or_queue_runs_alone() -> None:
    async def main() -> None:
        handler = Doubler()
        async with running(handler, max_batch=2, queue_limit=3) as batcher:
            assert await result(batcher, 1, 50) == 2
            assert handler.batches == [[1]]

    asyncio.run(main())


def test_an_exception_among_the_results_is_raised_for_its_caller_without_another_try() -> None:
    async def main() -> None:
        handled: list[Any] = []

        def handler(jobs: Sequence[Value]) -> list[int | Exception]:
            values = [job.value for job in jobs]
            handled.append(values)
            return [ValueError(value) if value == 2 else 2 * value for value in values]

        async with running(handler) as batcher:
            answers = await asyncio.gather(*(result(batcher, job) for job in (1, 2, 3)), return_exceptions=True)
        assert (answers[0], answers[2]) == (2, 6)
        assert isinstance(answers[1], ValueError)
        assert [job for batch in handled for job in batch] == [1, 2, 3]

    asyncio.run(main())


def test_a_result_that_is_worked_out_elsewhere_is_waited_for_without_the_worker() -> None:
    async def main() -> None:
        elsewhere: dict[int, Future[int]] = {number: Future() for number in (1, 2, 3)}

        def handler(jobs: Sequence[Value]) -> list[Any]:
            return [elsewhere.get(job.value, 2 * job.value) for job in jobs]

        async with running(handler) as batcher:
            tasks = [asyncio.create_task(result(batcher, number)) for number in elsewhere]
            await asyncio.sleep(0.05)
            assert not any(task.done() for task in tasks)
            assert await result(batcher, 4) == 8  # the worker is free
            elsewhere[2].set_result(20)
            assert await tasks[1] == 20
            elsewhere[1].set_exception(KeyError("bad"))
            with pytest.raises(KeyError, match="bad"):
                await tasks[0]
            elsewhere[3].cancel()
            with pytest.raises(UnavailableError, match="shutting down"):
                await tasks[2]

    asyncio.run(main())


def test_the_worker_is_called_as_it_was_named() -> None:
    async def main() -> None:
        handler = Doubler()
        async with running(handler, name="vitrine-encode") as batcher:
            await result(batcher, 1)
            names = {thread.ident: thread.name for thread in threading.enumerate()}
            assert [names[ident] for ident in handler.threads] == ["vitrine-encode"]

    asyncio.run(main())


def test_only_the_bad_job_of_a_batch_fails() -> None:
    async def main() -> None:
        handler = Doubler()
        async with running(handler) as batcher:
            tasks = await held(batcher, handler, [1, KeyError("bad"), 3])
            handler.door.set()
            answers = await asyncio.gather(*tasks, return_exceptions=True)
            assert answers[:2] == [0, 2]
            assert isinstance(answers[2], KeyError)
            assert answers[3] == 6

    asyncio.run(main())


@pytest.mark.parametrize(
    "failure", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError(), GeneratorExit(), StopIteration(1)]
)
def test_failures_that_would_end_a_thread_or_a_loop_reach_the_caller_as_errors(failure: BaseException) -> None:
    async def main() -> None:
        async with running(Doubler()) as batcher:
            with pytest.raises(RuntimeError, match=type(failure).__name__):
                await result(batcher, failure)
            assert batcher.alive
            assert await result(batcher, 4) == 8

    asyncio.run(main())


def test_a_handler_that_loses_results_is_an_error_not_a_wait() -> None:
    async def main() -> None:
        async with running(lambda jobs: [1, 2, 3]) as batcher:
            with pytest.raises(RuntimeError, match="3 results for 1 jobs"):
                await result(batcher, "job")

    asyncio.run(main())


def test_the_job_of_a_cancelled_caller_is_never_run_and_frees_its_place() -> None:
    async def main() -> None:
        handler = Doubler()
        async with running(handler, queue_limit=3) as batcher:
            tasks = await held(batcher, handler, [1, 2, 3])
            tasks[2].cancel()
            await asyncio.gather(tasks[2], return_exceptions=True)
            assert batcher.waiting == 2
            late = asyncio.create_task(result(batcher, 4))
            await until(lambda: batcher.waiting == 3)
            handler.door.set()
            kept = [tasks[0], tasks[1], tasks[3], late]
            assert await asyncio.gather(*kept) == [0, 2, 6, 8]
            assert [job for batch in handler.batches for job in batch] == [0, 1, 3, 4]

    asyncio.run(main())


def test_a_caller_cancelled_while_its_job_runs_disturbs_nobody() -> None:
    async def main() -> None:
        handler = Doubler()
        async with running(handler) as batcher:
            tasks = await held(batcher, handler, [1])
            tasks[0].cancel()
            handler.door.set()
            assert await tasks[1] == 2

    asyncio.run(main())


def test_a_job_that_is_not_answered_in_time_is_told_so_and_not_run() -> None:
    async def main() -> None:
        handler = Doubler()
        async with running(handler) as batcher:
            tasks = await held(batcher, handler, [])
            with pytest.raises(DeadlineError, match=r"within 0\.05 s"):
                await result(batcher, 1, deadline_s=0.05)
            handler.door.set()
            assert await tasks[0] == 0
            assert await result(batcher, 2) == 4
            assert [1] not in handler.batches

    asyncio.run(main())


def test_a_timeout_inside_the_handler_is_not_taken_for_the_deadline() -> None:
    async def main() -> None:
        async with running(Doubler()) as batcher:
            with pytest.raises(TimeoutError, match="of its own"):
                await result(batcher, TimeoutError("of its own"))

    asyncio.run(main())


def test_closing_finishes_what_was_accepted_and_refuses_the_rest() -> None:
    async def main() -> None:
        handler = Doubler()
        async with running(handler) as batcher:
            tasks = await held(batcher, handler, range(1, 10))
            closing = asyncio.create_task(batcher.close())
            await asyncio.sleep(0.01)
            with pytest.raises(UnavailableError, match="shutting down"):
                await result(batcher, 11)
            handler.door.set()
            assert await closing
            assert await asyncio.gather(*tasks) == [2 * job for job in range(10)]
            assert not batcher.alive

    asyncio.run(main())


def test_a_batcher_that_was_not_started_refuses() -> None:
    async def main() -> None:
        batcher = MicroBatcher(Doubler(), name="never-started", max_batch=1, queue_limit=1, deadline_s=1)
        with pytest.raises(UnavailableError, match="not started"):
            await result(batcher, 1)
        assert await batcher.close()

    asyncio.run(main())


def test_closing_does_not_wait_for_ever_for_a_stuck_handler() -> None:
    async def main() -> None:
        handler = Doubler()
        async with running(handler) as batcher:
            tasks = await held(batcher, handler, [])
            assert not await batcher.close(timeout_s=0.05)
            handler.door.set()
            assert await tasks[0] == 0

    asyncio.run(main())


def test_a_worker_that_dies_while_idle_is_noticed() -> None:
    async def main() -> None:
        handler = Doubler()
        async with running(handler) as batcher:
            assert await result(batcher, 1) == 2
            await asyncio.sleep(0.05)  # the worker waits for work again
            worker = next(iter(handler.threads))
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(worker), ctypes.py_object(SystemExit))
            with pytest.raises(UnavailableError, match="the worker died"):
                await result(batcher, 2)  # wakes the worker up, to its death
            await until(lambda: not batcher.alive)
            with pytest.raises(UnavailableError, match="the worker died"):
                await result(batcher, 3)

    asyncio.run(main())


def test_a_loop_that_ended_first_is_no_trouble_for_the_worker() -> None:
    handler = Doubler()
    threads: list[threading.Thread] = []

    async def main() -> None:
        batcher: MicroBatcher[Any, Any] = MicroBatcher(
            handler, name="left-behind", max_batch=1, queue_limit=1, deadline_s=60
        )
        batcher.start()
        handler.door.clear()
        waiting = asyncio.create_task(result(batcher, 1))
        await until(lambda: handler.batches == [[1]])
        await batcher.close(timeout_s=0.01)
        threads.extend(thread for thread in threading.enumerate() if thread.ident in handler.threads)
        waiting.cancel()

    asyncio.run(main())
    handler.door.set()
    threads[0].join(60)  # an exception in it would fail this test
    assert not threads[0].is_alive()
