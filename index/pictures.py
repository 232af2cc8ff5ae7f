"""The pictures of a product beyond its first: as they are stored, and their vectors beside those of many products.

Pure data. Knows no storage and no search.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from common import InputError, NotFoundError
from index.limits import MAX_PICTURES

Vectors = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FurtherPicture:
    """A picture of a product beyond its first."""

    image: bytes
    """As delivered (JPEG, PNG, ...)."""
    vector: Vectors
    """(D,) of unit length."""


@dataclass(frozen=True, slots=True)
class FurtherVectors:
    """The vectors of M further pictures of some products: those of one product follow each other, in their order."""

    owners: Numbers
    """(M,) ascending: the place of each picture's product among the products beside it."""
    vectors: Vectors
    """(M, D)."""

    @classmethod
    def joined(cls, pieces: Sequence[tuple[int, FurtherVectors | None]]) -> FurtherVectors | None:
        """Return those of pieces that follow each other, each with the number of products in it; None for none."""
        starts = np.cumsum([0, *(count for count, _ in pieces)])
        found = [(one, start) for (_, one), start in zip(pieces, starts.tolist(), strict=False) if one]
        if not found:
            return None
        return cls(
            np.concatenate([one.owners + start for one, start in found]),
            np.concatenate([one.vectors for one, _ in found]),
        )

    def __len__(self) -> int:
        return len(self.owners)

    def of(self, kept: npt.NDArray[np.bool_]) -> FurtherVectors:
        """Return those of the products that are kept, of (N,), as if the others were not there."""
        place = np.cumsum(kept) - 1
        chosen = kept[self.owners]
        return FurtherVectors(place[self.owners[chosen]].astype(np.int64), self.vectors[chosen])


def starts_of(owners: npt.NDArray[np.integer[Any]]) -> Numbers:
    """Return where the further pictures of each product that has some begin, from the product (M,) of each picture."""
    return np.flatnonzero(np.diff(owners, prepend=-1))


def picture_digest(image: bytes) -> str:
    """Return the name of a picture's bytes as they were delivered: BLAKE2b, 128 bits, as hexadecimal digits."""
    return hashlib.blake2b(image, digest_size=16).hexdigest()


def check_number_of_pictures(product_id: str, count: int) -> None:
    """Refuse a product with more pictures than one may have.

    Raises:
        InputError: names the product and both numbers.
    """
    if count > MAX_PICTURES:
        raise InputError(
            f"product {product_id!r} has {count} pictures; at most {MAX_PICTURES} are kept: leave the others out"
        )


def no_picture_error(product_id: str, number: int, count: int) -> NotFoundError:
    """Return the error for a picture, counted from 0, that a product with `count` pictures does not have."""
    has = "1 picture, number 0" if count == 1 else f"{count} pictures, numbers 0 to {count - 1}"
    return NotFoundError(f"product {product_id!r} has {has}; it has no picture number {number}")
