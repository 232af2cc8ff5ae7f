"""Filters as SQL conditions on products (p). Values go in as parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from psycopg.types.json import Jsonb

from index.postgres.rows import storable
from index.product import title_key
from index.query import Filter, Filters


def filter_sql(filters: Filters, exclude: Iterable[str]) -> tuple[str, list[Any]]:
    """Return the condition under which a product passes, and its values."""
    parts: list[str] = []
    values: list[Any] = []
    for name, condition in filters.items():
        for text, more in _conditions(name, condition):
            parts.append(text)
            values += more
    excluded = [one for one in exclude if storable(one)]
    if excluded:
        parts.append("p.id <> ALL(%s)")
        values.append(excluded)
    return " AND ".join(parts) or "TRUE", values


def leads_sql(passing: str) -> str:
    """Return the condition of the rows that stand for a title of which a product passes."""
    carried = passing.replace("p.", "c.")
    same_title = "SELECT 1 FROM {build}.products c WHERE c.title_id = p.title_id AND "
    return f"p.lead AND EXISTS ({same_title}{carried})"


def _conditions(name: str, condition: Filter) -> Iterator[tuple[str, list[Any]]]:
    """Yield the conditions of one filter; the GIN index answers `keys @> …`."""

    def contains(written: Iterable[str]) -> list[Any]:
        keys = (title_key(value) for value in written)
        return [Jsonb({name: key}) for key in keys if storable(key)]

    if condition.any is not None:
        allowed = contains(condition.any)
        yield "(" + (" OR ".join(["p.keys @> %s"] * len(allowed)) or "FALSE") + ")", allowed
    for one in contains(condition.none):
        yield "NOT p.keys @> %s", [one]
    for limit, sign in ((condition.gte, ">="), (condition.gt, ">"), (condition.lte, "<="), (condition.lt, "<")):
        if limit is not None:
            yield f"(p.numbers ->> %s)::numeric {sign} %s::numeric", [name, repr(float(limit))]
