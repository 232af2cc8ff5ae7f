"""The map of what is served: a place in two dimensions for each product. Knows no request.

`vitrine map` projects the pictures' vectors; a product that came later is placed by the stored PCA.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic_core import to_json

from app.query import Serving
from common import NotFoundError
from index import MAP_FILE, Location, Product, Search, SearchIndex, first_text, load_map

MAX_COLOURS = 200
"""Values of an attribute that a map may be coloured by, at most; one with more tells nothing at a glance."""
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
        self._of: tuple[Search, int] | None = None
        """Index and time of the map file that what is kept belongs to. By identity: it is kept alive by this."""
        self._kept = (b"", "")
        self._until = 0.0

    async def of(self, serving: Serving) -> tuple[bytes, str]:
        """Return the map of what is served as JSON, and its entity tag; only one is made at a time.

        Raises:
            NotFoundError: the catalogue has no map, or one of another encoder.
            ArtefactError: the map cannot be read.
        """
        folder, index = self._place, serving.index
        if not isinstance(folder, Path) or not isinstance(index, SearchIndex):
            raise NotFoundError("a catalogue in a database has no map; one in a folder has")
        async with self._making:
            return await asyncio.to_thread(self._make, folder, serving.encoder.encoder_id, index)

    def _make(self, folder: Path, encoder_id: str, index: SearchIndex) -> tuple[bytes, str]:
        """Return what is kept, made again where the index or the file is another one."""
        try:
            made = (folder / MAP_FILE).stat().st_mtime_ns
        except OSError:
            made = 0
        of, same = self._of, time.monotonic() < self._until
        if of is None or of[1] != made or of[0].encoder_id != encoder_id or not (of[0] is index or same):
            start = time.thread_time()
            value = _put_together(folder, encoder_id, index)
            self._kept = to_json(value), f'"{made:x}-{index.version}-{len(value["ids"])}"'
            self._of = index, made
            took = time.thread_time() - start
            self._until = time.monotonic() + (REST * took if took > CHEAP_S else 0)
        return self._kept


def _put_together(folder: Path, encoder_id: str, index: SearchIndex) -> dict[str, Any]:
    """Return the map of all products that have a place on it."""
    stored = load_map(folder, encoder_id)
    products = index.products
    ids = [product.id for product in products]
    rows, points = stored.place(ids, index.vectors(ids, first=True))
    placed = [products[row] for row in rows.tolist()]
    x, y = _squared(points)
    return {
        "method": stored.method,
        "created": stored.created,
        "encoder_id": stored.encoder_id,
        "catalogue_version": index.version,
        "left_out": len(products) - len(placed),
        "ids": [product.id for product in placed],
        "x": _base64(x),
        "y": _base64(y),
        "attributes": _attributes(placed),
    }


def _squared(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y (M,) of `points` (M, 2) as places in a square from 0 to 65535, with the aspect kept."""
    if not len(points):
        return np.zeros(0), np.zeros(0)
    low, high = points.min(axis=0), points.max(axis=0)
    side = max(float((high - low).max()), 1e-9)
    places = ((points - (low + high) / 2) / side + 0.5) * NONE
    return places[:, 0], places[:, 1]


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
