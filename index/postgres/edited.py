"""Which products of a build were edited, for ever: in its log, by their rows, or in the table `edited`.

As `index.sqlite.edited`. Builds that are older have no such table; it is made when the log is first cut.
"""

# ruff: noqa: S608 - statements are put together from our own words; what callers give goes in as values.

from __future__ import annotations

from collections.abc import Iterable

from index.kept import EditRange
from index.postgres.connection import Connection
from index.postgres.schema import format_sql

EDITED = "CREATE TABLE {build}.edited (id TEXT PRIMARY KEY, brought BOOLEAN NOT NULL)"
REPLACE = "ON CONFLICT (id) DO UPDATE SET brought = excluded.brought"


def forget_changes(connection: Connection, build: str, until: int) -> None:
    """Take the changes up to version `until` out of the log; which products they touched stays known."""
    if until < 1:
        return
    if not _remembers(connection, build):
        connection.execute(format_sql(EDITED, build))
    connection.execute(
        format_sql(
            "WITH gone AS (DELETE FROM {build}.changes WHERE seq <= %s RETURNING product_id)"
            f" INSERT INTO {{build}}.edited SELECT DISTINCT product_id, FALSE FROM gone {REPLACE}",
            build,
        ),
        [until],
    )


def remember(connection: Connection, build: str, edited: Iterable[tuple[str, bool]]) -> None:
    """Remember products as edited, each with whether a copy brought that."""
    ids, brought = map(list, zip(*edited, strict=True)) if (edited := list(edited)) else ([], [])
    connection.execute(
        format_sql(
            f"INSERT INTO {{build}}.edited SELECT * FROM unnest(%s::text[], %s::boolean[]) {REPLACE}",
            build,
        ),
        [ids, brought],
    )


def edited_products(connection: Connection, build: str, wanted: EditRange, until: int) -> list[tuple[str, bool]]:
    """Return the ids of the products that were edited up to version `until`, and whether a copy brought that.

    Deleted ones come first, the others in the order of the catalogue.
    """
    sources = [
        "SELECT product_id AS id, FALSE AS brought FROM {build}.changes WHERE seq > %(after)s AND seq <= %(until)s",
        # The log of a build that an older version has written may have forgotten them.
        "SELECT id, FALSE FROM {build}.products WHERE seq > 0 AND seq > %(after)s AND seq <= %(until)s",
    ]
    if wanted.remembered and _remembers(connection, build):
        sources.append("SELECT id, brought FROM {build}.edited WHERE %(brought)s OR NOT brought")
    return connection.execute(
        format_sql(
            f"SELECT found.id, bool_and(brought) FROM ({' UNION ALL '.join(sources)}) found"
            " LEFT JOIN {build}.products p ON p.id = found.id GROUP BY found.id, position"
            " ORDER BY position NULLS FIRST, found.id",
            build,
        ),
        {"after": wanted.after, "until": until, "brought": wanted.brought},
    ).fetchall()


def _remembers(connection: Connection, build: str) -> bool:
    found = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [f"{build}.edited"]).fetchone()
    return found == (True,)
