"""The paths of products' pictures, as answers name them. Knows no route."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode

from app.caller import below

PICTURE = "/image"


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
