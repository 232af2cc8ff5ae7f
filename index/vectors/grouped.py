"""Results by groups: the best product of each group, with the others that it stands for.

Exact: the best rows of the whole ranking are folded, and where they hold too few groups, all rows are. So pages neither
repeat nor skip a group, and k groups come back whenever there are k.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from index.attributes import Mask
from index.query import NEWEST, Sort
from index.results import MARGIN, MEMBERS, Group
from index.vectors.groups import Grouping
from index.vectors.rows import Rows
from index.vectors.state import IndexState

Floats = npt.NDArray[np.floating]
Leading = tuple[Rows, Floats]
"""Rows and their scores, best first."""
FOLDED = 8
"""Rows for each wanted group that are folded before all rows are."""
GATHER_BELOW = 1 / 4
"""Part of the rows from which on comparing all is faster than gathering those of some groups."""
ONE_BY_ONE = 64
"""Rows of a group that are scored exactly to tell its members: the best ones by coarse scores."""


class GroupRanking(Protocol):
    """What groups need of a ranking; `HybridRanking` is one."""

    slack: float
    """A coarse score and an exact one differ by less."""

    def every(self, passing: Mask, /, *, whole: bool = False) -> Leading:
        """Return all rows that pass (N,) and are not left out for their score, in order, and coarse scores."""

    def coarse(self, rows: Rows, /) -> Floats:
        """Return the scores (K,) of rows, give or take the slack."""

    def exact(self, rows: Rows, /) -> Floats:
        """Return the scores (K,) of rows."""

    def sorted(self, sort: Sort, width: int, passing: Mask, /) -> Leading:
        """Return the first rows in another order than by score."""

    def top(self, width: int, passing: Mask, /) -> Leading:
        """Return the best rows."""


class GroupedRanking:
    """The ranking of one query, by groups.

    Args:
        state: the version.
        grouping: of its rows.
        ranking: of its rows.
        sort: another order than by score; ties by score, then by row.
        passing: (N,) which rows may be found and are not left out for their score.
        top: returns the best rows where that is cheaper than by the ranking.
    """

    def __init__(
        self,
        state: IndexState,
        grouping: Grouping,
        ranking: GroupRanking,
        sort: Sort | None,
        passing: Mask,
        top: Callable[[int], Leading] | None = None,
    ) -> None:
        self._state = state
        self._grouping = grouping
        self._ranking = ranking
        self._sort = sort
        self._passing = passing
        self._top = top
        self.total = grouping.count(passing)
        """How many groups there are."""

    def best(self, end: int, *, whole: bool = False) -> tuple[Rows, Floats, Rows]:
        """Return the best row of each of the first `end` groups, its score, and the numbers of these groups.

        With `whole`, every row that passes is looked at, however far its vectors are.
        """
        end = min(end, self.total)
        if not end:
            none = np.empty(0, dtype=np.int64)
            return none, np.empty(0, dtype=np.float32), none
        width = min(FOLDED * end + MARGIN, int(np.count_nonzero(self._passing)))
        rows, scores = self._leading(width)
        groups = self._grouping.of[rows]
        places = np.sort(np.unique(groups, return_index=True)[1])[:end]
        if len(places) == end:
            return rows[places], scores[places], groups[places]
        return self._folded(end, whole=whole)

    def _leading(self, width: int) -> Leading:
        if self._sort is not None:
            return self._ranking.sorted(self._sort, width, self._passing)
        return self._ranking.top(width, self._passing) if self._top is None else self._top(width)

    def _folded(self, end: int, *, whole: bool) -> tuple[Rows, Floats, Rows]:
        """Return what `best` does, from the scores of all rows."""
        rows, coarse = self._ranking.every(self._passing, whole=whole)
        groups, size = self._grouping.of[rows], self._grouping.size
        present = np.zeros(size, dtype=np.bool_)
        present[groups] = True
        numbers = np.flatnonzero(present)
        first = np.where(present, 0.0, np.inf)
        if self._sort is not None:
            keys = sort_keys(self._state, self._sort, rows)
            first[numbers] = np.inf
            np.minimum.at(first, groups, keys)
            leading = keys == first[groups]
            rows, groups, coarse = rows[leading], groups[leading], coarse[leading]
        best = np.full(size, -np.inf)
        np.maximum.at(best, groups, coarse)
        slack, total = self._ranking.slack, len(numbers)
        order = numbers[np.lexsort((-best[numbers], first[numbers]))]
        end = min(end, total)
        width = min(total, end + MARGIN)
        while True:
            chosen = np.zeros(size, dtype=np.bool_)
            chosen[order[:width]] = True
            near = np.flatnonzero(chosen[groups])
            near = near[coarse[near] >= best[groups[near]] - 2 * slack]
            exact = self._ranking.exact(rows[near])
            inside = np.lexsort((rows[near], -exact, groups[near]))
            inside = inside[np.diff(groups[near][inside], prepend=-1) != 0]
            leaders, scores, of = rows[near][inside], exact[inside], groups[near][inside]
            found = np.lexsort((leaders, -scores, first[of]))[:end]
            last = found[-1]
            # What was left out comes after the last wanted group, give or take the slack.
            if width == total or (first[order[width]] > first[of[last]] or best[order[width]] + slack < scores[last]):
                return leaders[found], scores[found], of[found]
            width = min(total, 8 * width)

    def members(self, wanted: Rows) -> list[Group]:
        """Return the groups with some numbers (K,), each with its best rows in the order of the results."""
        place_of = np.full(self._grouping.size, -1, dtype=np.int64)
        place_of[wanted] = np.arange(len(wanted))
        places = place_of[self._grouping.of]
        rows = np.flatnonzero((places >= 0) & self._passing)
        places = places[rows]
        rows = rows[np.argsort(places, kind="stable")]
        coarse = None
        if len(rows) > GATHER_BELOW * len(self._passing):
            # Comparing all rows is faster than gathering so many.
            coarse = self._ranking.coarse(np.arange(len(self._passing)))
        cuts = np.searchsorted(np.sort(places), np.arange(len(wanted) + 1)).tolist()
        made = []
        for place, number in enumerate(wanted.tolist()):
            of = rows[cuts[place] : cuts[place + 1]]
            count = len(of)
            if count > 1:
                of = self._ordered(of, coarse)[:MEMBERS]
            products = [self._state.rows.product(row) for row in of.tolist()]
            made.append(Group(self._grouping.value(number), count, products))
        return made

    def _ordered(self, rows: Rows, coarse: Floats | None) -> Rows:
        """Return the rows of one group in the order of the results; exactly so for the first ones."""
        keys = np.zeros(len(rows)) if self._sort is None else sort_keys(self._state, self._sort, rows)
        if len(rows) > ONE_BY_ONE:
            scores = self._ranking.coarse(rows) if coarse is None else coarse[rows]
            if self._sort is None:
                best = np.argpartition(-scores, ONE_BY_ONE)[:ONE_BY_ONE]
            else:
                best = np.lexsort((rows, -scores, keys))[:ONE_BY_ONE]
            rows, keys = rows[best], keys[best]
        return rows[np.lexsort((rows, -self._ranking.exact(rows), keys))]


def sort_keys(state: IndexState, sort: Sort, rows: Rows) -> Floats:
    """Return numbers (K,) by which rows are sorted, the lowest first; ties are left to their scores."""
    if sort.by == NEWEST:
        return -rows.astype(np.float64)
    view = state.columns.get(sort.by)
    # An attribute that no product has any more puts none before another.
    return np.zeros(len(rows)) if view is None else view.order(rows, descending=sort.descending)
