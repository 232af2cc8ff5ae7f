"""Evaluations take a core for as long as somebody waits for them, and one at a time."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from app.errors import DeadlineError, UnavailableError
from app.live import Evaluations
from app.live.evaluation import LINE
from app.live.measuring import Course, Output
from app.signals import at_exit
from app.telemetry import Telemetry
from common import OverloadedError
from index.metrics import Report

ASKED: list[tuple[str, Report]] = [("test", "figures"), ("all", "figures"), ("train", "figures"), ("all", "details")]


class Watched(Evaluations):
    """Evaluations of a catalogue that changes when the test says so; counts the processes that were begun."""

    def __init__(self, folder: Path, limit_s: float = 60) -> None:
        self.catalogue, self.version, self.begun = "first", 0, 0
        super().__init__(folder, lambda: (self.catalogue, self.version), Telemetry(), limit_s)

    async def _run(self, split: str, what: Report, course: Course) -> Output:
        self.begun += 1
        return await super()._run(split, what, course)


def within_a_minute(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 60))


def test_evaluations_that_nobody_waits_for_end_and_free_their_place(folder: Path) -> None:
    """320 were in line after 40 writes, though every caller had hung up; a new one waited for 40 s."""

    async def main() -> None:
        evaluations = Watched(folder)
        for _ in range(5):
            evaluations.version += 1
            calls = [asyncio.create_task(evaluations.of(*asked)) for asked in ASKED]
            await asyncio.sleep(0.01)
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
        assert evaluations.begun <= 5
        assert (await evaluations.of("test"))["split"] == "test"
        assert evaluations.begun <= 6

    within_a_minute(main)


def test_more_than_a_few_evaluations_are_refused(folder: Path) -> None:
    async def main() -> None:
        evaluations = Watched(folder)
        calls = [asyncio.create_task(evaluations.of(*asked)) for asked in ASKED]
        await asyncio.sleep(0)
        assert len(calls) == LINE
        with pytest.raises(OverloadedError, match=f"{LINE} evaluations"):
            await evaluations.of("validation")
        joined = asyncio.create_task(evaluations.of(*ASKED[0]))  # costs nothing
        assert await joined is await calls[0]
        evaluations.stop()
        for call in calls[1:]:
            with pytest.raises(UnavailableError, match="shutting down"):
                await call
        with pytest.raises(UnavailableError, match="shutting down"):
            await evaluations.of("validation")

    within_a_minute(main)


def test_the_evaluations_of_a_catalogue_that_was_replaced_are_dropped(folder: Path) -> None:
    async def main() -> None:
        evaluations = Watched(folder)
        before = asyncio.create_task(evaluations.of("all"))
        await asyncio.sleep(0.01)
        evaluations.catalogue = "second"
        after = asyncio.create_task(evaluations.of("all"))
        with pytest.raises(UnavailableError, match="replaced"):
            await before
        assert (await after)["split"] == "all"

    within_a_minute(main)


def test_an_evaluation_that_takes_too_long_is_ended(folder: Path) -> None:
    async def main() -> None:
        evaluations = Watched(folder, limit_s=0.01)
        with pytest.raises(DeadlineError, match=r"longer than 0\.01 s.*VITRINE_EVALUATION_LIMIT_S"):
            await evaluations.of("all")
        assert not evaluations._runs

    within_a_minute(main)


def test_figures_that_took_long_are_given_for_a_while_and_name_their_version(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One page that is always open kept a core busy for ever on a catalogue that is written to."""

    async def main() -> None:
        evaluations = Watched(folder)
        first = await evaluations.of("test")
        evaluations.version = 1
        assert await evaluations.of("test") is not first  # it was quick
        monkeypatch.setattr("app.live.evaluation.QUICK_S", 0)
        evaluations.version = 2
        second = await evaluations.of("test")
        evaluations.version = 3
        assert await evaluations.of("test") is second
        assert second["catalogue_version"] == 0
        evaluations.catalogue = "second"
        assert await evaluations.of("test") is not second
        assert evaluations.begun == 4

    within_a_minute(main)


def test_what_is_to_be_called_when_the_process_is_told_to_stop_is_called_at_once() -> None:
    """A process that was told to stop first waited for the evaluations that callers waited for."""
    told: list[object] = []

    def server(number: int, _: FrameType | None) -> None:
        told.append(signal.Signals(number))

    async def main() -> None:
        restore = at_exit(lambda: told.append("ours"))
        os.kill(os.getpid(), signal.SIGTERM)
        while len(told) < 2:
            await asyncio.sleep(0.001)
        restore()

    before = signal.signal(signal.SIGTERM, server)
    try:
        within_a_minute(main)
        assert signal.getsignal(signal.SIGTERM) is server
    finally:
        signal.signal(signal.SIGTERM, before)
    assert told == [signal.SIGTERM, "ours"]
