"""Reads a picture at about the size that is needed, where its format allows it, and tells what memory that takes.

JPEG is reduced in the decoder by 2, 4 or 8, JPEG 2000 by leaving out its finest levels. Pillow has no such way for the
other formats: those are decoded whole.
"""

from __future__ import annotations

from typing import NamedTuple

from PIL import Image

from models.picture_kinds import AVIF, HEIF, JPEG, JPEG2000, WEBP, Kind

GAP = 2.0
"""A decoder reduces to at least so many times the size that is needed: the filters behind it do the rest."""
START = b"\xff\x4f\xff\x51"
COD, LEVELS_AT = b"\xff\x52", 9
"""Of JPEG 2000: where the code begins, the segment in it that says how often the picture can be halved, and where in
that (ITU T.800, A.6.1)."""


class Reading(NamedTuple):
    """How a picture is read."""

    box: tuple[float, float, float, float] | None
    """Where the whole picture is in what is read, before it is turned: left, top, right, bottom; None: it is all."""
    needed: int
    """Bytes of memory that it takes, about."""


def prepare_reading(image: Image.Image, kind: Kind, data: bytes, size: tuple[int, int]) -> Reading:
    """Ask an opened picture for no more pixels than `size` (height, width) needs, as it lies in its file `data`."""
    width, height = image.size
    box: tuple[float, float, float, float] | None = None
    pixels = whole = width * height
    least = tuple(int(GAP * side) for side in (max(size[1], 1), max(size[0], 1)))
    if kind is JPEG and (drafted := image.draft(None, least)) is not None:  # type: ignore[arg-type]
        box = drafted[1]
        pixels = image.size[0] * image.size[1]
    elif kind is JPEG2000:
        levels = _levels(data, image.size, min(width // least[0], height // least[1]))
        image.reduce = levels  # type: ignore[method-assign, assignment]
        box = (0.0, 0.0, width / 2**levels, height / 2**levels)
        pixels >>= 2 * levels
    return Reading(box, _bytes_to_decode(image, kind, pixels, whole))


def _levels(data: bytes, size: tuple[int, int], most: int) -> int:
    """Return how often a JPEG 2000 picture of `size` is halved, by a factor of at most `most`."""
    segment = data.find(COD, max(0, data.find(START)))
    levels = data[segment + LEVELS_AT] if 0 <= segment < len(data) - LEVELS_AT else 0
    while levels and (
        1 << levels > most
        # Pillow rounds the size where the decoder rounds up, and then refuses the picture.
        or any((side + (1 << levels >> 1)) >> levels != -(-side >> levels) for side in size)
    ):
        levels -= 1
    return levels


def _bytes_to_decode(image: Image.Image, kind: Kind, pixels: int, whole: int) -> int:
    """Return about how much memory it takes to decode an opened picture (measured with Pillow 13, up to 200 Mpx).

    Args:
        image: the picture.
        kind: its kind.
        pixels: how many are read.
        whole: how many it has.
    """
    samples = 1 if image.mode in ("1", "L", "P") else 2 if image.mode.startswith("I;16") else 4
    bands = len(image.getbands())
    beside = 0  # what the decoder itself holds of the whole picture
    if kind in (WEBP, AVIF):
        # WebP: two canvases, and the bytes that Pillow copies. AVIF: planes of up to 16 bits, and the same bytes.
        beside = 12 * whole
    elif kind is HEIF:
        beside = 6 * whole  # planes, and the bytes that Pillow copies
    elif kind is JPEG and image.info.get("progressive"):
        beside = int(2 * _samples_a_pixel(image) * whole)  # all coefficients
    elif kind is JPEG2000:
        beside = 8 * bands * pixels  # 32 bits a sample, twice
    return pixels * samples + beside


def _samples_a_pixel(image: Image.Image) -> float:
    """Return how many samples of all components a pixel of an opened JPEG has, in the mean: 1.5 with 4:2:0."""
    layers = getattr(image, "layer", ()) or ((0, 1, 1, 0),) * len(image.getbands())
    across, down = (max(layer[place] for layer in layers) for place in (1, 2))
    return float(sum(layer[1] * layer[2] for layer in layers) / max(1, across * down))
