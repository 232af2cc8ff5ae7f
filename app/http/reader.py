"""Reads the body of a request within bounds: JSON or a form, with pictures prepared for the encoder.

Knows no search and no store. What a body claims of itself (length, file name, type of the picture) is not believed.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any, TypeVar

import numpy as np
from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from app.errors import InvalidError, MalformedError, MediaTypeError, invalid
from app.http.connection import while_connected
from app.http.limits import MAX_JSON, AcquireSlot, BodyLimits, Slots, bounded, in_time, too_large
from app.http.lines import LINES, Line, bulk_form, parse_line, split_lines
from app.http.pictures import Pictures, UploadedPicture
from app.http.rate import address_group
from app.http.turns import together
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
from app.telemetry import Telemetry
from common import ImageError, InputError

B = TypeVar("B", SearchRequest, ClassifyRequest, ExplainRequest, ProductRequest)
F = TypeVar("F", bound=BaseModel)


class Uploads:
    """Turns a request into its fields and its prepared pictures, (H, W, 3) uint8 each.

    A body larger than `MAX_JSON`, or one with pictures, holds one of the slots until its pictures are prepared.
    """

    def __init__(
        self,
        size: Callable[[], tuple[int, int]],
        limits: BodyLimits,
        telemetry: Telemetry,
        waiting: Callable[[], int] = lambda: 0,
    ) -> None:
        self._limits = limits
        self._telemetry = telemetry
        self._slots = Slots(limits, waiting)
        self.pictures = Pictures(size, limits, telemetry)

    def close(self) -> None:
        """End the processes that decode, and the threads that read."""
        self.pictures.close()

    async def read(self, request: Request, model: type[B]) -> tuple[B, np.ndarray | None]:
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
        fields, picture = await self.read_kept(request, model)
        return fields, None if picture is None else picture.pixels

    async def read_kept(self, request: Request, model: type[B]) -> tuple[B, UploadedPicture | None]:
        """Return the fields, and the picture as it was sent beside the prepared one; raises as `read`."""
        with self._slots.reading() as acquire_slot:
            fields, sent = await self._read_fields(request, model, acquire_slot)
            if sent is None:
                return fields, None
            return fields, await while_connected(request, self._picture(request, sent, acquire_slot))

    async def _read_fields(
        self, request: Request, model: type[B], acquire_slot: AcquireSlot
    ) -> tuple[B, bytes | str | None]:
        """Return the fields of a call that takes one picture, and the picture as it was sent."""
        kind = _content_type(request)
        if kind == "application/json":
            value, size = await self._read_json(request, acquire_slot)
            if size > MAX_JSON and not (isinstance(value, dict) and isinstance(value.get("image"), str)):
                raise too_large("the JSON body without a picture", MAX_JSON)
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
                if fields.image is None:
                    return fields, None
                return fields, (await self._picture(request, fields.image, acquire_slot)).pixels
            except InputError as error:
                return error

        with self._slots.reading() as acquire_slot:
            value, _ = await self._read_json(request, acquire_slot)
            queries = _checked(BatchRequest, value, strict=True).queries
            return await while_connected(request, together(one, queries))

    async def read_embeddings(self, request: Request, dim: int) -> tuple[EmbeddingsRequest, list[str | np.ndarray]]:
        """Return the fields of a call for vectors of `dim` floats, and its inputs with pictures prepared.

        Raises:
            VitrineError: as `read`.
        """

        async def one(item: tuple[int, str]) -> str | np.ndarray:
            number, text = item
            if not is_picture(text):
                return text
            try:
                return (await self._picture(request, text, acquire_slot)).pixels
            except ImageError as error:
                raise ImageError(f"input {number}: {error}") from None

        with self._slots.reading() as acquire_slot:
            value, _ = await self._read_json(request, acquire_slot)
            fields = _checked(EmbeddingsRequest, value, strict=True)
            fields.check(dim)
            inputs = fields.inputs()
            if not any(map(is_picture, inputs)):
                return fields, list(inputs)
            return fields, await while_connected(request, together(one, enumerate(inputs)))

    async def read_lines(self, request: Request) -> AsyncGenerator[Line, None]:
        """Yield the lines of a bulk call as they arrive, with their pictures; a bad line comes with what is wrong.

        Raises:
            VitrineError: what is wrong with the body as a whole, as `read`; what came before was yielded.
        """
        kind = _content_type(request)
        with self._slots.reading() as acquire_slot:
            acquire_slot()
            if kind in LINES:
                async with aclosing(split_lines(request, self._limits.max_json_bytes, self._in_time)) as lines:
                    async for number, line in lines:
                        yield await self._line(request, number, line, {}, acquire_slot)
            elif kind == "multipart/form-data":
                async with bulk_form(request, self._limits.max_bytes, self._in_time) as (text, files):
                    for number, line in enumerate(text.splitlines(), 1):
                        if line.strip():
                            yield await self._line(request, number, line, files, acquire_slot)
            else:
                raise MediaTypeError(
                    f"the content type is {kind or 'missing'}; send application/x-ndjson, or multipart/form-data with a"
                    " file 'products' of such lines and files for their pictures"
                )

    async def _line(
        self, request: Request, number: int, line: bytes, files: Mapping[str, UploadFile], acquire_slot: AcquireSlot
    ) -> Line:
        """Return what a line says, and its picture: a data URI, or the name of one of `files`."""
        fields = None
        try:
            value = await self.pictures.run(parse_line, line)
            fields = _checked(ProductLine, value, strict=True)
            if fields.delete or fields.image is None:
                return Line(number, fields)
            if fields.image in files:
                data = await files[fields.image].read()
                await files[fields.image].seek(0)
                if len(data) > self._limits.max_bytes:
                    raise too_large("the picture", self._limits.max_bytes)
                return Line(number, fields, await self._picture(request, data, acquire_slot))
            if not fields.image.startswith("data:"):
                raise ImageError(
                    f"the image {fields.image[:100]!r} is no file of the form and no data URI; send either: pictures"
                    " are not fetched from addresses"
                )
            return Line(number, fields, await self._picture(request, fields.image, acquire_slot))
        except InputError as error:
            return Line(number, fields, error=error)

    async def _picture(self, request: Request, sent: bytes | str, acquire_slot: AcquireSlot) -> UploadedPicture:
        """Return the picture in `sent`, bytes or a data URI, prepared in one of the processes that decode."""
        acquire_slot()
        return await self.pictures.prepared(sent, address_group(request.client.host) if request.client else "")

    def _in_time(self) -> AbstractAsyncContextManager[None]:
        return in_time(self._limits.timeout_s, self._telemetry)

    async def _read_json(self, request: Request, acquire_slot: AcquireSlot) -> tuple[Any, int]:
        """Return the JSON value that the body is, and the body's size in bytes; a large one takes a slot first."""
        kind = _content_type(request)
        if kind != "application/json":
            raise MediaTypeError(f"the content type is {kind or 'missing'}; send application/json")
        parts: list[bytes] = []
        size = 0
        async with self._in_time(), aclosing(bounded(request, self._limits.max_json_bytes, "the JSON body")) as stream:
            async for chunk in stream:
                size += len(chunk)
                if size > MAX_JSON:
                    acquire_slot()
                parts.append(chunk)
        body = b"".join(parts)
        try:
            if size <= MAX_JSON:
                return json.loads(body), size
            return await self.pictures.run(json.loads, body), size
        except (ValueError, RecursionError) as error:
            raise MalformedError(
                f'the body is not JSON ({error}); send an object such as {{"text": "red dress"}}'
            ) from None

    async def _read_form(self, request: Request, structured: tuple[str, ...]) -> tuple[dict[str, Any], bytes | None]:
        """Return the text fields of a multipart form, the `structured` ones read as JSON, and its picture's bytes."""
        async with aclosing(bounded(request, self._limits.max_bytes + MAX_JSON, "the form")) as stream:
            parser = MultiPartParser(request.headers, stream, max_files=1, max_fields=32, max_part_size=MAX_JSON)
            parser.spool_max_size = self._limits.max_bytes + MAX_JSON  # memory, not disk: the slots bound it
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
        if data is not None and len(data) > self._limits.max_bytes:
            raise too_large("the picture", self._limits.max_bytes)
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


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _checked(model: type[F], fields: Any, *, strict: bool) -> F:
    """Return `fields` checked; `strict` for JSON, which has types of its own, unlike a form."""
    try:
        return model.model_validate(fields, strict=strict)
    except ValidationError as error:
        raise invalid(error) from None
