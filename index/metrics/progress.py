"""How far a measurement is: its stages, and the part of all that is done, told to a listener.

A measurement says what it does, and costs nothing more where nobody listens. Knows no measure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

Stage = Literal["reading", "image_to_text", "text_to_image", "titles", "intervals", "slices"]
"""What a measurement does at a moment."""
Listener = Callable[[Stage, float], None]
"""Takes the stage, and the part of the whole measurement that is done, 0 to 1."""


class _Course:
    """The stages of one measurement, and where in them it is."""

    def __init__(self, tell: Listener) -> None:
        self.tell = tell
        self.weights: Mapping[Stage, float] = {}
        self.stage: Stage = "reading"
        self.before = 0.0
        self.low, self.high = 0.0, 1.0
        self.done = 0.0

    def at(self, part: float) -> None:
        within = self.low + (self.high - self.low) * part
        whole = sum(self.weights.values()) or 1.0
        # A part that is measured twice does not go back.
        self.done = max(self.done, min(1.0, (self.before + self.weights.get(self.stage, 0.0) * within) / whole))
        self.tell(self.stage, self.done)


_COURSE: ContextVar[_Course | None] = ContextVar("course", default=None)


@contextmanager
def listening(tell: Listener) -> Iterator[None]:
    """Tell `tell` how far the measurement inside is."""
    token = _COURSE.set(_Course(tell))
    try:
        yield
    finally:
        _COURSE.reset(token)


def plan(weights: Mapping[Stage, float]) -> None:
    """Say which stages follow, in order, and what part of the work each is, in any unit."""
    if course := _COURSE.get():
        course.weights = weights
        course.before = 0.0


def begin(stage: Stage) -> None:
    """Say that a stage of the plan begins; the one before it is done."""
    if course := _COURSE.get():
        before = list(course.weights)[: list(course.weights).index(stage)] if stage in course.weights else []
        course.before = sum(course.weights[name] for name in before)
        course.stage = stage
        course.at(0.0)


def done(part: float) -> None:
    """Say how much of the stage is done, 0 to 1."""
    if course := _COURSE.get():
        course.at(part)


@contextmanager
def portion(number: int, count: int) -> Iterator[None]:
    """Let what is said inside be about the portion `number`, from 0, of `count` equal ones of the stage."""
    course = _COURSE.get()
    if course is None:
        yield
        return
    low, high = course.low, course.high
    width = (high - low) / count
    course.low, course.high = low + number * width, low + (number + 1) * width
    try:
        yield
    finally:
        course.low, course.high = low, high
