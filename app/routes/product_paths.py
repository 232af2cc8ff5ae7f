"""Which product a path names. An id may contain slashes; the path as it was sent says which slash is part of it."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import unquote_to_bytes

from fastapi import Path
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from app.picture_paths import PICTURE

SIMILAR = "/similar"
"""End of a path that is not part of an id, as `PICTURE` is."""
ID_IN_PATH = "Its id, percent-encoded; a slash in it may stay as it is, but for one before a last `image` or `similar`."
KnownId = Annotated[str, Path(description=ID_IN_PATH)]


class ProductRoute(APIRoute):
    """A route of a product, of its picture or of what is similar to it.

    Products may be called `x` and `x/image`. `/v1/products/x/image` is the picture of the first one, and
    `/v1/products/x%2Fimage` is the second one: the framework matches decoded paths, which are the same for both.
    """

    def matches(self, scope: Scope) -> tuple[Match, Any]:
        """Return whether a request comes here; the framework asks each route."""
        match, child = super().matches(scope)
        # At its end the framework's pattern passes over a line feed: `x%0A` would name the product `x`.
        if "\n" in scope["path"]:
            return Match.NONE, {}
        for end in (PICTURE, SIMILAR):
            if self.path.endswith(end) and not _ends_with(scope, end):
                return Match.NONE, {}
        return match, child


def _ends_with(scope: Scope, end: str) -> bool:
    """Return whether the last part of a path, as it was sent, is `end`; True where nobody knows it."""
    raw: bytes | None = scope.get("raw_path")
    if not raw:
        return True
    return unquote_to_bytes(raw.partition(b"?")[0].rpartition(b"/")[2]) == end[1:].encode()
