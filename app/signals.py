"""The signals that the application listens to, beside its server's own. Knows nothing of what they cause."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from common import VitrineError

logger = logging.getLogger("vitrine.app")


async def reload_on_hangup(reload: Callable[[], Awaitable[object]]) -> None:
    """Reload the artefacts after each SIGHUP; where that fails, what was served before goes on being served."""
    if threading.current_thread() is not threading.main_thread():
        return  # signals come to the main thread only: the application runs inside another program
    hangup = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, hangup.set)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
    try:
        while True:
            await hangup.wait()
            hangup.clear()
            try:
                await reload()
            except VitrineError as error:
                logger.error("SIGHUP: the artefacts could not be reloaded; %s", error)
            except Exception:
                logger.exception("SIGHUP: the artefacts could not be reloaded")
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


def at_exit(call: Callable[[], None]) -> Callable[[], None]:
    """Have `call` called as soon as the process is told to stop: the server first finishes what callers wait for.

    Returns what restores the signals' handlers.
    """
    found = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    # One that is ignored stays so: a script that starts the service in the background ignores SIGINT for it.
    handlers: dict[int, Any] = {number: handler for number, handler in found.items() if callable(handler)}
    if threading.current_thread() is not threading.main_thread():
        return lambda: None  # the signals are another program's
    loop = asyncio.get_running_loop()

    def handle(number: int, frame: Any) -> None:
        loop.call_soon_threadsafe(call)
        handlers[number](number, frame)

    def restore() -> None:
        for number, handler in handlers.items():
            signal.signal(number, handler)

    for number in handlers:
        signal.signal(number, handle)
    return restore
