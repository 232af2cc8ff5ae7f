"""One attribute of the rows of a version: which of them a filter lets pass, and how often each value occurs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from index.attributes import AttributeColumn, Codes, Mask
from index.filters import Filter
from index.query import MAX_COUNTED


@dataclass(frozen=True, slots=True)
class ColumnView:
    """A column at one version of its catalogue."""

    column: AttributeColumn
    codes: Codes
    """(N,) of the rows of that version."""

    def passing(self, condition: Filter) -> Mask:
        """Return (N,) which rows a condition lets pass, dead rows among them."""
        return np.asarray(self.column.allowed(condition)[self.codes])  # code -1 is the last one

    def count(self, mask: Mask) -> int:
        """Return how many of the rows in `mask` (N,) have the attribute."""
        return int(np.count_nonzero(mask & (self.codes >= 0)))

    def value_counts(self, mask: Mask) -> dict[str, int]:
        """Return value -> number of the rows in `mask` (N,) that have it, most frequent first.

        A row with a list counts for each of its texts.
        """
        found = np.bincount(self.codes[mask] + 1, minlength=1)[1:]  # without the rows that have none
        found = _by_text(found, self.column.members)
        order = np.argsort(-found, kind="stable")[:MAX_COUNTED]
        return {self.column.values[code]: int(found[code]) for code in order.tolist() if found[code]}

    def numbers(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return the numbers (K,) that the values of rows are; NaN where one is none, or missing."""
        return np.array([*self.column.numbers, np.nan])[self.codes[rows]]


def _by_text(found: npt.NDArray[np.int64], members: Mapping[int, tuple[int, ...]]) -> npt.NDArray[np.int64]:
    """Return how often each text occurs, alone or in a list, from how often each code does."""
    if not members:
        return found
    for code, codes in list(members.items()):
        if code < len(found) and found[code]:
            found[list(codes)] += found[code]
            found[code] = 0
    return found
