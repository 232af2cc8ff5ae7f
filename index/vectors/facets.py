"""One attribute of the rows of a version: which of them a filter lets pass, and how often each value occurs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from index.attributes import KINDS, AttributeColumn, Codes, Kind, Mask
from index.fields import Field, FieldType
from index.filters import Filter
from index.histograms import Histogram


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
        return self.column.most_frequent(self._text_counts(mask))

    def histogram(self, mask: Mask) -> Histogram:
        """Return how the numbers or dates of the rows in `mask` (N,) are spread."""
        return self.column.histogram(self._text_counts(mask))

    def order(self, rows: npt.NDArray[np.int64], *, descending: bool) -> npt.NDArray[np.float64]:
        """Return numbers (K,) by which rows are sorted, the lowest first; infinite where the value is missing."""
        return self.column.order(descending=descending)[self.codes[rows]]

    def field(self, mask: Mask) -> Field:
        """Return what the rows in `mask` (N,) hold."""
        found = self._occurrences(mask)
        kinds, first = self.column.kinds()[: len(found)], KINDS.index("list")
        lists = self.column.lists(len(found))
        of_lists = found[lists.codes]
        holding: dict[Kind, int] = {}
        examples: dict[Kind, str] = {}
        for number, kind in enumerate(KINDS[:first]):
            having = lists.any_of(kinds == number) & (of_lists > 0)
            of_kind = np.flatnonzero((kinds == number) & (found > 0))
            count = int(found[of_kind].sum()) + int(of_lists[having].sum())
            if count:
                holding[kind] = count
                if len(of_kind):
                    example = int(of_kind[0])
                else:
                    texts = self.column.members[int(lists.codes[np.argmax(having)])]
                    example = next(one for one in texts if kinds[one] == number)
                examples[kind] = self.column.values[example]
        kind_of: FieldType = "list" if of_lists.any() else next(iter(holding), "text") if len(holding) < 2 else "mixed"
        return Field(kind_of, int(found.sum()), holding, examples)

    def _text_counts(self, mask: Mask) -> npt.NDArray[np.int64]:
        """Return how many of the rows in `mask` (N,) have each text (V,), alone or in a list."""
        found = self._occurrences(mask)
        lists = self.column.lists(len(found))
        if len(lists.codes):
            counts = np.diff(lists.starts, append=len(lists.texts))
            np.add.at(found, lists.texts, np.repeat(found[lists.codes], counts))
            found[lists.codes] = 0
        return found

    def _occurrences(self, mask: Mask) -> npt.NDArray[np.int64]:
        """Return how many of the rows in `mask` (N,) have each value (V,)."""
        # Without the rows that have none.
        return np.bincount(self.codes[mask] + 1, minlength=len(self.column.values) + 1)[1:]
