"""One computation at a time, whose outcome all share who ask meanwhile, and shortly afterwards. Knows no subject."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """What `make` returns or raises, made at most once at a time: many who ask cost as much as one.

    Args:
        make: makes it.
        fresh_s: seconds for which an outcome, an error too, is given to others as it is.
        subject: returns what it is about; an outcome about something else is given to nobody who comes later.
    """

    def __init__(
        self,
        make: Callable[[], Coroutine[Any, Any, T]],
        fresh_s: float = 0,
        subject: Callable[[], Hashable] = lambda: None,
    ) -> None:
        self._make = make
        self._fresh_s = fresh_s
        self._subject = subject
        self._begun_with: Hashable = None
        self._task: asyncio.Task[T] | None = None
        self._until = 0.0

    async def get(self) -> T:
        """Return the outcome; who leaves does not stop it for the others."""
        task = self._task
        old = task is None or task.cancelled() or self._subject() != self._begun_with
        if task is None or old or (task.done() and asyncio.get_running_loop().time() >= self._until):
            task = self._start()
        return await asyncio.shield(task)

    async def renewed(self) -> T:
        """Return an outcome that was begun now; others get it from now on."""
        return await asyncio.shield(self._start())

    def _start(self) -> asyncio.Task[T]:
        loop = asyncio.get_running_loop()
        self._begun_with = self._subject()
        task = self._task = loop.create_task(self._make())

        def settle(done: asyncio.Task[T]) -> None:
            if not done.cancelled():
                done.exception()  # seen, also when all who waited have left
            if done is self._task:
                self._until = loop.time() + self._fresh_s

        task.add_done_callback(settle)
        return task
