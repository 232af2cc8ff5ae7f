"""How numbers or dates are spread: buckets between round limits. Knows no product and no attribute."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from index.values import DAY_S

FINEST = 20
"""Buckets that what lies between the two rims has, about."""
RIM = 0.01
"""Part of the values at each end that widens the first or the last bucket, and makes no further ones."""
LARGEST = 1e15
"""Numbers beyond it are no amounts of anything, and have no round limits in floats: they are not counted."""
DAYS = (1, 7, 14)
MONTHS = (1, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 2400, 6000)
MONTH_DAYS = 30.44
FIRST_MONDAY = 4
"""Days from 1970-01-01 to the first Monday, where weeks begin."""
LAST_DAY = np.datetime64("9999-12-31")

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Bucket:
    """The values from one limit up to the next: numbers, or days as ISO 8601 writes them."""

    gte: float | str
    lt: float | str
    count: int


@dataclass(frozen=True, slots=True)
class Histogram:
    """The values of one attribute among some products."""

    kind: Literal["number", "date"]
    whole: bool
    """Whether all are whole numbers, or days."""
    min: float | str | None
    max: float | str | None
    """The smallest and the largest value; None where there is none."""
    count: int
    """How many values there are: each of a list counts."""
    buckets: tuple[Bucket, ...]
    """Without gaps, empty ones among them; they hold all values."""


def histogram(numbers: Floats, dates: Floats, counts: Integers) -> Histogram:
    """Return how values (V,) are spread that occur `counts` (V,) times: as numbers, or as dates where more are dates.

    Args:
        numbers: NaN for a value that is no number.
        dates: in seconds since 1970; NaN for a value that is no date.
        counts: how often each value occurs.
    """
    is_number = (np.abs(numbers) <= LARGEST) & (counts > 0)  # false for NaN
    is_date = ~np.isnan(dates) & (counts > 0)
    if counts[is_date].sum() > counts[is_number].sum():
        return _of_dates(dates[is_date], counts[is_date])
    return _of_numbers(numbers[is_number], counts[is_number])


def _of_numbers(values: Floats, counts: Integers) -> Histogram:
    if not len(values):
        return Histogram("number", True, None, None, 0, ())
    whole = bool((values == np.floor(values)).all())
    low, high = _rims(values, counts)
    step = _round_step((high - low) / FINEST)
    step = max(1.0, step) if whole else step
    digits = max(0, -math.floor(math.log10(step)))

    def limit(place: int) -> float:
        return round(place * step, digits)

    def below(value: float) -> int:
        place = math.floor(value / step)
        while limit(place) > value:
            place -= 1
        return place

    def above(value: float) -> int:
        # The quotient of 1.13 and .01 is less than 113: the limit decides.
        place = math.floor(value / step) + 1
        while limit(place) <= value:
            place += 1
        return place

    # The largest amounts have fewer floats than limits.
    limits = np.unique([limit(place) for place in range(below(low), above(high) + 1)])
    limits[0], limits[-1] = limit(below(values.min())), limit(above(values.max()))
    buckets = _buckets(limits, values, counts, [float(limit) for limit in limits])
    return Histogram("number", whole, float(values.min()), float(values.max()), int(counts.sum()), buckets)


def _of_dates(values: Floats, counts: Integers) -> Histogram:
    days = np.floor(values / DAY_S).astype(np.int64)
    low, high = _rims(days.astype(np.float64), counts)
    span = (high - low) / FINEST
    step = next((days for days in DAYS if days >= span), 0)
    if step:
        shift = FIRST_MONDAY if step > 1 else 0
        first, last = math.floor((low - shift) / step), math.floor((high - shift) / step)
        limits = np.arange(first, last + 2, dtype=np.int64) * step + shift
    else:
        months = next((months for months in MONTHS if months * MONTH_DAYS >= span), MONTHS[-1])
        first, last = (_month(int(day)) // months for day in (low, high))
        limits = (np.arange(first, last + 2, dtype=np.int64) * months).astype("datetime64[M]").astype("datetime64[D]")
        limits = limits.astype(np.int64)
    limits[0], limits[-1] = min(limits[0], days.min()), max(limits[-1], days.max() + 1)
    named = [_day(int(limit)) for limit in limits]
    buckets = _buckets(limits.astype(np.float64), days.astype(np.float64), counts, named)
    return Histogram("date", True, _day(int(days.min())), _day(int(days.max())), int(counts.sum()), buckets)


def _rims(values: Floats, counts: Integers) -> tuple[float, float]:
    """Return the values between which nearly all are: a single high price would make one bucket of all others."""
    order = np.argsort(values)
    ranks = np.cumsum(counts[order])
    low, high = np.searchsorted(ranks, [RIM * ranks[-1], (1 - RIM) * ranks[-1]])
    return float(values[order[low]]), float(values[order[high]])


def _round_step(width: float) -> float:
    """Return the smallest of 1, 2, 5, 10, 20, … and of their parts by ten that is at least `width`."""
    if width <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(width))
    return next((digit * power for digit in (1, 2, 5) if digit * power >= width * (1 - 1e-9)), 10 * power)


def _buckets(limits: Floats, values: Floats, counts: Integers, named: list[float] | list[str]) -> tuple[Bucket, ...]:
    places = np.clip(np.searchsorted(limits, values, side="right") - 1, 0, len(limits) - 2)
    found = np.bincount(places, weights=counts, minlength=len(limits) - 1)
    return tuple(Bucket(named[at], named[at + 1], int(count)) for at, count in enumerate(found))


def _month(day: int) -> int:
    return int(np.datetime64(day, "D").astype("datetime64[M]").astype(np.int64))


def _day(number: int) -> str:
    return str(min(np.datetime64(number, "D"), LAST_DAY))
