"""Ranking by words, title and picture together, over one version of a catalogue, exactly.

A product's score is at most what its words give, plus all that vectors can give. So the products with the most words
are scored first, and those that cannot reach the last wanted place are never looked at. Where words say little, every
vector is compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Protocol

import numpy as np

from index.attributes import Mask
from index.query import NEWEST, SearchQuery, Side, Sort
from index.ranking.calibrate import Calibration, Curve
from index.ranking.fuse import COMPLETE, EXACT, POWER, Kind, kind_of
from index.records import Vectors
from index.results import MARGIN, SLACK, Signals
from index.vectors.chosen import are_among, best_places, joined
from index.vectors.grouped import sort_keys
from index.vectors.row_scores import RowScores
from index.vectors.rows import Nearest, Rows, VectorSource
from index.vectors.scan import Ranked
from index.vectors.state import IndexState

GATHER_BELOW = 1 / 4
"""Part of the rows from which on comparing all vectors is faster than gathering those of some rows."""
MANY = 500
"""Rows from which on comparing one vector first, and the other one where the score is still in reach, is faster."""
STARTED = 256
"""Rows with the most words that are scored for a bound, about."""


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
        self._reach = reach
        self._few = int(GATHER_BELOW * len(found)) if reach is None else reach.most
        self.complete = True
        """Whether everything that could be among the results was looked at, so far."""
        self._found = found
        self._within = found if within is None else within
        self._scores = RowScores(state, vectors, side, vector, query, found, calibration.scales)
        self.kind: Kind = kind_of(
            query.mode, query.parsed, query.text_share, self._scores.most if self._scores.weights.words else 1.0
        )
        # The curves are of products: descriptions have scores of their own.
        self.curve: Curve | None = calibration.curves.get(self.kind) if side == "images" else None
        self.cutoff = calibration.auto.get(self.kind) if query.cutoff == "auto" else query.cutoff
        self._least = -np.inf if query.min_score is None else query.min_score
        if self.cutoff is not None and self.curve is not None:
            self._least = max(self._least, self.curve.score_at(self.cutoff))
        if query.cutoff == "auto" and self.kind == "doubtful":
            self._least = np.inf  # descriptions, which have no curves, are no exception
        if self.cutoff is not None and len(self._scores.exact):
            self._least = min(self._least, EXACT)
        self._lexical = query.mode == "lexical"
        self.slack = float(SLACK * max(1.0, float(np.linalg.norm(vector))))
        """A coarse score and an exact one differ by less."""
        self._slack = np.float32(self.slack)

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
        if not self.complete and self._least <= self._scores.weights.words:
            chosen |= self._scores.words >= COMPLETE**POWER  # what has all words is left out by no vectors
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
            best = best_places(scores, kept)
            exact = self._scores.score(rows[best])
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
            return rows, self._scores.score(rows)
        keys = sort_keys(self._state, sort, rows)
        if 4 * (width + MARGIN) < len(rows):
            # Only what may be among the first ones is scored, equals of the last one included.
            near = keys <= np.partition(keys, width + MARGIN)[width + MARGIN]
            rows, keys = rows[near], keys[near]
        scores = self._scores.coarse(rows)
        order = np.lexsort((rows, -scores, keys))
        rows, keys, scores = rows[order], keys[order], scores[order]
        kept = min(len(rows), width + MARGIN)
        while width > 0:
            exact = self._scores.score(rows[:kept])
            order = np.lexsort((rows[:kept], -exact, keys[:kept]))[:width]
            last = order[-1]
            # What was left out comes after the last wanted one, give or take the slack.
            if kept == len(rows) or keys[kept] > keys[last] or scores[kept] + self._slack < exact[last]:
                return rows[order], exact[order]
            kept = min(len(rows), 8 * kept)
        return rows[:0], scores[:0]

    def every(self, passing: Mask, *, whole: bool = False) -> Ranked:
        """Return all rows that pass (N,) and are not left out for their score, in order, and coarse scores.

        Where everything is too much they are those that may be best, unless `whole` asks for all.
        """
        if self.bounded:
            rows, scores = self._relevant
            chosen = passing[rows]
            return rows[chosen], scores[chosen]
        few = whole or np.count_nonzero(passing) < self._few
        rows = np.flatnonzero(passing) if few else self._every(passing)
        scores = self._scores.coarse(rows)
        kept = passing[rows]
        return rows[kept], scores[kept]

    def coarse(self, rows: Rows) -> Vectors:
        """Return the scores (K,) of rows, give or take the slack."""
        return self._scores.coarse(rows)

    def exact(self, rows: Rows) -> Vectors:
        """Return the scores (K,) of rows, each summed in one fixed way."""
        return self._scores.score(rows)

    def shown(self, rows: Rows, scores: Vectors) -> Vectors:
        """Return what is shown as the scores (K,) of rows that were ranked by these scores."""
        return self._scores.shown(rows) if self._scores.apart else scores

    def signals(self, rows: Rows) -> list[Signals]:
        """Return what the scores of rows are made of."""
        return self._scores.signals(rows)

    def pictures(self, rows: Rows) -> Nearest:
        """Return the picture of each of some rows that is nearest to the query."""
        return self._scores.pictures(rows)

    def picture_numbers(self, rows: Rows) -> list[int]:
        """Return which picture of each of some rows is nearest to the query, the first for 0."""
        return self._scores.numbers(rows)

    def relevance(self, rows: Rows, scores: Vectors) -> Vectors | None:
        """Return the relevance (K,) of rows with their scores (K,); 1 for those that are exactly what is asked."""
        if self.curve is None:
            return None
        return np.where(are_among(rows, self._scores.exact), np.float32(1), self.curve.of(scores))

    @cached_property
    def _relevant(self) -> Ranked:
        """The rows that may be found and are not left out for their score, in order, and their coarse scores."""
        if self._lexical:
            rows = np.flatnonzero(self._scores.words > 0)
            rows = joined(rows, self._scores.exact)
            rows = rows[self._within[rows]]
            scores = self._scores.score(rows)
            return rows[scores >= self._least], scores[scores >= self._least]
        if self._scores.apart:
            rows = self._every(self._within)
            scores = self._scores.coarse_shown(rows)
        else:
            rows, scores = self._scored_within_reach(self._least, self._within)
        near = np.flatnonzero(np.abs(scores - self._least) <= self._slack)
        if len(near):
            scores[near] = self._scores.shown(rows[near])
        kept = (scores >= self._least) & self._within[rows]
        return rows[kept], self._scores.ranked(rows[kept], scores[kept])

    def _candidates(self, count: int, passing: Mask) -> Ranked:
        """Return the rows that may be among the best `count` of those that pass (N,), and their coarse scores."""
        reached = -np.inf
        if self._scores.weights.words and (start := self._wordiest(count, passing)) is not None:
            scores = self._scores.coarse(start)
            reached = float(np.partition(scores, len(scores) - count)[len(scores) - count]) - float(self._slack)
        if self._compares_all(reached) and np.count_nonzero(passing) > count:
            start = best_places(np.where(passing, self._partial, np.float32(-np.inf)), count)
            reached = max(reached, float(self._scores.coarse(start).min()) - float(self._slack))
        rows, scores = self._scored_within_reach(reached, passing)
        kept = passing[rows]
        return rows[kept], scores[kept]

    def _compares_all(self, score: float) -> bool:
        """Return whether words alone leave no row out that can have a score, and no index limits what is compared."""
        weights = self._scores.weights
        return self._reach is None and bool(weights.words) and score - weights.vectors <= 0

    def _scored_within_reach(self, score: float, passing: Mask) -> Ranked:
        """Return rows, in order, among them all that pass (N,) and can have a score, and their coarse scores.

        Where words leave no row out, the better of the two vectors is compared with all rows, and the lesser one only
        where the score is still in reach.
        """
        if self._compares_all(score) and score > -np.inf:
            rows = np.flatnonzero((self._partial >= score - self._scores.lesser - 1e-5 - self.slack) & passing)
            if len(rows) <= self._few:
                rows = joined(rows, self._scores.exact)
                return rows, self._scores.coarse(rows)
        rows = self._within_reach(score, passing)
        if MANY < len(rows) < len(self._found):
            near = self._scores.partial(rows) >= score - self._scores.lesser - 1e-5 - self.slack
            rows = joined(rows[near], self._scores.exact)
        return rows, self._scores.coarse(rows)

    @cached_property
    def _partial(self) -> Vectors:
        """The coarse scores (N,) without what the lesser of the two vectors adds."""
        return self._scores.partial(None)

    def _within_reach(self, score: float, passing: Mask) -> Rows:
        """Return rows, in order, among them all that pass (N,) and can have a score; all rows, where they are many."""
        if not self._scores.weights.words or score == -np.inf:
            return self._every(passing)
        need = (score - self._scores.weights.vectors) / self._scores.weights.words
        if need <= 0:
            return self._every(passing)
        rows = np.flatnonzero((self._scores.words >= need - 1e-5) & passing)
        if len(rows) > self._few:
            return self._every(passing)
        return joined(rows, self._scores.exact)

    def _every(self, passing: Mask) -> Rows:
        """Return all rows; where vectors are far away, those that pass and may be best."""
        if self._reach is None:
            return np.arange(len(self._found))
        rows, complete = self._reach.nearest(self._scores.words, passing)
        self.complete &= complete
        return joined(rows, self._scores.exact)

    def _wordiest(self, count: int, passing: Mask) -> Rows | None:
        """Return `count` or more of the rows that pass (N,) and have the most words; None where they say little."""
        words = np.where(passing, self._scores.words, -1)
        top = float(words.max(initial=0.0))
        if top <= 0:
            return None
        rows = np.flatnonzero(words >= top - 1e-6)
        if len(rows) < count:
            rows = np.flatnonzero(words >= 0.5 * top)
            if len(rows) < count:
                return None
            rows = rows[words[rows] >= np.partition(words[rows], len(rows) - count)[len(rows) - count]]
        # A bound needs no more; a few hundred of equal rows tell it well.
        return rows[:: max(1, len(rows) // max(count, STARTED))] if len(rows) <= self._few else None
