"""Data URIs (RFC 2397) as clients write them: from the text to the bytes of a picture. Knows no request.

What the URI says of itself, the type of the picture among it, is not believed.
"""

from __future__ import annotations

import base64
import re
from urllib.parse import unquote_to_bytes

from app.http.limits import too_large
from common import ImageError

MAX_HEAD = 1_000
"""Characters before the comma, at most."""
BLANKS = str.maketrans("", "", " \t\r\n\f\v")
URL_SAFE = str.maketrans("-_", "+/")
FOREIGN = re.compile(r"[^A-Za-z0-9+/=]")


def is_uri(text: str) -> bool:
    """Return whether a text is meant as a data URI."""
    return text.lstrip()[:5].lower() == "data:"


def from_uri(uri: str, max_bytes: int) -> bytes:
    """Return the bytes that a data URI holds, in base64 or percent-encoded.

    Base64 may be in lines, in the alphabet for addresses, percent-encoded in turn, and without its padding.

    Raises:
        ImageError: it is no data URI, or no base64.
        TooLargeError: it holds more than `max_bytes`.
    """
    uri = uri.lstrip()
    comma = uri.find(",", 0, MAX_HEAD)
    head = uri[: max(comma, 0)].translate(BLANKS).lower()
    if not head.startswith("data:"):
        raise ImageError("the picture is no data URI that we can read; send data:image/png;base64,...")
    payload = uri[comma + 1 :]
    data = _from_base64(payload, max_bytes) if head.endswith(";base64") else unquote_to_bytes(payload.strip())
    if len(data) > max_bytes:
        raise too_large("the picture", max_bytes)
    return data


def _from_base64(text: str, max_bytes: int) -> bytes:
    """Return the bytes that base64 stands for.

    Raises:
        ImageError: it is none; says where.
        TooLargeError: it stands for more than `max_bytes`.
    """
    try:
        # The length of the text says enough, before so many bytes are made of it.
        return (
            base64.b64decode(text, validate=True) if len(text) // 4 * 3 <= max_bytes + 2 else _tidied(text, max_bytes)
        )
    except ValueError:
        return _tidied(text, max_bytes)


def _tidied(text: str, max_bytes: int) -> bytes:
    """Return the same of what is not written as encoders write it."""
    if "%" in text:
        text = unquote_to_bytes(text).decode("latin-1")
    bare = text.translate(BLANKS).translate(URL_SAFE).rstrip("=")
    if foreign := FOREIGN.search(bare):
        raise ImageError(
            f"the picture's data URI is not valid base64: it has {foreign[0]!r} at character {foreign.start() + 1:,};"
            " encode it again"
        )
    if len(bare) % 4 == 1 or "=" in bare:
        problem = "it goes on behind its end" if "=" in bare else "a part of it is missing"
        raise ImageError(f"the picture's data URI is not valid base64: {problem}; encode it again")
    if len(bare) // 4 * 3 > max_bytes + 2:
        raise too_large("the picture", max_bytes)
    return base64.b64decode(bare + "=" * (-len(bare) % 4))
