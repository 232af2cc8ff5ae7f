"""What is damaged in an open catalogue: which products, and why. They are named and left out; the others are served.

A product is damaged when what is stored of it is nothing that we write: of other types, vectors of another length than
1, or content that has another digest than the one beside it.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from common import ArtefactError, DamagedProductError
from index.pictures import FurtherPicture
from index.product import SPLITS, Product, Value, is_sound
from index.records import UNIT_TOLERANCE, Entry, Vectors, entry_digest
from index.values import attributes_of

logger = logging.getLogger("vitrine.index")

NAMED = 20
"""Products that the log names."""


class Damage:
    """The damaged products that were met, each with what is wrong. Calls may come from any thread."""

    def __init__(self, place: object) -> None:
        self._place = place
        self._lock = threading.Lock()
        self._reasons: dict[str, str] = {}

    def found(self, product_id: object, reason: str) -> None:
        """Remember a product; the first time it is named in the log."""
        name = product_id if isinstance(product_id, str) else repr(product_id)
        with self._lock:
            new = self._reasons.get(name) != reason
            self._reasons[name] = reason
            count = len(self._reasons)
        if new and count <= NAMED:
            logger.error("%s: product %r is damaged (%s) and is left out; put it in again", self._place, name, reason)
        elif new and count == NAMED + 1:
            logger.error("%s: more products are damaged; `vitrine doctor` counts them", self._place)

    def forget(self, product_ids: Iterable[str]) -> None:
        """Forget products that were put in again, or are gone."""
        with self._lock:
            for product_id in product_ids:
                self._reasons.pop(product_id, None)

    def reasons(self) -> Mapping[str, str]:
        """Return id -> what is wrong with it."""
        with self._lock:
            return dict(self._reasons)

    def refused(self, product_id: str, reason: str) -> DamagedProductError:
        """Return the error for a product that was asked for and is damaged, and remember it."""
        self.found(product_id, reason)
        return DamagedProductError(
            f"product {product_id!r} is damaged in the catalogue ({reason}); put it in again, with its picture"
        )


def check_share(place: object, sound: int, count: int) -> None:
    """Refuse a catalogue most of which is damaged: then it is the catalogue, and not a product.

    Raises:
        ArtefactError: says how much of it is.
    """
    if count - sound > max(1, count / 2):
        raise ArtefactError(
            f"{place}: {count - sound:,} of {count:,} products are damaged; put back a copy, or make a new one with"
            " `vitrine index`"
        )


def product_fault(product_id: Any, title: Any, split: Any, attributes: Mapping[str, Value] | None) -> str:
    """Return what is wrong with the fields of a product as they were read; empty: nothing."""
    if not (type(product_id) is str and type(title) is str):
        return "its id or title is no text"
    if not (is_sound(product_id) and is_sound(title)):
        return "its id or title is no UTF-8"
    if split not in SPLITS:
        return f"its split is {split!r:.40}"
    if attributes is None:
        return "its attributes are none"
    return ""


def sound_product(
    product_id: Any, title: Any, split: Any, attributes: Mapping[str, Value] | None, damage: Damage
) -> Product | None:
    """Return the product that some fields are, as they were read; None for a damaged one, which `damage` then names."""
    fault = product_fault(product_id, title, split, attributes)
    if fault or attributes is None:
        damage.found(product_id, fault)
        return None
    return Product(product_id, title, attributes, split)


def sound_entry(
    product: Product,
    image: Any,
    vectors: Sequence[Vectors],
    digest: Any,
    damage: Damage,
    more: Sequence[tuple[Any, Vectors]] = (),
) -> Entry:
    """Return the entry of a product whose fields are sound.

    Args:
        product: as it was read.
        image: its first picture, as it was read.
        vectors: of its first picture and of its title, (D,) each.
        digest: as it was stored with it.
        damage: of its catalogue.
        more: its further pictures as they were read, each with its vector (D,).

    Raises:
        DamagedProductError: pictures, vectors or digest are not what was stored.
    """
    fault = ""
    lengths = lengths_of(np.stack([*vectors, *(vector for _, vector in more)])[:, None])
    further = [one for one, _ in more]
    if not all(isinstance(one, bytes) for one in (image, *further)):
        fault = "its picture is none"
    elif entry_digest(product, image, further) != digest:
        fault = "its content has not the digest that it was stored with"
    elif bad_lengths(lengths).any():
        fault = length_fault(lengths[:, 0].tolist())
    if fault:
        raise damage.refused(product.id, fault)
    image_vector, text_vector = vectors
    return Entry(product, image, image_vector, text_vector, tuple(FurtherPicture(*one) for one in more))


def parsed_attributes(text: Any) -> Mapping[str, Value] | None:
    """Return the attributes in a text; None when it holds none."""
    try:
        # Bytes that are no UTF-8 are read as halves (surrogateescape).
        return attributes_of(json.loads(text)) if is_sound(text) else None
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None


def bad_lengths(lengths: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.bool_]:
    """Return (N,) which products have a vector whose length, of (V, N), is not 1 or no number."""
    return np.asarray(~(np.abs(lengths - 1) <= UNIT_TOLERANCE).all(axis=0))


def lengths_of(vectors: Vectors) -> npt.NDArray[np.float32]:
    """Return the lengths (V, N) of vectors (V, N, D)."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(np.sqrt(np.einsum("mnd,mnd->mn", vectors, vectors)))


def length_fault(lengths: Iterable[float]) -> str:
    """Return what is wrong with a product whose vectors, of pictures and text, have these lengths."""
    return f"its vectors have the lengths {' and '.join(f'{length:.4g}' for length in lengths)}, not 1"
