"""The products of the live catalogue in the order of their ids, a piece at a time. Knows no request.

A listing goes on behind an id: edits that come meanwhile neither repeat a product nor skip one that stays.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from app.http.turns import Turns
from app.live.named import Named
from app.live.serving import ServingState
from common import OverloadedError
from index import Filters, Product, SearchQuery, passes

T = TypeVar("T")

READ_AT_ONCE, ROOM = 2, 8
"""Pieces that are read at a time, and how many of one caller's listings may wait for one."""
PIECE = 500
"""Products of a piece, before filters."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some products, one behind another."""

    products: list[tuple[Product, str]]
    """Those that pass the filters, and their digests."""
    looked_at: int
    """How many there were."""
    last: str | None
    """The id of the last one that was looked at; None at the end of the catalogue."""


class Listing:
    """Reads pieces of the catalogue that is served now; callers take turns."""

    def __init__(self, state: ServingState) -> None:
        self._state = state
        self._turns = Turns(READ_AT_ONCE, ROOM, "listings")
        self._syncing = False

    def check(self, filters: Filters) -> None:
        """Refuse filters that no product can pass.

        Raises:
            InputError: an attribute that no product has or had, or one that cannot be compared so.
        """
        self._state.serving.index.check(SearchQuery(filters=filters, browse=True))

    @contextmanager
    def one_sync(self) -> Iterator[None]:
        """Let one feed at a time be made what the catalogue is.

        Raises:
            OverloadedError: another one is.
        """
        if self._syncing:
            raise OverloadedError("another feed is being synchronised; send this one when it has ended")
        self._syncing = True
        try:
            yield
        finally:
            self._syncing = False

    async def named(self, caller: str) -> Named:
        """Return what remembers which of the products of now a feed names.

        Raises:
            OverloadedError: too many listings wait.
            VitrineError: as `Store.ids`.
        """
        return await self._in_turn(caller, lambda: Named(self._state.catalogue.ids()))

    async def ids(self, start: int, count: int, caller: str) -> list[str]:
        """Return `count` ids from the place `start` of all, in order; fewer at the end.

        Raises:
            OverloadedError: too many listings wait.
            VitrineError: as `Store.ids`.
        """
        return await self._in_turn(caller, lambda: list(islice(self._state.catalogue.ids(), start, start + count)))

    async def pieces(self, after: str | None, filters: Filters, caller: str) -> AsyncGenerator[Piece, None]:
        """Yield what comes behind the id `after`, until the end.

        Raises:
            OverloadedError: too many listings wait.
            VitrineError: as `Store.list_products`.
        """

        def read() -> Piece:
            found = self._state.catalogue.list_products(after, PIECE)
            passing = [(product, digest) for product, digest in found if passes(product.attributes, filters)]
            return Piece(passing, len(found), found[-1][0].id if len(found) == PIECE else None)

        while True:
            piece = await self._in_turn(caller, read)
            yield piece
            if piece.last is None:
                return
            after = piece.last

    async def _in_turn(self, caller: str, read: Callable[[], T]) -> T:
        """Return what `read` returns, in a thread, when it is the caller's turn.

        Raises:
            OverloadedError: too many listings wait.
        """
        await self._turns.take(caller)
        try:
            return await asyncio.to_thread(read)
        finally:
            self._turns.give_back()
