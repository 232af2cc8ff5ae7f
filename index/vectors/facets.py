"""One attribute of all products as integers: which rows a filter lets pass, and how often each value occurs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from index.product import title_key
from index.query import MAX_COUNTED, Filter, number_of

Codes = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]


class AttributeColumn:
    """The distinct values of one attribute, and for each row which of them it has. Only ever appended to."""

    def __init__(self) -> None:
        self.values: list[str] = []  # the distinct values as first written
        self.code_of: dict[str, int] = {}  # from a value in the form in which values are compared
        self.numbers: list[float] = []  # of `values`; NaN where one is no number
        self.codes: Codes = np.empty(0, dtype=np.int32)  # (capacity,) positions in `values`; -1: no such attribute

    @classmethod
    def of(cls, values: Sequence[str], codes: Codes) -> AttributeColumn:
        """Return the column with these values and codes."""
        column = cls()
        for value in values:
            column.code(value)
        column.codes = codes
        return column

    def code(self, value: str) -> int:
        """Return the code of a value, a new one when it was not seen before."""
        key = title_key(value)
        code = self.code_of.get(key)
        if code is None:
            code = len(self.values)
            self.values.append(value)
            self.numbers.append(number_of(key))
            # Last, since another thread may be filtering: a code that it finds has its value and its number.
            self.code_of[key] = code
        return code

    def allowed(self, condition: Filter) -> Mask:
        """Return which codes a condition lets pass; the last one is for a product without the attribute."""
        size = len(self.code_of)
        allowed = np.full(size + 1, condition.any is None)
        for values, passes in ((condition.any or (), True), (condition.none, False)):
            codes = [self.code_of.get(title_key(value), size) for value in values]
            allowed[[code for code in codes if code < size]] = passes
        numbers = np.array(self.numbers[:size])
        for limit, compare in (
            (condition.gte, np.greater_equal),
            (condition.gt, np.greater),
            (condition.lte, np.less_equal),
            (condition.lt, np.less),
        ):
            if limit is not None:
                allowed[:size] &= compare(numbers, limit)
        allowed[size] = not condition.needs_value
        return allowed


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
        """Return value -> number of the rows in `mask` (N,) that have it, most frequent first."""
        found = np.bincount(self.codes[mask] + 1, minlength=1)[1:]  # without the rows that have none
        order = np.argsort(-found, kind="stable")[:MAX_COUNTED]
        return {self.column.values[code]: int(found[code]) for code in order.tolist() if found[code]}

    def numbers(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return the numbers (K,) that the values of rows are; NaN where one is none, or missing."""
        return np.array([*self.column.numbers, np.nan])[self.codes[rows]]
