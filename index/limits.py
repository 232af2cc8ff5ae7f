"""How much a product may have: one set of limits for a build, for every call of the service and for its page.

What `vitrine index` takes, a call takes too, so that a product can be read and put back. Knows no storage and no call.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from index.product import Value

MAX_TITLE = 10_000
"""Characters of a title."""
MAX_NAME = 200
"""Characters of the name of an attribute."""
MAX_VALUE = 20_000
"""Characters of one text among the values of an attribute."""
MAX_LISTED = 256
"""Texts of a list."""
MAX_ATTRIBUTES = 500
"""Attributes of a product."""
MAX_TOTAL = 100_000
"""Characters of all attributes of a product together, names and texts."""
MAX_PICTURES = 20
"""Pictures of a product."""
HALF = re.compile("[\ud800-\udfff]")
"""Half of a surrogate pair, which JSON can hold as an escape and no store can."""


def has_half(text: str) -> bool:
    """Return whether a text has half of a surrogate pair: an escape in JSON, or a byte that is no UTF-8."""
    return not text.isascii() and HALF.search(text) is not None


def beyond(attributes: Mapping[str, Value]) -> dict[str, str]:
    """Return the attributes that are beyond the limits, each with what is wrong: without them, the rest is within.

    Where all together are too many or too long, the last ones are beyond.
    """
    found: dict[str, str] = {}
    kept, total = 0, 0
    for name, value in attributes.items():
        texts = value if isinstance(value, tuple) else (value if isinstance(value, str) else "",)
        longest = max(map(len, texts), default=0)
        size = len(name) + sum(map(len, texts))
        if len(name) > MAX_NAME:
            found[name] = f"its name has {len(name):,} characters; at most {MAX_NAME} are taken"
        elif any(map(has_half, (name, *texts))):
            found[name] = "it has half of a surrogate pair, which is no character"
        elif longest > MAX_VALUE:
            found[name] = f"it has {longest:,} characters; at most {MAX_VALUE:,} are taken"
        elif len(texts) > MAX_LISTED:
            found[name] = f"it has {len(texts):,} values; at most {MAX_LISTED} are taken"
        elif kept == MAX_ATTRIBUTES:
            found[name] = f"it comes after {MAX_ATTRIBUTES} others of the product, which are as many as are taken"
        elif total + size > MAX_TOTAL:
            found[name] = f"with it the product's attributes have more than {MAX_TOTAL:,} characters together"
        else:
            kept, total = kept + 1, total + size
    return found
