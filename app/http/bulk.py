"""Reads the body of a bulk call piece by piece as it arrives, with the pictures of its lines prepared.

Knows no store.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from fastapi import Request
from starlette.datastructures import UploadFile

from app.errors import MediaTypeError
from app.http.data_uri import is_uri
from app.http.json_body import JsonBodies
from app.http.limits import BodyLimits, content_type, is_json, too_large
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
from common import ImageError, InputError


class BulkReader:
    """Turns a bulk call into lines with their fields and prepared pictures."""

    def __init__(self, limits: BodyLimits, places: Places, json: JsonBodies, pictures: Pictures) -> None:
        self._limits = limits
        self._places = places
        self._json = json
        self._pictures = pictures

    async def read(self, request: Request) -> AsyncGenerator[list[Line], None]:
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
            return await self._pictures.prepared(file.file.read(), hold.caller)
        if not is_uri(sent):
            raise ImageError(
                f"the image {sent[:100]!r} is no file of the form and no data URI; send either: pictures are not"
                " fetched from addresses"
            )
        return await self._pictures.prepared(sent, hold.caller)
