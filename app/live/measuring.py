"""A measurement in a process of its own: at the lowest priority, on one core, with lines that say how far it is.

Knows no HTTP, and keeps nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from app.errors import UnavailableError
from app.processes import safe_path
from index import Database, Location, metrics
from index.metrics import CATALOGUE_VARIABLE

LIBRARIES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Variables that bound the threads of arithmetic."""
LONGEST_LINE = 64 * 2**20
"""Bytes of a line of a report, at most."""
SURE = 0.05
"""Part of the work after which the time that is left is estimated."""


@dataclass(frozen=True, slots=True)
class Output:
    """What a process leaves."""

    report: dict[str, Any]
    cpu_s: float
    """Seconds of a core that it took."""
    kept: bytes
    """What it wants to be given for later questions."""


class Course:
    """How far a measurement is."""

    def __init__(self) -> None:
        self._start: float | None = None
        self._stage = "reading"
        self._done = 0.0

    def begin(self) -> None:
        """Note that it is computed from now on, and waits no more."""
        self._start = time.monotonic()

    def at(self, stage: str, done: float) -> None:
        """Note what it does, and the part of all that is done."""
        self._stage, self._done = stage, done

    def seconds(self) -> float:
        """Return for how long it is computed."""
        return 0.0 if self._start is None else time.monotonic() - self._start

    def told(self) -> dict[str, Any]:
        """Return all that as JSON data."""
        seconds = self.seconds()
        left = seconds * (1 - self._done) / self._done if self._done >= SURE else None
        return {
            "state": "waiting" if self._start is None else "measuring",
            "stage": None if self._start is None else self._stage,
            "done": self._done,
            "seconds": round(seconds, 1),
            "left_s": None if left is None else round(left, 1),
        }


async def run_measurement(
    words: Sequence[str],
    *,
    place: Location | None = None,
    given: bytes = b"",
    tell: Callable[[str, float], None] = lambda _, __: None,
) -> Output:
    """Return what `index.metrics.main` leaves when it is given some words as arguments; it ends when this is cancelled.

    Args:
        words: the arguments.
        place: the catalogue that it opens.
        given: its standard input.
        tell: is told the stage and the part of all that is done.

    Raises:
        UnavailableError: it was ended from outside.
    """
    environment = {**os.environ, **dict.fromkeys(LIBRARIES, "1"), "PYTHONPATH": safe_path()}
    if place is not None:
        # Not as an argument, which all users of the machine can read: a URL has a password.
        environment[CATALOGUE_VARIABLE] = place.url if isinstance(place, Database) else str(place.resolve())
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-c",
        f"from {metrics.__name__} import main; main()",
        *words,
        stdin=PIPE if given else DEVNULL,
        stdout=PIPE,
        env=environment,
        limit=LONGEST_LINE,
    )
    feeding = asyncio.create_task(_feed(process, given))
    try:
        return await _read(process, tell)
    except (ValueError, KeyError, asyncio.IncompleteReadError):
        await process.wait()
        raise UnavailableError(f"the evaluation was ended ({process.returncode}); ask again") from None
    finally:
        feeding.cancel()
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _feed(process: Process, given: bytes) -> None:
    """Write the standard input of a process; one that has ended reads nothing more."""
    if process.stdin is not None:
        with suppress(ConnectionError):
            process.stdin.write(given)
            await process.stdin.drain()
        process.stdin.close()


async def _read(process: Process, tell: Callable[[str, float], None]) -> Output:
    """Read the lines of a process, and what follows the last one."""
    stdout = process.stdout
    assert stdout is not None  # noqa: S101 - it is a pipe
    while True:
        line = json.loads(await stdout.readline())
        if "report" in line:
            kept = await stdout.readexactly(line["kept"])
            await process.wait()
            return Output(line["report"], line["cpu_s"], kept)
        tell(line["stage"], line["done"])
