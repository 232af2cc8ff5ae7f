"""One attribute of the rows of a version: which of them a filter lets pass, and how often each value occurs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from index.attributes import KINDS, AttributeColumn, Codes, Kind, Mask
from index.fields import Field, FieldType
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

    def order(self, rows: npt.NDArray[np.int64], *, descending: bool) -> npt.NDArray[np.float64]:
        """Return numbers (K,) by which rows are sorted, the lowest first; infinite where the value is missing."""
        return self.column.order(descending=descending)[self.codes[rows]]

    def field(self, mask: Mask) -> Field:
        """Return what the rows in `mask` (N,) hold."""
        found = np.bincount(self.codes[mask] + 1, minlength=1)[1:]
        kinds, first = self.column.kinds()[: len(found)], KINDS.index("list")
        holding: dict[Kind, int] = {}
        examples: dict[Kind, str] = {}
        lists = [(code, list(codes)) for code, codes in list(self.column.members.items()) if code < len(found)]
        lists = [(code, codes) for code, codes in lists if found[code]]
        for number, kind in enumerate(KINDS[:first]):
            having = [(code, codes) for code, codes in lists if (kinds[codes] == number).any()]
            of_kind = np.flatnonzero((kinds == number) & (found > 0))
            count = int(found[of_kind].sum()) + sum(int(found[code]) for code, _ in having)
            if count:
                holding[kind] = count
                examples[kind] = self.column.values[
                    int(of_kind[0]) if len(of_kind) else next(one for one in having[0][1] if kinds[one] == number)
                ]
        kind_of: FieldType = "list" if lists else next(iter(holding), "text") if len(holding) < 2 else "mixed"
        return Field(kind_of, int(found.sum()), holding, examples)


def _by_text(found: npt.NDArray[np.int64], members: Mapping[int, tuple[int, ...]]) -> npt.NDArray[np.int64]:
    """Return how often each text occurs, alone or in a list, from how often each code does."""
    if not members:
        return found
    for code, codes in list(members.items()):
        if code < len(found) and found[code]:
            found[list(codes)] += found[code]
            found[code] = 0
    return found
