"""Bodies that were packed on their way (Content-Encoding): unpacked as they arrive. Knows no call."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncGenerator
from contextlib import aclosing

from fastapi import Request

from app.errors import MalformedError, MediaTypeError

PIECE = 65_536
"""Bytes that are unpacked at a time: a caller that counts them can stop before there are more."""
WINDOW = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
"""What zlib is told for each encoding that we take."""


async def plain_body(request: Request) -> AsyncGenerator[bytes, None]:
    """Yield the body of `request` as it arrives, unpacked where it is packed.

    Raises:
        MediaTypeError: it is packed in a way that we do not take, or in several.
        MalformedError: it is not what it says, or ends early.
    """
    named = request.headers.getlist("content-encoding")
    encodings = [one.strip().lower() for value in named for one in value.split(",")]
    packed = [one for one in encodings if one not in ("", "identity")]
    if not packed:
        async with aclosing(request.stream()) as stream:
            async for chunk in stream:
                yield chunk
        return
    if len(packed) > 1 or packed[0] not in WINDOW:
        raise MediaTypeError(
            f"the body's Content-Encoding is {', '.join(packed)[:100]}; send it plain, or in gzip or deflate",
        )
    async with aclosing(request.stream()) as stream, aclosing(_unpacked(stream, packed[0])) as pieces:
        async for piece in pieces:
            yield piece


async def _unpacked(stream: AsyncGenerator[bytes, None], encoding: str) -> AsyncGenerator[bytes, None]:
    """Yield what `stream` holds.

    Raises:
        MalformedError: it is not in this encoding, or ends early.
    """
    unpack = zlib.decompressobj(WINDOW[encoding])
    begun = False
    try:
        async for chunk in stream:
            while chunk:
                if unpack.eof:  # gzip files that were put one behind another are one file
                    unpack = zlib.decompressobj(WINDOW[encoding])
                piece = unpack.decompress(chunk, PIECE)
                begun = True
                chunk = unpack.unused_data if unpack.eof else unpack.unconsumed_tail
                if piece:
                    yield piece
                    await asyncio.sleep(0)
        while begun and not unpack.eof and (piece := unpack.decompress(unpack.unconsumed_tail, PIECE)):
            yield piece
    except zlib.error as error:
        raise MalformedError(
            f"the body is not {encoding} as its Content-Encoding says ({error}); send it again"
        ) from None
    if begun and not unpack.eof:
        raise MalformedError(f"the {encoding} body ends early; send all of it")
