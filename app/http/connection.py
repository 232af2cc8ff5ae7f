"""Work for a caller ends when the caller hangs up. Knows no call."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from fastapi import Request
from starlette.requests import ClientDisconnect

from app.http.presence import Presence, presence_of

T = TypeVar("T")


async def while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return what `work` returns; when the caller hangs up first, `work` is cancelled.

    To be called once the body is read.

    Raises:
        ClientDisconnect: the caller left.
    """
    loop = asyncio.get_running_loop()
    presence = presence_of(request.scope)
    if presence is not None:
        return await _while_present(presence, work, loop)
    leaving = loop.create_task(_left(request))

    finished = False

    def stop(left: asyncio.Task[None]) -> None:
        if not left.cancelled() and not finished:  # it may have been on its way when the work ended
            patience.reschedule(loop.time())

    try:
        # The timeout is what cancels the work here and nowhere else: it is due when the caller leaves.
        async with asyncio.timeout(None) as patience:
            leaving.add_done_callback(stop)
            return await work
    except TimeoutError:
        if patience.expired():
            raise ClientDisconnect from None
        raise  # the work's own
    finally:
        finished = True
        leaving.remove_done_callback(stop)
        leaving.cancel()


async def _while_present(presence: Presence, work: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> T:
    """Do the same where the connection tells when the caller leaves: no task has to wait for it."""
    if presence.left:
        work.close()
        raise ClientDisconnect
    try:
        async with asyncio.timeout(None) as patience:
            with presence.tells(lambda: patience.reschedule(loop.time())):
                return await work
    except TimeoutError:
        if presence.left and patience.expired():
            raise ClientDisconnect from None
        raise  # the work's own


async def _left(request: Request) -> None:
    """Return when the caller has hung up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
