"""What bounds the reading of bodies: how many at a time, how many bytes, how long.

A body is counted while it arrives. What it claims of its length is not believed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass

from fastapi import Request

from app.errors import SlowBodyError, TooLargeError
from app.telemetry import Telemetry
from common import OverloadedError

MAX_JSON = 256_000
"""Most bytes of a JSON body or of the text fields of a form; a full text and filters fit many times over."""
DRAIN_FACTOR = 4
"""A body too large is read and thrown away up to this many times the limit: a caller still sending sees no answer."""

AcquireSlot = Callable[[], None]


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """Bounds of bodies and of the work on them."""

    max_bytes: int
    """Of one upload."""
    max_pixels: int
    """Of one picture, width x height."""
    timeout_s: float
    """Longest a body may take to arrive."""
    slots: int
    """Most large bodies, or ones with pictures, held at a time."""
    queue_limit: int
    """Most requests that are read or wait for the encoder."""
    decode_threads: int
    """Processes that decode pictures, beside one for those that are large or slow."""
    decode_bytes: int
    """Of memory, that decoding one picture may take."""
    deadline_s: float
    """Longest a picture may wait and be decoded."""

    @property
    def max_json_bytes(self) -> int:
        """Of a JSON body with a picture: base64 makes 4 bytes of 3."""
        return MAX_JSON + 4 * self.max_bytes // 3


class Slots:
    """Bounds the memory that bodies take: only so many large ones, or ones with pictures, are held at a time.

    Args:
        limits: how many.
        waiting: returns how many inputs wait for the encoder.
    """

    def __init__(self, limits: BodyLimits, waiting: Callable[[], int]) -> None:
        self._slots = limits.slots
        self._queue_limit = limits.queue_limit
        self._waiting = waiting
        self._reading = 0
        self._taken = 0

    @contextmanager
    def reading(self) -> Iterator[AcquireSlot]:
        """Yield a function that takes one of the slots, unless it did so before; the slot is free again at the end.

        A request that will find the queue full is refused here, before its body is read and its picture decoded.

        Raises:
            OverloadedError: as many requests are being read or wait as are allowed to wait.
        """
        coming = self._reading + self._waiting()
        if coming >= self._queue_limit:
            raise OverloadedError(f"{coming} queries are waiting, which is as many as we take; try again in a second")
        taken = False

        def acquire_slot() -> None:
            nonlocal taken
            if not taken and self._taken >= self._slots:
                raise OverloadedError(f"{self._taken} uploads are at work, as many as we take; try again in a second")
            self._taken += not taken
            taken = True

        self._reading += 1
        try:
            yield acquire_slot
        finally:
            self._reading -= 1
            self._taken -= taken


@asynccontextmanager
async def in_time(seconds: float, telemetry: Telemetry) -> AsyncIterator[None]:
    """Bound how long the block may wait for bytes, and record how long it did.

    Raises:
        SlowBodyError: they did not arrive within `seconds`.
    """
    try:
        with telemetry.stage("receive"):
            async with asyncio.timeout(seconds):
                yield
    except TimeoutError:
        raise SlowBodyError(f"the body did not arrive within {seconds:g} s; send it faster") from None


async def bounded(request: Request, limit: int, what: str) -> AsyncGenerator[bytes, None]:
    """Yield the body of `request` as it arrives, at most `limit` bytes of it; `what` names it in the error.

    Raises:
        TooLargeError: it has more.
    """
    received = 0
    async with aclosing(request.stream()) as stream:
        async for chunk in stream:
            received += len(chunk)
            if received <= limit:
                yield chunk
            elif received > DRAIN_FACTOR * limit:
                break
    if received > limit:
        raise too_large(what, limit)


def too_large(what: str, limit: int) -> TooLargeError:
    """Return the error of something that has more than `limit` bytes."""
    return TooLargeError(f"{what} has more than {limit:,} bytes; send at most that")
