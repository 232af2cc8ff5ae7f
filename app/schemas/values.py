"""Values of attributes as clients send them: texts, numbers, booleans, lists, null. Knows no call."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from app.schemas.fields import at_most
from index import Value, texts_of

EXACT = 2**53
"""Whole numbers beyond are other numbers to many a client's JSON: they stay the texts that they were sent as."""
MOST_ATTRIBUTES, MOST_NAME = 2_000, 10_000
"""Attributes of a body, and characters of a name: an older catalogue may have some that are beyond the limits."""
NEEDED = "send a text, a number, true, false, a list of these, or null for none"


def read_value(value: Any) -> Value | None:
    """Return what an attribute is from what was sent as its value; None where that is nothing.

    Raises:
        ValueError: it is nothing that an attribute may be.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= EXACT else str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} is no number that JSON has; send null where there is none")
        return value
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, dict):
        inside = f", with {next(iter(value))[:50]!r} in it" if value else ""
        raise ValueError(f"an object{inside}; {NEEDED}: what is inside becomes attributes of their own names")
    if not isinstance(value, list | tuple):
        raise ValueError(NEEDED)
    return tuple(dict.fromkeys(text for place, item in enumerate(value) for text in _texts(place, item))) or None


def _texts(place: int, item: Any) -> tuple[str, ...]:
    """Return the text of an item of a list; nothing for one of nothing.

    Raises:
        ValueError: it is a list or an object.
    """
    if isinstance(item, list | dict):
        raise ValueError(f"item {place} is {'a list' if isinstance(item, list) else 'an object'}; {NEEDED}")
    try:
        one = read_value(item)
    except ValueError as error:
        raise ValueError(f"item {place}: {error}") from None
    return () if one is None else texts_of(one)


Plain = bool | float | str | None
Sent = Plain | list[Plain]
"""What the OpenAPI document says of a value."""
Attributes = Annotated[
    dict[
        Annotated[str, Field(min_length=1, max_length=MOST_NAME)],
        Annotated[Any, BeforeValidator(read_value, json_schema_input_type=Sent)],
    ],
    Field(max_length=MOST_ATTRIBUTES),
    at_most(MOST_ATTRIBUTES),
]
"""Attribute to value, or to None where it is to be none.

The limits of a product are looked at once it is known what it has: what is beyond them already may be put back.
"""
