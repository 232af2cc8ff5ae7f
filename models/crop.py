"""A part of a picture: a box in parts of its upright width and height. Knows no pixels."""

from __future__ import annotations

from typing import NamedTuple

from models.bounds import Bounds

BYTES_A_PIXEL = 64
"""Of memory that a pixel of the size asked for may take, at most: decoders reduce by powers of two, and keep a gap."""
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


class Crop(NamedTuple):
    """A box from its left and top corner, each number from 0 to 1."""

    left: float = 0.0
    top: float = 0.0
    width: float = 1.0
    height: float = 1.0

    @property
    def area(self) -> float:
        """In parts of the picture's."""
        return self.width * self.height

    def shared(self, other: Crop) -> float:
        """Return the area that is also within another part."""
        wide = min(self.left + self.width, other.left + other.width) - max(self.left, other.left)
        high = min(self.top + self.height, other.top + other.height) - max(self.top, other.top)
        return max(0.0, wide) * max(0.0, high)

    def sides(self, own: tuple[int, int]) -> tuple[int, int]:
        """Return the height and width of this part of a picture of so many pixels."""
        return max(1, round(own[0] * self.height)), max(1, round(own[1] * self.width))

    def whole(self, size: tuple[int, int], bounds: Bounds) -> tuple[int, int]:
        """Return the height and width of the whole picture in which this part has `size`.

        It is less where it would take too much memory: a small part of a very large picture is read a little blurred
        rather than refused.
        """
        height, width = size[0] / self.height, size[1] / self.width
        excess = max(1.0, BYTES_A_PIXEL * height * width / min(bounds.max_bytes, bounds.bytes_now or bounds.max_bytes))
        return max(1, int(height / excess**0.5)), max(1, int(width / excess**0.5))

    def within(self, box: Box) -> Box:
        """Return where this part is, given where the whole picture is."""
        left, top, right, bottom = box
        wide, high = right - left, bottom - top
        return (
            left + self.left * wide,
            top + self.top * high,
            min(right, left + (self.left + self.width) * wide),
            min(bottom, top + (self.top + self.height) * high),
        )


WHOLE = Crop()
