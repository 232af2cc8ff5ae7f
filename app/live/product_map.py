"""The map of what is served: a place in two dimensions for each product. Knows no request.

`vitrine index` and `vitrine map` lay it out; a product that came later is placed by its neighbours.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic_core import to_json

from app.query import Serving
from common import NotFoundError
from index import Location, MapStore, Product, RegionLabel, Search, checked_map, first_text, name_regions, open_map

MAX_COLOURS = 200
"""Values of an attribute that a map may be coloured by, at most; one with more tells nothing at a glance."""
MOST = 200_000
"""Products that a map shows; of more, some are left out evenly: no page draws a million dots smoothly."""
CHEAP_S, REST = 0.1, 10
"""Seconds of computing up to which a map is made again for every version of the catalogue. A slower one is given
for so many times as long as it took: a catalogue that always changes does not keep a core busy."""
NONE = 65535
"""Side of the square of a map; also the code of a product without a value."""


class Maps:
    """The map as JSON (`MapAnswer` in the OpenAPI document), put together once per state of catalogue and map."""

    def __init__(self, place: Location) -> None:
        self._place = place
        self._making = asyncio.Lock()
        self._store: tuple[str, MapStore] | None = None
        """Where the map of an encoder is kept; opened when it is first asked for."""
        self._of: tuple[Search, str] | None = None
        """Index and stamp of the map that what is kept belongs to. By identity: it is kept alive by this."""
        self._kept = (b"", "")
        self._until = 0.0

    async def of(self, serving: Serving) -> tuple[bytes, str]:
        """Return the map of what is served as JSON, and its entity tag; only one is made at a time.

        Raises:
            NotFoundError: the catalogue has no map, or one of another encoder.
            ArtefactError: the map cannot be read.
            DatabaseUnavailableError: the database does not answer.
        """
        async with self._making:
            return await asyncio.to_thread(self._make, serving.encoder.encoder_id, serving.index)

    def close(self) -> None:
        """Close the connections to a database."""
        if self._store is not None:
            self._store[1].close()
            self._store = None

    def _make(self, encoder_id: str, index: Search) -> tuple[bytes, str]:
        """Return what is kept, made again where the index or the stored map is another one."""
        store = self._opened(encoder_id)
        stamp = store.stamp()
        of, same = self._of, time.monotonic() < self._until
        if of is None or of[1] != stamp or of[0].encoder_id != encoder_id or not (of[0] is index or same):
            start = time.thread_time()
            value = _put_together(store, encoder_id, index)
            self._kept = to_json(value), f'"{stamp}-{index.version}-{len(value["ids"])}"'
            self._of = index, stamp
            took = time.thread_time() - start
            self._until = time.monotonic() + (REST * took if took > CHEAP_S else 0)
        return self._kept

    def _opened(self, encoder_id: str) -> MapStore:
        if self._store is None or self._store[0] != encoder_id:
            self.close()
            self._store = encoder_id, open_map(self._place, encoder_id)
        return self._store[1]


def _put_together(store: MapStore, encoder_id: str, index: Search, again: bool = True) -> dict[str, Any]:
    """Return the map of the products that there are now."""
    stored = checked_map(store.load(), encoder_id)
    products = index.products
    shown = products[:: -(-len(products) // MOST)] if products else []
    ids = [product.id for product in shown]
    same = stored.catalogue == index.info.created
    try:
        points = stored.place(ids, lambda some: index.vectors(some, first=True), index.edited() if same else None)
    except NotFoundError:
        if not again:
            raise
        # A product was deleted from the database after the others were read.
        return _put_together(store, encoder_id, index, again=False)
    labels = name_regions(points, shown) if stored.labels is None else stored.labels
    low, side = _square_of(points)
    x, y = _squared(points, low, side).T
    return {
        "method": stored.method,
        "created": stored.created,
        "encoder_id": stored.encoder_id,
        "catalogue_version": index.version,
        "left_out": len(products) - len(shown),
        "ids": ids,
        "x": _base64(x),
        "y": _base64(y),
        "attributes": _attributes(shown),
        "labels": [_label(label, low, side) for label in labels],
    }


def _label(label: RegionLabel, low: np.ndarray, side: float) -> dict[str, Any]:
    """Return a label with its place in the square; one that lies outside, where products are gone, goes to the edge."""
    x, y = _squared(np.array([[label.x, label.y]]), low, side)[0].round().clip(0, NONE).astype(int).tolist()
    return label.to_json() | {"x": x, "y": y}


def _square_of(points: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the lower left corner (2,) and the side of the square around places (M, 2)."""
    if not len(points):
        return np.zeros(2), 1.0
    low, high = points.min(axis=0), points.max(axis=0)
    side = max(float((high - low).max()), 1e-9)
    return (low + high - side) / 2, side


def _squared(points: np.ndarray, low: np.ndarray, side: float) -> np.ndarray:
    """Return places (M, 2) as places in a square from 0 to 65535, with the aspect kept."""
    return np.asarray((points - low) / side * NONE)


def _base64(values: Any) -> str:
    """Return numbers as little-endian uint16 in base64: a tenth of what JSON would take."""
    return base64.b64encode(np.asarray(values).round().clip(0, NONE).astype("<u2").tobytes()).decode("ascii")


def _attributes(products: Sequence[Product]) -> dict[str, dict[str, Any]]:
    """Return the attributes that the map can be coloured by: their values, and the code of each product's value."""
    names = dict.fromkeys(name for product in products for name in product.attributes)
    found = {}
    for name in names:
        given = [first_text(product.attributes.get(name)) or None for product in products]
        values = [value for value, _ in Counter(value for value in given if value is not None).most_common()]
        if 2 <= len(values) <= MAX_COLOURS:
            code = {value: number for number, value in enumerate(values)}
            codes = [NONE if value is None else code[value] for value in given]
            found[name] = {"values": values, "codes": _base64(codes)}
    return found
