"""What a store holds and is told: entries, snapshots, the change log, edits, and the one rule for an edit.

Pure functions, which every store uses. Knows no storage, no search and no HTTP.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from common import ConflictError, InputError
from index.pictures import FurtherPicture, picture_digest
from index.pictures import FurtherVectors as FurtherVectors
from index.pictures import Vectors as Vectors
from index.product import SPLITS, Product, SplitRule
from index.values import value_fault

UNIT_TOLERANCE = 1e-3
"""How far the length of a stored vector may be from 1; half-precision encoders stay well within."""

LOG_LENGTH = 100_000
"""Changes that the log keeps; a reader that is further behind reads the whole catalogue again."""

ABANDONED_AFTER_S = 24 * 3600.0
"""Age, in seconds, from which an unfinished build counts as killed; the next build clears it away."""

LISTED_TOGETHER = 1000
"""Products that a listing reads at once."""

ANY = "*"
"""Among the expected digests of an edit: the product must exist, whatever its digest."""

Encode = Callable[[Sequence[tuple[Product, Sequence[bytes]]]], Iterable["Entry"]]
"""From products and their pictures to entries; one that is left out has a picture that cannot be read."""


@dataclass(frozen=True, slots=True)
class CatalogueInfo:
    """What a catalogue says of itself."""

    encoder_id: str
    """Id of the checkpoint whose vectors these are."""
    dim: int
    """D, the length of a vector."""
    source: str
    """Name of the data set."""
    split: SplitRule
    """How titles are divided among the splits."""
    created: str
    """When it was built: ISO 8601, UTC."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One product with everything that belongs to it."""

    product: Product
    image: bytes
    """The picture as delivered (JPEG, PNG, ...)."""
    image_vector: Vectors
    """(D,) of unit length."""
    text_vector: Vectors
    """(D,) of unit length."""
    more: tuple[FurtherPicture, ...] = ()
    """Its further pictures, in order."""
    hub: float | None = field(default=None, compare=False)
    """Its hubness when it was written, see `index.ranking.hubs`; None: who stores it finds it out."""

    @property
    def images(self) -> tuple[bytes, ...]:
        """All of its pictures, in order."""
        return self.image, *(one.image for one in self.more)

    @property
    def digest(self) -> str:
        """As `entry_digest`."""
        return entry_digest(self.product, self.image, self.images[1:])


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole catalogue at one moment, without pictures. The arrays are read-only: threads share them."""

    info: CatalogueInfo
    version: int
    """Last sequence number of the change log; 0 for a catalogue as it was built."""
    products: list[Product]
    """N, in insertion order."""
    image_vectors: Vectors
    """(N, D) C-contiguous."""
    text_vectors: Vectors
    """(N, D) C-contiguous."""
    gone: frozenset[str] = frozenset()
    """Names of attributes that products had once; those that some have still may be among them."""
    further: FurtherVectors | None = None  # None where no product has a further picture
    hubs: Vectors | None = None
    """(N,) how much the hubness of each exceeds the mean of the build, 0 where it is not known; None where none is."""


@dataclass(frozen=True, slots=True)
class Whole:
    """All of a catalogue at one moment, pictures included: what a copy is made of."""

    info: CatalogueInfo
    version: int
    count: int
    """How many products there are."""
    edited: list[str]
    """Ids of all products that were edited; those that are not there were deleted."""
    entries: Iterator[tuple[Entry, str]]
    """Each product and its digest as it is stored, in the catalogue's order."""
    hub_mean: float | None = None
    """The mean hubness of the products of its build; None where it has none."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What has changed in a catalogue since some version."""

    version: int
    """The version that these changes lead to."""
    removed: list[str]
    """Ids of all products that were touched; those that still exist come again in `products`."""
    products: list[Product]
    """M products as they are now, in the catalogue's order."""
    image_vectors: Vectors
    """(M, D)."""
    text_vectors: Vectors
    """(M, D)."""
    gone: frozenset[str] = frozenset()
    """As in a snapshot."""
    further: FurtherVectors | None = None  # None where no product has a further picture
    hubs: Vectors | None = None
    """(M,), as in a snapshot."""


@dataclass(frozen=True, slots=True)
class Put:
    """Add a product, or replace the one that has its id.

    `expected`: as in `Delete`. `absent`: only if there is no such product.
    """

    entry: Entry
    expected: frozenset[str] | None = None
    absent: bool = False

    @property
    def id(self) -> str:
        """Id of the product that changes."""
        return self.entry.product.id


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a product; with `expected`, only if its digest is one of these (`ANY`: whatever it is)."""

    id: str
    expected: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What an edit did."""

    digest: str | None
    """Of the product as it is now; None: there is none."""
    version: int
    """The catalogue's version with this edit in it."""
    created: bool = False
    """Whether there was no such product before."""
    changed: bool = True
    """Whether there was anything to do."""


class ExistsError(ConflictError):
    """An edit was to add a product, and one of that id is there."""


# The rule for an edit


def entry_digest(product: Product, image: bytes, more_images: Sequence[bytes] = ()) -> str:
    """Return the digest of a product's content, all pictures included: the same has the same in any catalogue."""
    content = json.dumps([product.title, sorted(product.attributes.items())], ensure_ascii=False)
    found = hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16)
    if more_images:
        # Of several pictures the digests: no other pictures can be cut from the same bytes.
        found.update(b"\1" + "".join(map(picture_digest, (image, *more_images))).encode())
    else:
        found.update(b"\0" + image)
    return found.hexdigest()


def check_condition(product_id: str, before: str | None, expected: frozenset[str] | None, absent: bool = False) -> None:
    """Refuse an edit whose condition does not hold.

    Args:
        product_id: the product that changes.
        before: its digest, None when there is no such product.
        expected: digests of which it must have one; `ANY` for any; None: no condition.
        absent: whether there must be no such product.

    Raises:
        ConflictError: the product has changed, or is gone.
        ExistsError: there is a product, and there was to be none.
    """
    if expected is not None and before not in expected and not (before and ANY in expected):
        now = f"it is now {before}" if before else "there is none now"
        raise ConflictError(f"product {product_id!r} has changed since you read it: {now}; read it again")
    if absent and before is not None:
        raise ExistsError(
            f"product {product_id!r} exists already, and this change is only for a new one; change it without that"
            " condition"
        )


def outcome_of(edit: Put | Delete, before: str | None) -> Written | ConflictError:
    """Return what an edit does to a product whose digest is `before`, None when there is no such product.

    An edit that changes nothing succeeds whatever its condition (RFC 9110, section 13.1.1), so a caller who did not
    hear the answer may send it again. The version is not known here, and is 0.
    """
    after = edit.entry.digest if isinstance(edit, Put) else None
    if before == after:
        return Written(after, 0, changed=False)
    try:
        check_condition(edit.id, before, edit.expected, isinstance(edit, Put) and edit.absent)
    except ConflictError as conflict:
        return conflict
    return Written(after, 0, created=before is None)


# Checks of what is stored


def checked_vector(vector: Vectors, dim: int, product_id: str, name: str) -> Vectors:
    """Return (D,) `vector` as little-endian float32, after checking it.

    Raises:
        InputError: of another length or type, not finite, or not of unit length; names the product.
    """
    if vector.shape != (dim,) or vector.dtype != np.float32:
        raise InputError(
            f"product {product_id!r}: the {name} vector is {vector.shape} {vector.dtype};"
            f" the catalogue needs ({dim},) float32"
        )
    if not np.isfinite(vector).all():
        raise InputError(f"product {product_id!r}: the {name} vector is not finite; check the encoder")
    length = float(np.sqrt(np.dot(vector, vector)))
    if abs(length - 1) > UNIT_TOLERANCE:
        raise InputError(f"product {product_id!r}: the {name} vector has length {length:.4g}; normalise it to 1")
    return vector.astype("<f4", copy=False)


def check_product(product: Product) -> None:
    """Refuse a product of an unknown split, or with a value that is none.

    Raises:
        InputError: names the product, and the known splits or the attribute.
    """
    if product.split not in SPLITS:
        raise InputError(f"product {product.id!r}: split is {product.split!r}; it must be one of {list(SPLITS)}")
    for name, value in product.attributes.items():
        if fault := value_fault(value):
            raise InputError(
                f"product {product.id!r}: the attribute {name!r} {fault}; give a text, a number, true or false, or a"
                " list of texts"
            )


def repeated_id_error(product_id: str) -> InputError:
    """Return the error for a product id that a build was given before."""
    return InputError(f"product id {product_id!r} comes twice; every product needs an id of its own")


# The change log


def log_reaches(since: int, version: int, first: int) -> bool:
    """Return whether a log tells all changes after version `since`.

    Args:
        since: the version that a reader has.
        version: the newest one.
        first: the oldest change that the log holds.
    """
    return since == version or (since < version and first <= since + 1)
