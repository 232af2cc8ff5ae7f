"""Products with everything that belongs to them, read from a build: pictures, vectors, hubness. Knows no log."""

# ruff: noqa: S608 - statements are put together from our own words; what callers give goes in as values.

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from common import DamagedProductError
from index.damage import Damage
from index.postgres.connection import Connection
from index.postgres.hubs import has_hubs, hubs_at
from index.postgres.pictures import further_rows
from index.postgres.rows import ENTRY_COLUMNS, to_entry
from index.postgres.schema import format_sql
from index.records import Entry


def read_entries(connection: Connection, build: str, ids: Sequence[str], damage: Damage) -> list[tuple[Entry, str]]:
    """Return those of these products that are there, and their digests, in the order of the catalogue.

    Damaged ones are left out, and named in `damage`.
    """
    rows = connection.execute(
        format_sql(
            f"SELECT {ENTRY_COLUMNS} FROM {{build}}.products p JOIN {{build}}.images i ON i.id = p.id"
            " WHERE p.id = ANY(%s) ORDER BY position",
            build,
        ),
        [list(ids)],
        binary=True,
    ).fetchall()
    return sound_entries(connection, build, rows, damage)


def sound_entries(
    connection: Connection, build: str, rows: Sequence[Sequence[Any]], damage: Damage
) -> list[tuple[Entry, str]]:
    """Return the entries and digests of rows of `ENTRY_COLUMNS` that are sound; the others are named in `damage`."""
    positions = [row[0] for row in rows]
    more = further_rows(connection, build, positions)
    hubs = hubs_at(connection, build, positions) if has_hubs(connection, build) else {}
    found = []
    for row in rows:
        with suppress(DamagedProductError):
            entry, digest = to_entry(row, more.get(row[0], ()), damage)
            found.append((replace(entry, hub=hubs.get(row[0])), digest))
    return found
