"""Between records and the rows of the PostgreSQL tables. Knows no connection."""

from __future__ import annotations

import hashlib
import math
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from psycopg.types.json import Json, Jsonb

from common import DamagedProductError, InputError
from index.damage import Damage, product_fault, sound_entry
from index.product import Product, SplitRule, title_key
from index.query import number_of
from index.records import CatalogueInfo, Entry, Vectors, check_split, checked_vector, entry_digest

COLUMNS = (
    "position, seq, lead, title_id, id, title, split, digest, attributes, keys, numbers, image_vector, text_vector"
)
TYPES = ["int8", "int8", "bool", "uuid", "text", "text", "text", "text", "json", "jsonb", "jsonb", "vector", "vector"]
"""Of `COLUMNS`."""
ENTRY_COLUMNS = "p.id, title, attributes, split, image, image_vector, text_vector, digest"
"""All of a product (p) and its picture."""


def entry_to_row(entry: Entry, dim: int, position: int, seq: int) -> tuple[Any, ...]:
    """Return the values of `COLUMNS` for an entry, after checking it; `lead` is set later.

    Raises:
        InputError: an unknown split, a vector that cannot be stored, or text that PostgreSQL cannot store.
    """
    product = entry.product
    check_split(product)
    words = (product.id, product.title, *product.attributes, *product.attributes.values())
    if not all(map(storable, words)):
        raise InputError(f"product {product.id!r} has a NUL or half a character, which PostgreSQL cannot store")
    keys = {name: title_key(value) for name, value in product.attributes.items()}
    numbers = {name: number for name, key in keys.items() if not math.isnan(number := number_of(key))}
    limited = {
        name: value if math.isfinite(value) else int(math.copysign(1, value)) * 10**400
        for name, value in numbers.items()
    }
    return (
        position,
        seq,
        False,
        title_id(product.title),
        product.id,
        product.title,
        product.split,
        entry_digest(product, entry.image),
        Json(dict(product.attributes)),
        Jsonb(keys),
        Jsonb(limited),
        checked_vector(entry.image_vector, dim, product.id, "image"),
        checked_vector(entry.text_vector, dim, product.id, "text"),
    )


def storable(word: str) -> bool:
    """Return whether PostgreSQL can store a text: it refuses NUL and half a surrogate pair."""
    return "\0" not in word and (word.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in word))


def title_id(title: str) -> uuid.UUID:
    """Return a name of fixed length for the form in which titles are compared: an index cannot hold a long one."""
    return uuid.UUID(bytes=hashlib.blake2b(title_key(title).encode("utf-8", "surrogatepass"), digest_size=16).digest())


def to_info(value: dict[str, Any]) -> CatalogueInfo:
    """Return what a catalogue says of itself."""
    return CatalogueInfo(**{**value, "split": SplitRule(**value["split"])})


def to_vectors(vectors: Iterable[Any]) -> Vectors:
    """Return what the database gave for vectors as (N, D)."""
    return np.stack([np.asarray(v if isinstance(v, np.ndarray) else v.to_numpy(), dtype=np.float32) for v in vectors])


def to_entry(row: Sequence[Any], damage: Damage) -> tuple[Entry, str]:
    """Return the entry and the digest of a row of `ENTRY_COLUMNS`.

    Raises:
        DamagedProductError: it is none that we write, or not what was written.
    """
    product_id, title, attributes, split, image, image_vector, text_vector, digest = row
    if fault := product_fault(product_id, title, split, attributes):
        raise damage.refused(product_id, fault)
    product = Product(product_id, title, attributes, split)
    return sound_entry(product, bytes(image), list(to_vectors((image_vector, text_vector))), digest, damage), str(
        digest
    )


def sound_entries(rows: Iterable[Sequence[Any]], damage: Damage) -> list[tuple[Entry, str]]:
    """Return the entries and digests of rows of `ENTRY_COLUMNS` that are sound; the others are named in `damage`."""
    found = []
    for row in rows:
        with suppress(DamagedProductError):
            found.append(to_entry(row, damage))
    return found
