"""Ranking by words, title and picture together, over one version of a catalogue, exactly.

A product's score is at most what its words give, plus all that vectors can give. So the products with the most words
are scored first, and those that cannot reach the last wanted place are never looked at. Where words say little, every
vector is compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Protocol

import numpy as np

from index.product import title_key
from index.query import NEWEST, SearchQuery, Side, Sort
from index.ranking.calibrate import Calibration, Curve
from index.ranking.fuse import COMPLETE, EXACT, POWER, Kind, fused, kind_of, lifted, scaled, weights_of
from index.records import Vectors
from index.results import MARGIN, SLACK, Signals
from index.vectors.facets import Mask
from index.vectors.rows import Rows
from index.vectors.scan import Ranked
from index.vectors.state import IndexState

GATHER_BELOW = 1 / 4
"""Part of the rows from which on comparing all vectors is faster than gathering those of some rows."""


class VectorSource(Protocol):
    """The vectors of one side, by row; `RowVectors` is one."""

    def of(self, rows: Rows, /) -> Vectors:
        """Return the vectors (K, D) of some rows."""

    def times(self, vector: Vectors, rows: Rows | None, /) -> Vectors:
        """Return the inner products (K,) of some rows with `vector` (D,), or of all (N,), summed in any order."""


class Reach(Protocol):
    """Which rows may be compared where vectors are far away."""

    @property
    def most(self) -> int:
        """How many rows may be compared one by one."""

    def nearest(self, words: Vectors, passing: Mask, /) -> tuple[Rows, bool]:
        """Return rows among those that pass (N,), in order, that may be best; and whether these are all of them."""


class HybridRanking:
    """The ranking of one query.

    Args:
        state: the version.
        vectors: of its rows.
        side: what is ranked: products, or the rows that stand for a title.
        vector: (D,), the query's; not read in mode lexical.
        query: with its mode, its parsed text and its cutoff.
        found: (N,) which rows may be found, its filters aside.
        calibration: scales of the signals, curves of the scores.
        reach: limits what is compared; without it, everything may be.
        within: (N,) which of the rows are looked at, where everything is too much.
    """

    def __init__(
        self,
        state: IndexState,
        vectors: Mapping[Side, VectorSource],
        side: Side,
        vector: Vectors,
        query: SearchQuery,
        found: Mask,
        calibration: Calibration,
        reach: Reach | None = None,
        within: Mask | None = None,
    ) -> None:
        self._state = state
        self._vectors = vectors
        self._reach = reach
        self._few = int(GATHER_BELOW * len(found)) if reach is None else reach.most
        self.complete = True
        """Whether everything that could be among the results was looked at, so far."""
        self._side = side
        self._vector = vector
        self._parsed = None if query.mode == "vector" else query.parsed
        self._found = found
        self._within = found if within is None else within
        self._weights = weights_of(query.mode, side, self._parsed, query.text_share)
        self._scales = calibration.scales
        self.kind: Kind = kind_of(
            query.mode, query.parsed, query.text_share, self._most if self._weights.words else 1.0
        )
        # The curves are of products: descriptions have scores of their own.
        self.curve: Curve | None = calibration.curves.get(self.kind) if side == "images" else None
        self.cutoff = calibration.auto.get(self.kind) if query.cutoff == "auto" else query.cutoff
        self._least = -np.inf if query.min_score is None else query.min_score
        if self.cutoff is not None and self.curve is not None:
            self._least = max(self._least, self.curve.score_at(self.cutoff))
            if len(self._exact):
                self._least = min(self._least, EXACT)
        self._lexical = query.mode == "lexical"
        self._slack = np.float32(SLACK * max(1.0, float(np.linalg.norm(vector))))

    @property
    def bounded(self) -> bool:
        """Whether some rows are left out for their score."""
        return self._least > -np.inf or self._lexical

    @cached_property
    def relevant(self) -> Mask:
        """Which rows (N,) may be found and are not left out for their score."""
        chosen = np.zeros(len(self._found), dtype=np.bool_)
        rows, _scores = self._relevant
        chosen[rows] = True
        if not self.complete and self._least <= self._weights.words:
            chosen |= self._words >= COMPLETE**POWER  # what has all words is left out by no vectors
        return chosen

    def top(self, width: int, passing: Mask) -> Ranked:
        """Return the best rows among those that pass (N,), at most `width`, best first, equals by row, and scores."""
        if self.bounded:
            rows, scores = self._relevant
            chosen = passing[rows]
            rows, scores = rows[chosen], scores[chosen]
        else:
            rows, scores = self._candidates(width + MARGIN, passing)
        width = min(width, len(rows))
        kept = min(len(rows), width + MARGIN)
        while width > 0:
            best = np.argpartition(scores, len(rows) - kept)[len(rows) - kept :]
            exact = self.score(rows[best])
            order = np.lexsort((rows[best], -exact))[:width]
            # What was left out scores at most as the worst that was kept, give or take the slack.
            if kept == len(rows) or float(scores[best].min()) + self._slack < exact[order[-1]]:
                return rows[best[order]], exact[order]
            kept = min(len(rows), 8 * kept)
        return rows[:0], scores[:0]

    def sorted(self, sort: Sort, width: int, passing: Mask) -> Ranked:
        """Return the first rows in another order than by score, at most `width`; ties by score, then by row."""
        rows = np.flatnonzero(passing & self.relevant) if self.bounded else np.flatnonzero(passing)
        width = min(width, len(rows))
        if sort.by == NEWEST:
            rows = rows[::-1][:width]
            return rows, self.score(rows)
        keys = self._state.columns[sort.by].numbers(rows)
        keys = np.nan_to_num(-keys if sort.descending else keys, nan=np.inf)  # no number comes last
        scores = self._coarse(rows)
        order = np.lexsort((rows, -scores, keys))
        rows, keys, scores = rows[order], keys[order], scores[order]
        kept = min(len(rows), width + MARGIN)
        while width > 0:
            exact = self.score(rows[:kept])
            order = np.lexsort((rows[:kept], -exact, keys[:kept]))[:width]
            last = order[-1]
            # What was left out comes after the last wanted one, give or take the slack.
            if kept == len(rows) or keys[kept] > keys[last] or scores[kept] + self._slack < exact[last]:
                return rows[order], exact[order]
            kept = min(len(rows), 8 * kept)
        return rows[:0], scores[:0]

    def score(self, rows: Rows) -> Vectors:
        """Return the scores (K,) of rows, each summed in one fixed way."""
        if not self._weights.words:
            return self._cosines(self._side, rows)
        return self._lift(rows, self._fused(rows))

    def relevance(self, rows: Rows, scores: Vectors) -> Vectors | None:
        """Return the relevance (K,) of rows with their scores (K,); 1 for those that are exactly what is asked."""
        if self.curve is None:
            return None
        return np.where(np.isin(rows, self._exact), np.float32(1), self.curve.of(scores))

    def signals(self, rows: Rows) -> list[Signals]:
        """Return what the scores of rows are made of."""
        if not self._weights.words:
            return [Signals(None, None, one) for one in self._cosines("images", rows).tolist()]
        words = (self._words[rows] ** (1 / POWER)).tolist()
        if self._lexical:
            return [Signals(one, None, None) for one in words]
        vectors = [self._cosines(side, rows).tolist() for side in ("texts", "images")]
        return [Signals(*one) for one in zip(words, *vectors, strict=True)]

    @cached_property
    def _words(self) -> Vectors:
        """What each row (N,) has of the words that any product has together; -1 where it may not be found."""
        # Where no product has all words, having the most of them is what can be asked.
        share = np.float32(1.0 if self._most >= COMPLETE or self._most <= 0 else 1 / self._most)
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
    def _most(self) -> float:
        """What the best row that may be found has of the words."""
        if self._all_found:
            return float(self._signal.max(initial=0.0))
        return float(self._signal.max(initial=0.0, where=self._found))

    @cached_property
    def _exact(self) -> Rows:
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
        return np.asarray((self._vectors[side].of(rows) * self._vector).sum(axis=1))

    def _fused(self, rows: Rows) -> Vectors:
        return self._joined(self._words[rows], lambda side: self._cosines(side, rows))

    def _joined(self, words: Vectors, cosines: Callable[[Side], Vectors]) -> Vectors:
        """Return the scores of rows (K,) from their words, and the cosines of those signals that count."""
        none = np.zeros(len(words), dtype=np.float32)
        title = scaled(cosines("texts"), self._scales.title) if self._weights.title else none
        image = scaled(cosines("images"), self._scales.image) if self._weights.image else none
        return fused(self._weights, words, title, image)

    def _lift(self, rows: Rows, scores: Vectors) -> Vectors:
        if not len(self._exact):
            return scores
        return np.where(np.isin(rows, self._exact), lifted(scores), scores)

    # Coarse scores: by products of matrices, which sum in any order

    def _coarse(self, rows: Rows) -> Vectors:
        """Return the scores (K,) of rows, or (N,) of all where they are all, give or take the slack."""
        chosen = None if len(rows) == len(self._found) else rows
        if not self._weights.words:
            return self._vectors[self._side].times(self._vector, chosen)
        words = self._words if chosen is None else self._words[rows]
        return self._lift(rows, self._joined(words, lambda side: self._vectors[side].times(self._vector, chosen)))

    @cached_property
    def _relevant(self) -> Ranked:
        """The rows that may be found and are not left out for their score, in order, and their coarse scores."""
        if self._lexical:
            rows = np.flatnonzero(self._words > 0)
            rows = np.union1d(rows, self._exact) if len(self._exact) else rows
            rows = rows[self._within[rows]]
            scores = self.score(rows)
            return rows[scores >= self._least], scores[scores >= self._least]
        rows = self._within_reach(self._least, self._within)
        scores = self._coarse(rows)
        near = np.flatnonzero(np.abs(scores - self._least) <= self._slack)
        if len(near):
            scores[near] = self.score(rows[near])
        kept = (scores >= self._least) & self._within[rows]
        return rows[kept], scores[kept]

    def _candidates(self, count: int, passing: Mask) -> Ranked:
        """Return the rows that may be among the best `count` of those that pass (N,), and their coarse scores."""
        reached = -np.inf
        if self._weights.words and (start := self._wordiest(count, passing)) is not None:
            scores = self._coarse(start)
            reached = float(np.partition(scores, len(scores) - count)[len(scores) - count]) - float(self._slack)
        rows = self._within_reach(reached, passing)
        scores = self._coarse(rows)
        kept = passing[rows]
        return rows[kept], scores[kept]

    def _within_reach(self, score: float, passing: Mask) -> Rows:
        """Return rows, in order, among them all that pass (N,) and can have a score; all rows, where they are many."""
        if not self._weights.words or score == -np.inf:
            return self._every(passing)
        need = (score - self._weights.vectors) / self._weights.words
        if need <= 0:
            return self._every(passing)
        rows = np.flatnonzero((self._words >= need - 1e-5) & passing)
        if len(rows) > self._few:
            return self._every(passing)
        return np.union1d(rows, self._exact) if len(self._exact) else rows

    def _every(self, passing: Mask) -> Rows:
        """Return all rows; where vectors are far away, those that pass and may be best."""
        if self._reach is None:
            return np.arange(len(self._found))
        rows, complete = self._reach.nearest(self._words, passing)
        self.complete &= complete
        return np.union1d(rows, self._exact)

    def _wordiest(self, count: int, passing: Mask) -> Rows | None:
        """Return `count` or more of the rows that pass (N,) and have the most words; None where they say little."""
        words = np.where(passing, self._words, -1)
        top = float(words.max(initial=0.0))
        if top <= 0:
            return None
        rows = np.flatnonzero(words >= top - 1e-6)
        if len(rows) < count:
            rows = np.flatnonzero(words >= 0.5 * top)
            if len(rows) < count:
                return None
            rows = rows[words[rows] >= np.partition(words[rows], len(rows) - count)[len(rows) - count]]
        return rows if len(rows) <= self._few else None
