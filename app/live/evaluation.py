"""Measures the served catalogue on demand: in a subprocess, one split at a time, shared by all callers.

In this process, minutes of arithmetic would take turns with the search at the interpreter lock. The subprocess runs at
the lowest priority and on one core. Knows no HTTP.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import common
from app.errors import DeadlineError, UnavailableError
from app.telemetry import Telemetry
from common import ArtefactError, InputError, OverloadedError
from index import Database, Location
from index.metrics import CATALOGUE_VARIABLE, Report

CLOSING = "the service is shutting down; try again soon"
REPLACED = "the catalogue was just replaced; send it again"
LIBRARIES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Variables that bound the threads of arithmetic."""
LINE = 4
"""Evaluations that are computed or wait for their turn, at most."""
QUICK_S = 5.0
"""Seconds of computing up to which figures are made again for every version of the catalogue."""
REST = 10
"""Figures that took longer are given for so many times as long as they took, whatever is written meanwhile: a page that
is always open, on a catalogue that always changes, keeps a core busy for a tenth of the time."""

Key = tuple[Hashable, Report, str]
"""The catalogue, what is asked, and the split."""


@dataclass(slots=True, eq=False)
class _Run:
    """An evaluation that is computed or waits for its turn, and how many wait for it."""

    task: asyncio.Task[dict[str, Any]]
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class _Kept:
    """Figures of one version, and until when they are given for later ones, by `time.monotonic`."""

    figures: dict[str, Any]
    version: int
    until: float


class Evaluations:
    """The figures of one catalogue, computed when first asked for: one at a time, as long as somebody waits for them.

    Args:
        place: the catalogue; the process reads it at its newest version, and the figures name that.
        state: returns what tells the served catalogue from another in its place, and its version.
        telemetry: where runs are counted.
        limit_s: seconds that one may be computed.
    """

    def __init__(
        self, place: Location, state: Callable[[], tuple[Hashable, int]], telemetry: Telemetry, limit_s: float
    ) -> None:
        self._place = place
        self._state = state
        self._telemetry = telemetry
        self._limit_s = limit_s
        self._kept: dict[Key, _Kept] = {}
        self._runs: dict[Key, _Run] = {}
        self._turn = asyncio.Lock()
        self._closed = False

    async def of(self, split: str, what: Report = "figures") -> dict[str, Any]:
        """Return what `index.metrics` gives for `split`: the figures of `evaluate_split`, or `evaluate_details`.

        Who asks for what is being computed joins, and gets figures of the version that it began with. The computation
        ends when the last caller has left. A failure is not kept.

        Raises:
            InputError: the catalogue has no product in that split.
            OverloadedError: too many others are computed or wait.
            DeadlineError: it took too long.
            UnavailableError: the subprocess was ended from outside, another catalogue is served now, or the service is
                closing.
        """
        catalogue, version = self._state()
        self._drop_replaced(catalogue)
        key = (catalogue, what, split)
        kept = self._kept.get(key)
        if kept is not None and (kept.version >= version or time.monotonic() < kept.until):
            return kept.figures
        run = self._runs.get(key) or self._begin(key)
        run.waiting += 1
        try:
            return await asyncio.shield(run.task)
        except asyncio.CancelledError:
            if run.task.cancelled():
                raise UnavailableError(CLOSING if self._closed else REPLACED) from None
            raise
        finally:
            run.waiting -= 1
            if not run.waiting:
                self._end(key, run)

    def stop(self) -> None:
        """End what is computed and what waits; who asked for it is told that the service shuts down."""
        self._closed = True
        for key, run in list(self._runs.items()):
            self._end(key, run)

    async def close(self) -> None:
        """As `stop`; returns when all has ended."""
        tasks = [run.task for run in self._runs.values()]
        self.stop()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, key: Key) -> _Run:
        """Put an evaluation into the line.

        Raises:
            OverloadedError: it is full.
            UnavailableError: the service is closing.
        """
        if self._closed:
            raise UnavailableError(CLOSING)
        if len(self._runs) >= LINE:
            raise OverloadedError(f"{LINE} evaluations are at work or wait, as many as we take; try again in a minute")
        _, what, split = key
        run = self._runs[key] = _Run(asyncio.create_task(self._compute(key), name=f"evaluate {split}: {what}"))
        return run

    def _end(self, key: Key, run: _Run) -> None:
        """Take an evaluation out of the line, whether it is done or not; who comes now begins another."""
        run.task.cancel()
        if self._runs.get(key) is run:
            del self._runs[key]

    def _drop_replaced(self, catalogue: Hashable) -> None:
        """Forget and end what belongs to a catalogue that is not served any more."""
        self._kept = {key: one for key, one in self._kept.items() if key[0] == catalogue}
        for key, run in list(self._runs.items()):
            if key[0] != catalogue:
                self._end(key, run)

    async def _compute(self, key: Key) -> dict[str, Any]:
        """Return the figures, and keep them."""
        _, what, split = key
        async with self._turn:
            start = time.monotonic()
            try:
                async with asyncio.timeout(self._limit_s):
                    output = await self._run(split, what)
            except TimeoutError:
                raise DeadlineError(
                    f"the evaluation took longer than {self._limit_s:g} s and was ended; run `vitrine evaluate`, or"
                    " raise VITRINE_EVALUATION_LIMIT_S"
                ) from None
            end = time.monotonic()
        figures: dict[str, Any] = output["report"]
        if "error" in figures:
            raise (ArtefactError if figures["catalogue_at_fault"] else InputError)(figures["error"])
        rest = REST * (end - start) if output["cpu_s"] > QUICK_S else 0
        self._kept[key] = _Kept(figures, figures["catalogue_version"], end + rest)
        return figures

    async def _run(self, split: str, what: Report) -> dict[str, Any]:
        """Return what the process prints: the report, and the seconds of a core that it took.

        Raises:
            UnavailableError: it was ended from outside.
        """
        self._telemetry.evaluated()
        environment = {**os.environ, **dict.fromkeys(LIBRARIES, "1"), "PYTHONPATH": safe_path()}
        # Not as an argument, which all users of the machine can read: a URL has a password.
        place = self._place
        environment[CATALOGUE_VARIABLE] = place.url if isinstance(place, Database) else str(place.resolve())
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-c",
            "from index.metrics import main; main()",
            split,
            what,
            stdin=DEVNULL,
            stdout=PIPE,
            env=environment,
        )
        try:
            output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        try:
            answer: dict[str, Any] = json.loads(output)
        except ValueError:
            raise UnavailableError(f"the evaluation was ended ({process.returncode}); ask again") from None
        return answer


def safe_path() -> str:
    """Return `sys.path` as a value of PYTHONPATH, without the working folder and names that are relative to it.

    A process that has it imports what this one can, and nothing that lies where the command happened to be started. The
    folder of our own packages stays: in a clone it may be the working folder.
    """
    ours = os.path.dirname(os.path.realpath(common.__file__))
    foreign = {os.path.realpath(os.curdir)} - {ours}
    return os.pathsep.join(
        entry for entry in sys.path if os.path.isabs(entry) and os.path.realpath(entry) not in foreign
    )
