"""The rows of one version by their groups: the products with the same value of an attribute, and how many there are."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from index.attributes import Mask
from index.histograms import Histogram
from index.vectors.facets import ColumnView
from index.vectors.rows import Rows

KEPT_FACETS = 16
"""Attributes whose pairs with a group are kept for the next query."""


class Columned(Protocol):
    """What groups need of a version; `IndexState` is one."""

    alive: Mask
    columns: dict[str, ColumnView]


class Grouping:
    """The groups of one version.

    Args:
        state: the version.
        name: of the attribute whose values make the groups; of a list, the first value does. A row without a value is
            a group of its own.
    """

    def __init__(self, state: Columned, name: str) -> None:
        view = state.columns.get(name)
        self._columns = state.columns
        self._texts = [] if view is None else view.column.values
        first = np.empty(0, dtype=np.int32) if view is None else view.column.first()
        self._shared = len(first)
        self.size = len(first) + len(state.alive)
        """More than the number of any group."""
        self.of = np.arange(len(first), self.size, dtype=np.int64)
        """(N,) the number of the group of each row."""
        if view is not None and len(first):
            self.of = np.where(view.codes >= 0, first[view.codes], self.of)
        self._alive = state.alive
        self._total: int | None = None
        self._pairs: dict[str, tuple[Rows, npt.NDArray[np.int32], npt.NDArray[np.int32]]] = {}

    def value(self, group: int) -> str | None:
        """Return the value of a group as it was first written; None for a row without one."""
        return self._texts[group] if group < self._shared else None

    def count(self, passing: Mask) -> int:
        """Return how many groups have a row that passes (N,)."""
        if passing is self._alive:
            if self._total is None:
                self._total = self._count(passing)
            return self._total
        return self._count(passing)

    def _count(self, passing: Mask) -> int:
        present = np.zeros(self.size, dtype=np.bool_)
        present[self.of[passing]] = True
        return int(np.count_nonzero(present))

    def value_counts(self, name: str, passing: Mask) -> dict[str, int]:
        """Return value of an attribute -> groups with a row that passes (N,) and has it, most frequent first."""
        view = self._columns.get(name)
        return {} if view is None else view.column.most_frequent(self._text_counts(view, name, passing))

    def histogram(self, name: str, passing: Mask) -> Histogram | None:
        """Return how the numbers or dates of an attribute are spread; a group counts once for each value."""
        view = self._columns.get(name)
        return None if view is None else view.column.histogram(self._text_counts(view, name, passing))

    def _text_counts(self, view: ColumnView, name: str, passing: Mask) -> npt.NDArray[np.int64]:
        """Return how many groups have a row that passes (N,) and has each text (V,)."""
        # Several threads search at once, and any of them may forget all: what was found is held on to.
        kept = self._pairs.get(name)
        if kept is None:
            if len(self._pairs) >= KEPT_FACETS:
                self._pairs = {}
            kept = self._pairs[name] = self._paired(view)
        rows, pairs, codes = kept
        present = np.zeros(len(codes), dtype=np.bool_)
        present[pairs[passing[rows]]] = True
        return np.bincount(codes[present], minlength=1)

    def _paired(self, view: ColumnView) -> tuple[Rows, npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Return rows that have a value, for each the number of its pair of group and text, and the text of each pair.

        A row with a list is there once for each of its texts.
        """
        rows = np.flatnonzero(view.codes >= 0)
        codes = view.codes[rows].astype(np.int64)
        members = view.column.members
        if members:
            listed = np.isin(codes, np.fromiter(list(members), dtype=np.int64))
            of_lists = [members[code] for code in codes[listed].tolist()]
            again = np.repeat(rows[listed], [len(one) for one in of_lists])
            texts = np.array([code for one in of_lists for code in one], dtype=np.int64)
            rows, codes = np.concatenate([rows[~listed], again]), np.concatenate([codes[~listed], texts])
        size = len(view.column.values)
        distinct, pairs = np.unique(self.of[rows] * size + codes, return_inverse=True)
        return rows, pairs.astype(np.int32), (distinct % size).astype(np.int32)
