"""Turns a decoded picture upright and shrinks it, with little memory beside its own. Knows no files.

numpy is imported where it is used: a process that only decodes starts without it.
"""

from __future__ import annotations

from contextlib import suppress
from math import ceil
from typing import TYPE_CHECKING, TypeVar

from PIL import ExifTags, Image

from models.colour import Look
from models.crop import WHOLE, Box, Crop

if TYPE_CHECKING:
    import numpy as np

N = TypeVar("N", int, float)

REDUCING_GAP = 3.0
"""Large pictures are first shrunk by a whole factor, to at least so many times the size: faster, no visible loss."""
BLOCK = 1024
"""Width and height, in pixels, of the parts in which a large picture is shrunk, about."""

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns a picture upright, by its EXIF orientation (Exif 3.0, tag 0x0112)."""
SIDEWAYS = (5, 6, 7, 8)
"""Those that swap width and height."""
TURNED_BACK = {6: 8, 8: 6}
"""The orientations whose turn is not its own opposite."""


def shrunk(
    image: Image.Image, look: Look, turn: int, box: Box, size: tuple[int, int], crop: Crop = WHOLE
) -> Image.Image:
    """Return a part of a loaded picture turned upright and scaled, before its colours are converted.

    A large picture is turned, made plain and shrunk by a whole factor block by block, so that there is never a second
    one of its size.

    Args:
        image: the picture.
        look: how its samples become colours.
        turn: its EXIF orientation.
        box: where the whole picture is in `image`.
        size: height and width to scale the part to.
        crop: the part, of the upright picture.
    """
    height, width = size
    wide, high = image.size[::-1] if turn in SIDEWAYS else image.size
    right, bottom = min(box[2], image.size[0]), min(box[3], image.size[1])
    box = _before_turn((0.0, 0.0, right, bottom), (wide, high), TURNED_BACK.get(turn, turn))
    if crop != WHOLE:
        box = crop.within(box)
        area = (int(box[0]), int(box[1]), min(ceil(box[2]), wide), min(ceil(box[3]), high))
        image = image.crop(_before_turn(area, image.size, turn))
        wide, high = area[2] - area[0], area[3] - area[1]
        box = (box[0] - area[0], box[1] - area[1], box[2] - area[0], box[3] - area[1])
    shrink_x = int((box[2] - box[0]) / width / REDUCING_GAP) or 1
    shrink_y = int((box[3] - box[1]) / height / REDUCING_GAP) or 1
    if wide * high <= BLOCK * BLOCK or shrink_x * shrink_y == 1:
        plain = look.plain(turned(image, turn))
        return plain.resize((width, height), Image.Resampling.BICUBIC, box, reducing_gap=REDUCING_GAP)
    mode = look.plain(image.crop((0, 0, 1, 1))).mode
    small = Image.new(mode, (-(-wide // shrink_x), -(-high // shrink_y)))
    step_x, step_y = (shrink * max(1, BLOCK // shrink) for shrink in (shrink_x, shrink_y))
    for top in range(0, high, step_y):
        for left in range(0, wide, step_x):
            area = (left, top, min(left + step_x, wide), min(top + step_y, high))
            block = look.plain(turned(image.crop(_before_turn(area, image.size, turn)), turn))
            small.paste(block.reduce((shrink_x, shrink_y)), (left // shrink_x, top // shrink_y))
    box = (box[0] / shrink_x, box[1] / shrink_y, box[2] / shrink_x, box[3] / shrink_y)
    return small.resize((width, height), Image.Resampling.BICUBIC, box)


def turned(image: Image.Image, turn: int) -> Image.Image:
    """Return the picture turned upright by its EXIF orientation."""
    return image.transpose(TURNS[turn]) if turn in TURNS else image


def orientation(image: Image.Image) -> int:
    """Return the orientation that the picture asks for; 1, upright, where it says none or cannot be understood."""
    with suppress(Exception):  # Pillow's readers raise SyntaxError, struct.error, ValueError, ...
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    return 1


def scaled(image: Image.Image, size: tuple[int, int]) -> np.ndarray:
    """Scale an RGB image to `size` (height, width), ignoring its aspect: (H, W, 3) uint8."""
    import numpy as np

    height, width = size
    small = image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=REDUCING_GAP)
    return np.asarray(small, dtype=np.uint8)


def _before_turn(area: tuple[N, N, N, N], size: tuple[N, N], turn: int) -> tuple[N, N, N, N]:
    """Return where an area of the upright picture is in the picture of `size` (width, height) before its turn."""
    left, top, right, bottom = area
    if turn in SIDEWAYS:
        left, top, right, bottom = top, left, bottom, right
    if turn in (2, 3, 7, 8):
        left, right = size[0] - right, size[0] - left
    if turn in (3, 4, 6, 7):
        top, bottom = size[1] - bottom, size[1] - top
    return left, top, right, bottom
