"""Whether what came is a picture: it is decoded, small, as indexing would, whatever the answer calls it."""

from __future__ import annotations

from common import ImageError
from models import examine, kind_of
from training.mirror.fetch import FetchError


def suffix_of(data: bytes, content_type: str) -> str:
    """Return the suffix for the file of a picture.

    Args:
        data: what came.
        content_type: what the answer calls it, for the message.

    Raises:
        FetchError: it is no picture that indexing could use.
    """
    try:
        examine(data)
    except ImageError as error:
        called = content_type.partition(";")[0].strip()[:60] or "no type"
        raise FetchError(f"sent as {called}: {error}", status=200) from error
    kind = kind_of(data)
    return kind.suffixes[0] if kind is not None else ".img"
