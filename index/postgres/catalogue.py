"""An open catalogue in PostgreSQL: the promises of the folder's, for any number of processes and hosts.

Knows no model, no search and no HTTP.
"""

# ruff: noqa: S608 - statements are put together from our own words; what callers give goes in as values.

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import numpy as np
from psycopg.sql import Composed

from common import ArtefactError, ConflictError, NotFoundError, ReplacedError
from index.location import Database
from index.postgres.connection import Connection, Pool
from index.postgres.edits import Current, write_edits
from index.postgres.rows import storable, to_info, to_vectors
from index.postgres.schema import FORMAT, format_sql
from index.product import Product
from index.records import (
    LOG_LENGTH,
    CatalogueInfo,
    Changes,
    Delete,
    Entry,
    Put,
    Snapshot,
    Vectors,
    Written,
    log_reaches,
)


class PostgresCatalogue:
    """An open catalogue in a database; as `index.Catalogue`. Calls may come from any thread."""

    def __init__(self, database: Database, *, encoder_id: str | None = None) -> None:
        """Open what is there; with `encoder_id`, only if its vectors were made by that encoder.

        Raises:
            ConfigError, DatabaseUnavailableError: as `connect`.
            ArtefactError: no catalogue there, of another format, or made by another encoder (names both).
        """
        self._database = database
        self._pool = Pool(database)
        try:
            self._build, self.info = self._opened(encoder_id)
        except BaseException:
            self._pool.close()
            raise

    def _opened(self, encoder_id: str | None) -> tuple[str, CatalogueInfo]:
        with self._pool.transaction() as connection:
            row = None
            if connection.execute("SELECT to_regclass('vitrine.current') IS NOT NULL").fetchone() == (True,):
                row = connection.execute(
                    "SELECT build, format, info FROM vitrine.current JOIN vitrine.builds ON name = build"
                ).fetchone()
        if row is None:
            raise ArtefactError(f"{self._database} has no catalogue; make one with `vitrine index --out URL`")
        build, found, value = row
        if found != FORMAT:
            raise ArtefactError(
                f"{self._database} is a catalogue of format {found}, this version reads format {FORMAT};"
                " make it anew with `vitrine index`"
            )
        info = to_info(value)
        if encoder_id not in (None, info.encoder_id):
            raise ArtefactError(
                f"{self._database} was made with encoder {info.encoder_id}, but the checkpoint is {encoder_id};"
                " use the other checkpoint, or make the catalogue anew with `vitrine index`"
            )
        return build, info

    def sql(self, text: str) -> Composed:
        """Return a statement over the tables of this catalogue's build."""
        return format_sql(text, self._build, dim=self.info.dim)

    def current(self, connection: Connection, *, lock: bool = False) -> Current:
        """Return version, last position and number of products; with `lock`, no other write until the end of it.

        Raises:
            ReplacedError: another build is the current one.
        """
        row = connection.execute(
            "SELECT build, version, position, products FROM vitrine.current" + (" FOR UPDATE" if lock else "")
        ).fetchone()
        if row is None or row[0] != self._build:
            raise ReplacedError("another catalogue has just taken this one's place; send it again")
        return Current(*row[1:])

    @property
    def writable(self) -> bool:
        """Whether `write` can work: not on a standby."""
        with self._pool.transaction() as connection:
            return connection.execute("SELECT pg_is_in_recovery()").fetchone() == (False,)

    def replaced(self) -> bool:
        """Whether another catalogue has taken this one's place."""
        try:
            with self._pool.transaction() as connection:
                self.current(connection)
        except ReplacedError:
            return True
        return False

    def version(self) -> int:
        """Return the last sequence number of the change log; 0 for a catalogue as it was built."""
        with self._pool.transaction() as connection:
            return self.current(connection).version

    def __len__(self) -> int:
        with self._pool.transaction() as connection:
            return self.current(connection).products

    def write(self, edits: Sequence[Put | Delete]) -> list[Written | ConflictError]:
        """As `Catalogue.write`: in one transaction, which is on the disk when this returns.

        Raises:
            InputError: an entry that cannot be stored; nothing is changed.
            ReadOnlyError: the database is a standby.
            ReplacedError: another catalogue has taken this one's place; nothing is changed.
            DatabaseUnavailableError: the database went away; whether anything is changed is unknown, and the
                edits may be sent again.
        """
        with self._pool.transaction() as connection:
            current = self.current(connection, lock=True)
            return write_edits(connection, self._build, self.info.dim, edits, current, LOG_LENGTH)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection that sees one moment."""
        with self._pool.transaction() as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield connection

    def changes(self, since: int) -> Changes | None:
        """Return what has changed after version `since`; None when the log does not go back so far."""
        with self.reading() as connection:
            version = self.current(connection).version
            row = connection.execute(self.sql("SELECT coalesce(min(seq), 1) FROM {build}.changes")).fetchone()
            if row is None or not log_reaches(since, version, row[0]):
                return None
            removed = [
                one
                for (one,) in connection.execute(
                    self.sql("SELECT DISTINCT product_id FROM {build}.changes WHERE seq > %s"), [since]
                )
            ]
            products, vectors = self._read(connection, "WHERE seq > 0 AND seq > %s", [since])
        return Changes(version, removed, products, vectors[0], vectors[1])

    def snapshot(self) -> Snapshot:
        """Read everything but the pictures, of one moment."""
        with self.reading() as connection:
            version = self.current(connection).version
            connection.execute("SET LOCAL statement_timeout = 0")
            products, vectors = self._read(connection, "", [])
        return Snapshot(self.info, version, products, vectors[0], vectors[1])

    def _read(self, connection: Connection, where: str, values: list[Any]) -> tuple[list[Product], Vectors]:
        """Return products and their vectors (2, N, D), image and text."""
        query = self.sql(
            "SELECT id, title, attributes, split, image_vector, text_vector FROM {build}.products "
            f"{where} ORDER BY position"
        )
        products: list[Product] = []
        pieces: list[Vectors] = []
        with connection.cursor(name="all", binary=True) as cursor:
            cursor.execute(query, values)
            while rows := cursor.fetchmany(4096):
                products += [Product(*row[:4]) for row in rows]
                pieces.append(np.stack([to_vectors([row[4 + at] for row in rows]) for at in range(2)]))
        vectors = np.concatenate([np.empty((2, 0, self.info.dim), dtype=np.float32), *pieces], axis=1)
        vectors.flags.writeable = False
        return products, vectors

    def _one(self, columns: str, product_id: str) -> tuple[Any, ...]:
        row = None
        if storable(product_id):
            with self._pool.transaction() as connection:
                row = connection.execute(
                    self.sql(
                        f"SELECT {columns} FROM {{build}}.products p JOIN {{build}}.images i ON i.id = p.id"
                        " WHERE p.id = %s"
                    ),
                    [product_id],
                    binary=True,
                ).fetchone()
        if row is None:
            raise NotFoundError(f"no product has the id {product_id!r}; search to find the ids there are")
        return tuple(row)

    def product(self, product_id: str) -> Product:
        """Return one product; NotFoundError: there is none of that id."""
        return self.get_with_etag(product_id)[0]

    def get_with_etag(self, product_id: str) -> tuple[Product, str]:
        """Return one product and its digest; NotFoundError: there is none of that id."""
        *fields, digest = self._one("p.id, title, attributes, split, digest", product_id)
        return Product(*fields), str(digest)

    def image(self, product_id: str) -> bytes:
        """Return the picture of one product as it was delivered; NotFoundError: there is none of that id."""
        return bytes(self._one("image", product_id)[0])

    def entry(self, product_id: str) -> tuple[Entry, str]:
        """Return one product with picture and vectors, and its digest; NotFoundError: there is none of that id."""
        found = self._one("p.id, title, attributes, split, image, image_vector, text_vector, digest", product_id)
        image, text = to_vectors(found[5:7])
        return Entry(Product(*found[:4]), bytes(found[4]), image, text), str(found[7])

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def __enter__(self) -> PostgresCatalogue:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
