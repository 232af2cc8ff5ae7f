"""The vectors of rows that are in the database, read as a ranking asks for them, and the rows that may be best.

One query, one transaction.
"""

# ruff: noqa: S608 - statements are put together from our own words; what callers give goes in as values.

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from index.attributes import Mask
from index.filters import Filter, Filters
from index.postgres.catalogue import PostgresCatalogue
from index.postgres.connection import Connection
from index.postgres.filter_sql import leads_sql, narrowed_sql
from index.postgres.pictures import further_vectors, has_pictures, stacked
from index.postgres.rows import storable, to_vectors
from index.postgres.scan import Scan
from index.query import SIDES, SearchQuery, Side
from index.ranking.calibrate import Calibration
from index.records import Vectors
from index.vectors.hybrid import HybridRanking
from index.vectors.pictures import mean_of, nearest_of
from index.vectors.rows import Nearest, Rows
from index.vectors.state import IndexState

READ = 256
"""Rows of which whole vectors are read rather than cosines that the database computes."""
LARGE, MOST = 100_000, 2000
"""Products from which on rows that words single out lie too far apart for `exact_rows` of them; rows then."""
WIDTH = 300
"""Products to which a graph leads."""


def read_vectors(
    catalogue: PostgresCatalogue, product_ids: Iterable[str], statement_s: int, *, first: bool = False
) -> dict[str, Vectors]:
    """Return id -> the mean (D,) of the vectors of its pictures, or that of its first, where the product is there."""
    wanted = list(filter(storable, set(product_ids)))
    if not wanted:
        return {}
    with catalogue.reading(statement_s) as connection:
        rows = connection.execute(
            catalogue.sql("SELECT id, position, image_vector FROM {build}.products WHERE id = ANY(%s)"),
            [wanted],
            binary=True,
        ).fetchall()
        more = {}
        if not first and has_pictures(connection, catalogue.build):
            more = further_vectors(connection, catalogue.build, [row[1] for row in rows])
    if not rows:
        return {}
    further = stacked([more.get(row[1], ()) for row in rows], catalogue.info.dim)
    means = mean_of(to_vectors(row[2] for row in rows), further.owners, further.vectors)
    return dict(zip([row[0] for row in rows], means, strict=True))


class QueryVectors:
    """The vectors of both sides, for one query; a row that is gone since has zeros.

    Args:
        catalogue: whose rows they are.
        connection: in the transaction of the query.
        state: says which product a row is.
        query: (D,).
        several: whether products may have further pictures.
    """

    def __init__(
        self,
        catalogue: PostgresCatalogue,
        connection: Connection,
        state: IndexState,
        query: Vectors,
        *,
        several: bool = False,
    ) -> None:
        self.several = several
        self._catalogue = catalogue
        self._connection = connection
        self._state = state
        self.query = query
        self._known: dict[int, Vectors] = {}  # row -> (2, D), in the order of SIDES
        self._further: dict[int, list[Any]] = {}  # row -> the vectors of its further pictures
        self._compared: tuple[Rows | None, Vectors] | None = None  # rows and their cosines (2, K)

    def side(self, side: Side) -> SideVectors:
        """Return the vectors of one side."""
        return SideVectors(self, SIDES.index(side))

    def read(self, rows: Rows) -> Vectors:
        """Return the vectors (2, K, D) of rows."""
        wanted = [row for row in rows.tolist() if row not in self._known]
        if wanted:
            found = self._select("position, image_vector, text_vector", [], wanted)
            if self.several:
                more = further_vectors(self._connection, self._catalogue.build, [position for _, position, *_ in found])
                self._further.update((wanted[number - 1], more.get(position, [])) for number, position, *_ in found)
            nothing = np.zeros((2, len(self.query)), dtype=np.float32)
            self._known.update(dict.fromkeys(wanted, nothing))
            self._known.update((wanted[number - 1], to_vectors(pair)) for number, _, *pair in found)
        if not len(rows):
            return np.empty((2, 0, len(self.query)), dtype=np.float32)
        return np.stack([self._known[row] for row in rows.tolist()], axis=1)

    def nearest(self, rows: Rows) -> Nearest:
        """Return which picture of each of some rows is nearest to the query."""
        first = self.read(rows)[0]
        further = stacked([self._further.get(row, ()) for row in rows.tolist()], len(self.query))
        return nearest_of(self.query, first, further.owners, further.vectors)

    def compare(self, rows: Rows | None) -> Vectors:
        """Return the cosines (2, K) of rows, or of all, with the query; summed in any order."""
        if self._compared is not None and self._compared[0] is rows:
            return self._compared[1]
        chosen = np.arange(len(self._state.alive)) if rows is None else rows
        if len(chosen) <= READ:
            cosines = self.read(chosen) @ self.query
            if self.several:
                cosines[0] = self.nearest(chosen).scores
        else:
            cosines = np.zeros((2, len(chosen)), dtype=np.float32)
            image = "-(image_vector <#> %s::vector({dim}))"
            values = [self.query, self.query]
            if self.several:
                further = "SELECT max(-(f.image_vector <#> %s::vector({dim}))) FROM {build}.pictures f"
                image = f"greatest({image}, ({further} WHERE f.position = p.position AND place > 0))"
                values.append(self.query)
            found = self._select(f"{image}, -(text_vector <#> %s::vector({{dim}}))", values, chosen.tolist())
            if found:
                numbers, images, texts = zip(*found, strict=True)
                cosines[:, np.array(numbers) - 1] = np.array([images, texts], dtype=np.float32)
        self._compared = rows, cosines
        return cosines

    def _select(self, columns: str, values: Sequence[Any], rows: Sequence[int]) -> list[tuple[Any, ...]]:
        """Return (place, columns) of those rows that are there; places count from 1."""
        ids = [self._state.rows.product(row).id for row in rows]
        return self._connection.execute(
            self._catalogue.sql(
                f"SELECT number, {columns} FROM unnest(%s::text[]) WITH ORDINALITY AS wanted(id, number)"
                " JOIN {build}.products p ON p.id = wanted.id"
            ),
            [*values, ids],
            binary=True,
        ).fetchall()


@dataclass(frozen=True, slots=True)
class SideVectors:
    """The vectors of one side, by row; as `index.vectors.rows.RowVectors`, or `Pictures`."""

    both: QueryVectors
    place: int
    """In `SIDES`."""

    @property
    def several(self) -> bool:
        """Whether any row may have more than one."""
        return self.both.several and SIDES[self.place] == "images"

    def of(self, rows: Rows) -> Vectors:
        """Return the first vectors (K, D) of some rows."""
        return np.asarray(self.both.read(rows)[self.place])

    def cosines(self, vector: Vectors, rows: Rows) -> Vectors:
        """Return the largest inner products (K,) of some rows with the query's vector, summed in one fixed way."""
        return self.nearest(vector, rows).scores

    def nearest(self, _query: Vectors, rows: Rows) -> Nearest:
        """Return which vector of each of some rows is nearest to the query."""
        if self.several:
            return self.both.nearest(rows)
        nothing = np.empty(0, dtype=np.int64)
        return nearest_of(self.both.query, self.of(rows), nothing, np.empty((0, len(self.both.query)), np.float32))

    def times(self, _vector: Vectors, rows: Rows | None) -> Vectors:
        """Return the inner products (K,) of some rows, or of all, with the query's vector."""
        return np.array(self.both.compare(rows)[self.place])


@dataclass(frozen=True, slots=True)
class GraphReach:
    """Which rows are compared with a query: all that pass, where these are few.

    Else those with the most words, and those to which the graphs lead.
    """

    state: IndexState
    scans: Sequence[Scan]
    """Of the graphs that count."""
    exact_rows: int
    """Where at most this many pass, all of them are compared."""

    @property
    def most(self) -> int:
        """How many rows may be compared one by one."""
        return self.exact_rows if self.state.count < LARGE else min(MOST, self.exact_rows)

    def nearest(self, words: Vectors, passing: Mask) -> tuple[Rows, bool]:
        """Return rows among those that pass (N,), in order, that may be best; and whether these are all of them."""
        rows = np.flatnonzero(passing)
        if len(rows) <= self.exact_rows:
            return rows, True
        chosen = np.zeros(len(passing), dtype=np.bool_)
        for scan in self.scans:
            for product_id in scan.near(WIDTH):
                row = self.state.row(product_id)
                if row is None:
                    continue
                # The vector of a title is that of all its products.
                same = [row] if scan.side == "images" else self._with_title_of(row)
                chosen[[one for one in same if one < len(chosen)]] = True
        having = rows[words[rows] > 0]
        if len(having) > MOST:
            having = having[np.argpartition(-words[having], MOST)[:MOST]]
        chosen[having] = True
        return np.flatnonzero(chosen & passing), False

    def _with_title_of(self, row: int) -> list[int]:
        return self.state.rows.rows_with_title(int(self.state.title_of[row]))


class Rankings:
    """The rankings of one query, one for each set of filters; one serves all, where everything may be compared.

    Args:
        state: the version.
        vectors: of its rows.
        side: what is ranked.
        query: what is asked.
        calibration: scales and curves.
        scan: returns the search of a side among what passes: its condition, the values of that, and how many pass.
        most: rows that may be compared one by one.
    """

    def __init__(
        self,
        state: IndexState,
        vectors: QueryVectors,
        side: Side,
        query: SearchQuery,
        calibration: Calibration,
        scan: Callable[[Side, str, list[Any], int], Scan],
        most: int,
    ) -> None:
        self._state = state
        self._vectors = vectors
        self._side: Side = side
        self._query = query
        self._calibration = calibration
        self._scan = scan
        self._most = most
        self._made: dict[Hashable, HybridRanking] = {}

    def of(self, filters: Filters) -> HybridRanking:
        """Return the ranking of what passes some filters, or of more."""
        filters = {} if self._state.count <= self._most else filters
        key = frozenset(filters.items())
        if key not in self._made:
            excluded = self._query.exclude if self._side == "images" else ()
            passing = self._state.passing(filters, excluded)
            scans = list(self._scans(filters, excluded))
            if meant := self._meant(filters):
                # Many products may have all words: the graphs also lead to the best of these.
                scans += self._scans({**filters, **meant}, excluded)
            self._made[key] = HybridRanking(
                self._state,
                {one: self._vectors.side(one) for one in SIDES},
                self._side,
                self._vectors.query,
                self._query,
                self._state.rows_of(self._side, self._state.passing({}, excluded)),
                self._calibration,
                GraphReach(self._state, scans, self._most),
                self._state.rows_of(self._side, passing),
            )
        return self._made[key]

    def _scans(self, filters: Filters, excluded: Collection[str]) -> Iterator[Scan]:
        where, values = narrowed_sql(filters, excluded, self._state, self._most)
        total = int(np.count_nonzero(self._state.passing(filters, excluded)))
        if self._side == "images":
            yield self._scan("images", where, values, total)
        if self._side == "texts" or self._query.mode != "vector":
            yield self._scan("texts", leads_sql(where), values, total)

    def _meant(self, filters: Filters) -> dict[str, Filter]:
        """Return what the text says of attributes as filters, but for those that are filtered already."""
        conditions = () if self._query.parsed is None else self._query.parsed.conditions
        return {
            one.attribute: Filter(any=one.values)
            for one in conditions
            if one.values and not one.negated and one.attribute not in filters
        }
