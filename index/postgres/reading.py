"""The products of a catalogue in PostgreSQL with their vectors, some thousand at a time; damaged ones are left out."""

# ruff: noqa: S608 - statements are put together from our own words; what callers give goes in as values.

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from index.damage import Damage, bad_lengths, length_fault, lengths_of, product_fault
from index.pictures import FurtherVectors
from index.postgres.connection import Connection
from index.postgres.hubs import hubs_at, mean_hub
from index.postgres.pictures import further_vectors, has_further, stacked
from index.postgres.rows import to_vectors
from index.postgres.schema import format_sql
from index.product import Product
from index.records import UNIT_TOLERANCE, Vectors
from index.values import attributes_of

TOGETHER = 4096
"""Products that are read at a time."""


def read_products(
    connection: Connection, build: str, dim: int, damage: Damage, where: str, values: Sequence[Any], *, vectors: bool
) -> tuple[list[Product], Vectors, FurtherVectors | None, Vectors | None]:
    """Return the products under a condition, their vectors (2, N, D), image and text, and those of further pictures.

    Without `vectors`, (2, N, 0) and None: only their lengths are looked at. Last comes their hubness (N,), as in
    `Snapshot.hubs`.
    """
    columns = "image_vector, text_vector" if vectors else "vector_norm(image_vector), vector_norm(text_vector)"
    query = format_sql(
        f"SELECT position, id, title, attributes, split, {columns} FROM {{build}}.products {where} ORDER BY position",
        build,
    )
    several = has_further(connection, build)
    mean = mean_hub(connection, build)
    products: list[Product] = []
    pieces: list[Vectors] = [np.empty((2, 0, dim if vectors else 0), dtype=np.float32)]
    further: list[tuple[int, FurtherVectors | None]] = []
    hubs: list[float] = []
    once: dict[str, str] = {}
    with connection.cursor(name="all", binary=True) as cursor:
        cursor.execute(query, values)
        while rows := cursor.fetchmany(TOGETHER):
            positions = [row[0] for row in rows]
            more = further_vectors(connection, build, positions, lengths=not vectors) if several else {}
            known = {} if mean is None else hubs_at(connection, build, positions)
            found = None
            if vectors:
                found = np.stack([to_vectors([row[5 + at] for row in rows]) for at in range(2)])
                lengths = lengths_of(found)
            else:
                lengths = np.array([row[5:7] for row in rows], dtype=np.float32).T
            bad = bad_lengths(lengths)
            sound = []
            for at, (position, product_id, title, given, split, *_) in enumerate(rows):
                attributes = attributes_of(given)
                fault = product_fault(product_id, title, split, attributes)
                if not fault and bad[at]:
                    fault = length_fault(lengths[:, at].tolist())
                fault = fault or _further_fault(more.get(position, ()))
                if fault or attributes is None:
                    damage.found(product_id, fault)
                    continue
                sound.append(at)
                hubs.append(0.0 if mean is None else known.get(position, mean) - mean)
                # Few values are many products': each is held once.
                held = {
                    once.setdefault(name, name): once.setdefault(value, value) if isinstance(value, str) else value
                    for name, value in attributes.items()
                }
                products.append(Product(product_id, once.setdefault(title, title), held, split))
            if found is not None:
                pieces.append(found[:, sound])
                of_sound = stacked([more.get(positions[at], ()) for at in sound], dim) if more else None
                further.append((len(sound), of_sound))
    read = np.concatenate(pieces, axis=1)
    centred = None if mean is None else np.array(hubs, dtype=np.float32)
    if not vectors:
        return products, np.empty((2, len(products), 0), dtype=np.float32), None, centred
    read.flags.writeable = False
    return products, read, FurtherVectors.joined(further), centred


def _further_fault(found: Sequence[Any]) -> str:
    """Return what is wrong with further vectors, or with numbers that are their lengths."""
    lengths = [one if isinstance(one, float) else float(np.linalg.norm(to_vectors([one])[0])) for one in found]
    bad = any(not abs(length - 1) <= UNIT_TOLERANCE for length in lengths)
    return f"the vectors of its further pictures have the lengths {lengths}, not 1" if bad else ""
