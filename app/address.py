"""How an address says a filter: `f.gender=Women`, by numbers or dates `f.price=10..50`. Knows no page and no call."""

from __future__ import annotations

import re

FILTER = "f."
"""Begins a parameter that is a filter."""
BOUND = r"(-?\d+(?:\.\d+)?|\d{4}-\d\d-\d\d)?"
RANGE = re.compile(rf"{BOUND}\.\.{BOUND}")
DAY = re.compile(r"\d{4}-")


def range_of(value: str) -> dict[str, float | str] | None:
    """Return the bounds that a value such as `10..50` is; None where it is another value."""
    match = RANGE.fullmatch(value)
    if match is None or not (match[1] or match[2]):
        return None
    if match[1] and match[2] and bool(DAY.match(match[1])) != bool(DAY.match(match[2])):
        return None
    named = {"gte": match[1], "lte": match[2]}
    return {name: text if DAY.match(text) else float(text) for name, text in named.items() if text}
