"""What the examples of the OpenAPI document speak of: products and attributes of the served catalogue.

Knows no document.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import NamedTuple
from weakref import ref

from pydantic_core import from_json

from app.live.facet_counts import FacetCounts
from app.live.listing import Listing
from app.live.serving import ServingState
from common import VitrineError
from index import Search

PRODUCTS, VALUES = 3, 20


class Shown(NamedTuple):
    """Some products and values of a catalogue."""

    ids: tuple[str, ...]
    title: str
    facets: Mapping[str, Mapping[str, int]]


class DocumentExamples:
    """Reads what examples may speak of, once per version of the catalogue."""

    def __init__(self, state: ServingState, facet_counts: FacetCounts, listing: Listing) -> None:
        self._state = state
        self._facet_counts = facet_counts
        self._listing = listing
        self._of: ref[Search] | None = None
        self._kept: Shown | None = None

    async def of(self, caller: str) -> Shown | None:
        """Return them; None for an empty catalogue, and where they cannot be had now."""
        index = self._state.serving.index
        if self._of is not None and self._of() is index:
            return self._kept
        try:
            found = await self._read(caller)
        except VitrineError:  # the document is there without them
            return None
        self._of, self._kept = ref(index), found
        return found

    async def _read(self, caller: str) -> Shown | None:
        ids = await self._listing.ids(0, PRODUCTS, caller)
        if not ids:
            return None
        product = await asyncio.to_thread(self._state.catalogue.product, ids[0])
        facets = from_json(await self._facet_counts.of({}, None, VALUES))["facets"]
        return Shown(tuple(ids), product.title, facets)
