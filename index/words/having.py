"""Which products have some words, a brand or a value: sets of rows, and how many two of them share.

Knows postings by their keys; no texts and no order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt

from index.words.analyse import stem
from index.words.entries import Entry
from index.words.units import word_key

Rows = npt.NDArray[np.int32]

FEWER = 16
"""Times that one set must be smaller for its rows to be looked up in the other, rather than both marked in a mask."""


class Words(Protocol):
    """What completions need of a catalogue's words; `WordIndex` is one."""

    alive: npt.NDArray[np.bool_]
    """(N,) which rows are products."""

    def surface(self) -> Mapping[str, int]:
        """Return the words as they are written, folded, and how often each came."""

    def brands(self) -> Mapping[str, int]:
        """Return the brands, as they are written, and how many products have each."""

    def values(self) -> Mapping[tuple[str, str], int]:
        """Return (attribute, value) -> products."""

    def rows(self, key: str) -> Rows:
        """Return the living rows in the postings of a key, in order."""


class Having:
    """Rows by what they have.

    Args:
        known: the words.
        stop: folded words that all products have, as it were.
    """

    def __init__(self, known: Words, stop: Collection[str]) -> None:
        self._known = known
        self._stop = frozenset(stop)

    def count(self, word: str) -> int:
        """Return how many products have a folded word."""
        return len(self._known.rows(word_key(stem(word))))

    def known(self, word: str) -> bool:
        """Return whether a product has a folded word, or all have it, as it were."""
        return word in self._stop or self.count(word) > 0

    def all_of(self, wanted: Iterable[str]) -> Rows:
        """Return the rows with all of some folded words."""
        lists = [self._known.rows(word_key(stem(word))) for word in set(wanted) - self._stop]
        if not lists:
            return np.flatnonzero(self._known.alive).astype(np.int32)
        lists.sort(key=len)
        rows = lists[0]
        for others in lists[1:]:
            rows = rows[self._among(rows, others)]
        return rows

    def any_of(self, wanted: Iterable[str], among: Rows) -> Rows:
        """Return those of some rows that have any of some folded words."""
        found = np.zeros(len(self._known.alive), dtype=np.bool_)
        for word in wanted:
            found[self._known.rows(word_key(stem(word)))] = True
        return among[found[among]]

    def of(self, entry: Entry) -> Rows:
        """Return the rows that an entry leads to."""
        if entry.key:
            return self._known.rows(entry.key)
        return self.all_of(entry.words)

    def shared(self, rows: Rows, entries: Iterable[Entry]) -> list[int]:
        """Return how many of `rows` each entry leads to."""
        marked = np.zeros(len(self._known.alive), dtype=np.bool_)
        marked[rows] = True
        counts = []
        for entry in entries:
            others = self.of(entry)
            small = len(rows) * FEWER < len(others)
            counts.append(int(np.count_nonzero(self._among(rows, others) if small else marked[others])))
        return counts

    def _among(self, rows: Rows, others: Rows) -> npt.NDArray[np.bool_]:
        """Return (K,) which of K rows are among others."""
        if len(rows) * FEWER < len(others):
            places = np.minimum(np.searchsorted(others, rows), len(others) - 1)
            return np.asarray(others[places] == rows)
        marked = np.zeros(len(self._known.alive), dtype=np.bool_)
        marked[others] = True
        return marked[rows]
