"""How often the values of attributes occur, as the JSON that callers get. Knows no request."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any
from weakref import ref

from pydantic_core import to_json

from app.query import Service, counting_work
from index import Filters, Search

NAMES = 32
"""Attributes that are counted at a time; then it is the turn of others."""
Key = tuple[tuple[str, ...] | None, int]
"""Names, and how many values of each."""
KEPT = 64
"""Answers that are kept of one version of the catalogue, at most."""


class FacetCounts:
    """Counts the values of attributes, in turn with the searches; what has no filters is counted once per version."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._of: ref[Search] | None = None
        self._kept: dict[Key, bytes] = {}
        self._counting: dict[Key, asyncio.Task[bytes]] = {}

    async def of(self, filters: Filters, names: Sequence[str] | None, limit: int) -> bytes:
        """Return a `FacetsAnswer` as JSON: for each name the `limit` most frequent values; all names, when None.

        Raises:
            InputError: an attribute that no product has.
            VitrineError: as `MicroBatcher.submit`.
        """
        index = self._service.serving.index
        if self._of is None or self._of() is not index:
            self._of, self._kept, self._counting = ref(index), {}, {}
        if filters:
            return await self._count(index, filters, names, limit)
        key = (None if names is None else tuple(names), limit)
        kept = self._kept.get(key)
        return kept if kept is not None else await asyncio.shield(self._counting.get(key) or self._begin(index, key))

    def _begin(self, index: Search, key: Key) -> asyncio.Task[bytes]:
        """Return the task that counts what has no filters; all share it who ask meanwhile."""
        kept, counting = self._kept, self._counting
        task = counting[key] = asyncio.create_task(self._count(index, {}, *key))

        def settle(done: asyncio.Task[bytes]) -> None:
            del counting[key]
            if not done.cancelled() and done.exception() is None and len(kept) < KEPT:
                kept[key] = done.result()

        task.add_done_callback(settle)
        return task

    async def _count(self, index: Search, filters: Filters, names: Sequence[str] | None, limit: int) -> bytes:
        head: dict[str, Any] = {"total": 0, "catalogue_version": index.version, "types": {}}
        head["total"] = await self._service.look_up(lambda _: index.count(filters), counting_work(1, filters))
        pieces = []
        names = index.attributes if names is None else names
        for start in range(0, len(names), NAMES):
            some = names[start : start + NAMES]

            def count(_: object, some: Sequence[str] = some) -> tuple[bytes, dict[str, str]]:
                counts = index.facets(filters, some)
                shown = to_json({name: dict(islice(values.items(), limit)) for name, values in counts.items()})
                return shown, {name: field.type for name, field in index.fields(some).items()}

            piece, types = await self._service.look_up(count, counting_work(len(some), filters))
            pieces.append(piece)
            head["types"] |= types
        facets = b",".join(_inside(pieces))
        return b'{"facets":{' + facets + b"}," + to_json(head).removeprefix(b"{")


def _inside(pieces: Sequence[bytes]) -> Iterator[bytes]:
    """Yield what is in JSON objects, so that they can be one."""
    for piece in pieces:
        if piece != b"{}":
            yield piece[1:-1]
