"""Answers of many bytes, sent in pieces: for a caller who does not read, few of them wait. Knows no call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

from fastapi.responses import StreamingResponse
from pydantic_core import to_json
from starlette.types import Message, Send

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
