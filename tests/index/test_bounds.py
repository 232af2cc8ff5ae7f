"""What is told of a catalogue is bounded, however many values and attributes there are."""

from __future__ import annotations

import numpy as np
import pytest

from common import InputError
from index.attributes import AttributeColumn
from index.query import MAX_COUNTED, MAX_NAMED, check_names
from index.vectors.facets import ColumnView


def test_the_most_frequent_values_are_counted_and_no_more_than_a_bound() -> None:
    """A facet of an attribute with a value for each product was as long as the catalogue."""
    values = [f"value {number}" for number in range(MAX_COUNTED + 50)]
    codes = np.concatenate([np.arange(len(values)), np.full(3, len(values) - 1)]).astype(np.int32)
    counts = ColumnView(AttributeColumn.of(values, codes), codes).value_counts(np.ones(len(codes), dtype=np.bool_))
    assert len(counts) == MAX_COUNTED
    assert next(iter(counts.items())) == (values[-1], 4)
    assert values[MAX_COUNTED] not in counts


def test_an_error_names_some_of_the_attributes_and_says_how_many_more_there_are() -> None:
    """One for a name that there is not was 276 kB long."""
    with pytest.raises(InputError, match=rf"unknown facet 'x'.*name 00000,.*and {64_000 - MAX_NAMED} more") as error:
        check_names([f"name {number:05}" for number in range(64_000)], [], ["x"])
    assert len(str(error.value)) < 1000
