"""Multipart forms: the fields and the picture of one, read within bounds. Knows no call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

from fastapi import Request
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from app.bounded_json import parse_json
from app.errors import InvalidError, MalformedError, MediaTypeError
from app.http.limits import MAX_JSON, BodyLimits, bounded, refuse_large, too_large
from app.http.places import Hold

CHARSETS = {b"utf-8", b"utf8", b"us-ascii", b"ascii", b"iso-8859-1", b"iso8859-1", b"latin-1", b"latin1"}
"""Those that a form may say it is in; some others that Python knows take minutes, or are no charset at all."""
MAX_FIELDS = 32


@asynccontextmanager
async def parsed_form(
    request: Request, hold: Hold, limit: int, seconds: float, *, max_files: int, in_memory: int
) -> AsyncIterator[FormData]:
    """Read a form of at most `limit` bytes within `seconds`; its files of more than `in_memory` bytes go to the disk.

    Raises:
        MediaTypeError: it says to be in a charset that we do not take.
        MalformedError: the body is not a form.
        VitrineError: as `bounded` and `Hold.arrival`.
    """
    refuse_large(request, limit, "the form")
    charset = parse_options_header(request.headers["content-type"])[1].get(b"charset", b"utf-8")
    if charset.strip().lower().replace(b"_", b"-") not in CHARSETS:
        raise MediaTypeError(f"the form's charset is {charset[:40].decode('latin-1')!r}; send it in utf-8")
    async with hold.arrival(seconds), aclosing(bounded(request, limit, "the form", hold.add)) as stream:
        parser = MultiPartParser(
            request.headers, stream, max_files=max_files, max_fields=MAX_FIELDS, max_part_size=MAX_JSON
        )
        parser.spool_max_size = in_memory
        try:
            form = await parser.parse()
        except MultiPartException as error:
            raise MalformedError(f"the form cannot be read ({error.message}); send fields and files") from None
    try:
        yield form
    finally:
        await form.close()


async def read_form(request: Request, hold: Hold, limits: BodyLimits) -> tuple[dict[str, str], bytes | None]:
    """Return the text fields of a form, and the bytes of its picture, the file `image`, if there is one.

    Raises:
        InvalidError: a field that comes twice, a file that is not called `image`, or an `image` that is no file.
        TooLargeError: the picture or the text fields have more bytes than allowed.
        VitrineError: as `parsed_form`.
    """
    limit = limits.max_bytes + MAX_JSON
    fields: dict[str, str] = {}
    data = None
    # In memory, not on the disk: what all hold is bounded.
    async with parsed_form(request, hold, limit, limits.timeout_s, max_files=1, in_memory=limit) as form:
        for name, value in form.multi_items():
            if name in fields or (name == "image" and data is not None):
                raise InvalidError(f"the field {name[:100]!r} comes twice; send it once")
            if isinstance(value, UploadFile):
                if name != "image":
                    raise InvalidError(f"the file is in the field {name[:100]!r}; send it in the field 'image'")
                data = await value.read()
            elif name == "image":
                raise InvalidError("the field 'image' has no file; send the picture as a file, with a file name")
            elif value.strip():  # a form field left empty counts as not sent
                fields[name] = value
    if data is not None and len(data) > limits.max_bytes:
        raise too_large("the picture", limits.max_bytes)
    if sum(map(len, fields.values())) > MAX_JSON:
        raise too_large("the text of the form", MAX_JSON)
    return fields, data


def structured_fields(fields: dict[str, str], structured: tuple[str, ...], max_values: int) -> dict[str, Any]:
    """Return the fields of a form, the `structured` ones read as JSON of at most `max_values` values each.

    Raises:
        InvalidError: one is not JSON, or has more values.
    """
    read: dict[str, Any] = dict(fields)
    for name in structured:
        if name in fields:
            try:
                read[name] = parse_json(fields[name], max_values)
            except ValueError:
                raise InvalidError(
                    f"{name} is not JSON; in a form, send lists and objects as JSON",
                    [{"field": name, "message": 'not JSON, such as ["a", "b"] or {"gender": "Women"}'}],
                ) from None
    return read
