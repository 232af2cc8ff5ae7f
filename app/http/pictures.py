"""Pictures as they are sent: decoded and prepared for the encoder, and their media types. Knows no model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from app.http.data_uri import from_uri
from app.http.decoders import Decoders
from app.http.limits import BodyLimits
from app.telemetry import Telemetry
from models import WHOLE, Crop, kind_of

D = TypeVar("D")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class UploadedPicture:
    """A picture that is to be kept: as it was sent, and prepared (H, W, 3)."""

    data: bytes
    pixels: np.ndarray


class Pictures:
    """Prepares pictures for the encoder, (H, W, 3) uint8 each, off the event loop.

    Args:
        size: returns the height and width that the encoder takes now.
        limits: of bytes as a picture is sent, and of the work on it.
        telemetry: where the time is recorded.
    """

    def __init__(self, size: Callable[[], tuple[int, int]], limits: BodyLimits, telemetry: Telemetry) -> None:
        self._size = size
        self._limits = limits
        self._pool = ThreadPoolExecutor(limits.decode_threads, thread_name_prefix="vitrine-read")
        self.decoders = Decoders(limits, telemetry)

    async def prepared(self, sent: bytes | str, caller: str, crop: Crop = WHOLE) -> UploadedPicture:
        """Return the picture in `sent`, bytes or a data URI, its part prepared; `caller` takes turns with others.

        Raises:
            TooLargeError: it has too many bytes.
            VitrineError: as `Decoders.decode`.
        """
        data = await self._bytes(sent)
        return UploadedPicture(data, await self.decoders.decode(data, self._size(), caller, crop))

    async def windows(self, sent: bytes | str, caller: str) -> tuple[list[Crop], np.ndarray]:
        """Return the N windows of a picture, the whole first, and each prepared: (N, H, W, 3).

        Raises:
            VitrineError: as `prepared`.
        """
        return await self.decoders.windows(await self._bytes(sent), self._size(), caller)

    async def _bytes(self, sent: bytes | str) -> bytes:
        if isinstance(sent, bytes):
            return sent
        return await self.run(lambda uri: from_uri(uri, self._limits.max_bytes), sent)

    async def run(self, work: Callable[[D], T], data: D) -> T:
        """Return `work(data)`, computed in one of the threads that read."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, data)

    def close(self) -> None:
        """End the processes and threads."""
        self.decoders.close()
        self._pool.shutdown(wait=False, cancel_futures=True)


def media_type(data: bytes) -> str:
    """Return the media type of a picture by its first bytes; what is no picture that we take is just bytes."""
    kind = kind_of(data)
    return kind.media_type if kind is not None else "application/octet-stream"
