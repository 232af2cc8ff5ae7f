"""All of a catalogue in a database at one moment, for a copy, while services go on writing to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from index.damage import Damage
from index.kept import EditRange, Moment
from index.location import Database
from index.postgres.catalogue import PostgresCatalogue
from index.postgres.connection import Connection, connect
from index.postgres.edited import edited_products
from index.postgres.entries import sound_entries
from index.postgres.hubs import mean_hub
from index.postgres.rows import ENTRY_COLUMNS
from index.records import Entry, Whole

TOGETHER = 64
"""Products that are read at a time."""


def moment_of(database: Database) -> Moment | None:
    """Return which catalogue is in a database and its version; None when there is none.

    Raises:
        ConfigError, DatabaseUnavailableError: as `connect`.
    """
    connection = connect(database, 0)
    try:
        if connection.execute("SELECT to_regclass('vitrine.current') IS NOT NULL").fetchone() != (True,):
            return None
        row = connection.execute("SELECT build, version FROM vitrine.current WHERE build IS NOT NULL").fetchone()
        return None if row is None else Moment(*row)
    finally:
        connection.close()


@contextmanager
def whole_database(database: Database, damage: Damage | None = None) -> Iterator[Whole]:
    """Yield a catalogue as it is now, in one transaction; as `index.sqlite.whole.whole_folder`.

    Raises:
        VitrineError: as `PostgresCatalogue`; while the products are read: the database went away.
    """
    with PostgresCatalogue(database) as catalogue, catalogue.reading() as connection:
        connection.execute("SET LOCAL statement_timeout = 0")
        now = catalogue.current(connection)
        wanted = EditRange(0, remembered=True, brought=True)
        edited = edited_products(connection, catalogue.build, wanted, now.version)
        entries = _entries(catalogue, connection, damage or Damage(database))
        mean = mean_hub(connection, catalogue.build)
        yield Whole(catalogue.info, now.version, now.products, [one for one, _ in edited], entries, mean)


def _entries(catalogue: PostgresCatalogue, connection: Connection, damage: Damage) -> Iterator[tuple[Entry, str]]:
    with connection.cursor(name="whole", binary=True) as cursor:
        cursor.execute(
            catalogue.sql(
                f"SELECT {ENTRY_COLUMNS} FROM {{build}}.products p JOIN {{build}}.images i ON i.id = p.id"  # noqa: S608
                " ORDER BY position"
            )
        )
        while rows := cursor.fetchmany(TOGETHER):
            yield from sound_entries(connection, catalogue.build, rows, damage)
