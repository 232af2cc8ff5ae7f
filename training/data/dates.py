"""Dates as tables write them, in ISO 8601; a column decides whether the day or the month comes first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

_ISO = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,6})?)?(?: ?(?:Z|UTC|[+-]\d{2}:?\d{2}))?)?"
)
_SLASHED = re.compile(r"(\d{4})([/.])(\d{1,2})\2(\d{1,2})(?:[ T](\d{1,2}:\d{2}(?::\d{2})?))?")
_LOCAL = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4})(?:,? (\d{1,2}:\d{2}(?::\d{2})?))?")


class Dates(NamedTuple):
    """The dates of a column by their texts; `unclear` where nothing shows which number is the day."""

    dates: dict[str, str]
    unclear: bool = False


def column_dates(texts: Sequence[str]) -> Dates | None:
    """Return the texts of a column of dates as ISO 8601, or None where fewer than nine of ten are dates.

    "26.11.2026" has the day first. Of "26/11/2026" and "11/26/2026", a number over 12 in the column shows the day.
    """
    if not any(text[:1].isdigit() for text in texts[:20]):
        return None
    first, second, local, like = 0, 0, 0, 0
    for text in texts:
        match = _LOCAL.fullmatch(text)
        like += bool(match or _ISO.fullmatch(text) or _SLASHED.fullmatch(text))
        if match and match[2] != ".":
            local, first, second = local + 1, max(first, int(match[1])), max(second, int(match[3]))
    if not texts or like < 0.9 * len(texts):
        return None
    if local and (first > 12) == (second > 12):
        read = {text: found for text in texts if (found := _read(text, day_first=None))}
        return Dates(read, unclear=True)
    return Dates({text: found for text in texts if (found := _read(text, day_first=first > 12))})


def _read(text: str, day_first: bool | None) -> str | None:
    try:
        if _ISO.fullmatch(text):
            return _iso(text)
        if match := _SLASHED.fullmatch(text):
            return _joined(match[1], match[3], match[4], match[5])
        if match := _LOCAL.fullmatch(text):
            if match[2] == ".":
                return _joined(match[4], match[3], match[1], match[5])
            if day_first is not None:
                day, month = (match[1], match[3]) if day_first else (match[3], match[1])
                return _joined(match[4], month, day, match[5])
    except ValueError:
        pass
    return None


def _iso(text: str) -> str:
    if len(text) == 10:
        return date.fromisoformat(text).isoformat()
    text = text.replace("UTC", "Z").replace(",", ".")
    return datetime.fromisoformat(text[:10] + "T" + text[11:].replace(" ", "")).isoformat()


def _joined(year: str, month: str, day: str, time: str | None) -> str:
    found = date(int(year), int(month), int(day)).isoformat()
    if not time:
        return found
    hour, *rest = time.split(":")
    return datetime.fromisoformat(f"{found}T{int(hour):02d}:{':'.join(rest)}").isoformat()
