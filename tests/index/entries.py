"""Products with drawn vectors, and catalogues of them at any place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from index import (
    CatalogueInfo,
    Entry,
    FurtherPicture,
    Location,
    Product,
    SplitRule,
    open_catalogue,
    open_search,
    write_catalogue,
)

DIM = 16
INFO = CatalogueInfo("enc-1", DIM, "drawn", SplitRule(0.6, 0.2, 0.2, seed=7), "2025-03-01T12:00:00+00:00")
COLOURS = ["Red", "red", "Blue", "grün", "Black"]


def writer(place: Location, **more: Any) -> Any:
    return write_catalogue(place, INFO, **more)


def opened(place: Location, **more: Any) -> Any:
    return open_catalogue(place, writable=True, **more)


def search_of(catalogue: Any) -> Any:
    return open_search(catalogue)


def entry(number: int, *, seed: int = 0, title: str | None = None, **attributes: str) -> Entry:
    """Return a product; every fourth has the vectors of the one before, so that scores tie."""
    drawn = np.random.default_rng([seed, number - (number % 4 == 3)])
    vectors = drawn.standard_normal((2, DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    given = {"colour": COLOURS[number % 5], "year": str(2000 + number % 7), **attributes}
    if number % 6 == 0:
        del given["year"]
    product = Product(f"id {number}/ü", title or f"Kleid № {number // 3}", given, "test")
    return Entry(product, bytes([number % 256]) * (number + 1), vectors[0], vectors[1])


def several(number: int, count: int, *, seed: int = 0, **more: str) -> Entry:
    """Return the product of `entry` with `count` pictures, whose further ones are drawn."""
    drawn = np.random.default_rng([seed, number, 1]).standard_normal((count - 1, DIM)).astype(np.float32)
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    further = [FurtherPicture(b"%d of %d" % (place, number), vector) for place, vector in enumerate(drawn, 1)]
    return replace(entry(number, seed=seed, **more), more=tuple(further))


def build(place: Location, count: int = 40) -> list[Entry]:
    entries = [entry(number) for number in range(count)]
    with writer(place) as writing:
        writing.add(entries[:2])
        writing.add(iter(entries[2:]))
    return entries
