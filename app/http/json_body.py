"""JSON bodies: read within bounds, and parsed and checked off the event loop where they are large. Knows no call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from fastapi import Request

from app.bounded_json import parse_json
from app.errors import MalformedError, MediaTypeError
from app.http.connection import while_connected
from app.http.limits import MAX_JSON, BodyLimits, content_type, is_json
from app.http.places import Hold
from app.http.turns import Turns

T = TypeVar("T")

INLINE = 10_000
"""Bytes of JSON that are parsed on the event loop: that takes less time there than the way to a thread and back."""
WAITING = 32
"""Bodies of one caller that may wait for the thread; a search in words is never among them."""


class JsonBodies:
    """Reads JSON bodies.

    What parses and checks them holds all other threads up while it runs, so that one thread does it for all; callers
    take turns at it.
    """

    def __init__(self, limits: BodyLimits) -> None:
        self._limits = limits
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="vitrine-json")
        self._turns = Turns(1, WAITING, "large bodies")

    def close(self) -> None:
        """End the thread."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def read(
        self, request: Request, hold: Hold, max_values: int, check: Callable[[Any, int], T], limit: int | None = None
    ) -> T:
        """Return what `check` makes of the JSON value that the body is, and of the body's size in bytes.

        `limit`: of the body, instead of that of a body with one picture.

        Raises:
            MediaTypeError: the content type is not JSON.
            MalformedError: the body is not JSON.
            InvalidError: it has more than `max_values` values.
            VitrineError: as `Hold.whole` and `check`.
        """
        kind = content_type(request)
        if not is_json(kind):
            raise MediaTypeError(f"the content type is {kind[:100] or 'missing'}; send application/json")
        body = await hold.whole(request, limit or self._limits.max_json_bytes, "the JSON body")
        hold.enter()
        if len(body) > MAX_JSON:
            hold.take_slot()

        def work() -> T:
            try:
                value = parse_json(body, max_values)
            except ValueError as error:
                raise MalformedError(
                    f'the body is not JSON ({error}); send an object such as {{"text": "red dress"}}'
                ) from None
            return check(value, len(body))

        if len(body) <= INLINE:
            return work()
        return await while_connected(request, self.run(len(body), work, hold.caller))

    async def run(self, size: int, work: Callable[[], T], caller: str) -> T:
        """Return `work()`, which parses `size` bytes of JSON: in the thread where they are many.

        Raises:
            OverloadedError: too many wait for the thread.
            Exception: as `work`.
        """
        if size <= INLINE:
            return work()
        await self._turns.take(caller)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._turns.give_back()
