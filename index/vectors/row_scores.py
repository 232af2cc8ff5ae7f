"""What the rows of one version have of a query: words, title, picture, and the score that they make together.

Scores that are shown are summed in one fixed way; coarse ones, by products of matrices, differ by less than a slack.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

import numpy as np

from index.attributes import Mask
from index.product import title_key
from index.query import SearchQuery, Side
from index.ranking.fuse import COMPLETE, POWER, Scales, fused, lifted, scaled, weights_of
from index.records import Vectors
from index.results import Signals
from index.vectors.chosen import are_among
from index.vectors.rows import Nearest, Rows, VectorSource, first_pictures
from index.vectors.state import IndexState


class RowScores:
    """The scores of the rows for one query.

    Args:
        state: the version.
        vectors: of its rows.
        side: what is ranked: products, or the rows that stand for a title.
        vector: (D,), the query's; not read in mode lexical.
        query: with its mode and its parsed text.
        found: (N,) which rows may be found.
        scales: of the signals.
    """

    def __init__(
        self,
        state: IndexState,
        vectors: Mapping[Side, VectorSource],
        side: Side,
        vector: Vectors,
        query: SearchQuery,
        found: Mask,
        scales: Scales,
    ) -> None:
        self._state = state
        self._vectors = vectors
        self._side = side
        self._vector = vector
        self._parsed = None if query.mode == "vector" else query.parsed
        self._found = found
        self._scales = scales
        self._lexical = query.mode == "lexical"
        self._hubs = state.hubs if side == "images" and query.hub_weight else None
        self._hub_weight = np.float32(query.hub_weight)
        self.weights = weights_of(query.mode, side, self._parsed, query.text_share)

    @property
    def apart(self) -> bool:
        """Whether what ranks rows is not what is shown of them: cosines alone are shown without the correction."""
        return self._hubs is not None and not self.weights.words

    def shown(self, rows: Rows) -> Vectors:
        """Return the scores (K,) of rows that are shown, each summed in one fixed way."""
        return self._cosines("images", rows) if self.apart else self.score(rows)

    def coarse_shown(self, rows: Rows) -> Vectors:
        """Return the cosines (K,) of rows, or (N,) of all where they are all, give or take the slack."""
        return self._vectors["images"].times(self._vector, self._chosen(rows))

    def ranked(self, rows: Rows, scores: Vectors) -> Vectors:
        """Return the scores (K,) that rank rows from those that are shown."""
        return self._corrected("images", scores, rows) if self.apart else scores

    def _corrected(self, side: Side, cosines: Vectors, rows: Rows | None) -> Vectors:
        """Return the cosines (K,) of rows, None for all, by which they are ranked."""
        if self._hubs is None or side == "texts":
            return cosines
        return cosines - self._hub_weight * (self._hubs if rows is None else self._hubs[rows])

    def score(self, rows: Rows) -> Vectors:
        """Return the scores (K,) that rank rows, each summed in one fixed way."""
        if not self.weights.words:
            return self._corrected(self._side, self._cosines(self._side, rows), rows)
        return self._lift(rows, self._fused(rows))

    def signals(self, rows: Rows) -> list[Signals]:
        """Return what the scores of rows are made of."""
        if not self.weights.words:
            return [Signals(None, None, one) for one in self._cosines("images", rows).tolist()]
        words = (self.words[rows] ** (1 / POWER)).tolist()
        if self._lexical:
            return [Signals(one, None, None) for one in words]
        vectors = [self._cosines(side, rows).tolist() for side in ("texts", "images")]
        return [Signals(*one) for one in zip(words, *vectors, strict=True)]

    def pictures(self, rows: Rows) -> Nearest:
        """Return the picture of each of some rows that is nearest to the query; the first where words alone count."""
        images = self._vectors["images"]
        if self._lexical:
            return first_pictures(images, rows)
        return images.nearest(self._vector, rows)

    def numbers(self, rows: Rows) -> list[int]:
        """Return the numbers of the pictures that `pictures` returns."""
        several = self._vectors["images"].several and not self._lexical
        return self.pictures(rows).numbers.tolist() if several else [0] * len(rows)

    @cached_property
    def words(self) -> Vectors:
        """What each row (N,) has of the words that any product has together; -1 where it may not be found."""
        # Where no product has all words, having the most of them is what can be asked.
        share = np.float32(1.0 if self.most >= COMPLETE or self.most <= 0 else 1 / self.most)
        words: Vectors = np.power(self._signal * share, np.float32(POWER))
        return words if self._all_found else np.where(self._found, words, np.float32(-1))

    @cached_property
    def _all_found(self) -> bool:
        return bool(self._found.all())

    @cached_property
    def _signal(self) -> Vectors:
        """What each row (N,) has of the words."""
        if self._parsed is None or not self._parsed.units:
            return np.zeros(len(self._found), dtype=np.float32)
        return self._state.words.signal(self._parsed.units)

    @cached_property
    def most(self) -> float:
        """What the best row that may be found has of the words."""
        if self._all_found:
            return float(self._signal.max(initial=0.0))
        return float(self._signal.max(initial=0.0, where=self._found))

    @cached_property
    def exact(self) -> Rows:
        """The rows that may be found and whose id or title is the whole text, or which have all of it as codes."""
        if self._parsed is None:
            return np.empty(0, dtype=np.int64)
        if self._parsed.is_code:
            return np.flatnonzero(self._found & (self._signal >= COMPLETE))
        text = self._parsed.text.strip()
        row = self._state.row(text)
        rows = self._state.rows.rows_titled(title_key(text)) + ([] if row is None else [row])
        known = np.array(sorted({row for row in rows if row < len(self._found)}), dtype=np.int64)
        return known[self._found[known]]

    def _cosines(self, side: Side, rows: Rows) -> Vectors:
        return self._vectors[side].cosines(self._vector, rows)

    def _fused(self, rows: Rows) -> Vectors:
        return self._joined(self.words[rows], lambda side: self._corrected(side, self._cosines(side, rows), rows))

    def _joined(self, words: Vectors, cosines: Callable[[Side], Vectors]) -> Vectors:
        """Return the scores of rows (K,) from their words, and the cosines of those signals that count."""
        none = np.zeros(len(words), dtype=np.float32)
        title = scaled(cosines("texts"), self._scales.title) if self.weights.title else none
        image = scaled(cosines("images"), self._scales.image) if self.weights.image else none
        return fused(self.weights, words, title, image)

    def partial(self, rows: Rows | None) -> Vectors:
        """Return the coarse scores (K,) of rows, or (N,) of all, without what the lesser of the two vectors adds.

        That is at most `lesser`.
        """
        title = self.weights.title > self.weights.image
        scale, weight = (self._scales.title, self.weights.title) if title else (self._scales.image, self.weights.image)
        cosines = self._times("texts" if title else "images", rows)
        words = self.words if rows is None else self.words[rows]
        return np.float32(self.weights.words) * words + np.float32(weight) * scaled(cosines, scale)

    @property
    def lesser(self) -> float:
        """The most that the lesser of the two vectors adds to a score."""
        return min(self.weights.title, self.weights.image)

    def _lift(self, rows: Rows, scores: Vectors) -> Vectors:
        if not len(self.exact):
            return scores
        return np.where(are_among(rows, self.exact), lifted(scores), scores)

    def coarse(self, rows: Rows) -> Vectors:
        """Return the scores (K,) of rows, or (N,) of all where they are all, give or take the slack."""
        chosen = self._chosen(rows)
        if not self.weights.words:
            return self._times(self._side, chosen)
        words = self.words if chosen is None else self.words[rows]
        return self._lift(rows, self._joined(words, lambda side: self._times(side, chosen)))

    def _chosen(self, rows: Rows) -> Rows | None:
        return None if len(rows) == len(self._found) else rows

    def _times(self, side: Side, rows: Rows | None) -> Vectors:
        return self._corrected(side, self._vectors[side].times(self._vector, rows), rows)
