"""Which rows a search is over, and what a scan or an approximate index needs to know of them, made once."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from index.ann import AnnIndex
from index.attributes import Mask
from index.vectors.rows import Rows

GATHER_BELOW = 1 / 8
"""Part of the rows from which on it is faster to scan all of them than to gather those that pass."""


class RowSubset:
    """The rows of one side that may be found.

    Args:
        mask: (N,) which rows; None for all.
        count: N.
        ann: an index over M of the rows, if there is one.
        labels: (M,) the rows that `ann` is over; None for the first M.
    """

    def __init__(self, mask: Mask | None, count: int, ann: AnnIndex | None = None, labels: Rows | None = None) -> None:
        self.mask = mask
        self.count = count
        self.total = count if mask is None else int(np.count_nonzero(mask))
        """How many rows there are to find."""
        self.ann = ann
        self.labels = labels

    @cached_property
    def rows(self) -> Rows | None:
        """The rows that pass, where they are so few that it is faster to gather them."""
        if self.mask is None or self.total > GATHER_BELOW * self.count:
            return None
        return np.flatnonzero(self.mask)

    @cached_property
    def ann_bits(self) -> tuple[npt.NDArray[np.uint8] | None, float]:
        """Which of the M rows of `ann` pass, as packed bits, None for all; and which part of them that is."""
        if self.mask is None or self.ann is None:
            return None, 1.0
        size = len(self.ann)
        passing = self.mask[:size] if self.labels is None else self.mask[self.labels]
        found = int(np.count_nonzero(passing))
        return (None if found == size else np.packbits(passing, bitorder="little")), max(found, 1) / size

    @cached_property
    def beyond_ann(self) -> Rows:
        """The rows that pass and that `ann` does not know; all that pass, where there is no index."""
        known = 0 if self.ann is None else len(self.ann)
        if self.labels is None:
            # The index is over the first rows: a mask of all is not copied for the few that came later.
            return known + (np.arange(self.count - known) if self.mask is None else np.flatnonzero(self.mask[known:]))
        left = np.ones(self.count, dtype=np.bool_) if self.mask is None else self.mask.copy()
        left[self.labels] = False
        return np.flatnonzero(left)
