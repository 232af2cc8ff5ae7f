"""The bodies of bulk calls: one JSON object a line, alone or in a form beside its pictures. Writes nothing.

Lines come in pieces, as they arrive, so that a call of any length takes little memory.
"""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import IO, Any

from fastapi import Request
from starlette.datastructures import UploadFile

from app.bounded_json import parse_json
from app.errors import InvalidError, MalformedError, SlowBodyError
from app.http.encodings import plain_body
from app.http.forms import is_left_empty, parsed_form
from app.http.limits import BodyLimits, too_large
from app.http.pictures import UploadedPicture
from app.http.places import Hold
from app.schemas import ProductLine, as_value, checked
from common import InputError
from index import MAX_ID

LINES = ("application/x-ndjson", "application/jsonl", "application/x-jsonlines")
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
MAX_FILES = 1_000
"""Most pictures of one bulk form."""
SPOOLED = 2_000_000
"""A file of a bulk form is kept in memory up to so many bytes: of all forms together, at most 100 are on the disk."""
PIECE = 32
"""Lines of a bulk call that are encoded and written together, at most."""
PIECE_BYTES = 4_000_000
"""The same in bytes, which are in memory until then, with their pictures."""
PAUSE_S = 0.5
"""What has come is written when nothing more comes for so long."""
LEAST_RATE = 1_000
"""Bytes a second that have to come, over all the time that is spent waiting for them."""
BLANK_LINES = 1_000
"""Empty lines after which others get their turn."""

MAX_LISTED_VALUES = 500_000
"""Of the JSON list that a bulk call may be instead of lines."""

RawLines = list[tuple[int, bytes]]
"""Lines that are not empty, with their numbers."""
ReadLines = list[tuple[int, "ReadLine"]]
"""The same of lines that were read."""


@dataclass(frozen=True, slots=True)
class ReadLine:
    """What a line says, before its pictures are decoded."""

    id: str | None
    """The product that it is about, as far as it says so."""
    fields: ProductLine | None
    """None where they do not fit."""
    error: InputError | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a bulk call, or what is wrong with it."""

    number: int
    """From 1; empty lines count."""
    id: str | None
    """The product that it is about; None where it could not be read that far."""
    fields: ProductLine | None
    """None where they do not fit."""
    pictures: tuple[UploadedPicture, ...] = ()
    error: InputError | None = None


def parse_line(line: bytes) -> ReadLine:
    """Return what a line says.

    Raises:
        MalformedError: it is not JSON.
        InvalidError: it has too many values.
    """
    if b"\0" in line or line.startswith(UTF_16):
        raise MalformedError("the line is not in UTF-8, but in UTF-16 or UTF-32; send the lines in UTF-8")
    try:
        value = parse_json(line, ProductLine.max_values)
    except ValueError as error:
        raise MalformedError(f"the line is not JSON ({error}); send one object a line") from None
    return read_line(value)


def read_line(value: Any) -> ReadLine:
    """Return what the JSON value of a line says, or what is wrong with its fields."""
    said = value.get("id") if isinstance(value, dict) else None
    named = str(as_value(said))[:MAX_ID] if isinstance(said, str | int | float) and not isinstance(said, bool) else None
    try:
        fields = checked(ProductLine, value, strict=True)
        fields.check(0)
    except InputError as error:
        return ReadLine(named, None, error)
    return ReadLine(fields.id, fields)


def listed_lines(value: Any, _size: int) -> ReadLines:
    """Return what the items of a JSON list of some bytes say, as lines that are numbered from 1.

    Raises:
        InvalidError: it is no list.
    """
    if not isinstance(value, list):
        raise InvalidError(
            "the JSON is no list of products; send a list, or a product a line as application/x-ndjson, or one alone"
            " with PUT /v1/products/{id}"
        )
    return [(number, read_line(item)) for number, item in enumerate(value, 1)]


async def streamed_pieces(request: Request, hold: Hold, limits: BodyLimits) -> AsyncGenerator[RawLines, None]:
    """Yield the lines of the body in pieces; what comes slowly is not kept waiting for a whole one.

    `hold` has the bytes of a piece until the next one is asked for.

    Raises:
        TooLargeError: a line of more bytes than a JSON body may have.
        SlowBodyError: nothing more came in time, or all too slowly.
    """
    limit = limits.max_product_bytes
    number, rest, piece, size = 1, bytearray(), RawLines(), 0
    async with aclosing(_chunks(request, hold, limits.timeout_s)) as chunks:
        async for chunk in chunks:
            begin = 0
            while chunk is not None and (end := chunk.find(b"\n", begin)) >= 0:
                rest += chunk[begin:end]
                begin = end + 1
                _check_line(number, rest, limit)
                if rest.strip():
                    piece.append((number, bytes(rest)))
                    size += len(rest) + 1
                else:
                    hold.free(len(rest) + 1)
                    if number % BLANK_LINES == 0:
                        await asyncio.sleep(0)
                rest.clear()
                number += 1
                if len(piece) == PIECE or size >= PIECE_BYTES:
                    yield piece
                    hold.free(size)
                    piece, size = [], 0
            if chunk is not None:
                rest += chunk[begin:]
                _check_line(number, rest, limit)
            elif piece:  # a pause
                yield piece
                hold.free(size)
                piece, size = [], 0
    if rest.strip():
        piece.append((number, bytes(rest)))
    if piece:
        yield piece


async def _chunks(request: Request, hold: Hold, timeout_s: float) -> AsyncGenerator[bytes | None, None]:
    """Yield the chunks of a body, and None when nothing has come for `PAUSE_S`.

    Raises:
        SlowBodyError: nothing more came in time, or all too slowly.
        VitrineError: as `plain_body`.
    """
    waited, received = 0.0, 0
    async with aclosing(plain_body(request)) as stream:
        coming = asyncio.ensure_future(anext(stream, None))
        try:
            while True:
                quiet = 0.0
                while not coming.done():
                    # What is waited for others, to write what came before, is not the caller's slowness.
                    spare = timeout_s + received / LEAST_RATE - waited
                    if quiet >= timeout_s:
                        raise SlowBodyError(f"nothing has arrived for {timeout_s:g} s; send it faster")
                    if spare <= 0:
                        raise SlowBodyError(f"fewer than {LEAST_RATE:,} bytes a second arrive; send them faster")
                    begun = time.monotonic()
                    async with hold.arrival(timeout_s):
                        await asyncio.wait([coming], timeout=min(PAUSE_S, spare, timeout_s - quiet))
                    quiet += time.monotonic() - begun
                    waited += time.monotonic() - begun
                    if not coming.done():
                        yield None
                chunk = await coming
                if chunk is None:
                    return
                coming = asyncio.ensure_future(anext(stream, None))
                received += len(chunk)
                hold.add(len(chunk))
                yield chunk
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)


async def stored_pieces(products: IO[bytes], limit: int) -> AsyncGenerator[RawLines, None]:
    """Yield the lines of a file that has arrived in pieces.

    Raises:
        TooLargeError: a line of more than `limit` bytes.
    """
    number, piece, size = 0, RawLines(), 0
    while line := products.readline(limit + 2):
        number += 1
        _check_line(number, line.rstrip(b"\n"), limit)
        if line.strip():
            piece.append((number, line))
            size += len(line)
        elif number % BLANK_LINES == 0:
            await asyncio.sleep(0)
        if len(piece) == PIECE or size >= PIECE_BYTES:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def _check_line(number: int, line: bytes | bytearray, limit: int) -> None:
    if len(line) > limit:
        raise too_large(f"line {number}", limit)


@asynccontextmanager
async def bulk_form(
    request: Request, hold: Hold, limits: BodyLimits
) -> AsyncIterator[tuple[IO[bytes], Mapping[str, UploadFile]]]:
    """Read a form with a file `products` of lines, and pictures: yield that file, and the pictures by file name.

    Raises:
        InvalidError: a field is not a file, the file of lines is missing, or two pictures have one name.
        VitrineError: as `parsed_form`.
    """
    limit, seconds = limits.max_form_bytes, limits.timeout_s
    async with parsed_form(request, hold, limit, seconds, max_files=MAX_FILES, in_memory=SPOOLED) as form:
        products: IO[bytes] | None = None
        files: dict[str, UploadFile] = {}
        for name, value in form.multi_items():
            if name == "products" and products is None:
                products = value.file if isinstance(value, UploadFile) else io.BytesIO(value.encode())
            elif not isinstance(value, UploadFile):
                raise InvalidError(
                    f"the field {name[:100]!r} is no file; send a file 'products', and pictures as files"
                )
            elif is_left_empty(value):
                continue
            elif (value.filename or "") in files:
                name = (value.filename or "")[:100]
                raise InvalidError(f"two pictures are called {name!r}; give each a name of its own")
            else:
                files[value.filename or ""] = value
        if products is None:
            raise InvalidError("there is no file 'products'; send one with a JSON object a line")
        yield products, files
