"""JSON whose values are counted before any is made: parsing holds all other threads up. Knows no call."""

from __future__ import annotations

import json
from typing import Any

from app.errors import InvalidError

MAX_DIGITS = 400
"""Of an integer: the time to read one grows with the square of its digits. The largest float has 309."""
PIECE = 65_536
"""Bytes that are looked at before other threads get their turn."""


def parse_json(data: bytes | bytearray | str, max_values: int) -> Any:
    """Return the JSON value in `data`.

    Raises:
        ValueError: it is not JSON, is nested too deeply, or has an integer of too many digits.
        InvalidError: it has more than `max_values` values, each of its lists, objects and their members being one.
    """
    if len(data) > max_values:  # there are no more values than bytes
        _check_count(data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data, max_values)
    text = data if isinstance(data, str) else data.decode(json.detect_encoding(data), "surrogatepass")
    try:
        return DECODER.decode(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _check_count(data: bytes | bytearray, most: int) -> None:
    """Refuse more than `most` values; every value but the first follows a comma or an opening bracket.

    Raises:
        InvalidError: there are more.
    """
    # Those within strings count here too: pictures have none, and most other bodies are far from the bound.
    seen = 0
    for start in range(0, len(data), PIECE):
        seen += sum(data.count(mark, start, start + PIECE) for mark in (b",", b"[", b"{"))
        if seen > most:
            break
    else:
        return
    # Within UTF-16 a byte that looks like a quotation mark may be half of something else.
    if json.detect_encoding(data).startswith("utf-8") and _marks_outside_strings(data, most) <= most:
        return
    raise InvalidError(f"the JSON has more than {most:,} values; send at most that")


def _marks_outside_strings(data: bytes | bytearray, most: int) -> int:
    """Return how many commas and opening brackets are outside of strings; stops counting above `most`."""
    seen, within, escaped = 0, 0, False
    for start in range(0, len(data), PIECE):
        piece = bytes(data[start + escaped : start + PIECE])
        # A run of backslashes is read in pairs from its left; what is left over escapes what follows it.
        piece = piece.replace(b"\\\\", b"")
        escaped = piece.endswith(b"\\")
        parts = piece.replace(b'\\"', b"").split(b'"')
        outside = b"".join(parts[within::2])
        seen += sum(outside.count(mark) for mark in (b",", b"[", b"{"))
        if seen > most:
            break
        within ^= (len(parts) - 1) & 1
    return seen


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"an integer has {len(digits):,} digits, more than {MAX_DIGITS}")
    return int(digits)


DECODER = json.JSONDecoder(parse_int=_integer)
