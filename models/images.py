"""From the bytes of a picture to an upright RGB image, within bounds. Knows no model and no tensor."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from common import ImageError

MAX_PIXELS = 50_000_000
"""Default limit of width x height: an 8k camera picture passes, a decompression bomb does not."""

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF")
"""The only decoders that Pillow may use. Others are a risk without a gain: its EPS decoder starts Ghostscript."""
NAMED = "JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF"
"""The same formats, as messages write them."""


def decode_image(data: bytes, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decode `data` into an upright RGB image of at least 1x1 pixel; the first frame of an animation.

    The content says which kind of file it is. The size is checked in the header, before any pixel is allocated.

    Raises:
        ImageError: not an image, damaged or truncated, or more than `max_pixels`.
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
            return to_rgb(ImageOps.exif_transpose(image))
    except ImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):  # Pillow's own limits, which it checks first
        limit = min(max_pixels, 2 * (Image.MAX_IMAGE_PIXELS or max_pixels))
        raise ImageError(f"the image is too large; at most {limit:,} pixels are allowed: scale it down") from None
    except UnidentifiedImageError:
        raise ImageError(f"{len(data):,} bytes that are no image we can read; send a {NAMED} file") from None
    except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, struct.error, ValueError, ...
        raise ImageError(f"the image is damaged ({error}); save it again and retry") from error


def to_rgb(image: Image.Image) -> Image.Image:
    """Return `image` as RGB: transparency over white, 16-bit grey scaled to 8 bits, CMYK and palettes converted."""
    if image.mode == "RGB" and "transparency" not in image.info:
        image.load()
        return image
    if image.mode.startswith("I"):
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
    height, width = size
    # With a reducing gap, large pictures are first shrunk by a whole factor: several times faster, no visible loss.
    small = image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=3.0)
    return np.asarray(small, dtype=np.uint8)
