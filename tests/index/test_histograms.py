"""How numbers and dates are spread: buckets hold every value once, and both stores tell the same as plain loops."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from common import InputError
from index import Delete, Filter, Histogram, Location, Product, SearchQuery, passes, texts_of, title_key
from index.histograms import LARGEST, histogram
from index.query import VARIANT
from index.values import date_of, number_of
from tests.index.entries import entry, opened, search_of, writer

NONE = math.nan


def of_numbers(*values: float) -> Histogram:
    numbers = np.array(values, dtype=np.float64)
    return histogram(numbers, np.full(len(values), NONE), np.ones(len(values), dtype=np.int64))


def of_dates(*days: str) -> Histogram:
    dates = np.array([date_of(day) for day in days])
    return histogram(np.full(len(days), NONE), dates, np.ones(len(days), dtype=np.int64))


def limits(found: Histogram) -> list[float | str]:
    return [bucket.gte for bucket in found.buckets]


def check(found: Histogram, values: list[float]) -> None:
    """Every value is in the one bucket whose limits hold it, and the buckets have no gaps."""
    assert found.count == len(values)
    assert (found.min, found.max) == (min(values), max(values))
    assert 1 <= len(found.buckets) <= 30
    for bucket, following in zip(found.buckets, found.buckets[1:], strict=False):
        assert bucket.lt == following.gte
    for bucket in found.buckets:
        assert isinstance(bucket.gte, float)
        assert isinstance(bucket.lt, float)
        assert bucket.gte < bucket.lt
        assert bucket.count == sum(bucket.gte <= value < bucket.lt for value in values)


some_numbers = st.one_of(
    st.integers(-(10**9), 10**9).map(float),
    st.integers(0, 10**7).map(lambda cents: cents / 100),
    st.floats(0.01, 10, allow_nan=False).map(lambda value: round(value, 2)),
)


@settings(max_examples=200)
@example(values=[1.13, 1.0])
@example(values=[1e14 + 0.3, 1e14 + 0.2])
@given(values=st.lists(some_numbers, min_size=1, max_size=60))
def test_buckets_hold_every_number_once(values: list[float]) -> None:
    check(of_numbers(*values), values)


def test_limits_are_round() -> None:
    assert limits(of_numbers(*np.arange(100, 2000, 7) / 100)) == [float(n) for n in range(1, 20)]
    assert limits(of_numbers(2007, 2011, 2012, 2013)) == [float(year) for year in range(2007, 2014)]
    assert limits(of_numbers(0.1, 0.25, 0.3)) == [round(0.1 + 0.01 * n, 2) for n in range(21)]


def test_a_single_high_price_leaves_the_others_apart() -> None:
    found = of_numbers(*np.linspace(5, 50, 300), 99_999)
    assert len(found.buckets) == 9
    assert (found.buckets[-1].gte, found.max) == (45.0, 99_999.0)


def test_what_is_no_amount_is_not_counted() -> None:
    found = of_numbers(NONE, math.inf, -math.inf, 10 * LARGEST, 5)
    assert (found.count, found.min, found.max, found.whole) == (1, 5.0, 5.0, True)
    assert of_numbers() == of_numbers(NONE) == Histogram("number", True, None, None, 0, ())


@pytest.mark.parametrize(
    ("days", "first", "second"),
    [
        (["2026-11-20", "2026-11-26"], "2026-11-20", "2026-11-21"),
        (["2026-09-01", "2026-11-26"], "2026-08-31", "2026-09-07"),
        (["2025-01-15", "2026-11-26"], "2025-01-01", "2025-03-01"),
        (["1999-12-31", "2026-11-26"], "1998-01-01", "2000-01-01"),
    ],
)
def test_dates_are_cut_at_days_weeks_months_and_years(days: list[str], first: str, second: str) -> None:
    found = of_dates(*days)
    assert found.kind == "date"
    assert (found.min, found.max) == (days[0], days[1])
    assert sum(bucket.count for bucket in found.buckets) == len(days)
    assert 2 <= len(found.buckets) <= 30
    if second == "2025-03-01":
        assert limits(found)[1] in {"2025-02-01", "2025-03-01", "2025-04-01"}
    elif second == "2000-01-01":
        assert str(limits(found)[1]).endswith("-01-01")
    else:
        assert limits(found)[:2] == [first, second]


def test_a_date_at_the_end_of_time_is_a_date() -> None:
    found = of_dates("2026-11-26", "9999-12-31")
    assert found.max == found.buckets[-1].lt == "9999-12-31"
    assert [bucket.count for bucket in found.buckets if bucket.count] == [1, 1]


GIVEN: list[dict[str, Any]] = [
    {"price": "19.99 EUR", "since": "2026-11-26", "sizes": ("36", "38"), "kind": "shirt", VARIANT: "a"},
    {"price": 5, "since": "2026-11-27T00:30:00+01:00", "sizes": "38", "kind": "shirt", VARIANT: "a"},
    {"price": "1,299.00 USD", "kind": "coat", "sizes": ("S", "40")},
    {"price": "on request", "since": "soon", "kind": "coat"},
    {"kind": "hat", "price": 20, VARIANT: "a"},
    {},
]


@pytest.fixture
def made(place: Location) -> Iterator[tuple[Any, Any, list[Product]]]:
    entries = [
        dataclasses.replace(one, product=dataclasses.replace(one.product, attributes=GIVEN[number % len(GIVEN)]))
        for number, one in enumerate(map(entry, range(18)))
    ]
    with writer(place) as writing:
        writing.add(entries)
    with opened(place) as catalogue:
        yield catalogue, search_of(catalogue), [one.product for one in entries]


def spread(search: Any, **asked: Any) -> dict[str, Histogram]:
    query = SearchQuery(**{"k": 3, "histograms": ("price", "since", "sizes", "kind"), **asked})
    (page,) = search.search("images", entry(0).image_vector[None], [query])
    found: dict[str, Histogram] = page.histograms
    return found


@pytest.mark.parametrize(
    "how", [{}, {"browse": True}, {"cutoff": 0.0}, {"filters": {"price": Filter(gte=10)}}, {"group_by": "variant"}]
)
def test_both_stores_tell_how_what_passes_is_spread(made: tuple[Any, Any, list[Product]], how: dict[str, Any]) -> None:
    """A filter on the attribute itself is left out, a price is its number, and each value of a list counts."""
    _, search, products = made
    for filters in ({}, {"kind": Filter(any=("shirt", "hat"))}):
        asked = {**how, "filters": {**how.get("filters", {}), **filters}}
        found = spread(search, **asked)
        for name, read in (("price", number_of), ("since", date_of), ("sizes", number_of)):
            others = {other: one for other, one in asked["filters"].items() if other != name}
            passing = [one for one in products if passes(one.attributes, others)]
            values = Counter(
                (one.attributes.get(VARIANT, one.id) if "group_by" in how else one.id, key)
                for one in passing
                for key in set(map(title_key, texts_of(one.attributes.get(name, ()))))
                if not math.isnan(read(key))
            )
            assert found[name].count == len(values), (name, filters)
        numbers = [number_of(title_key(texts_of(one.attributes.get("price", "-"))[0])) for one in products]
        if not filters:
            assert found["price"].max == max(one for one in numbers if not math.isnan(one))
        assert (found["since"].kind, found["price"].kind) == ("date", "number")
        assert found["kind"].buckets == ()


def test_what_nobody_has_is_refused_and_what_is_gone_left_out(made: tuple[Any, Any, list[Product]]) -> None:
    catalogue, search, products = made
    with pytest.raises(InputError, match="unknown facet 'weight'"):
        spread(search, histograms=("weight",))
    with pytest.raises(InputError, match="unknown facet 'weight'"):
        search.check(SearchQuery(histograms=("weight",)))
    catalogue.write([Delete(one.id) for one in products if "since" in one.attributes])
    assert "since" not in spread(search_of(catalogue))
    assert search_of(catalogue).fields(["since", "price"]).keys() == {"price"}
