"""The products that pass some filters without a query: an order alone, newest first unless another is asked for."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from index.attributes import Mask
from index.query import Sort
from index.records import Vectors
from index.results import Signals
from index.vectors.grouped import sort_keys
from index.vectors.rows import Nearest, Rows, VectorSource, first_pictures
from index.vectors.scan import Ranked
from index.vectors.state import IndexState


class BrowseRanking:
    """A ranking whose scores are the numbers of rows: what came last is first. As `HybridRanking`.

    Args:
        state: the version.
        images: of its rows.
    """

    bounded = False
    complete = True
    cutoff = None
    kind = None
    slack = 0.0

    def __init__(self, state: IndexState, images: VectorSource) -> None:
        self._state = state
        self._images = images

    @cached_property
    def relevant(self) -> Mask:
        """Which rows (N,) are not left out: all."""
        return self._state.alive

    def every(self, passing: Mask, *, whole: bool = False) -> tuple[Rows, npt.NDArray[np.float64]]:
        """Return all rows that pass (N,), in order, and their scores."""
        rows = np.flatnonzero(passing)
        return rows, rows.astype(np.float64)

    def coarse(self, rows: Rows) -> npt.NDArray[np.float64]:
        """Return the scores (K,) of rows."""
        return rows.astype(np.float64)

    def exact(self, rows: Rows) -> npt.NDArray[np.float64]:
        """Return the scores (K,) of rows."""
        return rows.astype(np.float64)

    def top(self, width: int, passing: Mask) -> Ranked:
        """Return the newest rows among those that pass (N,), at most `width`, and scores that are all 0."""
        rows = np.flatnonzero(passing)[::-1][:width]
        return rows, np.zeros(len(rows), dtype=np.float32)

    def sorted(self, sort: Sort, width: int, passing: Mask) -> Ranked:
        """Return the first rows in an order, at most `width`, the newest of equals first, and scores that are all 0."""
        rows = np.flatnonzero(passing)
        keys = sort_keys(self._state, sort, rows)
        if 4 * width < len(rows):
            # All that may be among the first ones, equals of the last one included.
            near = keys <= np.partition(keys, width)[width]
            rows, keys = rows[near], keys[near]
        rows = rows[np.lexsort((-rows, keys))[:width]]
        return rows, np.zeros(len(rows), dtype=np.float32)

    def pictures(self, rows: Rows) -> Nearest:
        """Return the first picture of each of some rows: nothing was compared."""
        return first_pictures(self._images, rows)

    def picture_numbers(self, rows: Rows) -> list[int]:
        """Return 0 for each row: the first picture."""
        return [0] * len(rows)

    def shown(self, rows: Rows, scores: npt.NDArray[np.floating]) -> Vectors:
        """Return 0 for each row: it was not compared."""
        return np.zeros(len(rows), dtype=np.float32)

    def signals(self, rows: Rows) -> list[Signals | None]:
        """Return nothing for each row: it was not compared."""
        return [None] * len(rows)

    def relevance(self, rows: Rows, scores: Vectors) -> Vectors | None:
        """Return nothing: a product that was not asked for has no relevance."""
        return None
