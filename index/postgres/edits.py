"""Edits of a catalogue in PostgreSQL, and its change log. The rule for an edit is in `records.py`."""

# ruff: noqa: S608 - statements are put together from our own words; what callers give goes in as values.

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from common import ConflictError
from index.damage import Damage
from index.names import MAX_NAMES, too_many_names
from index.postgres.connection import Connection
from index.postgres.edited import forget_changes
from index.postgres.entries import read_entries
from index.postgres.hubs import forget_hubs, hubness_in, insert_hubs
from index.postgres.pictures import forget_pictures, insert_pictures, make_table, picture_rows
from index.postgres.rows import COLUMNS, entry_to_row, storable, title_id
from index.postgres.schema import format_sql
from index.records import Delete, Put, Written, outcome_of


@dataclass(frozen=True, slots=True)
class Current:
    """What `vitrine.current` says of a build."""

    version: int
    position: int
    """Of the last product that was added."""
    products: int


def write_edits(
    connection: Connection,
    build: str,
    dim: int,
    edits: Sequence[Put | Delete],
    current: Current,
    log_length: int,
    damage: Damage,
) -> list[Written | ConflictError]:
    """Make `edits` in order, inside a transaction that holds the lock of `vitrine.current`, and shorten the log.

    Raises:
        InputError: an entry that cannot be stored.
    """
    version, position, products = current.version, current.position, current.products
    make_table(connection, build, dim)
    before = _names(connection, build)
    outcomes = []
    for edit in _with_hubs(connection, build, dim, products, edits):
        outcome = _write_one(connection, build, dim, edit, version + 1, position + 1, damage)
        if isinstance(outcome, Written) and outcome.changed:
            version, position = version + 1, position + 1
            products += 1 if outcome.created else -1 if outcome.digest is None else 0
            if isinstance(edit, Put) and edit.entry.hub is not None:
                insert_hubs(connection, build, [(position, edit.entry.hub)])
        outcomes.append(outcome)
    after = _names(connection, build)
    if after - before and len(after) > MAX_NAMES:
        raise too_many_names(len(after), after - before)
    if version != current.version:
        connection.execute(
            "UPDATE vitrine.current SET version = %s, position = %s, products = %s", [version, position, products]
        )
        forget_changes(connection, build, version - log_length)
    return [replace(one, version=version) if isinstance(one, Written) else one for one in outcomes]


def _with_hubs(
    connection: Connection, build: str, dim: int, products: int, edits: Sequence[Put | Delete]
) -> list[Put | Delete]:
    """Return the edits, products that are put in with the hubness that they get here."""
    entries = [edit.entry for edit in edits if isinstance(edit, Put)]
    found = iter(hubness_in(connection, build, dim, products, entries) if entries else ())
    return [replace(one, entry=replace(one.entry, hub=next(found))) if isinstance(one, Put) else one for one in edits]


def _names(connection: Connection, build: str) -> set[str]:
    """Return the attribute names there are."""
    rows = connection.execute(format_sql("SELECT name FROM {build}.attributes WHERE products > 0", build)).fetchall()
    return {name for (name,) in rows}


def _write_one(
    connection: Connection, build: str, dim: int, edit: Put | Delete, seq: int, position: int, damage: Damage
) -> Written | ConflictError:
    def run(text: str, values: Sequence[Any]) -> Any:
        return connection.execute(format_sql(text, build), values)

    found = None
    if storable(edit.id):
        found = run("SELECT digest, title_id, attributes FROM {build}.products WHERE id = %s", [edit.id]).fetchone()
    outcome = outcome_of(edit, None if found is None else str(found[0]))
    if isinstance(edit, Put) and isinstance(outcome, Written) and not outcome.changed:
        # What is damaged is put in again, though its digest says that it is what was sent.
        outcome = replace(outcome, changed=not read_entries(connection, build, [edit.id], damage))
    if isinstance(outcome, ConflictError) or not outcome.changed:
        return outcome
    titles: set[uuid.UUID] = set()
    counts: dict[str, int] = {}
    # Before anything is deleted: it checks the entry.
    row = entry_to_row(edit.entry, dim, position, seq) if isinstance(edit, Put) else None
    pictures = picture_rows(edit.entry, dim, position) if isinstance(edit, Put) else ()
    if found is not None:
        titles.add(found[1])
        counts.update(dict.fromkeys(found[2], -1))
        forget_pictures(connection, build, [edit.id])
        forget_hubs(connection, build, [edit.id])
        run("DELETE FROM {build}.products WHERE id = %s", [edit.id])
        run("DELETE FROM {build}.images WHERE id = %s", [edit.id])
    if row is not None and isinstance(edit, Put):
        run(f"INSERT INTO {{build}}.products ({COLUMNS}) VALUES ({', '.join(['%s'] * len(row))})", row)
        run("INSERT INTO {build}.images VALUES (%s, %s)", [edit.id, edit.entry.image])
        insert_pictures(connection, build, pictures)
        titles.add(title_id(edit.entry.product.title))
        for name in edit.entry.product.attributes:
            counts[name] = counts.get(name, 0) + 1
    for name, count in counts.items():
        if count:
            run(
                "INSERT INTO {build}.attributes AS a VALUES (%s, %s)"
                " ON CONFLICT (name) DO UPDATE SET products = a.products + excluded.products",
                [name, count],
            )
    mark_leads(connection, build, titles)
    kind = "put" if isinstance(edit, Put) else "delete"
    run("INSERT INTO {build}.changes VALUES (%s, %s, %s)", [seq, edit.id, kind])
    return outcome


def mark_leads(connection: Connection, build: str, titles: Iterable[uuid.UUID]) -> None:
    """Mark the first product of each of these titles as its lead, and no other one."""
    connection.execute(
        format_sql(
            "UPDATE {build}.products p SET lead = NOT lead WHERE title_id = ANY(%s) AND lead <> (position ="
            " (SELECT min(position) FROM {build}.products f WHERE f.title_id = p.title_id))",
            build,
        ),
        [list(titles)],
    )
