"""A caller that keeps no rules: sends bytes, reads an answer or does not, hangs up, and notes what came back."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from tests.load.running import percentile

PIECE = 65_536
ANSWER_S = 60.0
REFUSED_FROM = 400
REFUSED_AT_ONCE = (429, 503)
"""Answers to a request that has not ended; the others are given when a time is up, which is no delay."""


class Caller:
    """Calls one service from one address, and remembers statuses and how late refusals came.

    Args:
        host, port: the service.
        seconds: how long the attack lasts.
        source: the address to call from.
    """

    def __init__(self, host: str, port: int, seconds: float, source: str) -> None:
        self._to = (host, port)
        self._source = source
        self._seconds = seconds
        self.began: float | None = None
        self.statuses: Counter[str] = Counter()
        self.refusals: list[float] = []

    @property
    def left(self) -> float:
        """How many seconds of the attack are left; it begins with the first question, when all is built."""
        if self.began is None:
            self.began = time.monotonic()
        return self.began + self._seconds - time.monotonic()

    @property
    def going(self) -> bool:
        """Whether the attack still lasts."""
        return self.left > 0

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """Yield a connection, which is torn down at the end; one that cannot be opened is counted, and waits a bit."""
        try:
            reader, writer = await asyncio.open_connection(*self._to, limit=PIECE, local_addr=(self._source, 0))
        except OSError:
            self.statuses["not connected"] += 1
            await asyncio.sleep(0.1)
            raise
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    async def ask(self, pieces: bytes | Iterable[bytes]) -> int:
        """Send a request, read its answer, note it; 0 where the connection ended without one."""
        try:
            async with self.connected() as (reader, writer):
                sent = [time.perf_counter()]
                sending = asyncio.create_task(_send(writer, pieces, sent))
                try:
                    status = await _status(reader)
                    took = 1000 * (time.perf_counter() - sent[-1])
                    while await reader.read(PIECE):
                        pass
                finally:
                    sending.cancel()
                    with suppress(asyncio.CancelledError, OSError):
                        await sending
        except asyncio.CancelledError:
            self.statuses["unanswered at the end"] += 1
            raise
        except (OSError, ValueError, TimeoutError):
            self.statuses["closed"] += 1
            return 0
        self.note(status, took)
        return status

    def note(self, status: int, milliseconds: float) -> None:
        """Count an answer."""
        self.statuses[str(status)] += 1
        if status >= REFUSED_FROM:
            self.refusals.append(milliseconds)

    async def send_and_leave(self, blob: bytes) -> None:
        """Send a request and hang up at once."""
        with suppress(OSError):
            async with self.connected() as (_, writer):
                await _send(writer, blob, [])
                self.statuses["left"] += 1

    async def hold(self, start: bytes, more: bytes = b"", every_s: float = 1.0) -> None:
        """Send the beginning of a request, then `more` now and then until it is answered or closed."""
        try:
            async with self.connected() as (reader, writer):
                writer.write(start)
                began = time.perf_counter()
                answer = asyncio.create_task(_status(reader))
                try:
                    while self.going and not answer.done():
                        await asyncio.wait({answer}, timeout=min(every_s, max(0.01, self.left)))
                        if more and not answer.done():
                            writer.write(more)
                    if answer.done() and answer.result() in REFUSED_AT_ONCE:
                        self.note(answer.result(), 1000 * (time.perf_counter() - began))
                    elif answer.done():
                        self.statuses[str(answer.result())] += 1
                    else:
                        self.statuses["held to the end"] += 1
                finally:
                    answer.cancel()
                    with suppress(asyncio.CancelledError, OSError, ValueError):
                        await answer
        except (OSError, ValueError):
            self.statuses["closed"] += 1

    async def leave_unread(self, blob: bytes) -> None:
        """Send a request whose answer nobody reads, and keep the connection."""
        try:
            async with self.connected() as (reader, writer):
                transport = writer.transport
                assert isinstance(transport, asyncio.Transport)
                transport.pause_reading()
                writer.write(blob)
                while self.going and not transport.is_closing():
                    await asyncio.sleep(0.2)
                self.statuses["unread"] += 1
                del reader
        except OSError:
            self.statuses["closed"] += 1

    def figures(self) -> dict[str, Any]:
        """Return what came back."""
        return {
            "began": self.began,
            "ended": time.monotonic(),
            "statuses": dict(sorted(self.statuses.items())),
            "refusals": len(self.refusals),
            "refusals p50 ms": percentile(self.refusals, 0.5),
            "refusals p99 ms": percentile(self.refusals, 0.99),
        }


async def _send(writer: asyncio.StreamWriter, pieces: bytes | Iterable[bytes], sent: list[float]) -> None:
    """Send in pieces, so that what the other side says meanwhile is seen; note when each was sent."""
    for piece in _cut(pieces) if isinstance(pieces, bytes) else pieces:
        writer.write(piece)
        await writer.drain()
        sent.append(time.perf_counter())
        await asyncio.sleep(0)


def _cut(blob: bytes) -> Iterator[bytes]:
    return (blob[at : at + PIECE] for at in range(0, len(blob), PIECE))


async def _status(reader: asyncio.StreamReader) -> int:
    """Return the status of the answer that comes.

    Raises:
        ValueError: what came is none.
        OSError: the connection was reset.
    """
    async with asyncio.timeout(ANSWER_S):
        line = await reader.readline()
    return int(line.split()[1]) if line.startswith(b"HTTP/1.") else _none(line)


def _none(line: bytes) -> int:
    raise ValueError(f"{line!r} begins no answer")
