"""Filters as SQL conditions on products (p). Values go in as parameters.

The database has no index of numbers: where few products are within bounds, memory says which these are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from psycopg.types.json import Jsonb

from index.filters import Filter, Filters
from index.postgres.rows import LARGEST, storable
from index.product import title_key
from index.vectors.state import IndexState


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


def narrowed_sql(
    filters: Filters, exclude: Iterable[str], state: IndexState | None, most: int
) -> tuple[str, list[Any]]:
    """Return the same condition as `filter_sql`, with the ids of what passes where bounds leave `most` of them at most.

    Args:
        filters: what is asked.
        exclude: ids that do not pass.
        state: the texts in memory, of now; None: the filters have no bounds.
        most: ids that a statement may have.
    """
    where, values = filter_sql(filters, exclude)
    if state is None or not any(condition.bounds for condition in filters.values()):
        return where, values
    rows = np.flatnonzero(state.passing(filters))
    if len(rows) > most:
        return where, values
    return f"p.id = ANY(%s) AND {where}", [[state.rows.product(row).id for row in rows.tolist()], *values]


def leads_sql(passing: str) -> str:
    """Return the condition of the rows that stand for a title of which a product passes."""
    carried = passing.replace("p.", "c.")
    same_title = "SELECT 1 FROM {build}.products c WHERE c.title_id = p.title_id AND "
    return f"p.lead AND EXISTS ({same_title}{carried})"


def _conditions(name: str, condition: Filter) -> Iterator[tuple[str, list[Any]]]:
    """Yield the conditions of one filter; the GIN index answers `keys @> …`."""

    def contains(written: Iterable[str]) -> list[Any]:
        keys = (title_key(value) for value in written)
        # Once as the value, once as one of a list of values.
        return [Jsonb({name: form}) for key in keys if storable(key) for form in (key, [key])]

    if condition.any is not None:
        allowed = contains(condition.any)
        yield "(" + (" OR ".join(["p.keys @> %s"] * len(allowed)) or "FALSE") + ")", allowed
    for one in contains(condition.none):
        yield "NOT p.keys @> %s", [one]
    if bounds := condition.bounds:
        # One value of a list must be within all bounds. Dates are objects, so that none is taken for a number.
        value = "@" if bounds[0].of == "number" else "@.date"
        path = " && ".join(f"{value} {bound.sign} {_number(bound.at)}" for bound in bounds)
        yield "jsonb_path_exists(p.numbers -> %s, %s::jsonpath)", [name, f"$[*] ? ({path})"]


def _number(limit: float) -> str:
    """Return a bound as a JSON path has it."""
    if math.isfinite(limit):
        return repr(float(limit))
    return f"{'-' if limit < 0 else ''}{LARGEST}"
