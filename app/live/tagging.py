"""What tags pictures by the products that look like them, made of the catalogue as it is now. Knows no request."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.errors import REPLACED, InvalidError, UnavailableError
from app.live.serving import ServingState
from app.live.shared import Shared
from app.query import Service, Serving, product_vectors
from common import InputError, NotFoundError
from index import Subject, Tag, Tagger, TaggerMaking, neighbours_of

DRIFT = 0.2
"""Share of the products that come or go until votes are judged again."""
RENEW_S = 60.0
"""They are judged again at most once in so many seconds: a feed may change a catalogue for an hour."""
PIECE = 32
"""Subjects of one search."""
WORK = 1.5
"""Of one subject: the search for its neighbours, and their vote."""
MOST, MOST_REMOTE = 2_000, 400
"""Products that are judged; fewer where the catalogue is a database, which takes milliseconds for each."""


@dataclass(frozen=True, slots=True)
class _Made:
    """A tagger, and what it was made of."""

    tagger: Tagger
    source: tuple[str, str]
    """When the catalogue was built, and the encoder."""
    products: int
    attributes: frozenset[str]
    at: float

    def fits(self, serving: Serving) -> bool:
        """Return whether it may tag what is served now."""
        index = serving.index
        if self.source != _source(serving):
            return False
        drifted = abs(len(index) - self.products) > DRIFT * self.products or self.attributes != {*index.attributes}
        return not drifted or time.monotonic() - self.at < RENEW_S


def _source(serving: Serving) -> tuple[str, str]:
    return serving.index.info.created, serving.encoder.encoder_id


class Tagging:
    """Tags products and pictures; the searches for their neighbours take turns with others."""

    def __init__(self, service: Service, state: ServingState, *, remote: bool) -> None:
        self._service = service
        self._state = state
        self._most = MOST_REMOTE if remote else MOST
        self._made: _Made | None = None
        self._making = Shared(self._make, subject=lambda: _source(service.serving))

    async def of_products(self, ids: Sequence[str], names: Sequence[str]) -> tuple[Serving, list[dict[str, Tag]]]:
        """Return the values of attributes for products, of all that a vote can tell unless `names` are given.

        Raises:
            InvalidError: a product that is not there, an attribute that there is not, or that a vote cannot tell.
            VitrineError: as `MicroBatcher.submit`.
        """
        serving = self._service.serving

        def read() -> list[Subject]:
            vectors = product_vectors(serving.index, "ids", ids)
            try:
                products = [self._state.catalogue.product(product_id) for product_id in ids]
            except NotFoundError as error:  # it went just now
                raise InvalidError(f"ids: {error}", [{"field": "ids", "message": str(error)}]) from None
            return [Subject(vector, product) for vector, product in zip(vectors, products, strict=True)]

        return serving, await self._tags(serving, await asyncio.to_thread(read), names)

    async def of_pictures(
        self, pictures: Sequence[np.ndarray], names: Sequence[str]
    ) -> tuple[Serving, list[dict[str, Tag]]]:
        """Return the same for prepared pictures (H, W, 3).

        Raises:
            VitrineError: as `of_products`.
        """
        encoded = await self._service.encode((), pictures)
        return encoded.serving, await self._tags(encoded.serving, [Subject(one) for one in encoded.images], names)

    async def _tags(self, serving: Serving, subjects: Sequence[Subject], names: Sequence[str]) -> list[dict[str, Tag]]:
        made = await self._tagger(serving)
        try:
            made.tagger.check(names)
        except InputError as error:
            raise InvalidError(str(error), [{"field": "attributes", "message": str(error)}]) from None
        found: list[dict[str, Tag]] = []
        for start in range(0, len(subjects), PIECE):
            piece = subjects[start : start + PIECE]

            def tag(now: Serving, piece: Sequence[Subject] = piece) -> list[dict[str, Tag]]:
                if now.encoder is not serving.encoder:
                    raise UnavailableError(REPLACED)
                return [made.tagger.tags(hits, names or None) for hits in neighbours_of(now.index, piece)]

            found += await self._service.look_up(tag, WORK * len(piece))
        return found

    async def _tagger(self, serving: Serving) -> _Made:
        """Return what tags the products that are served; all share its making who ask meanwhile."""
        if self._made is not None and self._made.fits(serving):
            return self._made
        self._made = await self._making.get()
        if self._made.source != _source(serving):
            raise UnavailableError(REPLACED)
        return self._made

    async def _make(self) -> _Made:
        made: list[tuple[TaggerMaking, Serving]] = []
        await self._service.look_up(lambda now: made.append((TaggerMaking(now.index, self._most), now)), WORK * PIECE)
        ((making, serving),) = made
        for piece in making.pieces:
            await self._service.look_up(lambda _, piece=piece: making.judge(piece), WORK * len(piece))  # type: ignore[misc]
        index = serving.index
        tagger = await asyncio.to_thread(making.tagger)
        return _Made(tagger, _source(serving), len(index), frozenset(index.attributes), time.monotonic())
