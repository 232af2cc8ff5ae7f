"""Between records and the rows of the SQLite tables. What does not decode raises `DamagedError`.

Knows no folder and no locks: the caller says which catalogue is damaged.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from common import NotFoundError
from index.product import SPLITS, Product, SplitRule
from index.records import (
    CatalogueInfo,
    Changes,
    Entry,
    Vectors,
    check_format,
    check_split,
    checked_vector,
    entry_digest,
    log_reaches,
)
from index.sqlite.schema import FORMAT, version_of

INSERT = (
    "INSERT OR {otherwise} INTO products (id, title, split, attributes, seq, digest, image_vector, text_vector, image)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
COLUMNS = "image_vector, text_vector, id, title, split, attributes"
"""What a search needs of a product, in the order of the table: the pictures are not read past."""

Chunk = tuple[list[Product], Vectors]
"""n products and their vectors (2, n, D), image and text."""


class DamagedError(Exception):
    """A row that no version of ours wrote; the text says what is wrong with it."""


def entry_to_row(entry: Entry, dim: int, seq: int) -> tuple[Any, ...]:
    """Return the values of `INSERT` for an entry, after checking it.

    Raises:
        InputError: an unknown split, or a vector that cannot be stored.
    """
    product = entry.product
    check_split(product)
    return (
        product.id,
        product.title,
        product.split,
        json.dumps(dict(product.attributes), ensure_ascii=False),
        seq,
        entry_digest(product, entry.image),
        checked_vector(entry.image_vector, dim, product.id, "image").tobytes(),
        checked_vector(entry.text_vector, dim, product.id, "text").tobytes(),
        entry.image,
    )


def info_to_rows(info: CatalogueInfo) -> list[tuple[str, str]]:
    """Return the rows of the table `meta`."""
    return [(key, json.dumps(value)) for key, value in {"format": FORMAT, **asdict(info)}.items()]


def read_info(connection: sqlite3.Connection, place: object) -> CatalogueInfo:
    """Return what the catalogue at `place` says of itself.

    Raises:
        ArtefactError: it is of a format that this version does not read.
        DamagedError: a part of it is missing or no value of its kind.
    """
    rows = connection.execute("SELECT key, value FROM meta").fetchall()
    try:
        meta: dict[str, Any] = {key: json.loads(value) for key, value in rows}
        check_format(place, meta.pop("format"), FORMAT)
        return CatalogueInfo(**{**meta, "split": SplitRule(**meta["split"])})
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"its description is incomplete: {error!r}") from error


def to_product(product_id: str, title: str, split: str, attributes: str) -> Product:
    """Return the product of a row."""
    if split not in SPLITS:
        raise DamagedError(f"product {product_id!r} has the unknown split {split!r}")
    try:
        return Product(product_id, title, json.loads(attributes), split)
    except ValueError as error:
        raise DamagedError(f"product {product_id!r} has damaged attributes") from error


def to_vector(blob: bytes) -> Vectors:
    """Return a stored vector (D,)."""
    return np.frombuffer(blob, dtype="<f4").astype(np.float32)


def read_one(connection: sqlite3.Connection, columns: str, product_id: str) -> tuple[Any, ...]:
    """Return some columns of one product.

    Raises:
        NotFoundError: no product of that id.
    """
    row: tuple[Any, ...] | None = connection.execute(
        f"SELECT {columns} FROM products WHERE id = ?",  # noqa: S608 - the columns are our own words
        (product_id,),
    ).fetchone()
    if row is None:
        raise NotFoundError(f"no product has the id {product_id!r}; search to find the ids there are")
    return row


def read_chunks(rows: sqlite3.Cursor, dim: int) -> Iterator[Chunk]:
    """Yield the products of rows of `COLUMNS`, some at a time: the blobs of all never exist at once."""
    while piece := rows.fetchmany(4096):
        vectors = np.empty((2, len(piece), dim), dtype=np.float32)
        for modality in range(2):
            blobs = [row[modality] for row in piece]
            if any(len(blob) != 4 * dim for blob in blobs):
                raise DamagedError(f"a vector does not have its {dim} values")
            vectors[modality] = np.frombuffer(b"".join(blobs), dtype="<f4").reshape(len(piece), dim)
        if not np.isfinite(vectors).all():
            raise DamagedError("a vector has NaN or infinite values")
        yield [to_product(*row[2:]) for row in piece], vectors


def read_changes(connection: sqlite3.Connection, since: int, dim: int) -> Changes | None:
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
    chunks = list(read_chunks(rows, dim))
    products = [product for some, _ in chunks for product in some]
    none = np.empty((2, 0, dim), dtype=np.float32)
    images, texts = np.concatenate([none, *(vectors for _, vectors in chunks)], axis=1)
    return Changes(version, removed, products, images, texts)
