"""Which rows of a large catalogue a ranking by words compares: the nearest that its approximate indexes know."""

from __future__ import annotations

import numpy as np

from index.ann import DEPTH
from index.attributes import Mask
from index.records import Vectors
from index.vectors.arrays import HubTerms
from index.vectors.rows import Rows
from index.vectors.scan import top_k, top_products
from index.vectors.state import IndexState

COMPARED = 4_000
"""Rows that are compared one by one: as long as their words alone bring them into question."""
SCANNED = 40_000
"""Rows with the same words whose pictures are all compared; of more, an index says which are near."""
NEAR_TITLES = 50
"""Titles that vectors bring into question; of pictures, as many as an index is asked for at most."""


class NearestRows:
    """The rows that may be best for one query (D,), where its words bring too many into question.

    `terms` are what is taken off the cosines of their pictures.
    """

    most = COMPARED

    def __init__(self, state: IndexState, vector: Vectors, terms: HubTerms | None = None) -> None:
        self._state = state
        self._terms = terms
        self._vector = np.ascontiguousarray(vector[None], dtype=np.float32)

    def nearest(self, words: Vectors, passing: Mask) -> tuple[Rows, bool]:
        """Return rows among those that pass (N,), in order, by words, pictures and titles; they are never all of them.

        Args:
            words: (N,) what each row has of the words.
            passing: which rows may be found.
        """
        top = float(words.max(initial=0.0))
        first = passing & (words >= top - 1e-6) if top > 0 else passing
        found = [self._by_pictures(passing), self._by_titles(passing)]
        if first is not passing:
            count = int(np.count_nonzero(first))
            if count <= SCANNED:
                rows = np.flatnonzero(first)
                found.append(rows if count <= self.most else self._best_pictures(rows))
            else:
                found.append(self._by_pictures(first))
        return np.unique(np.concatenate(found)), False

    def _by_pictures(self, passing: Mask) -> Rows:
        subset = self._state.subset("images", passing)
        ((rows, _),) = top_products(self._state.pictures, self._vector, [min(DEPTH, subset.total)], subset, self._terms)
        return rows

    def _best_pictures(self, rows: Rows) -> Rows:
        """Return the rows with the nearest pictures among some; an index would look far to find those that pass."""
        scores = self._state.pictures.times(self._vector[0], rows)
        if self._terms is not None:
            scores -= self._terms.of(0, rows)
        return rows[np.argpartition(scores, len(rows) - DEPTH)[len(rows) - DEPTH :]]

    def _by_titles(self, passing: Mask) -> Rows:
        if "texts" not in self._state.ann:
            return np.empty(0, dtype=np.int64)  # a scan of all titles costs more than it finds
        subset = self._state.subset("texts", passing)
        ((titles, _),) = top_k(self._state.vectors["texts"], self._vector, [min(NEAR_TITLES, subset.total)], subset)
        table, numbers = self._state.rows, self._state.title_of[titles].tolist()
        rows = np.array([row for number in numbers for row in table.rows_with_title(number)], dtype=np.int64)
        rows = rows[rows < len(passing)]
        return rows[passing[rows]]
