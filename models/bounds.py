"""What decoding one picture may take, of pixels and of memory. Knows no format."""

from __future__ import annotations

from dataclasses import dataclass

from common import ImageError

MAX_PIXELS = 200_000_000
"""Default limit of width x height: the largest photo of a phone passes, a decompression bomb does not."""
MAX_BYTES = 1_000_000_000
"""Default limit of the memory that decoding one picture may take, in bytes."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What decoding one picture may take."""

    max_pixels: int = MAX_PIXELS
    """Width x height."""
    max_bytes: int = MAX_BYTES
    """Of memory."""
    bytes_now: int | None = None
    """Of memory, for the time being; what takes more, but not too much, is a `LaterError`."""

    def check(self, needed: int) -> None:
        """Refuse a picture that takes `needed` bytes of memory.

        Raises:
            ImageError: that is more than it may.
            LaterError: it is more than it may for the time being.
        """
        if needed > self.max_bytes:
            raise ImageError(
                f"the image takes {needed // 1_000_000:,} MB of memory to decode; "
                f"at most {self.max_bytes // 1_000_000:,} MB are allowed: scale it down, or "
                "save it as baseline JPEG, which is read at a reduced size"
            )
        if self.bytes_now is not None and needed > self.bytes_now:
            raise LaterError


class LaterError(Exception):
    """The picture takes more memory than there is for the time being."""
