"""Reads the body of a request within bounds: JSON or a form, with pictures prepared for the encoder.

Knows no search and no store. What a body claims of itself (file name, type of the picture) is not believed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import numpy as np
from fastapi import Request

from app.errors import MediaTypeError
from app.http.bulk import BulkReader
from app.http.connection import while_connected
from app.http.forms import read_form, structured_fields
from app.http.json_body import JsonBodies
from app.http.limits import MAX_JSON, BodyLimits, claimed_length, content_type, is_json, too_large
from app.http.pictures import Pictures, UploadedPicture
from app.http.places import Hold, Places
from app.http.raw_picture import read_raw
from app.http.turns import together
from app.schemas import (
    MAX_TAGGED,
    BatchRequest,
    ClassifyRequest,
    CroppedPicture,
    EmbeddingsRequest,
    EncodingOptions,
    ExplainRequest,
    PictureToEncode,
    ProductRequest,
    RegionsRequest,
    SearchRequest,
    TagRequest,
    checked,
    fields_of_address,
    is_picture,
)
from app.spent import spending
from app.telemetry import Telemetry
from common import ImageError, InputError
from index import MAX_PICTURES
from models import WHOLE, Crop

B = TypeVar(
    "B", SearchRequest, ClassifyRequest, ExplainRequest, ProductRequest, PictureToEncode, RegionsRequest, TagRequest
)
FORM = "multipart/form-data"
RAW = (PictureToEncode, RegionsRequest, TagRequest)
"""Calls about a picture and little else: the body may be the picture itself."""
SEVERAL: dict[type[Any], int] = {ProductRequest: MAX_PICTURES, TagRequest: MAX_TAGGED}
"""How many pictures there may be, where they may be several."""


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
        self.bulk = BulkReader(limits, self._places, self._json, self.pictures)

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
        with self._hold(request, model) as hold:
            fields, sent = await self._read(request, model, hold)
            if not sent:
                return fields, []
            crop = fields.part if isinstance(fields, CroppedPicture) else WHOLE
            with spending():
                return fields, await while_connected(request, self._pictures(sent, hold, crop))

    async def read_windows(self, request: Request) -> tuple[list[Crop], np.ndarray]:
        """Return the N windows of the picture that a call takes, the whole first, and each prepared: (N, H, W, 3).

        Raises:
            VitrineError: as `read`.
        """
        with self._hold(request, RegionsRequest) as hold:
            _, (sent,) = await self._read(request, RegionsRequest, hold)
            hold.take_slot()
            with spending():
                return await while_connected(request, self.pictures.windows(sent, hold.caller))

    def _hold(self, request: Request, model: type[B]) -> AbstractContextManager[Hold]:
        return self._places.hold(needs_slot=_has_picture(request, model) or claimed_length(request) > MAX_JSON)

    async def _read(self, request: Request, model: type[B], hold: Hold) -> tuple[B, Sequence[bytes | str]]:
        """Return the fields of a call that takes pictures, and the pictures as they were sent."""
        read = self._read_form if _has_picture(request, model) else self._read_json
        return await read(request, model, hold)

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
                f" multipart/form-data with a picture{', or the picture itself' if model in RAW else ''}"
            )
        limit = self._limits.max_product_bytes if model in SEVERAL else None
        fields = await self._json.read(request, hold, model.max_values, check, limit)
        return fields, fields.pictures

    async def _read_form(self, request: Request, model: type[B], hold: Hold) -> tuple[B, Sequence[bytes | str]]:
        """Return the same of a form, or of a picture alone."""
        form: dict[str, list[str]]
        files: list[bytes | str]
        is_form = content_type(request) == FORM
        if is_form:
            most = SEVERAL.get(model, 1)
            form, files = await read_form(request, hold, self._limits, most=most, max_text=model.max_bytes)
        else:
            form, files = await read_raw(request, hold, self._limits)
        hold.enter()
        hold.take_slot()

        def work() -> B:
            if is_form:
                sent = structured_fields(form, model.structured, model.max_values)
            else:
                sent = fields_of_address(form, model.structured)
            read = checked(model, sent, strict=False)
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
                return query, None if query.image is None else (
                    await self._picture(query.image, hold, query.part)
                ).pixels
            except InputError as error:
                return error

        def check(value: Any, _size: int) -> list[SearchRequest | InputError]:
            return checked(BatchRequest, value, strict=True).searches()

        with self._places.hold(needs_slot=claimed_length(request) > MAX_JSON) as hold:
            queries = await self._json.read(request, hold, BatchRequest.most_values(dim), check)
            with spending():
                return await while_connected(request, together(one, queries))

    async def read_embeddings(self, request: Request, dim: int) -> tuple[EncodingOptions, list[str | np.ndarray]]:
        """Return the fields of a call for vectors of `dim` floats, and its inputs with pictures prepared.

        Raises:
            VitrineError: as `read`.
        """
        if _has_picture(request, PictureToEncode):
            asked, pixels = await self.read(request, PictureToEncode)
            asked.check_dimensions(dim)
            return asked, [] if pixels is None else [pixels]

        async def one(item: tuple[int, str]) -> str | np.ndarray:
            number, text = item
            if not is_picture(text):
                return text
            try:
                return (await self._picture(text, hold, fields.part)).pixels
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

    async def _pictures(self, sent: Sequence[bytes | str], hold: Hold, crop: Crop) -> list[UploadedPicture]:
        """Return several pictures, each as `_picture`; an error says which one of them it is about."""
        found = []
        for number, one in enumerate(sent, 1):
            try:
                found.append(await self._picture(one, hold, crop))
            except ImageError as error:
                if len(sent) == 1:
                    raise
                raise ImageError(f"picture {number} of {len(sent)}: {error}") from None
        return found

    async def _picture(self, sent: bytes | str, hold: Hold, crop: Crop) -> UploadedPicture:
        """Return the picture in `sent`, bytes or a data URI, its part prepared in one of the processes that decode."""
        hold.take_slot()
        return await self.pictures.prepared(sent, hold.caller, crop)


def _has_picture(request: Request, model: type[B]) -> bool:
    """Return whether the body of a call is a form, or a picture where that is taken: it is no text."""
    kind = content_type(request)
    return kind == FORM or (model in RAW and kind.startswith("image/"))
