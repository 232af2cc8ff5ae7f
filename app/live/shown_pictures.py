"""A product's pictures as a request wants them: as they were delivered, or small, made once and kept.

Small pictures are made in the processes that decode. Knows no request and no header.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from app.http import SHOWN, Decoders, Form, Turns, media_type, without_metadata
from app.live.picture_cache import PictureCache
from app.live.serving import ServingState
from common import ImageError, NotFoundError
from index import picture_digest

RECIPE = 1
"""Goes up when small pictures are made in another way: those that are kept are made again."""
SMALL_BYTES = 16_000
"""A picture of so few bytes is small already, and is given out as it is where browsers show it."""
TALLEST = 4
"""Most height of a small picture, in widths: none of them becomes a tower that takes long to send."""
READ_AT_ONCE = 4
"""Pictures that are read and made small at a time: each may be as large as an upload."""
REMEMBERED = 20_000
"""Products whose pictures' digests are remembered."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture as it is sent."""

    data: bytes
    media_type: str
    tag: str
    """Names these bytes, or what they are made of and how."""
    digest: str
    """Of the picture as it was delivered."""

    @property
    def is_shown_by_browsers(self) -> bool:
        """Whether browsers show such a file."""
        return self.media_type in SHOWN


class ShownPictures:
    """Gives out the pictures of the catalogue that is served.

    Args:
        state: what is served.
        decoders: make pictures small.
        cache: keeps them.
        strip: whether pictures are given out without their metadata.
        room: how many requests may wait.
    """

    def __init__(self, state: ServingState, decoders: Decoders, cache: PictureCache, *, strip: bool, room: int) -> None:
        self._state = state
        self._decoders = decoders
        self._cache = cache
        self._strip = strip
        self._turns = Turns(READ_AT_ONCE, room, "pictures")
        self._making: dict[str, asyncio.Task[Shown]] = {}
        self._digests = _Digests(state)

    def digests(self, product_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return the digests of the pictures of those of these products that are there; blocks.

        Raises:
            ArtefactError: the catalogue is damaged.
        """
        return self._digests.of(product_ids)

    async def digest(self, product_id: str, number: int) -> str:
        """Return the digest of a picture.

        Raises:
            NotFoundError: there is no such product, or it has no picture of that number.
        """
        found = (await asyncio.to_thread(self._digests.of, [product_id])).get(product_id, ())
        if number >= len(found):
            await asyncio.to_thread(self._state.catalogue.image, product_id, number)  # says what is wrong
            raise NotFoundError(f"product {product_id!r} was just changed; ask again")
        return found[number]

    async def original(self, product_id: str, number: int) -> Shown:
        """Return a picture as it was delivered, or without its metadata.

        Raises:
            NotFoundError, DamagedProductError: as `Store.image`.
            ImageError: its metadata cannot be taken out.
        """
        return await asyncio.to_thread(self._original, product_id, number)

    def _original(self, product_id: str, number: int) -> Shown:
        data = self._state.catalogue.image(product_id, number)
        return self._as_it_is(data, picture_digest(data))

    def _as_it_is(self, data: bytes, digest: str) -> Shown:
        given = without_metadata(data) if self._strip else data
        tag = digest if given is data else picture_digest(given)
        return Shown(given, media_type(given), tag, digest)

    async def small(self, product_id: str, number: int, digest: str, width: int, form: Form, caller: str) -> Shown:
        """Return a picture at most so wide: upright, in sRGB and without metadata.

        One that has few bytes is given out as it is, and so is one that cannot be decoded here, where browsers show it.
        What is kept is found by `digest`, which is the picture's as the caller has just found it.

        Raises:
            NotFoundError, DamagedProductError: as `Store.image`.
            VitrineError: as `Decoders.decode`.
        """
        tag = small_tag(digest, width, form)
        data = await asyncio.to_thread(self._cache.get, tag)
        if data is not None:
            return Shown(data, f"image/{form}", tag, digest)
        making = self._making.get(tag)
        if making is None:
            making = asyncio.create_task(self._made(product_id, number, width, form, caller), name="a small picture")
            self._making[tag] = making
            making.add_done_callback(lambda done: self._forget(tag, done))
        # Others wait for it too: it is made though one of them leaves.
        return await asyncio.shield(making)

    def _forget(self, tag: str, done: asyncio.Task[Shown]) -> None:
        self._making.pop(tag, None)
        if not done.cancelled():
            done.exception()  # those who waited have it; there may be none

    async def _made(self, product_id: str, number: int, width: int, form: Form, caller: str) -> Shown:
        await self._turns.take(caller)
        try:
            data = await asyncio.to_thread(self._state.catalogue.image, product_id, number)
            digest = await asyncio.to_thread(picture_digest, data)  # of what was read: it may have been changed
            shown = media_type(data) in SHOWN
            if shown and len(data) <= SMALL_BYTES:
                return self._as_it_is(data, digest)
            try:
                small = await self._decoders.smaller(data, (TALLEST * width, width), form, caller)
            except ImageError:
                if not shown:
                    raise
                return self._as_it_is(data, digest)
        finally:
            self._turns.give_back()
        tag = small_tag(digest, width, form)
        await asyncio.to_thread(self._cache.put, tag, small)
        return Shown(small, f"image/{form}", tag, digest)


def small_tag(digest: str, width: int, form: Form) -> str:
    """Return what names a small picture, by the digest of the picture that it is made of."""
    return f"{digest}-{width}-{form}-{RECIPE}"


class _Digests:
    """Digests of pictures by product, remembered as long as the catalogue is at the same version.

    A catalogue that an older version wrote has none stored: its pictures are read for them. Calls may come from any
    thread.
    """

    def __init__(self, state: ServingState) -> None:
        self._state = state
        self._lock = threading.Lock()
        self._version: Hashable = None
        self._known: dict[str, tuple[str, ...]] = {}

    def of(self, product_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return the digests of those of these products that are there."""
        version = self._state.state()
        with self._lock:
            if version != self._version or len(self._known) > REMEMBERED:
                self._version, self._known = version, {}
            found = {one: self._known[one] for one in product_ids if one in self._known}
        missing = [one for one in product_ids if one not in found]
        if missing:
            read = self._state.catalogue.picture_digests(missing)
            found |= read
            with self._lock:
                if version == self._version:
                    self._known |= read
        return found
