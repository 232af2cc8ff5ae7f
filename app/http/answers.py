"""Answers of many bytes: sent in pieces, as few are to wait for a caller who does not read; and compressed.

Knows no call.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Iterable

from fastapi import Response
from fastapi.responses import StreamingResponse
from pydantic_core import to_json
from starlette.datastructures import Headers
from starlette.types import Message, Send

WORTH_PACKING = 512
"""Bytes from which an answer is compressed."""
PIECE = 65_536
"""Bytes that are sent at a time; the next ones follow when the caller has read so far."""


async def send_in_pieces(send: Send, message: Message) -> None:
    """Send a part of an answer's body, with a wait for its caller after every `PIECE` bytes."""
    body: bytes = message.get("body", b"")
    if len(body) <= PIECE:
        await send(message)
        return
    for start in range(0, len(body), PIECE):
        last = start + PIECE >= len(body)
        more = not last or message.get("more_body", False)
        await send({**message, "body": bytes(body[start : start + PIECE]), "more_body": more})


def list_response(name: str, entries: Iterable[object], **others: object) -> StreamingResponse:
    """Return the answer `{name: entries, **others}` as JSON, which is not checked any more: it is of our own making.

    An entry is put together when those before it have been sent, and others get their turn in between.
    """
    return StreamingResponse(_pieces(name, entries, others), media_type="application/json")


async def _pieces(name: str, entries: Iterable[object], others: dict[str, object]) -> AsyncIterator[bytes]:
    piece = bytearray(b"{%s:[" % to_json(name))
    between = b""
    for entry in entries:
        piece += between + to_json(entry)
        between = b","
        if len(piece) >= PIECE:
            yield bytes(piece)
            piece.clear()
            await asyncio.sleep(0)
    piece += b"]"
    for key, value in others.items():
        piece += b",%s:%s" % (to_json(key), to_json(value))
    yield bytes(piece + b"}")


def json_answer(body: bytes) -> Response:
    """Return an answer of JSON that is made already."""
    return Response(body, media_type="application/json")


def accepts_gzip(headers: Headers) -> bool:
    """Return whether a caller takes answers compressed by gzip (RFC 9110, section 12.5.3)."""
    wanted = {}
    for entry in headers.get("accept-encoding", "").split(","):
        name, _, weight = entry.partition(";")
        wanted[name.strip().lower()] = weight.replace(" ", "").lower()
    weight = wanted.get("gzip", wanted.get("x-gzip", wanted.get("*", "q=0")))
    return weight.rstrip("0.") != "q="


def packed(data: bytes, level: int = 9) -> bytes | None:
    """Return `data` compressed, the same bytes in every process; None where it is hardly smaller."""
    if len(data) < WORTH_PACKING:
        return None
    small = gzip.compress(data, level, mtime=0)
    return small if len(small) < 0.95 * len(data) else None
