"""Which product a path names. An id may contain slashes; the path as it was sent says which slash is part of it."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import unquote_to_bytes

from fastapi import Path
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from app.picture_paths import PICTURE

ID_IN_PATH = "Its id, percent-encoded; a slash in it may stay as it is, but for one before a last `image`."
KnownId = Annotated[str, Path(description=ID_IN_PATH)]


class ProductRoute(APIRoute):
    """A route of a product or of its picture.

    Products may be called `x` and `x/image`. `/v1/products/x/image` is the picture of the first one, and
    `/v1/products/x%2Fimage` is the second one: the framework matches decoded paths, which are the same for both.
    """

    def matches(self, scope: Scope) -> tuple[Match, Any]:
        """Return whether a request comes here; the framework asks each route."""
        match, child = super().matches(scope)
        # At its end the framework's pattern passes over a line feed: `x%0A` would name the product `x`.
        if "\n" in scope["path"]:
            return Match.NONE, {}
        if self.path.endswith(PICTURE) and not _names_picture(scope):
            return Match.NONE, {}
        return match, child


def _names_picture(scope: Scope) -> bool:
    """Return whether the last part of a path, as it was sent, is that of a picture; True where nobody knows it."""
    raw: bytes | None = scope.get("raw_path")
    if not raw:
        return True
    return unquote_to_bytes(raw.partition(b"?")[0].rpartition(b"/")[2]) == PICTURE[1:].encode()
