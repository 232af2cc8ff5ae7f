"""Measures the served catalogue on demand: in a subprocess, one split at a time, shared by all callers.

In this process, minutes of arithmetic would take turns with the search at the interpreter lock. The subprocess runs at
the lowest priority and on one core. Knows no HTTP.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Hashable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from app.errors import DeadlineError, UnavailableError
from app.live.measuring import Course, Output, run_measurement
from app.telemetry import Telemetry
from common import ArtefactError, InputError, OverloadedError
from index import Location
from index.metrics import SHOWN_QUERIES, Report, details_of, part_of, unpacked

CLOSING = "the service is shutting down; try again soon"
REPLACED = "the catalogue was just replaced; send it again"
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

    task: asyncio.Task[_Kept]
    course: Course
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class _Kept:
    """Figures of one version, and until when they are given for later ones, by `time.monotonic`."""

    figures: dict[str, Any]
    version: int
    until: float
    arrays: bytes
    """What the measurement kept for slices and pages of it."""
    slices: dict[str, Any] = field(default_factory=dict)
    """Those that were made of it."""


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
        self._slicing = asyncio.Lock()
        self._slicers = 0
        self._closed = False

    async def of(self, split: str, what: Report = "figures") -> dict[str, Any]:
        """Return what `index.metrics` gives for `split`: the figures of `evaluate_split`, or `evaluate_details`.

        Beside them is `measured`: `at`, `seconds` and `threads`.

        Who asks for what is being computed joins, and gets figures of the version that it began with. The computation
        ends when the last caller has left. A failure is not kept.

        Raises:
            InputError: the catalogue has no product in that split.
            OverloadedError: too many others are computed or wait.
            DeadlineError: it took too long.
            UnavailableError: the subprocess was ended from outside, another catalogue is served now, or the service is
                closing.
        """
        return (await self._kept_of(split, what)).figures

    async def sliced(self, split: str, by: Sequence[str]) -> dict[str, Any]:
        """Return the figures of a split with the slices by some attributes instead of those by default.

        They are made of what the measurement kept, in a process of their own, one at a time.

        Raises:
            InputError: also an attribute that tells no products apart.
            Others: as `of`.
        """
        kept = await self._kept_of(split, "figures")
        known = kept.figures["attributes"]
        if strange := next((name for name in by if name not in known), None):  # no process for what cannot be
            raise InputError(f"figures cannot be told apart by {strange!r}; attributes that can: {', '.join(known)}")
        if self._slicers >= LINE:
            raise OverloadedError(f"{LINE} callers wait for slices, as many as we take; try again in a minute")
        self._slicers += 1
        try:
            async with self._slicing:
                if missing := [name for name in by if name not in kept.slices]:
                    output = await self._limited(run_measurement(["slices", *missing], given=kept.arrays))
                    kept.slices.update(_checked(output))
        finally:
            self._slicers -= 1
        return {**kept.figures, "slices": {name: kept.slices[name] for name in by}}

    async def details(
        self, split: str, part: str | None = None, offset: int = 0, limit: int = SHOWN_QUERIES
    ) -> dict[str, Any]:
        """Return a page of the error analysis: of all queries, or of a slice such as `gender:Women`.

        Raises:
            InputError: also a slice that there is not.
            Others: as `of`.
        """
        kept = await self._kept_of(split, "details")
        if part is None and not offset and limit == SHOWN_QUERIES:
            return kept.figures
        chosen = part_of(part)
        page = await asyncio.to_thread(lambda: details_of(unpacked(kept.arrays), chosen, offset, limit))
        return {**page, "measured": kept.figures["measured"]}

    def progress(self, split: str, what: Report) -> dict[str, Any]:
        """Return how far the evaluation is: `state`, `stage`, `done`, `seconds`, `left_s`.

        The state is "measuring", "waiting" for its turn, "ready" when the figures are there, or "idle" when nobody has
        asked for it. Seconds are those of computing until now; `left_s` is an estimate, None as long as there is none.
        """
        catalogue, version = self._state()
        key = (catalogue, what, split)
        if run := self._runs.get(key):
            return run.course.told()
        state = "ready" if self._fresh(key, version) else "idle"
        return {"state": state, "stage": None, "done": float(state == "ready"), "seconds": 0.0, "left_s": None}

    async def _kept_of(self, split: str, what: Report) -> _Kept:
        """Return what is kept of an evaluation; it is computed where there is none."""
        catalogue, version = self._state()
        self._drop_replaced(catalogue)
        key = (catalogue, what, split)
        if kept := self._fresh(key, version):
            return kept
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

    def _fresh(self, key: Key, version: int) -> _Kept | None:
        """Return what is kept of an evaluation as long as it is given for a version of the catalogue."""
        kept = self._kept.get(key)
        return kept if kept is not None and (kept.version >= version or time.monotonic() < kept.until) else None

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
        course = Course()
        task = asyncio.create_task(self._compute(key, course), name=f"evaluate {split}: {what}")
        run = self._runs[key] = _Run(task, course)
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

    async def _compute(self, key: Key, course: Course) -> _Kept:
        """Return the figures, and keep them."""
        _, what, split = key
        async with self._turn:
            course.begin()
            output = await self._limited(self._run(split, what, course))
            seconds, end = course.seconds(), time.monotonic()
        figures = _checked(output)
        figures["measured"] = {"at": _now(), "seconds": round(seconds, 3), "threads": 1}
        rest = REST * seconds if output.cpu_s > QUICK_S else 0
        kept = self._kept[key] = _Kept(figures, figures["catalogue_version"], end + rest, output.kept)
        return kept

    async def _run(self, split: str, what: Report, course: Course) -> Output:
        """Measure in a process of its own."""
        self._telemetry.evaluated()
        return await run_measurement(["measure", split, what], place=self._place, tell=course.at)

    async def _limited(self, work: Coroutine[Any, Any, Output]) -> Output:
        """Return what `work` returns.

        Raises:
            DeadlineError: it takes too long.
        """
        try:
            async with asyncio.timeout(self._limit_s):
                return await work
        except TimeoutError:
            raise DeadlineError(
                f"the evaluation took longer than {self._limit_s:g} s and was ended; run `vitrine evaluate`, or"
                " raise VITRINE_EVALUATION_LIMIT_S"
            ) from None


def _checked(output: Output) -> dict[str, Any]:
    """Return what a process reports.

    Raises:
        ArtefactError: it found the catalogue at fault.
        InputError: it found the request at fault.
    """
    report = output.report
    if "error" in report:
        raise (ArtefactError if report["catalogue_at_fault"] else InputError)(report["error"])
    return report


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
