"""Turns at a bounded number of places: callers take turns, however much each of them asks for. Knows no work."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from common import OverloadedError

A = TypeVar("A")
T = TypeVar("T")

CALLERS = 4
TOGETHER = 4
"""Parts of one request that are at work or wait at a time: a large batch does not fill a line."""


class Turns:
    """Lets so many in at a time. Those who wait are let in round robin over callers, of each in the order of coming.

    Args:
        places: how many are in at a time.
        room: how many of one caller may wait, and `CALLERS` times as many in all.
        what: is waited for, in the plural, for messages.
    """

    def __init__(self, places: int, room: int, what: str) -> None:
        self._places = places
        self._room = room
        self._what = what
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self.inside = 0

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values()))

    async def take(self, caller: str) -> None:
        """Wait for a place, and take it. A call that is cancelled while it waits leaves the line.

        Raises:
            OverloadedError: as many wait as may; raised at once.
        """
        if self.inside < self._places:
            self.inside += 1
            return
        waiting = len(self._waiting.get(caller, ()))
        if waiting >= self._room or self.waiting >= CALLERS * self._room:
            raise OverloadedError(
                f"{self.waiting} {self._what} are waiting, {waiting} of them yours, as many as we take; try again soon"
            )
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(caller, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # the place was handed over in the same moment
                self.give_back()
            else:
                self._forget(caller, turn)
            raise

    def give_back(self) -> None:
        """Hand the place over to the caller whose turn it is, or leave it empty."""
        while self._waiting:
            caller, line = self._waiting.popitem(last=False)
            turn = line.popleft()
            if line:
                self._waiting[caller] = line  # behind all others
            if not turn.done():
                turn.set_result(None)
                return
        self.inside -= 1

    def _forget(self, caller: str, turn: asyncio.Future[None]) -> None:
        line = self._waiting.get(caller)
        if line is not None and turn in line:
            line.remove(turn)
            if not line:
                del self._waiting[caller]


async def together(one: Callable[[A], Awaitable[T]], items: Iterable[A]) -> list[T]:
    """Return what `one` returns for each item, a few at a time; the first error ends the rest."""
    gate = asyncio.Semaphore(TOGETHER)

    async def admitted(item: A) -> T:
        async with gate:
            return await one(item)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(admitted(item)) for item in items]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]
