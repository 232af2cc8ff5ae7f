"""All pictures of the rows: a product is as near to a query as the nearest of its pictures.

The first pictures are an array by row. The further ones follow each other in a second array, beside the row of each: a
catalogue in which every product has one picture is searched as if there were no others.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from index.ann import AnnIndex
from index.pictures import FurtherVectors, starts_of
from index.records import Vectors
from index.vectors.rows import FurtherRows, Nearest, Rows, RowVectors
from index.vectors.subset import RowSubset


class Pictures:
    """The pictures of N rows, M further ones among them.

    Args:
        first: (N, D).
        further: of the same rows.
        ann: an index over some of the further pictures, those that come first.
    """

    def __init__(self, first: RowVectors, further: FurtherRows, ann: AnnIndex | None = None) -> None:
        self.first = first
        self._owners = further.owners
        self._further = further.vectors
        self._ann = ann
        self._subset: tuple[RowSubset, RowSubset] | None = None

    @property
    def several(self) -> bool:
        """Whether any row has more than one picture."""
        return bool(len(self._owners))

    def of(self, rows: Rows) -> Vectors:
        """Return the vectors (K, D) of the first pictures of some rows."""
        return self.first.of(rows)

    def times(self, vector: Vectors, rows: Rows | None) -> Vectors:
        """Return the largest inner products (K,) of some rows with `vector` (D,), or of all (N,), in any order."""
        best = self.first.times(vector, rows)
        if not self.several:
            return best
        if rows is None:
            found, starts = self._further.times(vector, None), self._starts
            owners = self._owners[starts]
        else:
            owners, places = self._places(rows)
            if not len(places):
                return best
            found = self._further.times(vector, places)
            starts = starts_of(owners)
            owners = owners[starts]
        best[owners] = np.maximum(best[owners], np.maximum.reduceat(found, starts))
        return best

    def cosines(self, vector: Vectors, rows: Rows) -> Vectors:
        """Return the largest inner products (K,) of some rows with `vector` (D,), summed in one fixed way."""
        return self.nearest(vector, rows).scores if self.several else self.first.cosines(vector, rows)

    def nearest(self, query: Vectors, rows: Rows) -> Nearest:
        """Return which picture of each of some rows (K,) is nearest to a query (D,)."""
        first = self.first.of(rows)
        owners, places = self._places(rows)
        return nearest_of(query, first, owners, self._further.of(places))

    def numbers(self, query: Vectors, rows: Rows) -> list[int]:
        """Return which picture of each of some rows is nearest to a query (D,), the first for 0."""
        return self.nearest(query, rows).numbers.tolist() if self.several else [0] * len(rows)

    def mean(self, rows: Rows) -> Vectors:
        """Return for each of some rows the mean (K, D) of its pictures, of unit length; of one picture itself."""
        first = self.first.of(rows)
        owners, places = self._places(rows)
        return mean_of(first, owners, self._further.of(places))

    def further_of(self, rows: Rows) -> FurtherVectors | None:
        """Return the further pictures of some rows; None where they have none."""
        owners, places = self._places(rows)
        return FurtherVectors(owners, self._further.of(places)) if len(places) else None

    def subset(self, subset: RowSubset, *, exact: bool = False) -> RowSubset:
        """Return which of the further pictures belong to a subset of the rows; with `exact`, without an index."""
        if exact:
            mask = None if subset.mask is None else subset.mask[self._owners]
            return RowSubset(mask, len(self._owners))
        # Several threads search at once, and any of them may keep its own: what was found is held on to.
        kept = self._subset
        if kept is None or kept[0] is not subset:
            mask = None if subset.mask is None else subset.mask[self._owners]
            kept = self._subset = subset, RowSubset(mask, len(self._owners), self._ann)
        return kept[1]

    def owners_of(self, places: Rows) -> Rows:
        """Return the rows of some of the further pictures."""
        return np.asarray(self._owners[places], dtype=np.int64)

    def of_owners(self, numbers: Vectors) -> Vectors:
        """Return for each of the further pictures (M,) the number that its row has, of those of all rows (N,)."""
        return np.asarray(numbers[self._owners])

    @property
    def further(self) -> RowVectors:
        """(M, D) of the further pictures."""
        return self._further

    @cached_property
    def _starts(self) -> Rows:
        """Where the further pictures of each row that has some begin."""
        return starts_of(self._owners)

    def _places(self, rows: Rows) -> tuple[Rows, Rows]:
        """Return the further pictures of some rows (K,): for each, which of the K it belongs to, and its place."""
        if not self.several:
            return rows[:0], rows[:0]
        wanted = rows.astype(self._owners.dtype)  # else all of the owners were brought to the type of the rows
        starts = np.searchsorted(self._owners, wanted, side="left")
        counts = np.searchsorted(self._owners, wanted, side="right") - starts
        owners = np.repeat(np.arange(len(rows)), counts)
        before = np.cumsum(counts) - counts
        return owners, np.arange(len(owners)) - np.repeat(before - starts, counts)


def nearest_of(query: Vectors, first: Vectors, owners: Rows, further: Vectors) -> Nearest:
    """Return which picture of each of K products is nearest to a query.

    Args:
        query: (D,).
        first: (K, D), of their first pictures.
        owners: (M,) ascending: which of the K each further picture belongs to.
        further: (M, D).
    """
    scores = (first * query).sum(axis=1)
    numbers, vectors = np.zeros(len(first), dtype=np.int64), first
    if not len(owners):
        return Nearest(scores, numbers, vectors)
    found = (further * query).sum(axis=1)
    starts = starts_of(owners)
    of, best = owners[starts], np.maximum.reduceat(found, starts)
    # The first of equals: places of the largest ones, from which those of each product come first.
    group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(owners))))
    _, at = np.unique(group[found == best[group]], return_index=True)
    places = np.flatnonzero(found == best[group])[at]
    nearer = best > scores[of]
    of, places = of[nearer], places[nearer]
    scores[of] = found[places]
    numbers[of] = places - starts[nearer] + 1
    vectors = first.copy()
    vectors[of] = further[places]
    return Nearest(scores, numbers, vectors)


def mean_of(first: Vectors, owners: Rows, further: Vectors) -> Vectors:
    """Return the mean (K, D) of the pictures of each of K products, of unit length; arguments as `nearest_of`."""
    if not len(owners):
        return first
    starts = starts_of(owners)
    of = owners[starts]
    sums = first[of] + np.add.reduceat(further, starts, axis=0)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    means = first.copy()
    # Pictures that cancel each other out have no mean: the first one stands for them.
    means[of] = np.where(lengths > 1e-6, sums / np.maximum(lengths, 1e-6), first[of])
    return means
