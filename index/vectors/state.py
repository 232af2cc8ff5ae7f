"""One version of a catalogue over shared rows: which rows live, and which row stands for each title.

A state never changes; `updated` makes the next one. Knows no scan and no queries but their filters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

import numpy as np

from common import InputError
from index.ann import AnnIndex, Columns, Indexed
from index.attributes import Mask
from index.fields import Field
from index.filters import Filters
from index.histograms import Histogram
from index.product import title_key
from index.query import SIDES, SearchQuery, Side, check_query
from index.records import CatalogueInfo, Changes, Snapshot, Vectors
from index.vectors.facets import ColumnView
from index.vectors.groups import Grouping
from index.vectors.pictures import Pictures
from index.vectors.rows import ProductRows, Rows, VectorSource
from index.vectors.subset import RowSubset
from index.words import PostingLists, WordIndex

DEAD_ROWS = 0.25
"""Part of the appended rows that may be dead, before the living ones are copied to a new table."""

DEAD_ROWS_LEFT = 1024
"""Dead rows that are never worth the copy."""

KEPT_GROUPINGS = 4
"""Attributes whose groups are kept for the next query."""


class IndexState:
    """N rows, of which some are products of this version.

    Args:
        info: of the catalogue.
        version: of the catalogue.
        rows: shared with the states before this one; those that it has now are the N rows.
        ann: for none, some or all an index over the rows of the base: of all rows for images, of the first row of each
            title for texts, of all further pictures.
        alive: (N,) which rows are products of this version; None for all.
        title_rows: (T,) the first living row of each title, whose words and vector stand for it; -1: there is none.
            None for the first rows.
        having: attribute -> how many living rows have it; counted when it is not given.
        words: of the N rows; made from their products when it is not given.
        gone: attributes that products had once; some may have them again.
    """

    def __init__(
        self,
        info: CatalogueInfo,
        version: int,
        rows: ProductRows,
        ann: Mapping[Indexed, AnnIndex],
        alive: Mask | None = None,
        title_rows: Rows | None = None,
        having: Mapping[str, int] | None = None,
        words: WordIndex | None = None,
        gone: frozenset[str] = frozenset(),
    ) -> None:
        self.info = info
        self.version = version
        self.rows = rows
        self.ann = ann
        self.alive = np.ones(rows.count, dtype=np.bool_) if alive is None else alive
        self.title_rows = rows.first_title_rows() if title_rows is None else title_rows
        self.count = int(np.count_nonzero(self.alive))
        self.words = WordIndex.of([rows.product(row) for row in range(rows.count)]) if words is None else words
        # Taken now: the rows may grow under the next version.
        self.vectors = {side: rows.vectors(side) for side in SIDES}
        self.pictures = Pictures(self.vectors["images"], rows.further(), ann.get("further"))
        self.sources: dict[Side, VectorSource] = {"images": self.pictures, "texts": self.vectors["texts"]}
        self.title_of = rows.title_of[: len(self.alive)]
        self.hubs: Vectors | None = None if rows.hubs is None else rows.hubs[: len(self.alive)]
        """(N,) how much the hubness of each row exceeds the mean; None where the catalogue has none."""
        views = {name: ColumnView(column, column.codes[: len(self.alive)]) for name, column in rows.columns.items()}
        self.having = {name: view.count(self.alive) for name, view in views.items()} if having is None else having
        self.columns = {name: view for name, view in views.items() if self.having[name]}
        self._fields: dict[str, Field] = {}
        self._groupings: dict[str, Grouping] = {}
        self.gone = (gone | views.keys()) - self.columns.keys()
        """Attributes that products had once: no product has one, and asking for it is no error."""

    @classmethod
    def of(cls, snapshot: Snapshot) -> IndexState:
        """Return the state in which all rows are those of a snapshot."""
        # Vectors may be elsewhere: then they have no values.
        rows = ProductRows(snapshot.image_vectors.shape[1], None)
        rows.append(snapshot.products, snapshot.image_vectors, snapshot.text_vectors, snapshot.further, snapshot.hubs)
        return cls(snapshot.info, snapshot.version, rows, {}, gone=snapshot.gone)

    @classmethod
    def over(
        cls,
        base: Columns,
        ann: Mapping[Indexed, AnnIndex],
        words: PostingLists | None = None,
        gone: frozenset[str] = frozenset(),
    ) -> IndexState:
        """Return the state in which all rows are those of a base; their words are made when they are not given."""
        made = None if words is None else WordIndex.over(words)
        return cls(base.info, base.version, ProductRows(base.info.dim, base), ann, words=made, gone=gone)

    def row(self, product_id: str) -> int | None:
        """Return the row of a product in this version; None when there is no such product."""
        row = self.rows.row(product_id)
        # Later versions may have put the product into rows that are not ours.
        while row is not None and row >= len(self.alive):
            row = self.rows.earlier.get(row)
        return row if row is not None and self.alive[row] else None

    def ids_titled(self, title: str) -> list[str]:
        """Return the ids of the products with this title, in whatever case it is written."""
        rows = self.rows.rows_titled(title_key(title))
        return [self.rows.product(row).id for row in rows if row < len(self.alive) and self.alive[row]]

    def passing(self, filters: Filters, exclude: Iterable[str] = ()) -> Mask:
        """Return (N,) which rows pass; `alive` itself when all living ones do."""
        excluded = [row for row in map(self.row, exclude) if row is not None]
        if not filters and not excluded:
            return self.alive
        passing = self.alive.copy()
        for name, condition in filters.items():
            view = self.columns.get(name)
            if view is not None:
                passing &= view.passing(condition)
            elif condition.needs_value:
                passing[:] = False
        passing[excluded] = False
        return passing

    def value_counts(self, name: str, mask: Mask) -> dict[str, int]:
        """Return value of an attribute -> rows in a mask (N,) that have it; none for one that is gone."""
        view = self.columns.get(name)
        return {} if view is None else view.value_counts(mask)

    def histogram(self, name: str, mask: Mask) -> Histogram | None:
        """Return how the numbers or dates of rows in a mask (N,) are spread; None for an attribute that is gone."""
        view = self.columns.get(name)
        return None if view is None else view.histogram(mask)

    def grouping(self, name: str) -> Grouping:
        """Return the groups of this version by an attribute; kept for the next query."""
        found = self._groupings.get(name)
        if found is None:
            if len(self._groupings) >= KEPT_GROUPINGS:
                self._groupings = {}
            found = self._groupings[name] = Grouping(self, name)
        return found

    def check(self, query: SearchQuery) -> None:
        """Refuse a query on an attribute that no product has or had, or that holds nothing that a bound compares.

        Raises:
            InputError: names the known attributes; or says what the attribute holds, and what is needed.
        """
        check_query(self.columns, query, self.gone)
        self.check_bounds(query.filters)

    def check_bounds(self, filters: Filters) -> None:
        """Refuse bounds on an attribute that holds nothing that they compare.

        Raises:
            InputError: says what the attribute holds, and what is needed.
        """
        for name, condition in filters.items():
            if condition.bounds and (fault := self.field(name).fault(name, condition.bounds[0].of)):
                raise InputError(fault)

    def notes(self, filters: Filters) -> tuple[str, ...]:
        """Return how many products bounds leave out since they hold another kind of value."""
        given = [(name, condition.bounds[0].of) for name, condition in filters.items() if condition.bounds]
        return tuple(note for name, of in given if (note := self.field(name).note(name, of)))

    def field(self, name: str) -> Field:
        """Return what the products hold of an attribute."""
        found = self._fields.get(name)
        if found is None:
            view = self.columns.get(name)
            found = Field("text", 0, {}, {}) if view is None else view.field(self.alive)
            self._fields[name] = found
        return found

    def fields(self, names: Iterable[str] | None = None) -> dict[str, Field]:
        """Return what the products hold of some attributes; of all, when None. Those that are gone are left out."""
        return {name: self.field(name) for name in (self.columns if names is None else names) if name in self.columns}

    def subset(self, side: Side, passing: Mask) -> RowSubset:
        """Return the rows that a search of one side is over, when `passing` (N,) may be found."""
        if passing is self.alive:
            return self._all[side]
        return self._subset(side, self.rows_of(side, passing))

    def rows_of(self, side: Side, passing: Mask) -> Mask:
        """Return (N,) which rows stand for what passes: the products, or the first living row of each of their titles.

        A title passes when one of its products does; its own row stands for it even when that does not pass.
        """
        if side == "images":
            return passing
        mask = np.zeros(len(self.alive), dtype=np.bool_)
        mask[self.title_rows[self.title_of[passing]]] = True
        return mask

    def carrying(self, titles: Mask) -> Mask:
        """Return (N,) which rows carry a title that one of the rows in a mask (N,) stands for."""
        carried = np.zeros(len(self.title_rows), dtype=np.bool_)
        carried[self.title_of[titles]] = True
        return np.asarray(carried[self.title_of] & self.alive)

    def title_count(self, passing: Mask) -> int:
        """Return how many titles the `passing` rows (N,) carry."""
        if passing is self.alive:
            return self._all["texts"].total
        carried = np.zeros(len(self.title_rows), dtype=np.bool_)
        carried[self.title_of[passing]] = True
        return int(np.count_nonzero(carried))

    @cached_property
    def _all(self) -> dict[Side, RowSubset]:
        titles = np.zeros(len(self.alive), dtype=np.bool_)
        titles[self.title_rows[self.title_rows >= 0]] = True
        images = self._subset("images", None if self.count == len(self.alive) else self.alive)
        return {"images": images, "texts": self._subset("texts", titles)}

    def _subset(self, side: Side, mask: Mask | None) -> RowSubset:
        ann = self.ann.get(side)
        labels = (
            self.rows.base.title_rows if self.rows.base is not None and ann is not None and side == "texts" else None
        )
        return RowSubset(mask, len(self.alive), ann, labels)


def updated(state: IndexState, changes: Changes) -> IndexState:
    """Return the state with these changes in it; costs as much as there is to change.

    Only the newest state over its rows can be updated.
    """
    rows, before = state.rows, len(state.alive)
    if rows.count != before:
        raise ValueError("this index was updated already; update the newest one")
    touched = {*changes.removed, *(product.id for product in changes.products)}
    gone = [row for row in map(state.row, touched) if row is not None]
    left = [rows.product(row) for row in gone]
    rows.append(changes.products, changes.image_vectors, changes.text_vectors, changes.further, changes.hubs)
    alive = np.ones(rows.count, dtype=np.bool_)
    alive[:before] = state.alive
    alive[gone] = False
    title_rows = np.full(rows.title_count, -1, dtype=np.int64)
    title_rows[: len(state.title_rows)] = state.title_rows
    for title in {int(rows.title_of[row]) for row in (*gone, *range(before, len(alive)))}:
        title_rows[title] = _first_living(rows, title, alive)
    having = {}
    for name, column in rows.columns.items():
        came = np.count_nonzero(column.codes[before : len(alive)] >= 0)
        having[name] = state.having.get(name, 0) + int(came) - int(np.count_nonzero(column.codes[gone] >= 0))
    words = state.words.updated(alive, left, changes.products)
    names = state.gone | state.columns.keys() | changes.gone
    later = alive[rows.base_count :]
    if len(later) - int(np.count_nonzero(later)) > max(DEAD_ROWS_LEFT, DEAD_ROWS * len(later)):
        rows, alive, title_rows = _compacted(rows, alive, Pictures(rows.vectors("images"), rows.further()))
        having = {name: having[name] for name in rows.columns}
        words = words.remade(alive, rows.base_count, [rows.product(row) for row in range(rows.base_count, rows.count)])
    return IndexState(state.info, changes.version, rows, state.ann, alive, title_rows, having, words, names)


def _compacted(rows: ProductRows, alive: Mask, pictures: Pictures) -> tuple[ProductRows, Mask, Rows]:
    """Return a new table without the dead appended rows, which of its rows live, and the row of each title.

    The dead rows of the base stay, masked: they cost no more than they did alive.
    """
    kept = np.flatnonzero(alive[rows.base_count :]) + rows.base_count
    fresh = ProductRows(rows.vectors("images").fixed.shape[1], rows.base)
    products = [rows.product(row) for row in kept.tolist()]
    hubs = None if rows.hubs is None else rows.hubs[kept]
    fresh.append(products, pictures.of(kept), rows.vectors("texts").of(kept), pictures.further_of(kept), hubs)
    lives = np.ones(fresh.count, dtype=np.bool_)
    lives[: rows.base_count] = alive[: rows.base_count]
    title_rows = fresh.first_title_rows()
    for title in np.unique(fresh.title_of[: rows.base_count][~alive[: rows.base_count]]).tolist():
        title_rows[title] = _first_living(fresh, title, lives)
    return fresh, lives, title_rows


def _first_living(rows: ProductRows, title: int, alive: Mask) -> int:
    return next((row for row in rows.rows_with_title(title) if alive[row]), -1)
