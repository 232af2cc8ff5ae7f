"""The products of a catalogue row by row, in a table that is only ever appended to.

The versions of an index share it: rows that one of them knows never change. Knows no search and no liveness.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from index.ann import Columns
from index.attributes import AttributeColumn
from index.pictures import FurtherVectors
from index.product import Product, title_key
from index.query import Side
from index.records import Vectors

Rows = npt.NDArray[np.int64]
Integers = npt.NDArray[np.integer[Any]]


class Nearest(NamedTuple):
    """For each of K rows, its picture that is nearest to a query."""

    scores: Vectors
    """(K,) its cosine, summed in one fixed way."""
    numbers: Rows
    """(K,) which one it is, the first for 0; of equals the first."""
    vectors: Vectors
    """(K, D)."""


class VectorSource(Protocol):
    """The vectors of one side, by row, where a row may have several; `RowVectors` and `Pictures` are such."""

    @property
    def several(self) -> bool:
        """Whether any row has more than one."""

    def of(self, rows: Rows, /) -> Vectors:
        """Return the first vectors (K, D) of some rows."""

    def cosines(self, vector: Vectors, rows: Rows, /) -> Vectors:
        """Return the largest inner products (K,) of some rows with `vector` (D,), summed in one fixed way."""

    def nearest(self, query: Vectors, rows: Rows, /) -> Nearest:
        """Return which vector of each of some rows (K,) is nearest to a query (D,)."""

    def times(self, vector: Vectors, rows: Rows | None, /) -> Vectors:
        """Return the largest inner products (K,) of some rows with `vector` (D,), or of all (N,), in any order."""


def first_pictures(images: VectorSource, rows: Rows) -> Nearest:
    """Return the first picture of each of some rows, where nothing was compared."""
    nothing = np.zeros(len(rows), dtype=np.int64)
    return Nearest(nothing.astype(np.float32), nothing, images.of(rows))


class RowVectors:
    """The vectors of N rows in two arrays: fixed ones of the base or of the first products, and later ones."""

    def __init__(self, fixed: Vectors, late: Vectors) -> None:
        self.fixed = fixed
        self.late = late

    def __len__(self) -> int:
        return len(self.fixed) + len(self.late)

    @property
    def several(self) -> bool:
        """Whether any row has more than one: none has."""
        return False

    def of(self, rows: Rows) -> Vectors:
        """Return the vectors (K, D) of some rows."""
        if not len(self.late):
            return self.fixed[rows]
        found = np.empty((len(rows), self.fixed.shape[1]), dtype=np.float32)
        late = rows >= len(self.fixed)
        found[~late] = self.fixed[rows[~late]]
        found[late] = self.late[rows[late] - len(self.fixed)]
        return found

    def cosines(self, vector: Vectors, rows: Rows) -> Vectors:
        """Return the inner products (K,) of some rows with `vector` (D,), summed in one fixed way."""
        return np.asarray((self.of(rows) * vector).sum(axis=1))

    def nearest(self, query: Vectors, rows: Rows) -> Nearest:
        """Return of some rows (K,), which have one vector each, that one."""
        return Nearest(self.cosines(query, rows), np.zeros(len(rows), dtype=np.int64), self.of(rows))

    def times(self, vector: Vectors, rows: Rows | None) -> Vectors:
        """Return the inner products (K,) of some rows with `vector` (D,), or of all (N,), summed in any order."""
        # einsum stays in the calling thread: those that BLAS wakes take the cores that encode.
        if rows is not None:
            return np.asarray(np.einsum("ij,j->i", self.of(rows), vector))
        parts = [np.einsum("ij,j->i", part, vector) for part in (self.fixed, self.late) if len(part)]
        if not parts:
            return np.empty(0, dtype=np.float32)
        return np.concatenate(parts) if len(parts) != 1 else np.asarray(parts[0])


class FurtherRows(NamedTuple):
    """The further pictures of N rows, those of a row in their order."""

    owners: Integers
    """(M,) ascending: the row of each."""
    vectors: RowVectors
    """(M, D)."""


class ProductRows:
    """Everything that is known of products, by row: records, ids, titles, attributes, vectors.

    The rows of a base come first. What is known of them is looked up there; dicts and lists hold what came later.
    """

    def __init__(self, dim: int, base: Columns | None) -> None:
        self.base = base
        self.base_count = 0 if base is None else len(base)
        self.count = self.base_count
        self.title_count = 0 if base is None else len(base.titles)
        self.earlier: dict[int, int] = {}  # row -> the row that the same product had before
        self.title_of: Any = np.empty(0, dtype=np.int32)  # (capacity,) number of the title, in order of appearance
        self.hubs: Any = None  # (capacity,) as in a snapshot; None where the catalogue has none
        self.columns: dict[str, AttributeColumn] = {}
        self._later: list[Product] = []
        self._row_of: dict[str, int] = {}
        self._titles: dict[str, int] = {}
        self._rows_with_title: dict[int, list[int]] = {}
        nothing = np.empty((0, dim), dtype=np.float32)
        self._fixed: dict[Side, Vectors] = {"images": nothing, "texts": nothing}  # (F, D)
        self._late: dict[Side, Vectors] = {"images": nothing, "texts": nothing}  # (capacity, D)
        self._owners: Any = np.empty(0, dtype=np.int32)  # (capacity,) of the further pictures
        self._further_fixed = self._further_late = nothing  # (F, D) of the base, (capacity, D)
        self._further_count = 0
        if base is not None:
            self._owners, self._further_fixed = base.further_of, base.further
            self._further_count = len(base.further)
            self._fixed = {"images": base.images, "texts": base.texts}
            self.title_of = base.title_of
            self.hubs = base.hubs
            self.columns = {name: AttributeColumn.of(*column) for name, column in base.attributes.items()}

    def product(self, row: int) -> Product:
        """Return the product of a row."""
        if self.base is not None and row < self.base_count:
            return self.base.product(row)
        return self._later[row - self.base_count]

    def row(self, product_id: str) -> int | None:
        """Return the newest row of a product, dead or alive."""
        row = self._row_of.get(product_id)
        return self.base.row(product_id) if row is None and self.base is not None else row

    def rows_with_title(self, number: int) -> list[int]:
        """Return the rows that carry a title, dead or alive, in order."""
        of_base = self.base.rows_with_title(number) if self.base is not None and number < len(self.base.titles) else []
        return of_base + self._rows_with_title.get(number, [])

    def rows_titled(self, key: str) -> list[int]:
        """Return the rows, dead or alive, of a title in the form in which titles are compared."""
        number = self._titles.get(key)
        if number is None and self.base is not None:
            number = self.base.title(key)
        return [] if number is None else self.rows_with_title(number)

    def vectors(self, side: Side) -> RowVectors:
        """Return the vectors of the rows there are now."""
        fixed = self._fixed[side]
        return RowVectors(fixed, self._late[side][: self.count - len(fixed)])

    def further(self) -> FurtherRows:
        """Return the further pictures of the rows there are now."""
        late = self._further_late[: self._further_count - len(self._further_fixed)]
        return FurtherRows(self._owners[: self._further_count], RowVectors(self._further_fixed, late))

    def first_title_rows(self) -> Rows:
        """Return the first row (T,) of each title."""
        title_rows = np.empty(self.title_count, dtype=np.int64)
        known = 0
        if self.base is not None:
            known = len(self.base.titles)
            title_rows[:known] = self.base.title_rows
        for number in range(known, self.title_count):
            title_rows[number] = self._rows_with_title[number][0]
        return title_rows

    def append(
        self,
        products: Sequence[Product],
        images: Vectors,
        texts: Vectors,
        further: FurtherVectors | None = None,
        hubs: Vectors | None = None,
    ) -> None:
        """Append M products, their vectors (M, D), those of their further pictures, and their hubness (M,)."""
        if not products:
            return
        start, end = self.count, self.count + len(products)
        self._append_vectors(start, end, {"images": images, "texts": texts})
        if further is not None:
            self._append_further(start, further)
        self._append_hubs(start, end, hubs)
        if end > len(self.title_of):
            # The first products get exactly the room they need: most catalogues stay as they are.
            self.title_of = _grown(self.title_of, start, end + end // 8 + 1024 if start else end)
        codes: dict[tuple[str, str], int] = {}  # of the texts of these products: most have the same few
        for row, product in enumerate(products, start):
            if (before := self.row(product.id)) is not None:
                self.earlier[row] = before
            self._row_of[product.id] = row
            number = self._title(title_key(product.title))
            self._rows_with_title.setdefault(number, []).append(row)
            self.title_of[row] = number
            for name, value in product.attributes.items():
                column = self.columns.get(name)
                if column is None:
                    column = self.columns[name] = AttributeColumn()
                self._make_room(column, start, end)
                if isinstance(value, str):
                    code = codes.get((name, value))
                    if code is None:
                        code = codes[name, value] = column.code(value)
                else:
                    code = column.code(value)
                column.codes[row] = code
        for column in self.columns.values():
            self._make_room(column, start, end)
        self._later.extend(products)
        # Last: rows beyond `count` are not read, so a reader in another thread sees whole rows only.
        self.count = end

    def _append_vectors(self, start: int, end: int, given: dict[Side, Vectors]) -> None:
        if not start:
            self._fixed = given  # no copy: they are not written to
            return
        late_start, late_end = (at - len(self._fixed["images"]) for at in (start, end))
        for side, vectors in given.items():
            if late_end > len(self._late[side]):
                # A new array, since older versions go on reading the old one.
                self._late[side] = _grown(self._late[side], late_start, late_end + late_end // 8 + 1024)
            self._late[side][late_start:late_end] = vectors

    def _append_hubs(self, start: int, end: int, hubs: Vectors | None) -> None:
        if not start:
            self.hubs = hubs
        elif self.hubs is not None:
            if end > len(self.hubs):
                self.hubs = _grown(self.hubs, start, end + end // 8 + 1024)
            self.hubs[start:end] = 0 if hubs is None else hubs

    def _append_further(self, start: int, further: FurtherVectors) -> None:
        count = self._further_count
        end = count + len(further)
        if not count:
            self._owners, self._further_fixed = (further.owners + start).astype(np.int32), further.vectors
        else:
            if end > len(self._owners):
                self._owners = _grown(self._owners, count, end + end // 8 + 1024)
            self._owners[count:end] = further.owners + start
            late = count - len(self._further_fixed)
            if late + len(further) > len(self._further_late):
                late_end = late + len(further)
                self._further_late = _grown(self._further_late, late, late_end + late_end // 8 + 1024)
            self._further_late[late : late + len(further)] = further.vectors
        self._further_count = end

    def _make_room(self, column: AttributeColumn, start: int, end: int) -> None:
        """Let a column have codes for `end` rows, of which `start` may have one already."""
        if end > len(column.codes):
            column.codes = _grown(column.codes, min(start, len(column.codes)), len(self.title_of), fill=-1)

    def _title(self, key: str) -> int:
        number = self._titles.get(key)
        if number is None and self.base is not None:
            number = self.base.title(key)
        if number is None:
            number = self._titles[key] = self.title_count
            self.title_count += 1
        return number


def _grown(array: Any, kept: int, capacity: int, fill: int | None = None) -> Any:
    """Return a larger array that begins with the first `kept` of `array`."""
    grown = np.empty((capacity, *array.shape[1:]), dtype=array.dtype)
    grown[:kept] = array[:kept]
    if fill is not None:
        grown[kept:] = fill
    return grown
