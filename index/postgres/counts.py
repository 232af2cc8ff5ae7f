"""Counts of products in the database: of those that pass, and of values; each is made once per version."""

# ruff: noqa: S608 - statements are put together from our own words; what callers give goes in as values.

from __future__ import annotations

import json
from collections.abc import Collection, Hashable, Iterable
from typing import Any, TypeVar

from psycopg.types.json import Jsonb

from index.filters import Filters
from index.postgres.catalogue import PostgresCatalogue
from index.postgres.connection import Connection
from index.postgres.filter_sql import narrowed_sql
from index.postgres.scan import EXACT_ROWS
from index.product import texts_of, title_key
from index.query import MAX_COUNTED
from index.vectors.state import IndexState

KEPT = 1000
"""Counts that are kept until the catalogue changes."""

SHORT = 100
"""Ids of a condition whose count is kept."""

T = TypeVar("T")


class Counts:
    """The counts of one version; `damaged` products are in none."""

    def __init__(self, catalogue: PostgresCatalogue, damaged: Collection[str]) -> None:
        self._catalogue = catalogue
        self._damaged = damaged
        self._totals: dict[Hashable, int] = {}
        self._facets: dict[Hashable, dict[str, int]] = {}

    def facets(
        self, connection: Connection, filters: Filters, names: Iterable[str], state: IndexState | None = None
    ) -> dict[str, dict[str, int]]:
        """Return the counts; each is made once per version, since every page of a search needs the same.

        `state` is as that of `narrowed_sql`.
        """
        counts: dict[str, dict[str, int]] = {}
        for name in names:
            others = {other: one for other, one in filters.items() if other != name}
            key = (name, frozenset(others.items()))
            # Several threads search at once, and any of them may forget all: what was found is held on to.
            found = self._facets.get(key)
            if found is None:
                passing, values = narrowed_sql(others, self._damaged, state, EXACT_ROWS)
                # The words of a value are those of the first product that has it: looked up once the values are known.
                rows = connection.execute(
                    self._catalogue.sql(
                        "WITH held AS (SELECT p.keys -> %s AS value, position FROM {build}.products p"
                        f" WHERE {passing}), found AS (SELECT one #>> '{{{{}}}}' AS key, count(*) AS number,"
                        " min(position) AS first FROM held, jsonb_path_query(value, '$[*]') AS one GROUP BY 1)"
                        " SELECT key, p.attributes -> %s, number FROM found"
                        " JOIN {build}.products p ON p.position = first ORDER BY number DESC, first LIMIT %s"
                    ),
                    [name, *values, name, MAX_COUNTED],
                ).fetchall()
                shown = {_as_written(one, value): number for one, value, number in rows}
                found = _remember(self._facets, key, shown)
            counts[name] = dict(found)
        return counts

    def total(self, connection: Connection, where: str, values: list[Any]) -> int:
        """Return how many products pass; counted once per version, since paging asks again."""
        if any(isinstance(value, list) and len(value) > SHORT for value in values):
            return self.rows(connection, where, values, "count(*)")  # by ids: fast, and a key of some hundred kilobytes
        key = where, tuple(map(_whole, values))
        found = self._totals.get(key)
        if found is None:
            found = _remember(self._totals, key, self.rows(connection, where, values, "count(*)"))
        return found

    def rows(self, connection: Connection, where: str, values: list[Any], counted: str) -> int:
        """Return what is counted of the products that pass."""
        row = connection.execute(
            self._catalogue.sql(f"SELECT {counted} FROM {{build}}.products p WHERE {where}"), values
        ).fetchone()
        return int(row[0]) if row else 0


def _as_written(key: str, stored: Any) -> str:
    """Return the text of a stored value that is compared as `key`."""
    value = tuple(stored) if isinstance(stored, list) else stored
    return next((text for text in texts_of(value) if title_key(text) == key), key)


def _whole(value: Any) -> Hashable:
    """Return a statement's value as a key that no other value has. `repr` is none: that of `Jsonb` is cut.

    Raises:
        TypeError: a type that no filter has.
    """
    if isinstance(value, Jsonb):
        return "json", json.dumps(value.obj, sort_keys=True)
    if isinstance(value, list):
        return "list", tuple(map(_whole, value))
    if isinstance(value, str):
        return value
    raise TypeError(f"a count cannot be kept under a {type(value).__name__}")


def _remember(kept: dict[Hashable, T], key: Hashable, value: T) -> T:
    if len(kept) > KEPT:
        kept.clear()
    kept[key] = value
    return value
