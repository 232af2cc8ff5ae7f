"""Reads the body of a request within bounds: JSON or a form, with pictures prepared for the encoder.

Knows no search and no store. What a body claims of itself (file name, type of the picture) is not believed.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, TypeVar

import numpy as np
from fastapi import Request
from starlette.datastructures import UploadFile

from app.errors import MediaTypeError
from app.http.connection import while_connected
from app.http.data_uri import is_uri
from app.http.forms import read_form, structured_fields
from app.http.json_body import JsonBodies
from app.http.limits import MAX_JSON, BodyLimits, claimed_length, content_type, is_json, too_large
from app.http.lines import (
    LINES,
    MAX_LISTED_VALUES,
    PIECE,
    Line,
    RawLines,
    ReadLine,
    bulk_form,
    listed_lines,
    parse_line,
    stored_pieces,
    streamed_pieces,
)
from app.http.pictures import Pictures, UploadedPicture
from app.http.places import Hold, Places
from app.http.turns import together
from app.schemas import (
    BatchRequest,
    ClassifyRequest,
    EmbeddingsRequest,
    ExplainRequest,
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
        fields, pictures = await self.read_kept(request, model)
        return fields, pictures[0].pixels if pictures else None

    async def read_kept(self, request: Request, model: type[B]) -> tuple[B, list[UploadedPicture]]:
        """Return the fields, and the pictures as they were sent beside the prepared ones; raises as `read`."""
        form = content_type(request) == "multipart/form-data"
        with self._places.hold(needs_slot=form or claimed_length(request) > MAX_JSON) as hold:
            read = self._read_form if form else self._read_json
            fields, sent = await read(request, model, hold)
            if not sent:
                return fields, []
            with spending():
                return fields, await while_connected(request, self._pictures(sent, hold))

    async def _read_json(self, request: Request, model: type[B], hold: Hold) -> tuple[B, Sequence[bytes | str]]:
        """Return the fields of a call that takes pictures, and the pictures as they were sent."""

        def check(value: Any, size: int) -> B:
            if size > model.max_bytes and not (isinstance(value, dict) and any(map(value.get, ("image", "images")))):
                raise too_large("the JSON body without a picture", model.max_bytes)
            fields = checked(model, value, strict=True)
            fields.check(0)
            return fields

        if not is_json(content_type(request)):
            raise MediaTypeError(
                f"the content type is {content_type(request)[:100] or 'missing'}; send application/json, or"
                " multipart/form-data with a picture"
            )
        limit = self._limits.max_product_bytes if model is ProductRequest else None
        fields = await self._json.read(request, hold, model.max_values, check, limit)
        return fields, fields.pictures

    async def _read_form(self, request: Request, model: type[B], hold: Hold) -> tuple[B, Sequence[bytes | str]]:
        """Return the same of a form."""
        several = model is ProductRequest
        form: dict[str, list[str]]
        files: list[bytes | str]
        form, files = await read_form(request, hold, self._limits, several=several, max_text=model.max_bytes)
        hold.enter()
        hold.take_slot()

        def work() -> B:
            read = checked(model, structured_fields(form, model.structured, model.max_values), strict=False)
            read.check(len(files))
            return read

        size = sum(len(value) for values in form.values() for value in values)
        fields: B = await self._json.run(size, work, hold.caller)
        return fields, [*files, *fields.pictures]

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

        The next piece is read once this one has been written. JSON is a list, whose items count as lines.

        Raises:
            VitrineError: what is wrong with the body as a whole, as `read`; what came before was yielded.
        """
        kind = content_type(request)
        if kind not in (*LINES, "multipart/form-data") and not is_json(kind):
            raise MediaTypeError(
                f"the content type is {kind[:100] or 'missing'}; send application/x-ndjson, application/json with a"
                " list, or multipart/form-data with a file 'products' of such lines and files for their pictures"
            )
        limit = self._limits.max_product_bytes
        with self._places.bulk(form=kind == "multipart/form-data") as hold:
            if kind in LINES:
                async with aclosing(streamed_pieces(request, hold, self._limits)) as pieces:
                    async for piece in pieces:
                        async with hold.turn:
                            yield await self._lines(piece, {}, hold)
            elif is_json(kind):
                listed = await self._json.read(request, hold, MAX_LISTED_VALUES, listed_lines, limit)
                for start in range(0, len(listed), PIECE):
                    async with hold.turn:
                        yield await together(lambda item: self._line(item, {}, hold), listed[start : start + PIECE])
            else:
                async with (
                    bulk_form(request, hold, self._limits) as (products, files),
                    aclosing(stored_pieces(products, limit)) as pieces,
                ):
                    async for piece in pieces:
                        async with hold.turn:
                            yield await self._lines(piece, files, hold)

    async def _lines(self, piece: RawLines, files: Mapping[str, UploadFile], hold: Hold) -> list[Line]:
        async def one(item: tuple[int, bytes]) -> Line:
            number, raw = item
            try:
                read = await self._json.run(len(raw), lambda: parse_line(raw), hold.caller)
            except InputError as error:
                return Line(number, None, None, error=error)
            return await self._line((number, read), files, hold)

        return await together(one, piece)

    async def _line(self, item: tuple[int, ReadLine], files: Mapping[str, UploadFile], hold: Hold) -> Line:
        """Return what a line says, and its pictures: data URIs, or names of `files`."""
        number, read = item
        if read.fields is None or read.fields.delete:
            return Line(number, read.id, read.fields, error=read.error)
        try:
            pictures = [await self._line_picture(sent, files, hold) for sent in read.fields.pictures]
        except InputError as error:
            return Line(number, read.id, read.fields, error=error)
        return Line(number, read.id, read.fields, tuple(pictures))

    async def _line_picture(self, sent: str, files: Mapping[str, UploadFile], hold: Hold) -> UploadedPicture:
        """Return a picture that a line names or holds, prepared.

        Raises:
            ImageError: it is neither a file of the form nor a data URI, or cannot be decoded.
            VitrineError: as `Pictures.prepared`.
        """
        file = files.get(sent)
        if file is not None:
            if (file.size or 0) > self._limits.max_bytes:
                raise too_large("the picture", self._limits.max_bytes)
            file.file.seek(0)  # and read in one go: other lines may name it too
            return await self.pictures.prepared(file.file.read(), hold.caller)
        if not is_uri(sent):
            raise ImageError(
                f"the image {sent[:100]!r} is no file of the form and no data URI; send either: pictures are not"
                " fetched from addresses"
            )
        return await self.pictures.prepared(sent, hold.caller)

    async def _pictures(self, sent: Sequence[bytes | str], hold: Hold) -> list[UploadedPicture]:
        """Return several pictures, each as `_picture`; an error says which one of them it is about."""
        found = []
        for number, one in enumerate(sent, 1):
            try:
                found.append(await self._picture(one, hold))
            except ImageError as error:
                if len(sent) == 1:
                    raise
                raise ImageError(f"picture {number} of {len(sent)}: {error}") from None
        return found

    async def _picture(self, sent: bytes | str, hold: Hold) -> UploadedPicture:
        """Return the picture in `sent`, bytes or a data URI, prepared in one of the processes that decode."""
        hold.take_slot()
        return await self.pictures.prepared(sent, hold.caller)
