"""What bodies may take of the service: bytes held in all, slots for pictures, places in the queue. Decodes nothing.

A request takes a slot and its place in the queue once its body is there. While the body arrives it holds nothing but
its bytes. Where these run out, the body that began first gives way, among those of the caller who holds most.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager

from fastapi import Request

from app.caller import caller
from app.errors import SlowBodyError
from app.http.limits import MAX_JSON, BodyLimits, bounded, refuse_large, too_large
from app.http.presence import presence_of
from app.telemetry import Telemetry
from common import OverloadedError

SMALL_BYTES = 64_000_000
"""Held in all by bodies of at most `MAX_JSON` bytes. Larger ones have a budget of their own, and crowd no text out."""
BULK_CALLS = 8
"""Most bulk calls that one caller may have open at a time."""
BULK_PIECES = 4
"""Most pieces of bulk calls that are at work at a time; further ones wait for their turn."""


class Budget:
    """Bytes that some bodies may hold together."""

    def __init__(self, capacity: int) -> None:
        self.arriving: set[Hold] = set()
        self._capacity = capacity
        self._held = 0

    def take(self, hold: Hold, count: int) -> None:
        """Give `hold` so many bytes more.

        Raises:
            OverloadedError: there are none, and no other body that gives way.
        """
        while self._held + count > self._capacity:
            yielding = self._yielding()
            if yielding is None or yielding is hold:
                raise OverloadedError(
                    f"bodies hold {self._held:,} bytes, of {self._capacity:,} that we take; try again in a second"
                )
            yielding.give_way()
        self._held += count
        hold.size += count

    def free(self, hold: Hold, count: int) -> None:
        """Take so many bytes back from `hold`."""
        self._held -= count
        hold.size -= count

    def _yielding(self) -> Hold | None:
        """Return the body that gives way: of those that still arrive the first, of the caller with most bytes."""
        sizes: Counter[str] = Counter()
        for hold in self.arriving:
            sizes[hold.caller] += hold.size
        greatest = max(sizes, key=sizes.__getitem__, default=None)
        theirs = (hold for hold in self.arriving if hold.caller == greatest and hold.size)
        return min(theirs, key=lambda hold: hold.number, default=None)


class Places:
    """Gives out what there is; where there is nothing left, it refuses at once.

    Args:
        limits: how much there is.
        telemetry: where the time is recorded that bodies take to arrive.
        crowd: returns how many queries wait, or are on their way as so many others are, where the caller's has no room.
    """

    def __init__(self, limits: BodyLimits, telemetry: Telemetry, crowd: Callable[[int], int]) -> None:
        self.limits = limits
        self.telemetry = telemetry
        self.small = Budget(SMALL_BYTES)
        self.large = Budget(max(limits.held_bytes, limits.max_json_bytes))  # room for one, whatever is set
        self.forms = Budget(limits.max_form_bytes)
        self.reading = 0
        """Requests whose body is there, and is read."""
        self.slots = 0
        """Slots that are taken."""
        self.turns = asyncio.Semaphore(BULK_PIECES)
        self.numbers = itertools.count()
        self._crowd = crowd
        self._bulk: Counter[str] = Counter()

    @contextmanager
    def hold(self, *, needs_slot: bool) -> Iterator[Hold]:
        """Yield what a request holds; all of it is free again at the end.

        A request that would find no place now is refused before its body is read.

        Raises:
            OverloadedError: there is no place in the queue, or no slot where one is needed.
        """
        self.check_queue()
        if needs_slot:
            self.check_slots()
        hold = Hold(self, self.small, caller.get())
        try:
            yield hold
        finally:
            hold.close()

    @contextmanager
    def bulk(self, *, form: bool) -> Iterator[Hold]:
        """Yield what a bulk call holds; all of it is free again at the end.

        Raises:
            OverloadedError: the caller has as many bulk calls open as we take, or there is no place in the queue.
        """
        self.check_queue()
        who = caller.get()
        if self._bulk[who] >= BULK_CALLS:
            raise OverloadedError(
                f"you have {self._bulk[who]} bulk calls open, as many as we take; send this one when one has ended"
            )
        hold = Hold(self, self.forms if form else self.large, who)
        self._bulk[who] += 1
        try:
            yield hold
        finally:
            hold.close()
            self._bulk[who] -= 1
            if not self._bulk[who]:
                del self._bulk[who]

    def check_queue(self) -> None:
        """Raise OverloadedError when as many requests are read or wait as are allowed to wait."""
        crowd = self._crowd(self.reading)
        if crowd:
            raise OverloadedError(f"{crowd} queries are waiting, which is as many as we take; try again in a second")

    def check_slots(self) -> None:
        """Raise OverloadedError when all slots are taken."""
        if self.slots >= self.limits.slots:
            raise OverloadedError(f"{self.slots} uploads are at work, as many as we take; try again in a second")


class Hold:
    """What one request holds of its places."""

    def __init__(self, places: Places, budget: Budget, caller: str) -> None:
        self.caller = caller
        self.number = next(places.numbers)
        """The smaller it is, the earlier the request came."""
        self.size = 0
        """Bytes of its body that are held."""
        self._places = places
        self._budget = budget
        self._timer: asyncio.Timeout | None = None
        self._gave_way = False
        self._reads = False
        self._has_slot = False

    @asynccontextmanager
    async def arrival(self, seconds: float) -> AsyncIterator[None]:
        """Bound how long the block may wait for bytes, and record how long it did; within, the body may give way.

        Raises:
            SlowBodyError: they did not arrive within `seconds`.
            OverloadedError: it gave way to others.
        """
        try:
            with self._places.telemetry.stage("receive"):
                async with asyncio.timeout(seconds) as self._timer:
                    self._budget.arriving.add(self)
                    yield
        except TimeoutError:
            if not self._gave_way:
                raise SlowBodyError(f"the body did not arrive within {seconds:.3g} s; send it faster") from None
        finally:
            self._timer = None
            self._budget.arriving.discard(self)
        self._check_kept()

    async def whole(self, request: Request, limit: int, what: str) -> bytes | bytearray:
        """Return the body of a request, of at most `limit` bytes; `what` names it in errors.

        Raises:
            TooLargeError: it has more.
            VitrineError: as `bounded` and `arrival`.
        """
        refuse_large(request, limit, what)
        presence = presence_of(request.scope)
        if presence is not None and presence.body is not None and "content-encoding" not in request.headers:
            if len(presence.body) > limit:
                raise too_large(what, limit)
            self._places.telemetry.observe_stage("receive", 0.0)
            self.add(len(presence.body))
            return presence.body
        body = bytearray()
        async with (
            self.arrival(self._places.limits.timeout_s),
            aclosing(bounded(request, limit, what, self.add)) as stream,
        ):
            async for chunk in stream:
                body += chunk
        return body

    def add(self, count: int) -> None:
        """Count bytes of the body that have come.

        Raises:
            OverloadedError: there is no room for them.
        """
        self._check_kept()
        if self._budget is self._places.small and self.size + count > MAX_JSON:
            count += self.size
            self._budget.free(self, self.size)
            self._budget.arriving.discard(self)
            self._budget = self._places.large
            if self._timer is not None:
                self._budget.arriving.add(self)
        self._budget.take(self, count)

    def free(self, count: int) -> None:
        """Count bytes of the body that are needed no more."""
        self._budget.free(self, count)

    def give_way(self) -> None:
        """End the waiting for the rest of the body; what came is free at once."""
        self._gave_way = True
        self._budget.free(self, self.size)
        self._budget.arriving.discard(self)
        if self._timer is not None:
            self._timer.reschedule(asyncio.get_running_loop().time())

    def enter(self) -> None:
        """Take a place in the queue, now that the body is there.

        Raises:
            OverloadedError: there is none.
        """
        self._places.check_queue()
        self._places.reading += 1
        self._reads = True

    def take_slot(self) -> None:
        """Take a slot, unless it was done before.

        Raises:
            OverloadedError: there is none.
        """
        if not self._has_slot:
            self._places.check_slots()
            self._places.slots += 1
            self._has_slot = True

    @property
    def turn(self) -> asyncio.Semaphore:
        """What a piece of a bulk call waits for, and holds while it is at work."""
        return self._places.turns

    def close(self) -> None:
        """Give everything back."""
        self._budget.free(self, self.size)
        self._places.reading -= self._reads
        self._places.slots -= self._has_slot
        self._reads = self._has_slot = False

    def _check_kept(self) -> None:
        if self._gave_way:
            raise OverloadedError("many bodies arrive at once, and this one came slowly; send it again in a second")
