"""The bodies of bulk calls: one JSON object a line, alone or in a form beside its pictures. Writes nothing.

Lines are yielded as they arrive, so that a call of any length takes little memory.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from app.errors import InvalidError, MalformedError
from app.http.limits import MAX_JSON, bounded, too_large
from app.http.pictures import UploadedPicture
from app.schemas import ProductLine
from common import InputError

LINES = ("application/x-ndjson", "application/jsonl", "application/x-jsonlines")
MAX_FILES = 1_000
"""Most pictures of one bulk form."""
FORM_UPLOADS = 20
"""How many times the largest upload a bulk form may be."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a bulk call, or what is wrong with it."""

    number: int
    """From 1; empty lines count."""
    fields: ProductLine | None
    """None where it could not be read that far."""
    picture: UploadedPicture | None = None
    error: InputError | None = None


Bound = Callable[[], AbstractAsyncContextManager[None]]
"""Returns what bounds the time in which a block waits for bytes."""


async def split_lines(request: Request, limit: int, in_time: Bound) -> AsyncGenerator[tuple[int, bytes], None]:
    """Yield the lines of the body that are not empty, with their numbers; each must arrive in time.

    Raises:
        TooLargeError: a line of more than `limit` bytes.
        SlowBodyError: nothing more came in time.
    """
    number, rest = 1, b""
    async with aclosing(request.stream()) as stream:
        while True:
            async with in_time():
                chunk = await anext(stream, None)
            *lines, rest = (rest + (chunk or b"")).split(b"\n")
            if chunk is None and rest:
                lines, rest = [*lines, rest], b""
            for line in lines:
                if len(line) > limit:
                    raise too_large(f"line {number}", limit)
                if line.strip():
                    yield number, line
                number += 1
            if len(rest) > limit:
                raise too_large(f"line {number}; the lines before it are written: line {number}", limit)
            if chunk is None:
                return


@asynccontextmanager
async def bulk_form(
    request: Request, max_bytes: int, in_time: Bound
) -> AsyncIterator[tuple[bytes, Mapping[str, UploadFile]]]:
    """Read a form with a file `products` of lines, and pictures: yield the lines, and the pictures by file name.

    Raises:
        MalformedError: the body is not a form.
        InvalidError: a field is not a file, the file of lines is missing, or two pictures have one name.
        VitrineError: as `bounded` and `in_time`.
    """
    async with in_time(), aclosing(bounded(request, FORM_UPLOADS * max_bytes, "the form")) as stream:
        parser = MultiPartParser(request.headers, stream, max_files=MAX_FILES, max_part_size=MAX_JSON)
        try:
            form = await parser.parse()
        except MultiPartException as error:
            raise MalformedError(f"the form cannot be read ({error.message}); send files") from None
    try:
        text: bytes | None = None
        files: dict[str, UploadFile] = {}
        for name, value in form.multi_items():
            if name == "products" and text is None:
                text = await value.read() if isinstance(value, UploadFile) else value.encode()
            elif not isinstance(value, UploadFile):
                raise InvalidError(f"the field {name!r} is no file; send a file 'products', and pictures as files")
            elif (value.filename or "") in files:
                raise InvalidError(f"two pictures are called {value.filename!r}; give each a name of its own")
            else:
                files[value.filename or ""] = value
        if text is None:
            raise InvalidError("there is no file 'products'; send one with a JSON object a line")
        yield text, files
    finally:
        await form.close()


def parse_line(line: bytes | str) -> object:
    """Return the JSON value of a line.

    Raises:
        MalformedError: it is not JSON.
    """
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"the line is not JSON ({error}); send one object a line") from None
