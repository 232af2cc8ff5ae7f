"""What an attribute's value is as a text, a number or a date, and how attributes are stored as JSON.

Knows no catalogue.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from index.prices import amount_in, price_in
from index.product import Value, texts_of, title_key

PLAIN: set[type] = {str}
STORED: set[type] = {str, int, float, bool, list}
"""The types of a value as JSON has it."""
LONGEST_PRICE = 40
"""Characters of a text that may be a price."""
COMMA = re.compile(
    r"-?(?:\d+,\d{1,2}|\d{1,3}(?:\.\d{3})+,\d{1,2}|\d{1,3}(?:,\d{3})+\.\d{1,2}|\d{1,3}(?:[ '’]\d{3})+[.,]\d{1,2})",
    re.ASCII,
)
"""A number with a comma or with separators of thousands that can be read in one way only."""
DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:[Zz]|[+-]\d\d:?\d\d)?)?", re.ASCII)
DAY_LENGTH = len("2026-11-26")
DAY_S = 86_400.0


def attributes_of(stored: Any) -> Mapping[str, Value] | None:
    """Return the attributes that a JSON object holds; None when it holds none that we write."""
    if type(stored) is not dict:
        return None
    kinds = set(map(type, stored.values()))
    if kinds <= PLAIN:
        return stored
    if not kinds <= STORED:
        return None
    found: dict[str, Value] = {}
    for name, value in stored.items():
        if type(value) is list:
            if not set(map(type, value)) <= PLAIN:
                return None
            found[name] = tuple(value)
        elif type(value) is float and not math.isfinite(value):
            return None
        else:
            found[name] = value
    return found


def value_fault(value: Any) -> str:
    """Return why a value cannot be stored; empty: it can."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"is {value}, which is no number that JSON has"
    if isinstance(value, tuple):
        return "" if all(type(one) is str for one in value) else "is a list of other things than texts"
    return "" if isinstance(value, str | int | float) else f"is a {type(value).__name__}"


def first_text(value: Value | None) -> str:
    """Return the first text of a value; empty for none."""
    return next(iter(texts_of(value)), "") if value is not None else ""


def keys_of(value: Value) -> tuple[str, ...]:
    """Return the texts of a value in the form in which values are compared, each once."""
    if isinstance(value, str):
        return (title_key(value),)
    return tuple(dict.fromkeys(map(title_key, texts_of(value))))


def text_pairs(attributes: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    """Yield (attribute, text) for all that is written in the attributes: each text of a list once, and no truths.

    A truth is no word: `true` would find half of a catalogue.
    """
    for name, value in attributes.items():
        if isinstance(value, str):
            yield name, value
        elif not isinstance(value, bool):
            texts: dict[str, str] = {}
            for text in texts_of(value):
                texts.setdefault(title_key(text), text)
            for text in texts.values():
                yield name, text


def number_of(text: str) -> float:
    """Return `text`, in the form in which values are compared, as a number; NaN when it is none.

    A price with its currency is the number that it names. So is a number with a decimal comma, or with separators whose
    meaning its last two digits tell: `19,99`, `1.299,00`. Of `1,299` nobody knows whether it is more than a thousand.
    """
    try:
        return math.nan if "_" in text else float(text)
    except ValueError:
        if len(text) > LONGEST_PRICE:
            return math.nan
        if COMMA.fullmatch(text):
            amount = amount_in(text.lstrip("-"))
            return math.nan if amount is None else -amount if text.startswith("-") else amount
        price = price_in(text)
        return math.nan if price is None else price.amount


def date_of(text: str) -> float:
    """Return a date or a moment as seconds since 1970, in UTC where it names no zone; NaN when `text` is none.

    Dates are ISO 8601 with hyphens: 2026-11-26, 2026-11-26T10:30, 2026-11-26 10:30:00+01:00.
    """
    if text[4:5] != "-" or not DATE.fullmatch(text):
        return math.nan
    try:
        found = datetime.fromisoformat(text.upper())
    except ValueError:
        return math.nan
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def is_day(text: str) -> bool:
    """Return whether a date names a day and no time of it."""
    return len(text) == DAY_LENGTH
