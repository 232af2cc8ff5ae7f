"""Answers that are compressed on their way: JSON and texts for a caller who takes gzip. Knows no route.

Pages and files of the front come compressed already, and pictures are not texts.
"""

from __future__ import annotations

import asyncio
import zlib
from typing import Protocol

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message, Send

from app.http.answers import PIECE, WORTH_PACKING, accepts_gzip, packed

TEXTS = ("application/json", "application/x-ndjson", "text/plain", "text/javascript", "image/svg+xml")
WORTH_A_PROGRAM = 16_384
"""Bytes from which an answer is compressed for a program.

A page of ten results has 4 kB. To compress it takes 15 us of a core that answers a text in 800, and a program is mostly
near: a sixth of the bytes is worth it from some dozens of results on. Browsers are far away, and send `Sec-Fetch-Mode`.
"""
TAGGED = "/v1/products"
"""Entity tags of answers below this are for conditions of changes: they must be the same however an answer comes."""
LEVEL = 1


class Compressor(Protocol):
    """What `zlib.compressobj` returns; the library gives its type no public name."""

    def compress(self, data: bytes, /) -> bytes:
        """Take bytes in, and return those that are ready."""

    def flush(self, mode: int = ..., /) -> bytes:
        """Return what is left; `mode` is one of zlib's."""


class Packing:
    """Sends an answer on, compressed where that is worth it; one for each request."""

    def __init__(self, send: Send, asked: Headers, path: str) -> None:
        self._send = send
        self._asked = asked
        self._path = path
        self._start: Message | None = None
        """Held back until the size of the body is known."""
        self._stream: Compressor | None = None

    async def __call__(self, message: Message) -> None:
        """Send a message of an answer, or hold it back until the next one."""
        if message["type"] == "http.response.start":
            if _may_be_packed(message):
                self._start = message
            else:
                await self._send(message)
            return
        if self._start is not None and message["type"] == "http.response.body":
            start, self._start = self._start, None
            message = await self._first(start, message)
        elif self._stream is not None and message["type"] == "http.response.body":
            message = {**message, "body": await self._more(message)}
        await self._send(message)

    async def _first(self, start: Message, message: Message) -> Message:
        """Send the start of an answer, and return the first message of its body."""
        body: bytes = message.get("body", b"")
        streamed = message.get("more_body", False)
        least = WORTH_PACKING if "sec-fetch-mode" in self._asked else WORTH_A_PROGRAM
        headers = MutableHeaders(raw=[*start["headers"]])
        etag = headers.get("etag", "")
        strong = bool(etag) and not etag.startswith("W/")
        if (not streamed and len(body) < least) or (strong and self._path.startswith(TAGGED)):
            await self._send(start)
            return message
        headers.add_vary_header("Accept-Encoding")
        if accepts_gzip(self._asked):
            if streamed:
                self._stream = zlib.compressobj(LEVEL, wbits=16 + zlib.MAX_WBITS)
                message = {**message, "body": await self._more(message)}
            elif (small := await _packed(body)) is not None:
                message = {**message, "body": small}
                headers["content-length"] = str(len(small))
            if self._stream is not None or message.get("body") is not body:
                headers["content-encoding"] = "gzip"
                if strong:
                    headers["etag"] = f"W/{etag}"
        await self._send({**start, "headers": headers.raw})
        return message

    async def _more(self, message: Message) -> bytes:
        """Return the next piece of a stream, compressed so that its caller can read all of it now."""
        stream = self._stream
        assert stream is not None  # noqa: S101 - else nothing is streamed
        body: bytes = message.get("body", b"")
        mode = zlib.Z_SYNC_FLUSH if message.get("more_body", False) else zlib.Z_FINISH

        def work() -> bytes:
            return stream.compress(body) + stream.flush(mode)

        return work() if len(body) <= PIECE else await asyncio.to_thread(work)


async def _packed(body: bytes) -> bytes | None:
    return packed(body, LEVEL) if len(body) <= PIECE else await asyncio.to_thread(packed, body, LEVEL)


def _may_be_packed(start: Message) -> bool:
    """Return whether an answer is a text that comes as it is, whole."""
    if start["status"] in (204, 206, 304):
        return False
    headers = Headers(raw=start["headers"])
    kind = headers.get("content-type", "").partition(";")[0]
    return kind in TEXTS and "content-encoding" not in headers and "content-range" not in headers
