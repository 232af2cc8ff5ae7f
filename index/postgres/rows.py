"""Between records and the rows of the PostgreSQL tables. Knows no connection."""

from __future__ import annotations

import hashlib
import math
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from psycopg.types.json import Json, Jsonb

from common import InputError
from index.damage import Damage, product_fault, sound_entry
from index.limits import has_half
from index.product import Product, SplitRule, Value, texts_of, title_key
from index.records import CatalogueInfo, Entry, Vectors, check_product, checked_vector
from index.values import attributes_of, date_of, keys_of, number_of

COLUMNS = (
    "position, seq, lead, title_id, id, title, split, digest, attributes, keys, numbers, image_vector, text_vector"
)
TYPES = ["int8", "int8", "bool", "uuid", "text", "text", "text", "text", "json", "jsonb", "jsonb", "vector", "vector"]
"""Of `COLUMNS`."""
LARGEST = 10**400
"""What stands for a number without an end, since JSON has none: no float is as large."""
T = TypeVar("T")
ENTRY_COLUMNS = "p.position, p.id, title, attributes, split, image, image_vector, text_vector, digest"
"""All of a product (p) and its first picture."""


def entry_to_row(entry: Entry, dim: int, position: int, seq: int) -> tuple[Any, ...]:
    """Return the values of `COLUMNS` for an entry, after checking it; `lead` is set later.

    Raises:
        InputError: an unknown split, a vector that cannot be stored, or text that PostgreSQL cannot store.
    """
    product = entry.product
    check_product(product)
    texts = (text for value in product.attributes.values() for text in texts_of(value))
    words = (product.id, product.title, *product.attributes, *texts)
    if not all(map(storable, words)):
        raise InputError(f"product {product.id!r} has a NUL or half a character, which PostgreSQL cannot store")
    keys = {name: keys_of(value) for name, value in product.attributes.items()}
    return (
        position,
        seq,
        False,
        title_id(product.title),
        product.id,
        product.title,
        product.split,
        entry.digest,
        Json(dict(product.attributes)),
        Jsonb({name: _alone(texts) for name, texts in keys.items()}),
        Jsonb(numbers_of(product.attributes)),
        checked_vector(entry.image_vector, dim, product.id, "image"),
        checked_vector(entry.text_vector, dim, product.id, "text"),
    )


def numbers_of(attributes: Mapping[str, Value]) -> dict[str, Any]:
    """Return attribute -> the numbers and dates that its texts are, as bounds are compared with them."""
    found = {name: [*_numbers(keys_of(value))] for name, value in attributes.items()}
    return {name: _alone(values) for name, values in found.items() if values}


def _alone(values: Sequence[T]) -> T | Sequence[T]:
    """Return the only value itself."""
    return values[0] if len(values) == 1 else values


def _numbers(keys: Iterable[str]) -> Iterator[Any]:
    """Yield the numbers and dates that some texts are; a number without an end as one larger than any other."""
    for key in keys:
        if not math.isnan(number := number_of(key)):
            yield number if math.isfinite(number) else int(math.copysign(1, number)) * LARGEST
        elif not math.isnan(date := date_of(key)):
            yield {"date": date}


def storable(word: str) -> bool:
    """Return whether PostgreSQL can store a text: it refuses NUL and half a surrogate pair."""
    return "\0" not in word and not has_half(word)


def title_id(title: str) -> uuid.UUID:
    """Return a name of fixed length for the form in which titles are compared: an index cannot hold a long one."""
    return uuid.UUID(bytes=hashlib.blake2b(title_key(title).encode("utf-8", "surrogatepass"), digest_size=16).digest())


def to_info(value: dict[str, Any]) -> CatalogueInfo:
    """Return what a catalogue says of itself."""
    return CatalogueInfo(**{**value, "split": SplitRule(**value["split"])})


def to_vectors(vectors: Iterable[Any]) -> Vectors:
    """Return what the database gave for vectors as (N, D)."""
    return np.stack([np.asarray(v if isinstance(v, np.ndarray) else v.to_numpy(), dtype=np.float32) for v in vectors])


def to_entry(row: Sequence[Any], further: Sequence[tuple[Any, Any]], damage: Damage) -> tuple[Entry, str]:
    """Return the entry and the digest of a row of `ENTRY_COLUMNS`, with its further pictures, each with its vector.

    Raises:
        DamagedProductError: it is none that we write, or not what was written.
    """
    _, product_id, title, attributes, split, image, image_vector, text_vector, digest = row
    given = attributes_of(attributes)
    fault = product_fault(product_id, title, split, given)
    if fault or given is None:
        raise damage.refused(product_id, fault)
    product = Product(product_id, title, given, split)
    vectors = list(to_vectors((image_vector, text_vector)))
    more = [(one, to_vectors([vector])[0]) for vector, one in further]
    return sound_entry(product, bytes(image), vectors, digest, damage, more), str(digest)
