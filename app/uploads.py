"""Reads the body of a search within bounds and decodes its picture off the event loop. Knows no model and no search.

Bytes are counted while they arrive and pixels before they are decoded; what a body claims of itself (length, file name,
type of the picture) is not believed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from typing import Any

import numpy as np
from fastapi import Request
from PIL import Image
from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from app.errors import InvalidError, MalformedError, MediaTypeError, SlowBodyError, TooLargeError, invalid
from app.schemas import SearchRequest
from app.settings import Settings
from app.telemetry import Telemetry
from common import OverloadedError
from models.images import decode_image

MAX_JSON = 256_000
"""Most bytes of a JSON body or of the text fields of a form; a full text and filters fit many times over."""

PATIENCE = 4
"""A body too large is read and thrown away up to this many times the limit: a caller still sending sees no answer."""


class Uploads:
    """Turns a request into its fields and its prepared picture (H, W, 3) uint8."""

    def __init__(self, prepare: Callable[[Image.Image], np.ndarray], settings: Settings, telemetry: Telemetry) -> None:
        self._prepare = prepare
        self._telemetry = telemetry
        self._max_bytes = int(settings.max_upload_mb * 1_000_000)
        self._max_pixels = settings.max_pixels
        self._timeout_s = settings.upload_timeout_s
        self._slots = settings.upload_slots
        self._taken = 0
        self._pool = ThreadPoolExecutor(settings.decode_threads, thread_name_prefix="vitrine-decode")

    async def read(self, request: Request) -> tuple[SearchRequest, np.ndarray | None]:
        """Return the fields of a search and its picture, if there is one; there is a text or a picture.

        Raises:
            MediaTypeError: neither JSON nor a multipart form.
            MalformedError: not what the content type says.
            TooLargeError: more bytes than allowed.
            SlowBodyError: the body does not arrive in time.
            InvalidError: fields that do not fit.
            ImageError: a picture that cannot be decoded or is too large.
            OverloadedError: as many uploads are at work as there are slots.
        """
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        pixels = None
        if kind == "application/json":
            async with self._in_time():
                fields = _fields(await _read_json(request))
        elif kind == "multipart/form-data":
            async with self._slot():
                async with self._in_time():
                    form, data = await self._read_form(request)
                fields = _fields(form)
                if data is not None:
                    pixels = await asyncio.get_running_loop().run_in_executor(self._pool, self._decode, data)
        else:
            raise MediaTypeError(
                f"the content type is {kind or 'missing'}; send application/json, or multipart/form-data with a picture"
            )
        if fields.text is None and pixels is None:
            raise InvalidError(
                "there is neither a text nor a picture; send at least one of them",
                [{"field": "text", "message": "empty, and there is no image"}],
            )
        return fields, pixels

    def close(self) -> None:
        """Let go of the decoding threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _decode(self, data: bytes) -> np.ndarray:
        with self._telemetry.stage("decode"):
            return self._prepare(decode_image(data, self._max_pixels))

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        """Hold one of the slots, so that the memory that uploads take is bounded."""
        if self._taken >= self._slots:
            raise OverloadedError(f"{self._taken} uploads are at work, as many as we take; try again in a second")
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        try:
            with self._telemetry.stage("receive"):
                async with asyncio.timeout(self._timeout_s):
                    yield
        except TimeoutError:
            raise SlowBodyError(f"the body did not arrive within {self._timeout_s:g} s; send it faster") from None

    async def _read_form(self, request: Request) -> tuple[dict[str, Any], bytes | None]:
        """Return the text fields of a multipart form, and the bytes of its picture."""
        async with aclosing(_bounded(request, self._max_bytes + MAX_JSON, "the form")) as stream:
            parser = MultiPartParser(request.headers, stream, max_files=1, max_fields=16, max_part_size=MAX_JSON)
            parser.spool_max_size = self._max_bytes + MAX_JSON  # memory, not disk: the slots bound it
            try:
                form = await parser.parse()
            except MultiPartException as error:
                raise MalformedError(f"the form cannot be read ({error.message}); send fields and one image") from None
        fields: dict[str, Any] = {}
        data = None
        try:
            for name, value in form.multi_items():
                if name in fields or (name == "image" and data is not None):
                    raise InvalidError(f"the field {name!r} comes twice; send it once")
                if isinstance(value, UploadFile):
                    if name != "image":
                        raise InvalidError(f"the file is in the field {name!r}; send it in the field 'image'")
                    data = await value.read()
                elif name == "image":
                    raise InvalidError("the field 'image' has no file; send the picture as a file, with a file name")
                elif value.strip():  # a form field left empty counts as not sent
                    fields[name] = value
        finally:
            await form.close()
        if data is not None and len(data) > self._max_bytes:
            raise _too_large("the picture", self._max_bytes)
        if "filters" in fields:
            try:
                fields["filters"] = json.loads(fields["filters"])
            except (ValueError, RecursionError):
                raise InvalidError(
                    "filters is not JSON; in a form, send them as a JSON object",
                    [{"field": "filters", "message": 'not JSON, such as {"gender": "Women"}'}],
                ) from None
        return fields, data


def _fields(fields: Any) -> SearchRequest:
    """Return `fields` checked."""
    try:
        return SearchRequest.model_validate(fields)
    except ValidationError as error:
        raise invalid(error) from None


async def _read_json(request: Request) -> Any:
    """Return the JSON value that the body is."""
    async with aclosing(_bounded(request, MAX_JSON, "the JSON body")) as stream:
        body = b"".join([chunk async for chunk in stream])
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedError(
            f'the body is not JSON ({error}); send an object such as {{"text": "red dress"}}'
        ) from None


async def _bounded(request: Request, limit: int, what: str) -> AsyncGenerator[bytes, None]:
    """Yield the body of `request` as it arrives; at most `limit` bytes of it."""
    received = 0
    async with aclosing(request.stream()) as stream:
        async for chunk in stream:
            received += len(chunk)
            if received <= limit:
                yield chunk
            elif received > PATIENCE * limit:
                break
    if received > limit:
        raise _too_large(what, limit)


def _too_large(what: str, limit: int) -> TooLargeError:
    return TooLargeError(f"{what} has more than {limit:,} bytes; send at most that")
