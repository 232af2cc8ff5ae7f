"""Between records and the rows of the SQLite tables. What is damaged is named, and left out or refused.

Knows no folder and no locks: the caller says which catalogue is damaged.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
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
from index.opening import check_format
from index.pictures import FurtherVectors
from index.product import Product, SplitRule
from index.records import (
    CatalogueInfo,
    Changes,
    Entry,
    Vectors,
    check_product,
    checked_vector,
    log_reaches,
)
from index.sqlite.gone import gone_names
from index.sqlite.hubs import hub_mean, stored_hubs
from index.sqlite.picture_files import Lost, PictureFiles
from index.sqlite.pictures import (
    INSERT_PICTURE,
    PictureRow,
    further_rows,
    further_vectors,
    has_pictures,
    picture_rows,
    stacked,
)
from index.sqlite.schema import FORMAT, FORMAT_OF_FILES, FORMATS, version_of

INSERT = (
    "INSERT OR {otherwise} INTO products (id, title, split, attributes, seq, digest, image_vector, text_vector, image)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
COLUMNS = "position, image_vector, text_vector, id, title, split, attributes"
"""What a search needs of a product: the pictures, at the end of a row, are not read past."""
ENTRY_COLUMNS = f"{COLUMNS}, digest, image"
"""All of a product but its further pictures."""

Chunk = tuple[list[Product], Vectors, FurtherVectors | None, Vectors | None]
"""n products, their vectors (2, n, D), image and text, those of their further pictures, and their hubness (n,).

None: there are none. The hubness is as in a snapshot.
"""


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
        entry.digest,
        checked_vector(entry.image_vector, dim, product.id, "image").tobytes(),
        checked_vector(entry.text_vector, dim, product.id, "text").tobytes(),
        pictures.stored(entry.image),
    )


def insert_entry(
    connection: sqlite3.Connection, entry: Entry, dim: int, seq: int, pictures: PictureFiles, otherwise: str
) -> int:
    """Insert an entry with its pictures, and return its position.

    `otherwise` is what SQLite does where its id is there: ABORT or REPLACE.

    Raises:
        InputError: as `entry_to_row`, or too many pictures.
        sqlite3.IntegrityError: its id is there.
    """
    row = entry_to_row(entry, dim, seq, pictures)
    position = int(connection.execute(INSERT.format(otherwise=otherwise), row).lastrowid or 0)
    # A version that knows of one picture a product may have left some behind, at a position that is used again.
    connection.execute("DELETE FROM pictures WHERE position = ?", (position,))
    connection.executemany(INSERT_PICTURE, picture_rows(entry, dim, position, pictures))
    return position


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


def read_entry_row(connection: sqlite3.Connection, product_id: str) -> tuple[Sequence[Any], list[PictureRow]] | None:
    """Return what `to_entry` takes of one product; None when there is none of that id."""
    row = connection.execute(
        f"SELECT {ENTRY_COLUMNS} FROM products WHERE id = ?",  # noqa: S608 - our own words
        (product_id,),
    ).fetchone()
    return None if row is None else (row, further_rows(connection, row[0]))


def to_entry(
    row: Sequence[Any], further: Sequence[PictureRow], dim: int, damage: Damage, pictures: PictureFiles
) -> tuple[Entry, str]:
    """Return the entry and the digest of a row of `ENTRY_COLUMNS`, with its further pictures.

    Raises:
        DamagedProductError: it is none that we write, or not what was written.
    """
    _, image_blob, text_blob, product_id, title, split, attributes, digest, image = row
    given = parsed_attributes(attributes)
    blobs = (image_blob, text_blob, *(blob for blob, _ in further))
    fault = product_fault(product_id, title, split, given) or _blob_fault(blobs, dim)
    if fault or given is None:
        raise damage.refused(product_id, fault)
    images = [pictures.loaded(one) for one in (image, *(one for _, one in further))]
    for one in images:
        if isinstance(one, Lost):
            raise damage.refused(product_id, one.reason)
    product, vectors = Product(product_id, title, given, split), [to_vector(blob) for blob in blobs]
    more = list(zip(images[1:], vectors[2:], strict=True))
    return sound_entry(product, images[0], vectors[:2], digest, damage, more), str(digest)


def _blob_fault(blobs: Sequence[Any], dim: int) -> str:
    sound = all(type(blob) is bytes and len(blob) == 4 * dim for blob in blobs)
    return "" if sound else f"a vector does not have its {dim} values"


def to_vector(blob: bytes) -> Vectors:
    """Return a stored vector (D,)."""
    return np.frombuffer(blob, dtype="<f4").astype(np.float32)


def read_vectors(connection: sqlite3.Connection, product_id: str, version: int) -> Vectors | None:
    """As `Catalogue.vectors_as_of`."""
    found = connection.execute(
        "SELECT position, image_vector, text_vector FROM products WHERE id = ? AND seq <= ?", (product_id, version)
    ).fetchone()
    if found is None:
        return None
    further = [blob for blob, _ in further_rows(connection, found[0])]
    return np.stack([to_vector(blob) for blob in (*found[1:], *further)])


def read_chunks(rows: sqlite3.Cursor, dim: int, damage: Damage) -> Iterator[Chunk]:
    """Yield the products of rows of `COLUMNS`, some at a time: the blobs of all never exist at once.

    Damaged ones are left out, and named in `damage`.
    """
    several, mean = has_pictures(rows.connection), hub_mean(rows.connection)
    while piece := rows.fetchmany(4096):
        found = further_vectors(rows.connection, piece[0][0], piece[-1][0]) if several else {}
        kept, products = [], []
        for row in piece:
            position, image_blob, text_blob, product_id, title, split, attributes = row
            given = parsed_attributes(attributes)
            blobs = (image_blob, text_blob, *found.get(position, ()))
            fault = product_fault(product_id, title, split, given) or _blob_fault(blobs, dim)
            if fault or given is None:
                damage.found(product_id, fault)
                continue
            kept.append(row)
            products.append(Product(product_id, title, given, split))
        joined = b"".join([row[at] for at in (1, 2) for row in kept])
        vectors = np.frombuffer(joined, dtype="<f4").astype(np.float32).reshape(2, len(kept), dim)
        further = stacked([found.get(row[0], ()) for row in kept], dim) if found else None
        lengths = lengths_of(vectors)
        bad = bad_lengths(lengths)
        if further is not None:
            longer = lengths_of(further.vectors[None])
            for at in np.flatnonzero(bad_lengths(longer)).tolist():
                owner = int(further.owners[at])
                bad[owner] = True
                lengths[0, owner] = longer[0, at]
        if bad.any():
            for at in np.flatnonzero(bad).tolist():
                damage.found(products[at].id, length_fault(lengths[:, at].tolist()))
            sound = np.flatnonzero(~bad).tolist()
            kept, products = [kept[at] for at in sound], [products[at] for at in sound]
            vectors = vectors[:, ~bad]
            further = None if further is None else further.of(~bad)
        hubs = None
        if mean is not None:
            stored = stored_hubs(rows.connection, piece[0][0], piece[-1][0])
            hubs = np.array([stored.get(row[0], mean) - mean for row in kept], dtype=np.float32)
        yield products, vectors, further, hubs


def joined_chunks(chunks: Iterable[Chunk], count: int, dim: int) -> Chunk:
    """Return chunks of at most `count` products as one, whose vectors are read-only."""
    # Filled as they come, so that the blobs of all products never exist at once.
    vectors = np.empty((2, count, dim), dtype=np.float32)
    products: list[Product] = []
    further, hubs = [], []
    for some, found, more, of_some in chunks:
        vectors[:, len(products) : len(products) + len(some)] = found
        products.extend(some)
        further.append((len(some), more))
        hubs += [] if of_some is None else [of_some]
    vectors = vectors[:, : len(products)]
    vectors.flags.writeable = False
    return products, vectors, FurtherVectors.joined(further), np.concatenate(hubs) if hubs else None


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
    products, (images, texts), further, hubs = joined_chunks(chunks, sum(len(some) for some, *_ in chunks), dim)
    return Changes(version, removed, products, images, texts, gone_names(connection), further, hubs)
