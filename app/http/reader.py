"""Reads the body of a request within bounds: JSON or a form, with pictures prepared for the encoder.

Knows no search and no store. What a body claims of itself (file name, type of the picture) is not believed.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

import numpy as np
from fastapi import Request
from starlette.datastructures import UploadFile

from app.bounded_json import parse_json
from app.errors import MalformedError, MediaTypeError
from app.http.connection import while_connected
from app.http.forms import read_form, structured_fields
from app.http.json_body import JsonBodies
from app.http.limits import MAX_JSON, BodyLimits, claimed_length, content_type, too_large
from app.http.lines import LINES, Line, RawLines, bulk_form, stored_pieces, streamed_pieces
from app.http.pictures import Pictures, UploadedPicture
from app.http.places import Hold, Places
from app.http.turns import together
from app.schemas import (
    BatchRequest,
    ClassifyRequest,
    EmbeddingsRequest,
    ExplainRequest,
    ProductLine,
    ProductRequest,
    SearchRequest,
    checked,
    is_picture,
)
from app.spent import spending
from app.telemetry import Telemetry
from common import ImageError, InputError

B = TypeVar("B", SearchRequest, ClassifyRequest, ExplainRequest, ProductRequest)


class Uploads:
    """Turns a request into its fields and its prepared pictures, (H, W, 3) uint8 each.

    A body larger than `MAX_JSON`, or one with pictures, holds one of the slots until its pictures are prepared.
    """

    def __init__(
        self,
        size: Callable[[], tuple[int, int]],
        limits: BodyLimits,
        telemetry: Telemetry,
        crowd: Callable[[int], int] = lambda _: 0,
    ) -> None:
        self._limits = limits
        self._places = Places(limits, telemetry, crowd)
        self._json = JsonBodies(limits)
        self.pictures = Pictures(size, limits, telemetry)

    def close(self) -> None:
        """End the processes that decode, and the threads that read."""
        self._json.close()
        self.pictures.close()

    async def read(self, request: Request, model: type[B]) -> tuple[B, np.ndarray | None]:
        """Return the fields of a call that takes one picture, and the picture, if there is one.

        Raises:
            MediaTypeError: neither JSON nor a multipart form, or a form in a charset that we do not take.
            MalformedError: not what the content type says.
            TooLargeError: more bytes than allowed.
            SlowBodyError: the body does not arrive in time.
            InvalidError: fields that do not fit, or too many values.
            ImageError: a picture that cannot be decoded or is too large.
            OverloadedError: there is no room for the body, or all slots or places in the queue are taken.
        """
        fields, picture = await self.read_kept(request, model)
        return fields, None if picture is None else picture.pixels

    async def read_kept(self, request: Request, model: type[B]) -> tuple[B, UploadedPicture | None]:
        """Return the fields, and the picture as it was sent beside the prepared one; raises as `read`."""
        form = content_type(request) == "multipart/form-data"
        with self._places.hold(needs_slot=form or claimed_length(request) > MAX_JSON) as hold:
            fields, sent = await (self._read_form if form else self._read_json)(request, model, hold)
            if sent is None:
                return fields, None
            with spending():
                return fields, await while_connected(request, self._picture(sent, hold))

    async def _read_json(self, request: Request, model: type[B], hold: Hold) -> tuple[B, bytes | str | None]:
        """Return the fields of a call that takes one picture, and the picture as it was sent."""

        def check(value: Any, size: int) -> B:
            if size > MAX_JSON and not (isinstance(value, dict) and isinstance(value.get("image"), str)):
                raise too_large("the JSON body without a picture", MAX_JSON)
            fields = checked(model, value, strict=True)
            fields.check(picture=False)
            return fields

        if content_type(request) != "application/json":
            raise MediaTypeError(
                f"the content type is {content_type(request)[:100] or 'missing'}; send application/json, or"
                " multipart/form-data with a picture"
            )
        fields = await self._json.read(request, hold, model.max_values, check)
        return fields, fields.image

    async def _read_form(self, request: Request, model: type[B], hold: Hold) -> tuple[B, bytes | str | None]:
        """Return the same of a form."""
        form, data = await read_form(request, hold, self._limits)
        hold.enter()
        hold.take_slot()

        def work() -> B:
            fields = checked(model, structured_fields(form, model.structured, model.max_values), strict=False)
            fields.check(picture=data is not None)
            return fields

        return await self._json.run(sum(map(len, form.values())), work, hold.caller), data

    async def read_batch(
        self, request: Request, dim: int
    ) -> list[tuple[SearchRequest, np.ndarray | None] | InputError]:
        """Return for each of several searches its fields and picture, or what is wrong with it.

        Args:
            request: the call.
            dim: numbers in a vector that it may search with.

        Raises:
            VitrineError: what is wrong with the body as a whole, as `read`.
        """

        async def one(query: SearchRequest | InputError) -> tuple[SearchRequest, np.ndarray | None] | InputError:
            if isinstance(query, InputError):
                return query
            try:
                return query, None if query.image is None else (await self._picture(query.image, hold)).pixels
            except InputError as error:
                return error

        def check(value: Any, _size: int) -> list[SearchRequest | InputError]:
            return checked(BatchRequest, value, strict=True).searches()

        with self._places.hold(needs_slot=claimed_length(request) > MAX_JSON) as hold:
            queries = await self._json.read(request, hold, BatchRequest.most_values(dim), check)
            with spending():
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
                return (await self._picture(text, hold)).pixels
            except ImageError as error:
                raise ImageError(f"input {number}: {error}") from None

        def check(value: Any, _size: int) -> EmbeddingsRequest:
            fields = checked(EmbeddingsRequest, value, strict=True)
            fields.check(dim)
            return fields

        with self._places.hold(needs_slot=claimed_length(request) > MAX_JSON) as hold:
            fields = await self._json.read(request, hold, EmbeddingsRequest.max_values, check)
            inputs = fields.inputs()
            if not any(map(is_picture, inputs)):
                return fields, list(inputs)
            with spending():
                return fields, await while_connected(request, together(one, enumerate(inputs)))

    async def read_lines(self, request: Request) -> AsyncGenerator[list[Line], None]:
        """Yield the lines of a bulk call in pieces as they arrive, with their pictures; a bad one has what is wrong.

        The next piece is read once this one has been written.

        Raises:
            VitrineError: what is wrong with the body as a whole, as `read`; what came before was yielded.
        """
        kind = content_type(request)
        if kind not in (*LINES, "multipart/form-data"):
            raise MediaTypeError(
                f"the content type is {kind[:100] or 'missing'}; send application/x-ndjson, or multipart/form-data with"
                " a file 'products' of such lines and files for their pictures"
            )
        with self._places.bulk(form=kind not in LINES) as hold:
            if kind in LINES:
                async with aclosing(streamed_pieces(request, hold, self._limits)) as pieces:
                    async for piece in pieces:
                        async with hold.turn:
                            yield await self._lines(piece, {}, hold)
            else:
                async with (
                    bulk_form(request, hold, self._limits) as (products, files),
                    aclosing(stored_pieces(products, self._limits.max_json_bytes)) as pieces,
                ):
                    async for piece in pieces:
                        async with hold.turn:
                            yield await self._lines(piece, files, hold)

    async def _lines(self, piece: RawLines, files: Mapping[str, UploadFile], hold: Hold) -> list[Line]:
        return await together(lambda item: self._line(*item, files, hold), piece)

    async def _line(self, number: int, line: bytes, files: Mapping[str, UploadFile], hold: Hold) -> Line:
        """Return what a line says, and its picture: a data URI, or the name of one of `files`."""
        fields = None
        try:
            fields = await self._json.run(len(line), lambda: _parse_line(line), hold.caller)
            if fields.delete or fields.image is None:
                return Line(number, fields)
            file = files.get(fields.image)
            if file is not None:
                if (file.size or 0) > self._limits.max_bytes:
                    raise too_large("the picture", self._limits.max_bytes)
                file.file.seek(0)  # and read in one go: other lines may name it too
                data = file.file.read()
                return Line(number, fields, await self.pictures.prepared(data, hold.caller))
            if not fields.image.startswith("data:"):
                raise ImageError(
                    f"the image {fields.image[:100]!r} is no file of the form and no data URI; send either: pictures"
                    " are not fetched from addresses"
                )
            return Line(number, fields, await self.pictures.prepared(fields.image, hold.caller))
        except InputError as error:
            return Line(number, fields, error=error)

    async def _picture(self, sent: bytes | str, hold: Hold) -> UploadedPicture:
        """Return the picture in `sent`, bytes or a data URI, prepared in one of the processes that decode."""
        hold.take_slot()
        return await self.pictures.prepared(sent, hold.caller)


def _parse_line(line: bytes) -> ProductLine:
    """Return what a line says.

    Raises:
        MalformedError: it is not JSON.
        InvalidError: fields that do not fit, or too many values.
    """
    try:
        value = parse_json(line, ProductLine.max_values)
    except ValueError as error:
        raise MalformedError(f"the line is not JSON ({error}); send one object a line") from None
    return checked(ProductLine, value, strict=True)
