"""Edits of an open SQLite catalogue: one transaction, and the change log. The rule for an edit is in `records.py`."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from common import ConflictError
from index.damage import Damage, parsed_attributes
from index.records import Delete, Put, Written, outcome_of
from index.sqlite.edited import forget_changes, read_entries
from index.sqlite.gone import remember_names
from index.sqlite.hubs import WrittenHubs, forget_hubs, store_hub
from index.sqlite.picture_files import PictureFiles
from index.sqlite.pictures import forget_pictures, make_table
from index.sqlite.rows import insert_entry, settle_pictures
from index.sqlite.schema import version_of


def write_edits(
    connection: sqlite3.Connection,
    edits: Sequence[Put | Delete],
    dim: int,
    log_length: int,
    damage: Damage,
    pictures: PictureFiles,
) -> list[Written | ConflictError]:
    """Make `edits` in order, inside the transaction that `connection` is in, and shorten the log.

    Raises:
        InputError: an entry that cannot be stored.
        NoSpaceError, ArtefactError: a picture's file cannot be written.
    """
    make_table(connection)
    hubs = WrittenHubs(connection, edits, dim)
    outcomes = [_write_one(connection, edit, dim, damage, pictures, hubs) for edit in edits]
    settle_pictures(connection, pictures)
    version = version_of(connection)
    forget_changes(connection, version - log_length)
    return [replace(one, version=version) if isinstance(one, Written) else one for one in outcomes]


def _write_one(
    connection: sqlite3.Connection,
    edit: Put | Delete,
    dim: int,
    damage: Damage,
    pictures: PictureFiles,
    hubs: WrittenHubs,
) -> Written | ConflictError:
    found = connection.execute("SELECT digest, attributes FROM products WHERE id = ?", (edit.id,)).fetchone()
    outcome = outcome_of(edit, None if found is None else str(found[0]))
    if isinstance(edit, Put) and isinstance(outcome, Written) and not outcome.changed:
        # What is damaged is put in again, though its digest says that it is what was sent.
        outcome = replace(outcome, changed=not read_entries(connection, [edit.id], dim, damage, pictures))
    if isinstance(outcome, ConflictError) or not outcome.changed:
        return outcome
    if found is not None:
        left = set(parsed_attributes(found[1]) or ())
        remember_names(connection, left - set(edit.entry.product.attributes) if isinstance(edit, Put) else left)
    kind = "put" if isinstance(edit, Put) else "delete"
    seq = connection.execute("INSERT INTO changes (product_id, kind) VALUES (?, ?)", (edit.id, kind)).lastrowid
    forget_pictures(connection, [edit.id])
    if hubs.there:
        forget_hubs(connection, [edit.id])
    if isinstance(edit, Put):
        # The row that is replaced goes, and the new one gets the next position: it stands at the end.
        position = insert_entry(connection, edit.entry, dim, int(seq or 0), pictures, "REPLACE")
        if hubs.there:
            store_hub(connection, position, int(seq or 0), hubs.of(edit.entry))
    else:
        connection.execute("DELETE FROM products WHERE id = ?", (edit.id,))
    return outcome


def roll_back(connection: sqlite3.Connection) -> None:
    """End a transaction without its changes, whatever state an error has left it in."""
    with suppress(sqlite3.Error):
        connection.execute("ROLLBACK")
