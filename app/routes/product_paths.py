"""Which product a path names. An id may contain slashes; the path as it was sent says which slash is part of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import quote, unquote_to_bytes, urlencode

from fastapi import Path
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from app.caller import below

PICTURE = "/image"
ID_IN_PATH = "Its id, percent-encoded; a slash in it may stay as it is, but for one before a last `image`."
KnownId = Annotated[str, Path(description=ID_IN_PATH)]


def image_url(product_id: str, number: int = 0, digests: Mapping[str, Sequence[str]] | None = None) -> str:
    """Return the path of a picture of a product, as the caller of the present request finds it on this host.

    The arguments are those of `picture_path`.
    """
    return below.get() + picture_path(product_id, number, digests)


def picture_path(product_id: str, number: int = 0, digests: Mapping[str, Sequence[str]] | None = None) -> str:
    """Return the path of a picture of a product, from the root of the service.

    Args:
        product_id: of the product.
        number: of the picture; 0: its first one.
        digests: of the pictures of products: where that of this one is known, the path names it.
    """
    known = (digests or {}).get(product_id, ())
    query = {**({"n": number} if number else {}), **({"v": known[number]} if number < len(known) else {})}
    return f"/v1/products/{quote(product_id, safe='')}{PICTURE}{f'?{urlencode(query)}' if query else ''}"


def image_urls(product_id: str, pictures: Sequence[str]) -> list[str]:
    """Return the paths of all pictures of a product, by their digests; a product has one at least."""
    return [image_url(product_id, number) for number in range(max(1, len(pictures)))]


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
