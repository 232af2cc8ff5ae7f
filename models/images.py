"""From the bytes of a picture to an upright RGB image, or to the pixels of an encoder's input, within bounds.

Knows no model and no tensor. numpy is imported where it is used: a process that only decodes starts without it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from common import ImageError, OutOfMemoryError

if TYPE_CHECKING:
    import numpy as np

MAX_PIXELS = 50_000_000
"""Default limit of width x height: an 8k camera picture passes, a decompression bomb does not."""

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF")
"""The only decoders that Pillow may use. Others are a risk without a gain: its EPS decoder starts Ghostscript."""
NAMED = "JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF"
"""The same formats, as messages write them."""

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


@contextmanager
def opened(data: bytes, max_pixels: int = MAX_PIXELS) -> Iterator[Image.Image]:
    """Yield the picture in `data` with its header read and its pixels not; it is decoded at the first look at them.

    The content says which kind of file it is. The size is checked in the header, before any pixel is allocated.

    Raises:
        ImageError: not an image, damaged or truncated, or more than `max_pixels`; also of what the block reads of it.
        MemoryError: there was no memory, which says nothing of the picture.
    """
    if not data:
        raise ImageError(f"the image is empty (0 bytes); send a {NAMED} file")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            width, height = image.size
            if width * height > max_pixels:
                raise ImageError(
                    f"the image is {width}x{height} pixels; at most {max_pixels:,} are allowed: scale it down"
                )
            yield image
    except (ImageError, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:  # Pillow's own, checked first
        limit = min(max_pixels, int(2 * (Image.MAX_IMAGE_PIXELS or max_pixels)))
        found = re.search(r"\d+ pixels", str(error))
        size = f"has {found[0]}" if found else "is too large"
        raise ImageError(f"the image {size}; at most {limit:,} pixels are allowed: scale it down") from None
    except UnidentifiedImageError:
        raise ImageError(f"{len(data):,} bytes that are no image we can read; send a {NAMED} file") from None
    except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, struct.error, ValueError, ...
        if any(word in str(error).lower() for word in ("out of memory", "insufficient memory", "memory allocation")):
            raise MemoryError(str(error)) from error
        raise ImageError(f"the image is damaged ({error}); save it again and retry") from error


def decode_image(data: bytes, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decode `data` into an upright RGB image of at least 1x1 pixel; the first frame of an animation.

    Raises:
        ImageError: not an image, damaged or truncated, or more than `max_pixels`.
        OutOfMemoryError: there was no memory for it.
    """
    try:
        with opened(data, max_pixels) as image:
            ImageOps.exif_transpose(image, in_place=True)
            return to_rgb(image)
    except MemoryError as error:
        raise OutOfMemoryError("there was no memory to decode the image; try again later") from error


def to_rgb(image: Image.Image) -> Image.Image:
    """Return `image` as RGB: transparency over white, 16-bit grey scaled to 8 bits, CMYK and palettes converted."""
    if image.mode == "RGB" and "transparency" not in image.info:
        image.load()
        return image
    if image.mode.startswith("I"):
        import numpy as np

        # Pillow clips 16-bit samples to 255 on conversion, which turns most of them white.
        grey = np.asarray(image, dtype=np.float32)
        return Image.fromarray((grey / 257.0).clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")


def scaled(image: Image.Image, size: tuple[int, int]) -> np.ndarray:
    """Scale an RGB image to `size` (height, width), ignoring its aspect: (H, W, 3) uint8."""
    import numpy as np

    height, width = size
    small = image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=REDUCING_GAP)
    return np.asarray(small, dtype=np.uint8)


def upright_scaled(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return an opened picture upright, as RGB and scaled to `size` (height, width), with little memory beside its own.

    The same to the bit as `scaled(decode_image(...), size)`. A large picture is turned, converted and shrunk by a whole
    factor block by block, so that there is never a second one of its size.
    """
    image.load()
    turn = image.getexif().get(ExifTags.Base.Orientation, 1)
    wide, high = image.size[::-1] if turn in (5, 6, 7, 8) else image.size
    height, width = size
    shrink_x = int(wide / width / REDUCING_GAP) or 1
    shrink_y = int(high / height / REDUCING_GAP) or 1
    if wide * high <= BLOCK * BLOCK or shrink_x * shrink_y == 1:
        ImageOps.exif_transpose(image, in_place=True)
        return to_rgb(image).resize((width, height), Image.Resampling.BICUBIC, reducing_gap=REDUCING_GAP)
    small = Image.new("RGB", (-(-wide // shrink_x), -(-high // shrink_y)))
    step_x, step_y = (shrink * max(1, BLOCK // shrink) for shrink in (shrink_x, shrink_y))
    for top in range(0, high, step_y):
        for left in range(0, wide, step_x):
            area = (left, top, min(left + step_x, wide), min(top + step_y, high))
            block = image.crop(_before_turn(area, image.size, turn))
            if turn in TURNS:
                block = block.transpose(TURNS[turn])
            small.paste(to_rgb(block).reduce((shrink_x, shrink_y)), (left // shrink_x, top // shrink_y))
    box = (0, 0, wide / shrink_x, high / shrink_y)
    return small.resize((width, height), Image.Resampling.BICUBIC, box)


def _before_turn(area: tuple[int, int, int, int], size: tuple[int, int], turn: int) -> tuple[int, int, int, int]:
    """Return where an area of the upright picture is in the picture of `size` (width, height) before its turn."""
    left, top, right, bottom = area
    if turn in (5, 6, 7, 8):
        left, top, right, bottom = top, left, bottom, right
    if turn in (2, 3, 7, 8):
        left, right = size[0] - right, size[0] - left
    if turn in (3, 4, 6, 7):
        top, bottom = size[1] - bottom, size[1] - top
    return left, top, right, bottom
