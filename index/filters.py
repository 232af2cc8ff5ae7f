"""What a product's values must be: filters, and the one rule by which a product passes them.

Columns (`index.attributes`) and the database decide by the same rule.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from common import InputError
from index.product import Value, title_key
from index.values import DAY_S, date_of, is_day, keys_of, number_of

Sign = Literal[">=", ">", "<=", "<"]
COMPARE: Mapping[Sign, Callable[[Any, float], Any]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}
"""Of numbers, and of arrays of them."""


@dataclass(frozen=True, slots=True)
class Bound:
    """One bound of a filter."""

    of: Literal["number", "date"]
    """Which values it compares."""
    sign: Sign
    at: float
    """A number, or seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What a product's value of one attribute must be. All given conditions must hold; values compare like titles."""

    any: tuple[str, ...] | None = None
    """Allowed values."""
    none: tuple[str, ...] = ()
    """Forbidden values; a product without the attribute passes."""
    gte: float | str | None = None
    """At least: a number, over values that are numbers or prices, or a date as text, over values that are dates.

    A value of another kind does not pass; of a list, one value must be within all bounds.
    """
    gt: float | str | None = None
    """More than; after all of a day."""
    lte: float | str | None = None
    """At most; until the end of a day."""
    lt: float | str | None = None
    """Less than."""

    def __post_init__(self) -> None:
        """Refuse bounds that are neither numbers nor dates, and a number beside a date.

        Raises:
            InputError: says what was given and what is needed.
        """
        bounds = self.bounds
        if len({bound.of for bound in bounds}) > 1:
            raise InputError("one bound is a number and another is a date; give two numbers or two dates")

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """The bounds, as they are compared."""
        given: dict[Sign, float | str | None] = {">=": self.gte, ">": self.gt, "<=": self.lte, "<": self.lt}
        return tuple(_bound(sign, limit) for sign, limit in given.items() if limit is not None)

    @property
    def needs_value(self) -> bool:
        """Whether a product without the attribute fails."""
        return any(part is not None for part in (self.any, self.gte, self.gt, self.lte, self.lt))

    def passes(self, value: Value | None) -> bool:
        """Return whether a product with this value passes; None: it has no such attribute."""
        keys = keys_of(value) if value is not None else ()
        if not keys:
            return not self.needs_value
        if self.any is not None and not {*keys} & {*map(title_key, self.any)}:
            return False
        if {*keys} & {*map(title_key, self.none)}:
            return False
        bounds = self.bounds
        if not bounds:
            return True
        read = number_of if bounds[0].of == "number" else date_of
        return any(all(COMPARE[bound.sign](at, bound.at) for bound in bounds) for at in map(read, keys))


Filters = Mapping[str, Filter]
"""Attribute -> condition. Several attributes must all hold."""


def passes(attributes: Mapping[str, Value], filters: Filters) -> bool:
    """Return whether a product with these attributes passes; a search over columns decides the same."""
    return all(condition.passes(attributes.get(name)) for name, condition in filters.items())


def _bound(sign: Sign, limit: float | str) -> Bound:
    """Return a bound; the end of a day is the beginning of the next.

    Raises:
        InputError: it is neither a number nor a date.
    """
    if not isinstance(limit, str):
        return Bound("number", sign, float(limit))
    text = limit.strip()
    at = date_of(text)
    if not math.isnan(at):
        if is_day(text) and sign in ("<=", ">"):
            return Bound("date", "<" if sign == "<=" else ">=", at + DAY_S)
        return Bound("date", sign, at)
    if not math.isnan(at := number_of(title_key(text))):
        return Bound("number", sign, at)
    raise InputError(
        f"{limit!r} is no bound; give a number such as 19.99, or a date such as 2026-11-26 or 2026-11-26T10:30"
    )
