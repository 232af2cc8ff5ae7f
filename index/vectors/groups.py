"""Results by groups: the best product of each value of an attribute, with the others that it stands for.

Exact: every row that passes is looked at, so pages neither repeat nor skip a group, and k groups come back whenever
there are k.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from index.attributes import Mask
from index.query import MAX_COUNTED, NEWEST, Sort
from index.results import MARGIN, MEMBERS, Group
from index.vectors.rows import Rows
from index.vectors.state import IndexState

Floats = npt.NDArray[np.floating]
ONE_BY_ONE = 64
"""Rows of a group that are scored exactly to tell its members: the best ones by coarse scores."""


class GroupRanking(Protocol):
    """What groups need of a ranking; `HybridRanking` is one."""

    slack: float
    """A coarse score and an exact one differ by less."""

    def every(self, passing: Mask, /, *, whole: bool = False) -> tuple[Rows, Floats]:
        """Return all rows that pass (N,) and are not left out for their score, in order, and coarse scores."""

    def exact(self, rows: Rows, /) -> Floats:
        """Return the scores (K,) of rows."""


class Grouping:
    """The rows of one version by their groups.

    Args:
        state: the version.
        name: of the attribute whose values make the groups.
    """

    def __init__(self, state: IndexState, name: str) -> None:
        self.state = state
        view = state.columns.get(name)
        self._view = view
        self._first = np.empty(0, dtype=np.int32) if view is None else view.column.first()
        self.size = len(self._first) + len(state.alive)
        """More than the number of any group."""

    def of(self, rows: Rows) -> Rows:
        """Return the number (K,) of the group of each row; a row without a value has one for itself."""
        alone = rows + len(self._first)
        if self._view is None:
            return alone
        codes = self._view.codes[rows]
        return np.where(codes < 0, alone, self._first[codes] if len(self._first) else alone)

    def value(self, group: int) -> str | None:
        """Return the value of a group as it was first written; None for a row without one."""
        return self._view.column.values[group] if self._view is not None and group < len(self._first) else None

    def count(self, passing: Mask) -> int:
        """Return how many groups have a row that passes (N,)."""
        present = np.zeros(self.size, dtype=np.bool_)
        present[self.of(np.flatnonzero(passing))] = True
        return int(np.count_nonzero(present))

    def value_counts(self, name: str, passing: Mask) -> dict[str, int]:
        """Return value of an attribute -> groups with a row that passes (N,) and has it, most frequent first."""
        view = self.state.columns.get(name)
        if view is None:
            return {}
        rows = np.flatnonzero(passing & (view.codes >= 0))
        groups, codes = self.of(rows), view.codes[rows].astype(np.int64)
        members = view.column.members
        if members:
            # A list counts for each of its texts: its rows come once more for each.
            listed = np.isin(codes, np.fromiter(members, dtype=np.int64))
            pairs = [
                (group, one) for group, code in zip(groups[listed], codes[listed], strict=True) for one in members[code]
            ]
            more = np.array(pairs, dtype=np.int64).reshape(-1, 2)
            groups = np.concatenate([groups[~listed], more[:, 0]])
            codes = np.concatenate([codes[~listed], more[:, 1]])
        # Rows that are alone in their group are distinct already: only the others are compared.
        size = len(view.column.values)
        shared = groups < len(self._first)
        distinct = np.unique(groups[shared] * size + codes[shared]) % size
        alone = codes[~shared]
        if members:
            alone = np.unique(groups[~shared] * size + alone) % size
        found = np.bincount(distinct, minlength=size) + np.bincount(alone, minlength=size)
        order = np.argsort(-found, kind="stable")[:MAX_COUNTED]
        return {view.column.values[code]: int(found[code]) for code in order.tolist() if found[code]}


class GroupedRanking:
    """The ranking of one query, by groups.

    Args:
        grouping: of the rows.
        ranking: of the rows.
        sort: another order than by score; ties by score, then by row.
        passing: (N,) which rows may be found.
        whole: look at every row that passes, however far its vectors are.
    """

    def __init__(
        self, grouping: Grouping, ranking: GroupRanking, sort: Sort | None, passing: Mask, *, whole: bool = False
    ) -> None:
        self._grouping = grouping
        self._ranking = ranking
        self._rows, self._coarse = ranking.every(passing, whole=whole)
        self._groups = grouping.of(self._rows)
        self._keys = None if sort is None else sort_keys(grouping.state, sort, self._rows)
        self._present = np.bincount(self._groups, minlength=grouping.size) > 0
        self.total = int(np.count_nonzero(self._present))
        """How many groups there are."""

    def best(self, end: int) -> tuple[Rows, Floats, Rows]:
        """Return the best row of each of the first `end` groups, its score, and the numbers of these groups."""
        rows, groups, coarse = self._rows, self._groups, self._coarse
        first = np.full(self._grouping.size, np.inf)
        if self._keys is None:
            first[self._present] = 0
        else:
            np.minimum.at(first, groups, self._keys)
            leading = self._keys == first[groups]
            rows, groups, coarse = rows[leading], groups[leading], coarse[leading]
        best = np.full(self._grouping.size, -np.inf)
        np.maximum.at(best, groups, coarse)
        present, slack = np.flatnonzero(self._present), self._ranking.slack
        end = min(end, self.total)
        width = min(self.total, end + MARGIN)
        while end:
            order = present[_leading(first[present], best[present], min(self.total, width + 1))]
            chosen = np.zeros(self._grouping.size, dtype=np.bool_)
            chosen[order[:width]] = True
            near = np.flatnonzero(chosen[groups])
            near = near[coarse[near] >= best[groups[near]] - 2 * slack]
            exact = self._ranking.exact(rows[near])
            inside = np.lexsort((rows[near], -exact, groups[near]))
            inside = inside[np.concatenate([[True], np.diff(groups[near][inside]) != 0])]
            leaders, scores, of = rows[near][inside], exact[inside], groups[near][inside]
            found = np.lexsort((leaders, -scores, first[of]))[:end]
            last = found[-1]
            # What was left out comes after the last wanted group, give or take the slack.
            if width == self.total or (
                first[order[width]] > first[of[last]] or best[order[width]] + slack < scores[last]
            ):
                return leaders[found], scores[found], of[found]
            width = min(self.total, 8 * width)
        none = np.empty(0, dtype=np.int64)
        return none, np.empty(0, dtype=np.float32), none

    def members(self, wanted: Rows) -> list[Group]:
        """Return the groups with some numbers (K,), each with its best rows in the order of the results."""
        place_of = np.full(self._grouping.size, -1, dtype=np.int64)
        place_of[wanted] = np.arange(len(wanted))
        kept = np.flatnonzero(place_of[self._groups] >= 0)
        rows, coarse, places = self._rows[kept], self._coarse[kept], place_of[self._groups[kept]]
        keys = np.zeros(len(rows)) if self._keys is None else self._keys[kept]
        order = np.lexsort((rows, -coarse, keys, places))
        cuts = np.searchsorted(places[order], np.arange(len(wanted) + 1))
        made = []
        for place, number in enumerate(wanted.tolist()):
            of = order[cuts[place] : cuts[place + 1]]
            count, of = len(of), of[:ONE_BY_ONE]
            of = of[np.lexsort((rows[of], -self._ranking.exact(rows[of]), keys[of]))][:MEMBERS]
            products = [self._grouping.state.rows.product(row) for row in rows[of].tolist()]
            made.append(Group(self._grouping.value(number), count, products))
        return made


def sort_keys(state: IndexState, sort: Sort, rows: Rows) -> Floats:
    """Return numbers (K,) by which rows are sorted, the lowest first; ties are left to their scores."""
    if sort.by == NEWEST:
        return -rows.astype(np.float64)
    view = state.columns.get(sort.by)
    # An attribute that no product has any more puts none before another.
    return np.zeros(len(rows)) if view is None else view.order(rows, descending=sort.descending)


def _leading(keys: Floats, scores: Floats, count: int) -> Rows:
    """Return the places of the first `count`, by the lowest key and then by the highest score."""
    if count >= len(keys) // 4 or keys[0] != keys[-1] or (keys != keys[0]).any():
        return np.lexsort((-scores, keys))[:count]
    best = np.argpartition(scores, len(scores) - count)[len(scores) - count :]
    return np.asarray(best[np.argsort(-scores[best], kind="stable")])
