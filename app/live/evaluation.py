"""Measures the served catalogue on demand: in a subprocess, one split at a time, shared by all callers.

In this process, minutes of arithmetic would take turns with the search at the interpreter lock. The subprocess runs at
the lowest priority and on one core. Knows no HTTP.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable, Hashable
from typing import Any

from app.errors import UnavailableError
from app.telemetry import Telemetry
from common import ArtefactError, InputError, safe_path
from index import Database, Location
from index.metrics import CATALOGUE_VARIABLE, Report

LIBRARIES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Variables that bound the threads of arithmetic."""


class Evaluations:
    """The figures of one catalogue, computed when first asked for and kept until it changes.

    Args:
        place: the catalogue; the process reads it at its newest version, and the figures name that.
        state: returns what tells one state of the served catalogue from another.
        telemetry: where runs are counted.
    """

    def __init__(self, place: Location, state: Callable[[], Hashable], telemetry: Telemetry) -> None:
        self._place = place
        self._state = state
        self._telemetry = telemetry
        self._at: Hashable = None
        self._figures: dict[tuple[Report, str], asyncio.Task[dict[str, Any]]] = {}
        self._turn = asyncio.Lock()

    async def of(self, split: str, what: Report = "figures") -> dict[str, Any]:
        """Return what `index.metrics` gives for `split`: the figures of `evaluate_split`, or `evaluate_details`.

        Callers who leave do not stop the computation for the others. A failure is not kept.

        Raises:
            InputError: the catalogue has no product in that split.
            UnavailableError: the subprocess was ended from outside, or the service is closing.
        """
        if self._state() != self._at:
            self._figures = {}
            self._at = self._state()
        kept, key = self._figures, (what, split)
        if key not in kept:
            task = kept[key] = asyncio.create_task(self._compute(split, what), name=f"evaluate {split}: {what}")

            def settle(done: asyncio.Task[dict[str, Any]]) -> None:
                if done.cancelled() or done.exception() is not None:
                    kept.pop(key, None)

            task.add_done_callback(settle)
        task = kept[key]
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise UnavailableError("the service is shutting down; try again soon") from None
            raise

    async def close(self) -> None:
        """End what is being computed."""
        tasks = list(self._figures.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _compute(self, split: str, what: Report) -> dict[str, Any]:
        async with self._turn:
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
        if "error" in answer:
            raise (ArtefactError if answer["catalogue_at_fault"] else InputError)(answer["error"])
        return answer
