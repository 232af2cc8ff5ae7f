"""What differs between the products of a data set and those that are live: in words, and in pictures."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from index import Value, picture_digest
from training.data import Item

FIELDS = ("title", "attributes", "picture_digests")
"""What is asked of each live product."""


class Live(NamedTuple):
    """What a service has of a product."""

    words: bytes
    """Digest of its title and attributes."""
    pictures: tuple[str, ...]
    """Digest of each picture."""


def live(product: Mapping[str, Any]) -> Live:
    """Return what is remembered of a listed product."""
    return Live(words(product["title"], product["attributes"]), tuple(product["picture_digests"]))


def words(title: str, attributes: Mapping[str, Value | Sequence[str]]) -> bytes:
    """Return a digest of a title and attributes; 20 and 20.0 are one number."""
    plain = {name: _plain(value) for name, value in attributes.items()}
    text = json.dumps([title, plain], sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def line(item: Item, pictures: Sequence[bytes] | None) -> dict[str, Any]:
    """Return the line of a bulk call that makes a product what `item` is; None: its pictures stay as they are."""
    made: dict[str, Any] = {
        "id": item.id,
        "title": item.title,
        "attributes": {name: _plain(value) for name, value in item.attributes.items()},
        "replace": True,
    }
    if pictures is not None:
        made["images"] = [_uri(data) for data in pictures]
    return made


def pictures_of(item: Item) -> tuple[Sequence[bytes], tuple[str, ...]]:
    """Return the bytes of an item's pictures, and their digests.

    Raises:
        DataError: one cannot be read.
        OSError: one cannot be read.
    """
    found = [read() for read in item.pictures]
    return found, tuple(map(picture_digest, found))


def _plain(value: Value | Sequence[str]) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, (str, int, float)) else list(value)


def _uri(data: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
