"""Between records and the rows of the SQLite tables. What is damaged is named, and left out or refused.

Knows no folder and no locks: the caller says which catalogue is damaged.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from index.damage import (
    Damage,
    bad_lengths,
    length_fault,
    lengths_of,
    parsed_attributes,
    product_fault,
    sound_entry,
)
from index.product import Product, SplitRule
from index.records import (
    CatalogueInfo,
    Changes,
    Entry,
    Vectors,
    check_format,
    check_product,
    checked_vector,
    entry_digest,
    log_reaches,
)
from index.sqlite.gone import gone_names
from index.sqlite.picture_files import Lost, PictureFiles
from index.sqlite.schema import FORMAT, FORMAT_OF_FILES, FORMATS, version_of

INSERT = (
    "INSERT OR {otherwise} INTO products (id, title, split, attributes, seq, digest, image_vector, text_vector, image)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
COLUMNS = "image_vector, text_vector, id, title, split, attributes"
"""What a search needs of a product, in the order of the table: the pictures are not read past."""
ENTRY_COLUMNS = f"{COLUMNS}, digest, image"
"""All of a product."""

Chunk = tuple[list[Product], Vectors]
"""n products and their vectors (2, n, D), image and text."""


class DamagedError(Exception):
    """A catalogue that no version of ours wrote; the text says what is wrong with it."""


def entry_to_row(entry: Entry, dim: int, seq: int, pictures: PictureFiles) -> tuple[Any, ...]:
    """Return the values of `INSERT` for an entry, after checking it.

    Raises:
        InputError: an unknown split, or a vector that cannot be stored.
        NoSpaceError, ArtefactError: a picture's file cannot be written.
    """
    product = entry.product
    check_product(product)
    return (
        product.id,
        product.title,
        product.split,
        json.dumps(dict(product.attributes), ensure_ascii=False),
        seq,
        entry_digest(product, entry.image),
        checked_vector(entry.image_vector, dim, product.id, "image").tobytes(),
        checked_vector(entry.text_vector, dim, product.id, "text").tobytes(),
        pictures.stored(entry.image),
    )


def info_to_rows(info: CatalogueInfo) -> list[tuple[str, str]]:
    """Return the rows of the table `meta`."""
    return [(key, json.dumps(value)) for key, value in {"format": FORMAT, **asdict(info)}.items()]


def settle_pictures(connection: sqlite3.Connection, pictures: PictureFiles) -> None:
    """Put pictures on the disk, before the rows that name their files are committed.

    Raises:
        NoSpaceError, ArtefactError: as `PictureFiles.settle`.
    """
    if pictures.settle():
        # Versions that know of no such files say so, and do not take every picture for damaged.
        connection.execute("UPDATE meta SET value = ? WHERE key = 'format'", (json.dumps(FORMAT_OF_FILES),))


def read_info(connection: sqlite3.Connection, place: object) -> CatalogueInfo:
    """Return what the catalogue at `place` says of itself.

    Raises:
        ArtefactError: it is of a format that this version does not read.
        DamagedError: a part of it is missing or no value of its kind.
    """
    rows = connection.execute("SELECT key, value FROM meta").fetchall()
    try:
        meta: dict[str, Any] = {key: json.loads(value) for key, value in rows}
        check_format(place, meta.pop("format"), *FORMATS)
        return CatalogueInfo(**{**meta, "split": SplitRule(**meta["split"])})
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"its description is incomplete: {error!r}") from error


def to_entry(row: Sequence[Any], dim: int, damage: Damage, pictures: PictureFiles) -> tuple[Entry, str]:
    """Return the entry and the digest of a row of `ENTRY_COLUMNS`.

    Raises:
        DamagedProductError: it is none that we write, or not what was written.
    """
    image_blob, text_blob, product_id, title, split, attributes, digest, image = row
    given = parsed_attributes(attributes)
    fault = product_fault(product_id, title, split, given) or _blob_fault(image_blob, text_blob, dim)
    if fault or given is None:
        raise damage.refused(product_id, fault)
    vectors = to_vector(image_blob), to_vector(text_blob)
    image = pictures.loaded(image)
    if isinstance(image, Lost):
        raise damage.refused(product_id, image.reason)
    return sound_entry(Product(product_id, title, given, split), image, vectors, digest, damage), str(digest)


def _blob_fault(image: Any, text: Any, dim: int) -> str:
    sound = type(image) is bytes and type(text) is bytes and len(image) == len(text) == 4 * dim
    return "" if sound else f"a vector does not have its {dim} values"


def to_vector(blob: bytes) -> Vectors:
    """Return a stored vector (D,)."""
    return np.frombuffer(blob, dtype="<f4").astype(np.float32)


def read_chunks(rows: sqlite3.Cursor, dim: int, damage: Damage) -> Iterator[Chunk]:
    """Yield the products of rows of `COLUMNS`, some at a time: the blobs of all never exist at once.

    Damaged ones are left out, and named in `damage`.
    """
    while piece := rows.fetchmany(4096):
        kept, products = [], []
        for row in piece:
            image_blob, text_blob, product_id, title, split, attributes = row
            given = parsed_attributes(attributes)
            fault = product_fault(product_id, title, split, given) or _blob_fault(image_blob, text_blob, dim)
            if fault or given is None:
                damage.found(product_id, fault)
                continue
            kept.append(row)
            products.append(Product(product_id, title, given, split))
        blobs = b"".join([row[at] for at in range(2) for row in kept])
        vectors = np.frombuffer(blobs, dtype="<f4").astype(np.float32).reshape(2, len(kept), dim)
        lengths = lengths_of(vectors)
        bad = bad_lengths(lengths)
        if bad.any():
            for at in np.flatnonzero(bad).tolist():
                damage.found(products[at].id, length_fault(lengths[:, at].tolist()))
            products = [product for product, worse in zip(products, bad.tolist(), strict=True) if not worse]
            vectors = vectors[:, ~bad]
        yield products, vectors


def attribute_names(connection: sqlite3.Connection, since: int | None) -> set[str]:
    """Return the attribute names of the products that were changed after version `since`; of all for None."""
    where = "" if since is None else "WHERE seq > 0 AND seq > ?"
    rows = connection.execute(f"SELECT attributes FROM products {where}", () if since is None else (since,))  # noqa: S608
    return {name for (text,) in rows for name in parsed_attributes(text) or ()}


def read_changes(connection: sqlite3.Connection, since: int, dim: int, damage: Damage) -> Changes | None:
    """Return what has changed after version `since`; None when the log does not go back so far."""
    version = version_of(connection)
    (first,) = connection.execute("SELECT coalesce(min(seq), 1) FROM changes").fetchone()
    if not log_reaches(since, version, first):
        return None
    touched = connection.execute("SELECT DISTINCT product_id FROM changes WHERE seq > ?", (since,))
    removed = [str(product_id) for (product_id,) in touched]
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM products WHERE seq > 0 AND seq > ? ORDER BY position",  # noqa: S608 - our own words
        (since,),
    )
    damage.forget(removed)
    chunks = list(read_chunks(rows, dim, damage))
    products = [product for some, _ in chunks for product in some]
    none = np.empty((2, 0, dim), dtype=np.float32)
    images, texts = np.concatenate([none, *(vectors for _, vectors in chunks)], axis=1)
    return Changes(version, removed, products, images, texts, gone_names(connection))
