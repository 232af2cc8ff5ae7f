"""Multipart forms: the fields and the picture of one, read within bounds. Knows no call."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any
from urllib.parse import unquote_to_bytes

from fastapi import Request
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from app.bounded_json import parse_json
from app.errors import InvalidError, MalformedError, MediaTypeError
from app.http.data_uri import is_uri
from app.http.limits import MAX_JSON, PRODUCT_UPLOADS, BodyLimits, bounded, refuse_large, too_large
from app.http.places import Hold

CHARSETS = {b"utf-8", b"utf8", b"us-ascii", b"ascii", b"iso-8859-1", b"iso8859-1", b"latin-1", b"latin1"}
"""Those that a form may say it is in; some others that Python knows take minutes, or are no charset at all."""
MAX_FIELDS = 600
"""Fields of a form, and files: as many as lists may have items, each sent as a field of its own."""
PICTURE_FIELDS = frozenset(("image", "images", "image[]", "images[]"))
EXTENDED_NAME = re.compile(rb";\s*filename\*(?:\d+\*?)?\s*=\s*(\"[^\"]*\"|[^;]*)", re.IGNORECASE)
"""Names of files as RFC 5987 has them: the parser leaves them out, as RFC 7578 asks; some clients send no others."""


class _Parser(MultiPartParser):
    """The framework's parser, which also knows files that have no plain name."""

    def on_headers_finished(self) -> None:
        """Take a part that has a name of a file in another form, or is a picture by its type, for a file."""
        part = self._current_part
        disposition = part.content_disposition or b""
        options = parse_options_header(disposition)[1]
        if b"filename" not in options:
            if names := EXTENDED_NAME.findall(disposition):
                name = _extended_name(names).encode(self._charset or "utf-8", "replace")
                part.content_disposition = disposition + b'; filename="' + name.replace(b'"', b"'") + b'"'
            elif options.get(b"name", b"").decode("latin-1") in PICTURE_FIELDS and _is_binary(part.item_headers):
                part.content_disposition = disposition + b'; filename=""'
        super().on_headers_finished()


def _extended_name(values: list[bytes]) -> str:
    """Return the name of a file that RFC 5987 or its continued lines give."""
    whole = b"".join(value.strip().strip(b'"') for value in values)
    charset, _, text = whole.split(b"'", 2) if whole.count(b"'") > 1 else (b"", b"", whole)
    codec = "latin-1" if charset.lower() in (b"iso-8859-1", b"latin-1") else "utf-8"
    return unquote_to_bytes(text).decode(codec, "replace").replace("\\", "_")


def _is_binary(headers: list[tuple[bytes, bytes]]) -> bool:
    kind = dict(headers).get(b"content-type", b"").strip().lower()
    return kind.startswith((b"image/", b"application/octet-stream"))


@asynccontextmanager
async def parsed_form(
    request: Request,
    hold: Hold,
    limit: int,
    seconds: float,
    *,
    max_files: int,
    in_memory: int,
    max_part: int = MAX_JSON,
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
        parser = _Parser(request.headers, stream, max_files=max_files, max_fields=MAX_FIELDS, max_part_size=max_part)
        parser.spool_max_size = in_memory
        try:
            form = await parser.parse()
        except MultiPartException as error:
            raise MalformedError(f"the form cannot be read ({error.message}); send fields and files") from None
    try:
        yield form
    finally:
        await form.close()


def is_left_empty(file: UploadFile) -> bool:
    """Return whether nothing was chosen in a file input."""
    return not file.size and not file.filename


async def read_form(
    request: Request, hold: Hold, limits: BodyLimits, *, most: int, max_text: int = MAX_JSON
) -> tuple[dict[str, list[str]], list[bytes | str]]:
    """Return the text fields of a form, each with all that was sent for it, and its pictures, files named `image`.

    A file field that was left empty is none, and a data URI in the field of a picture is one. There may be `most`
    pictures; several are together of as many bytes as a product's may have.

    Raises:
        InvalidError: a file that is not called `image`, more than `most`, or an `image` that is no file.
        TooLargeError: a picture, all of them, or the text fields have more bytes than allowed.
        VitrineError: as `parsed_form`.
    """
    limit = (PRODUCT_UPLOADS if most > 1 else 1) * limits.max_bytes + max_text
    fields: dict[str, list[str]] = defaultdict(list)
    pictures: list[bytes | str] = []
    # In memory, not on the disk: what all hold is bounded. Too many files are counted here, where empty ones are none.
    async with parsed_form(
        request, hold, limit, limits.timeout_s, max_files=MAX_FIELDS, in_memory=limit, max_part=max_text
    ) as form:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                if is_left_empty(value):
                    continue
                if name not in PICTURE_FIELDS:
                    raise InvalidError(f"the file is in the field {name[:100]!r}; send it in the field 'image'")
                data = await value.read()
                packed = value.headers.get("content-transfer-encoding", "").strip().lower() == "base64"  # as in mails
                pictures.append(f"data:;base64,{data.decode('latin-1')}" if packed else data)
            elif not value.strip():  # a form field left empty counts as not sent
                continue
            elif name in PICTURE_FIELDS and is_uri(value):
                pictures.append(value)
            elif name == "image":
                raise InvalidError("the field 'image' has no file; send the picture as a file, with a file name")
            else:
                fields[name].append(value)
    if len(pictures) > most:
        needed = f"there may be {most} pictures" if most > 1 else "send it once"
        raise InvalidError(f"the field 'image' comes {'too often' if most > 1 else 'twice'}; {needed}")
    if any(isinstance(picture, bytes) and len(picture) > limits.max_bytes for picture in pictures):
        raise too_large("the picture", limits.max_bytes)
    if sum(len(value) for values in fields.values() for value in values) > max_text:
        raise too_large("the text of the form", max_text)
    return fields, pictures


def structured_fields(fields: dict[str, list[str]], structured: tuple[str, ...], max_values: int) -> dict[str, Any]:
    """Return the fields of a form, the `structured` ones read as JSON of at most `max_values` values each.

    A structured field that comes several times is a list with a text each time, as HTML forms send lists.

    Raises:
        InvalidError: one is not JSON, or has more values; another field comes twice.
    """
    read: dict[str, Any] = {}
    for name, values in fields.items():
        if name not in structured:
            if len(values) > 1:
                raise InvalidError(f"the field {name[:100]!r} comes twice; send it once")
            read[name] = values[0]
        elif len(values) > 1:
            read[name] = values
        else:
            try:
                read[name] = parse_json(values[0], max_values)
            except ValueError:
                raise InvalidError(
                    f"{name} is not JSON; in a form, send lists and objects as JSON",
                    [{"field": name, "message": 'not JSON, such as ["a", "b"] or {"gender": "Women"}'}],
                ) from None
    return read
