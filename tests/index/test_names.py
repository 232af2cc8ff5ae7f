"""A catalogue has a bounded number of attribute names, in every store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from common import DataError, InputError
from index import MAX_NAMES, Delete, Entry, Location, Put
from tests.index.entries import build, entry, opened, search_of
from training.data.dataset import Report
from training.data.pictures import Picture
from training.data.rows import Row, collect


def named(number: int, names: Iterable[str]) -> Put:
    one: Entry = entry(number)
    return Put(replace(one, product=replace(one.product, attributes=dict.fromkeys(names, "x"))))


def test_new_names_are_refused_beyond_the_bound(place: Location) -> None:
    """A thousand products with 64 names of their own each took a gigabyte, also after a restart."""
    build(place, 3)  # colour and year
    many = [f"n{number}" for number in range(MAX_NAMES - 2)]
    with opened(place) as catalogue:
        catalogue.write([named(10, many[:600]), named(11, many[500:])])
        version = catalogue.version()
        with pytest.raises(InputError, match=r"would have 1,001 .* such as 'more'; it may have 1,000"):
            catalogue.write([named(12, ["colour"]), named(13, ["more"])])
        assert catalogue.version() == version
        assert len(search_of(catalogue).facets()) == MAX_NAMES
        catalogue.write([named(12, ["colour", "n1"])])
    with opened(place) as catalogue, opened(place) as other:
        with pytest.raises(InputError, match="1,001"):
            catalogue.write([named(13, ["more"])])
        # A name that no product has any more makes room, also when another process has taken it away.
        other.write([Delete(entry(10).product.id)])
        other.write([named(14, ["other"])])
        catalogue.write([named(13, ["more"])])
        with pytest.raises(InputError, match="1,0"):
            catalogue.write([named(15, [f"m{number}" for number in range(600)])])


def test_a_data_set_is_bounded_alike() -> None:
    rows = [
        (Row(f"line {n}", str(n), "Bag", (), {f"{n} {at}": "x" for at in range(400)}), [Picture(lambda: b"", "x")])
        for n in range(3)
    ]
    with pytest.raises(DataError, match="line 2 have more than 1,000 different attributes"):
        collect(rows, Report())
