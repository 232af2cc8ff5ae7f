"""What bounds the bodies of requests: how many bytes, how long, how many at a time.

A body is counted while it arrives. What it claims of its length is believed where that is too much.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from fastapi import Request

from app.errors import TooLargeError
from app.http.encodings import plain_body
from app.schemas import MAX_JSON as MAX_JSON
from app.schemas import MAX_PRODUCT_JSON

PRODUCT_UPLOADS = 4
"""How many times the largest upload all pictures of one product may be together."""
FORM_UPLOADS = 20
"""How many times the largest upload a bulk form may be."""
DRAIN_FACTOR = 4
"""A body too large is read and thrown away up to this many times the limit: a caller still sending sees no answer."""


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """Bounds of bodies and of the work on them."""

    max_bytes: int
    """Of one upload."""
    max_pixels: int
    """Of one picture, width x height."""
    timeout_s: float
    """Longest a body may take to arrive."""
    held_bytes: int
    """Of all large bodies that are held at a time."""
    slots: int
    """Most large bodies, or ones with pictures, held at a time."""
    queue_limit: int
    """Most requests that are read or wait for the encoder."""
    decode_threads: int
    """Processes that decode pictures, beside one for those that are large or slow."""
    decode_bytes: int
    """Of memory, that decoding one picture may take."""
    deadline_s: float
    """Longest a picture may wait and be decoded."""

    @property
    def max_json_bytes(self) -> int:
        """Of a JSON body with a picture: base64 makes 4 bytes of 3."""
        return MAX_JSON + 4 * self.max_bytes // 3

    @property
    def max_product_bytes(self) -> int:
        """Of a product in JSON with its pictures, or of a line that holds one."""
        most = MAX_PRODUCT_JSON + 4 * PRODUCT_UPLOADS * self.max_bytes // 3
        return min(most, max(self.held_bytes, self.max_json_bytes))

    @property
    def max_form_bytes(self) -> int:
        """Of a bulk form, and of all of them that are held at a time; in part they are in temporary files."""
        return FORM_UPLOADS * self.max_bytes


def refuse_large(request: Request, limit: int, what: str) -> None:
    """Refuse a body that claims to be of more than `limit` bytes, without reading it; `what` names it in the error.

    Raises:
        TooLargeError: it claims more.
    """
    if claimed_length(request) > limit:
        raise too_large(what, limit)


def is_json(kind: str) -> bool:
    """Return whether a media type is JSON, or made of it (RFC 6839)."""
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def content_type(request: Request) -> str:
    """Return the media type that a body says to be of, without its parameters; empty where it does not say."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def claimed_length(request: Request) -> int:
    """Return how many bytes a body says that it has; 0 where it does not say."""
    claimed = request.headers.get("content-length", "")
    return int(claimed[:20]) if claimed.isascii() and claimed.isdigit() else 0


async def bounded(request: Request, limit: int, what: str, add: Callable[[int], None]) -> AsyncGenerator[bytes, None]:
    """Yield the body of `request` as it arrives, unpacked, at most `limit` bytes; `what` names it in the error.

    `add` is told of the bytes of every chunk before it is yielded.

    Raises:
        TooLargeError: it has more.
        VitrineError: as `plain_body`.
    """
    received = 0
    async with aclosing(plain_body(request)) as stream:
        async for chunk in stream:
            received += len(chunk)
            if received <= limit:
                add(len(chunk))
                yield chunk
            elif received > DRAIN_FACTOR * limit:
                break
    if received > limit:
        raise too_large(what, limit)


def too_large(what: str, limit: int) -> TooLargeError:
    """Return the error of something that has more than `limit` bytes."""
    return TooLargeError(f"{what} has more than {limit:,} bytes; send at most that")
