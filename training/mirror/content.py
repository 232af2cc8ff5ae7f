"""Whether what came is a picture: it is decoded, small, as indexing would, whatever the answer calls it."""

from __future__ import annotations

from common import ImageError
from models import decode_image
from models.images import opened
from training.mirror.fetch import Failure

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
        Failure: it is no picture that indexing could use.
    """
    try:
        with opened(data) as image:
            suffix = SUFFIXES.get(image.format or "", f".{(image.format or 'img').lower()}")
        decode_image(data)
    except ImageError as error:
        kind = content_type.partition(";")[0].strip()[:60] or "no type"
        reason = f"sent as {kind}: {error}"
        raise Failure(reason, status=200) from error
    return suffix
