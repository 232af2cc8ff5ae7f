"""Reads the body of a request within bounds and decodes its pictures off the event loop. Knows no model and no search.

Bytes are counted while they arrive and pixels before they are decoded; what a body claims of itself (length, file name,
type of the picture) is not believed.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from fastapi import Request
from PIL import Image
from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from app.http.errors import InvalidError, MalformedError, MediaTypeError, SlowBodyError, TooLargeError, invalid
from app.schemas import (
    BatchRequest,
    ClassifyRequest,
    EmbeddingsRequest,
    ExplainRequest,
    ProductLine,
    ProductRequest,
    SearchRequest,
    is_picture,
)
from app.settings import Settings
from app.telemetry import Telemetry
from common import ImageError, InputError, OverloadedError
from models.images import decode_image

MAX_JSON = 256_000
"""Most bytes of a JSON body or of the text fields of a form; a full text and filters fit many times over."""

DRAIN_FACTOR = 4
"""A body too large is read and thrown away up to this many times the limit: a caller still sending sees no answer."""


M = TypeVar("M", SearchRequest, ClassifyRequest, ExplainRequest)
B = TypeVar("B", SearchRequest, ClassifyRequest, ExplainRequest, ProductRequest)
LINES = ("application/x-ndjson", "application/jsonl", "application/x-jsonlines")
MAX_FILES = 1_000
"""Most pictures of one bulk form."""
FORM_UPLOADS = 20
"""How many times the largest upload a bulk form may be."""
F = TypeVar("F", bound=BaseModel)
AcquireSlot = Callable[[], None]


@dataclass(frozen=True, slots=True)
class UploadedPicture:
    """A picture that is to be kept: as it was sent, and prepared (H, W, 3)."""

    data: bytes
    pixels: np.ndarray


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a bulk call, or what is wrong with it."""

    number: int
    """From 1; empty lines count."""
    fields: ProductLine | None
    """None where it could not be read that far."""
    picture: UploadedPicture | None = None
    error: InputError | None = None


class Uploads:
    """Turns a request into its fields and its prepared pictures, (H, W, 3) uint8 each.

    A body larger than `MAX_JSON`, or one with pictures, holds one of the slots until its pictures are prepared, so that
    the memory that bodies take is bounded.
    """

    def __init__(
        self,
        prepare: Callable[[Image.Image], np.ndarray],
        settings: Settings,
        telemetry: Telemetry,
        waiting: Callable[[], int] = lambda: 0,
    ) -> None:
        self._prepare = prepare
        self._waiting = waiting
        self._queue_limit = settings.queue_limit
        self._reading = 0
        self._telemetry = telemetry
        self._max_bytes = int(settings.max_upload_mb * 1_000_000)
        self._max_pixels = settings.max_pixels
        self._timeout_s = settings.upload_timeout_s
        self._slots = settings.upload_slots
        self._taken = 0
        self._pool = ThreadPoolExecutor(settings.decode_threads, thread_name_prefix="vitrine-decode")

    async def read(self, request: Request, model: type[M]) -> tuple[M, np.ndarray | None]:
        """Return the fields of a call that takes one picture, and the picture, if there is one.

        Raises:
            MediaTypeError: neither JSON nor a multipart form.
            MalformedError: not what the content type says.
            TooLargeError: more bytes than allowed.
            SlowBodyError: the body does not arrive in time.
            InvalidError: fields that do not fit.
            ImageError: a picture that cannot be decoded or is too large.
            OverloadedError: as many uploads are at work as there are slots.
        """
        with self._slot() as acquire_slot:
            fields, picture = await self._read_fields(request, model, acquire_slot)
            return fields, None if picture is None else await self._decoded(picture, acquire_slot)

    async def _read_fields(
        self, request: Request, model: type[B], acquire_slot: AcquireSlot
    ) -> tuple[B, bytes | str | None]:
        """Return the fields of a call that takes one picture, and the picture as it was sent."""
        kind = _media_type(request)
        if kind == "application/json":
            value, size = await self._read_json(request, acquire_slot)
            if size > MAX_JSON and not (isinstance(value, dict) and isinstance(value.get("image"), str)):
                raise _too_large("the JSON body without a picture", MAX_JSON)
            fields = _checked(model, value, strict=True)
            fields.check(picture=False)
            return fields, fields.image
        if kind == "multipart/form-data":
            acquire_slot()
            async with self._in_time():
                form, data = await self._read_form(request, model.structured)
            fields = _checked(model, form, strict=False)
            fields.check(picture=data is not None)
            return fields, data
        raise MediaTypeError(
            f"the content type is {kind or 'missing'}; send application/json, or multipart/form-data with a picture"
        )

    async def read_batch(self, request: Request) -> list[tuple[SearchRequest, np.ndarray | None] | InputError]:
        """Return for each of several searches its fields and picture, or what is wrong with it.

        Raises:
            VitrineError: what is wrong with the body as a whole, as `read`.
        """

        async def one(query: dict[str, Any]) -> tuple[SearchRequest, np.ndarray | None] | InputError:
            try:
                fields = _checked(SearchRequest, query, strict=True)
                fields.check(picture=False)
                return fields, None if fields.image is None else await self._decoded(fields.image, acquire_slot)
            except InputError as error:
                return error

        with self._slot() as acquire_slot:
            value, _ = await self._read_json(request, acquire_slot)
            return await asyncio.gather(*map(one, _checked(BatchRequest, value, strict=True).queries))

    async def read_embeddings(self, request: Request, dim: int) -> tuple[EmbeddingsRequest, list[str | np.ndarray]]:
        """Return the fields of a call for vectors of `dim` floats, and its inputs with pictures prepared.

        Raises:
            VitrineError: as `read`.
        """

        async def one(number: int, text: str) -> str | np.ndarray:
            if not is_picture(text):
                return text
            try:
                return await self._decoded(text, acquire_slot)
            except ImageError as error:
                raise ImageError(f"input {number}: {error}") from None

        with self._slot() as acquire_slot:
            value, _ = await self._read_json(request, acquire_slot)
            fields = _checked(EmbeddingsRequest, value, strict=True)
            fields.check(dim)
            inputs = fields.inputs()
            if not any(map(is_picture, inputs)):
                return fields, list(inputs)
            return fields, await asyncio.gather(*(one(*item) for item in enumerate(inputs)))

    async def read_product(
        self, request: Request, model: type[ProductRequest]
    ) -> tuple[ProductRequest, UploadedPicture | None]:
        """Return the fields of a product and its picture, if one was sent.

        Raises:
            VitrineError: as `read`.
        """
        with self._slot() as acquire_slot:
            fields, picture = await self._read_fields(request, model, acquire_slot)
            return fields, None if picture is None else await self._kept(picture, acquire_slot)

    async def read_lines(self, request: Request) -> AsyncGenerator[Line, None]:
        """Yield the lines of a bulk call as they arrive, with their pictures; a bad line comes with what is wrong.

        Raises:
            VitrineError: what is wrong with the body as a whole, as `read`; what came before was yielded.
        """
        kind = _media_type(request)
        with self._slot() as acquire_slot:
            acquire_slot()
            if kind in LINES:
                async with aclosing(self._lines(request)) as lines:
                    async for number, line in lines:
                        yield await self._line(number, line, {}, acquire_slot)
            elif kind == "multipart/form-data":
                async with self._bulk_form(request) as (text, files):
                    for number, line in enumerate(text.splitlines(), 1):
                        if line.strip():
                            yield await self._line(number, line, files, acquire_slot)
            else:
                raise MediaTypeError(
                    f"the content type is {kind or 'missing'}; send application/x-ndjson, or multipart/form-data with a"
                    " file 'products' of such lines and files for their pictures"
                )

    async def _lines(self, request: Request) -> AsyncGenerator[tuple[int, bytes], None]:
        """Yield the lines of the body that are not empty, with their numbers; each must arrive in time."""
        number, rest = 1, b""
        limit = MAX_JSON + 4 * self._max_bytes // 3
        async with aclosing(request.stream()) as stream:
            while True:
                async with self._in_time():
                    chunk = await anext(stream, None)
                *lines, rest = (rest + (chunk or b"")).split(b"\n")
                if chunk is None and rest:
                    lines, rest = [*lines, rest], b""
                for line in lines:
                    if len(line) > limit:
                        raise _too_large(f"line {number}", limit)
                    if line.strip():
                        yield number, line
                    number += 1
                if len(rest) > limit:
                    raise _too_large(f"line {number}; the lines before it are written: line {number}", limit)
                if chunk is None:
                    return

    async def _line(self, number: int, line: bytes, files: Mapping[str, UploadFile], acquire_slot: AcquireSlot) -> Line:
        """Return what a line says, and its picture: a data URI, or the name of one of `files`."""
        try:
            value = await asyncio.get_running_loop().run_in_executor(self._pool, json.loads, line)
        except (ValueError, RecursionError) as error:
            return Line(number, None, error=MalformedError(f"the line is not JSON ({error}); send one object a line"))
        fields = None
        try:
            fields = _checked(ProductLine, value, strict=True)
            if fields.delete or fields.image is None:
                return Line(number, fields)
            if fields.image in files:
                data = await files[fields.image].read()
                await files[fields.image].seek(0)
                if len(data) > self._max_bytes:
                    raise _too_large("the picture", self._max_bytes)
                return Line(number, fields, await self._kept(data, acquire_slot))
            if not fields.image.startswith("data:"):
                raise ImageError(
                    f"the image {fields.image[:100]!r} is no file of the form and no data URI; send either: pictures"
                    " are not fetched from addresses"
                )
            return Line(number, fields, await self._kept(fields.image, acquire_slot))
        except InputError as error:
            return Line(number, fields, error=error)

    @asynccontextmanager
    async def _bulk_form(self, request: Request) -> AsyncIterator[tuple[bytes, dict[str, UploadFile]]]:
        """Read a form with a file `products` of lines, and pictures: yield the lines, and the pictures by file name."""
        async with self._in_time(), aclosing(_bounded(request, FORM_UPLOADS * self._max_bytes, "the form")) as stream:
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

    async def _kept(self, data: bytes | str, acquire_slot: AcquireSlot) -> UploadedPicture:
        """Return a picture, bytes or a data URI, as it was sent and prepared."""

        def work() -> UploadedPicture:
            sent = self._from_uri(data) if isinstance(data, str) else data
            return UploadedPicture(sent, self._decode(sent))

        acquire_slot()
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def close(self) -> None:
        """Let go of the decoding threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _decoded(self, data: bytes | str, acquire_slot: AcquireSlot) -> np.ndarray:
        """Return the picture in `data`, bytes or a data URI, prepared in one of the decoding threads."""
        acquire_slot()
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._decode, data)

    def _decode(self, data: bytes | str) -> np.ndarray:
        if isinstance(data, str):
            data = self._from_uri(data)
        with self._telemetry.stage("decode"):
            return self._prepare(decode_image(data, self._max_pixels))

    def _from_uri(self, uri: str) -> bytes:
        """Return the bytes that a data URI holds."""
        head, comma, payload = uri.partition(",")
        if not comma or not head.endswith(";base64"):
            raise ImageError("the picture is no data URI that we can read; send data:image/png;base64,...")
        if len(payload) // 4 * 3 > self._max_bytes + 2:
            raise _too_large("the picture", self._max_bytes)
        try:
            data = base64.b64decode(payload, validate=True)
        except ValueError as error:
            raise ImageError(f"the picture's data URI is not valid base64 ({error}); encode it again") from None
        if len(data) > self._max_bytes:
            raise _too_large("the picture", self._max_bytes)
        return data

    @contextmanager
    def _slot(self) -> Iterator[AcquireSlot]:
        """Yield a function that takes one of the slots, unless it did so before; the slot is free again at the end.

        A request that will find the queue full is refused here, before its body is read and its picture decoded.

        Raises:
            OverloadedError: as many requests are being read or wait as are allowed to wait.
        """
        coming = self._reading + self._waiting()
        if coming >= self._queue_limit:
            raise OverloadedError(f"{coming} queries are waiting, which is as many as we take; try again in a second")
        taken = False

        def acquire_slot() -> None:
            nonlocal taken
            if not taken and self._taken >= self._slots:
                raise OverloadedError(f"{self._taken} uploads are at work, as many as we take; try again in a second")
            self._taken += not taken
            taken = True

        self._reading += 1
        try:
            yield acquire_slot
        finally:
            self._reading -= 1
            self._taken -= taken

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        try:
            with self._telemetry.stage("receive"):
                async with asyncio.timeout(self._timeout_s):
                    yield
        except TimeoutError:
            raise SlowBodyError(f"the body did not arrive within {self._timeout_s:g} s; send it faster") from None

    async def _read_json(self, request: Request, acquire_slot: AcquireSlot) -> tuple[Any, int]:
        """Return the JSON value that the body is, and the body's size in bytes; a large one takes a slot first."""
        kind = _media_type(request)
        if kind != "application/json":
            raise MediaTypeError(f"the content type is {kind or 'missing'}; send application/json")
        parts: list[bytes] = []
        size = 0
        limit = MAX_JSON + 4 * self._max_bytes // 3  # what base64 makes of a picture
        async with self._in_time(), aclosing(_bounded(request, limit, "the JSON body")) as stream:
            async for chunk in stream:
                size += len(chunk)
                if size > MAX_JSON:
                    acquire_slot()
                parts.append(chunk)
        body = b"".join(parts)
        try:
            if size <= MAX_JSON:
                return json.loads(body), size
            return await asyncio.get_running_loop().run_in_executor(self._pool, json.loads, body), size
        except (ValueError, RecursionError) as error:
            raise MalformedError(
                f'the body is not JSON ({error}); send an object such as {{"text": "red dress"}}'
            ) from None

    async def _read_form(self, request: Request, structured: tuple[str, ...]) -> tuple[dict[str, Any], bytes | None]:
        """Return the text fields of a multipart form, the `structured` ones read as JSON, and its picture's bytes."""
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
        for name in structured:
            if name in fields:
                try:
                    fields[name] = json.loads(fields[name])
                except (ValueError, RecursionError):
                    raise InvalidError(
                        f"{name} is not JSON; in a form, send lists and objects as JSON",
                        [{"field": name, "message": 'not JSON, such as ["a", "b"] or {"gender": "Women"}'}],
                    ) from None
        return fields, data


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _checked(model: type[F], fields: Any, *, strict: bool) -> F:
    """Return `fields` checked; `strict` for JSON, which has types of its own, unlike a form."""
    try:
        return model.model_validate(fields, strict=strict)
    except ValidationError as error:
        raise invalid(error) from None


async def _bounded(request: Request, limit: int, what: str) -> AsyncGenerator[bytes, None]:
    """Yield the body of `request` as it arrives; at most `limit` bytes of it."""
    received = 0
    async with aclosing(request.stream()) as stream:
        async for chunk in stream:
            received += len(chunk)
            if received <= limit:
                yield chunk
            elif received > DRAIN_FACTOR * limit:
                break
    if received > limit:
        raise _too_large(what, limit)


def _too_large(what: str, limit: int) -> TooLargeError:
    return TooLargeError(f"{what} has more than {limit:,} bytes; send at most that")
