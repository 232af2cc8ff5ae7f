"""The map of a catalogue in a database: one row for each encoder, in the form that the file in a folder has."""

from __future__ import annotations

from collections.abc import Collection

from psycopg.types.json import Json

from index.location import Database
from index.map import ProductMap, parsed_map
from index.postgres.catalogue import PostgresCatalogue
from index.postgres.connection import Pool
from index.postgres.schema import MAPS
from index.product import Product


class DatabaseMap:
    """Where the map of a catalogue in a database is kept; as `index.map.FolderMap`.

    Also raises DatabaseUnavailableError: the database does not answer.
    """

    def __init__(self, database: Database, encoder_id: str) -> None:
        self._database = database
        self._encoder_id = encoder_id
        self._pool = Pool(database)

    def stamp(self) -> str:
        """Return a text that is another one when the map is; empty: there is none."""
        return str(self._row("extract(epoch FROM made)::text") or "")

    def load(self) -> ProductMap | None:
        """Return the map, None: there is none; ArtefactError: it cannot be read."""
        value = self._row("value")
        return None if value is None else parsed_map(value, f"the map in {self._database}")

    def save(self, made: ProductMap) -> None:
        """Put a map in its place."""
        with self._pool.transaction() as connection:
            connection.execute(MAPS)
            connection.execute(
                "INSERT INTO vitrine.maps VALUES (%s, clock_timestamp(), %s)"
                " ON CONFLICT (encoder_id) DO UPDATE SET made = excluded.made, value = excluded.value",
                [made.encoder_id, Json(made.to_json())],
            )

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def _row(self, column: str) -> object:
        with self._pool.transaction() as connection:
            if connection.execute("SELECT to_regclass('vitrine.maps') IS NOT NULL").fetchone() != (True,):
                return None
            row = connection.execute(
                f"SELECT {column} FROM vitrine.maps WHERE encoder_id = %s",  # noqa: S608 - our own words
                [self._encoder_id],
            ).fetchone()
        return None if row is None else row[0]


class Mapped:
    """The calls of a search that a map is put together with."""

    _catalogue: PostgresCatalogue

    @property
    def products(self) -> list[Product]:
        """All products of now, in the catalogue's order; they are read at each call."""
        return self._catalogue.snapshot(vectors=False).products

    def edited(self) -> Collection[str]:
        """As `Search.edited`."""
        with self._catalogue.reading() as connection:
            found = connection.execute(self._catalogue.sql("SELECT id FROM {build}.products WHERE seq > 0"))
            return {product_id for (product_id,) in found}
