"""Whether what came is a picture: it is decoded, small, as indexing would, whatever the answer calls it."""

from __future__ import annotations

import io

from PIL import Image

from common import ImageError
from models import FORMATS, decode_image
from training.mirror.fetch import FetchError

SUFFIXES = {
    "JPEG": ".jpg",
    "MPO": ".jpg",
    "PNG": ".png",
    "WEBP": ".webp",
    "AVIF": ".avif",
    "HEIF": ".heic",
    "GIF": ".gif",
    "BMP": ".bmp",
    "TIFF": ".tif",
}
"""Of the file of a picture, by what Pillow calls its format."""


def suffix_of(data: bytes, content_type: str) -> str:
    """Return the suffix for the file of a picture.

    Args:
        data: what came.
        content_type: what the answer calls it, for the message.

    Raises:
        FetchError: it is no picture that indexing could use.
    """
    try:
        decode_image(data)
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            kind = image.format or "img"
    except ImageError as error:
        called = content_type.partition(";")[0].strip()[:60] or "no type"
        raise FetchError(f"sent as {called}: {error}", status=200) from error
    return SUFFIXES.get(kind, f".{kind.lower()}")
