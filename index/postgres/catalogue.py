"""An open catalogue in PostgreSQL: the promises of the folder's, for any number of processes and hosts.

Knows no model, no search and no HTTP.
"""

# ruff: noqa: S608 - statements are put together from our own words; what callers give goes in as values.

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Any

import numpy as np
from psycopg.sql import Composed

from common import ArtefactError, ConflictError, NotFoundError, ReplacedError
from index.damage import Damage, bad_lengths, check_share, length_fault, lengths_of, product_fault
from index.location import Database
from index.postgres.calibrations import read_calibration, write_calibration
from index.postgres.connection import STATEMENT_S, Connection, Pool
from index.postgres.edits import Current, write_edits
from index.postgres.listing import Listed
from index.postgres.rows import ENTRY_COLUMNS, storable, to_entry, to_info, to_vectors
from index.postgres.schema import FORMAT, format_sql
from index.product import Product
from index.ranking.calibrate import Calibration
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
    check_encoder,
    check_format,
    log_reaches,
)
from index.values import attributes_of


class PostgresCatalogue(Listed):
    """An open catalogue in a database; as `index.Catalogue`. Calls may come from any thread."""

    def __init__(self, database: Database, *, encoder_id: str | None = None) -> None:
        """Open what is there; with `encoder_id`, only if its vectors were made by that encoder.

        Raises:
            ConfigError, DatabaseUnavailableError: as `connect`.
            ArtefactError: no catalogue there, of another format, or made by another encoder (names both).
        """
        self._database = database
        self._damage = Damage(database)
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
        check_format(self._database, found, FORMAT)
        info = to_info(value)
        check_encoder(self._database, info, encoder_id)
        return build, info

    @property
    def build(self) -> str:
        """Name of the build that is open."""
        return self._build

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

    def tend(self) -> None:
        """Do nothing: the database looks after its own files."""

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
            outcomes = write_edits(connection, self._build, self.info.dim, edits, current, LOG_LENGTH, self._damage)
        self._damage.forget(edit.id for edit, done in zip(edits, outcomes, strict=True) if isinstance(done, Written))
        return outcomes

    @contextmanager
    def reading(self, statement_s: int = STATEMENT_S) -> Iterator[Connection]:
        """Yield a connection that sees one moment, and whose statements may take `statement_s` seconds."""
        with self._pool.transaction() as connection:
            connection.execute(
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;"
                f" SET LOCAL statement_timeout = {1000 * statement_s}"
            )
            yield connection

    def writing(self) -> AbstractContextManager[Connection]:
        """Return a connection in a transaction."""
        return self._pool.transaction()

    def calibration(self) -> Calibration:
        """Return what the scores are worth; that of the shipped checkpoint where none was kept for this encoder.

        Raises:
            ArtefactError: what was kept is damaged.
        """
        with self._pool.transaction() as connection:
            return read_calibration(connection, self.info.encoder_id, str(self._database))

    def save_calibration(self, calibration: Calibration) -> None:
        """Keep what the scores of an encoder are worth, also for catalogues that take this one's place."""
        with self._pool.transaction() as connection:
            write_calibration(connection, calibration)

    def changes(self, since: int, *, vectors: bool = True) -> Changes | None:
        """Return what has changed after version `since`; None when the log does not go back so far.

        Without `vectors` these are (M, 0).
        """
        with self.reading() as connection:
            version = self.current(connection).version
            row = connection.execute(self.sql("SELECT coalesce(min(seq), 1) FROM {build}.changes")).fetchone()
            if row is None or not log_reaches(since, version, row[0]):
                return None
            touched = self.sql("SELECT DISTINCT product_id FROM {build}.changes WHERE seq > %s")
            removed = [one for (one,) in connection.execute(touched, [since])]
            self._damage.forget(removed)
            products, found = self._read(connection, "WHERE seq > 0 AND seq > %s", [since], vectors)
            gone = self.gone_names(connection)
        return Changes(version, removed, products, found[0], found[1], gone)

    def snapshot(self, *, vectors: bool = True) -> Snapshot:
        """Read everything but the pictures, of one moment; without `vectors` these are (N, 0)."""
        with self.reading() as connection:
            current = self.current(connection)
            connection.execute("SET LOCAL statement_timeout = 0")
            products, found = self._read(connection, "", [], vectors)
            gone = self.gone_names(connection)
        check_share(self._database, len(products), current.products)
        return Snapshot(self.info, current.version, products, found[0], found[1], gone)

    def _read(
        self, connection: Connection, where: str, values: list[Any], vectors: bool
    ) -> tuple[list[Product], Vectors]:
        """Return products and their vectors (2, N, D), image and text; without `vectors` (2, N, 0)."""
        columns = "image_vector, text_vector" if vectors else "vector_norm(image_vector), vector_norm(text_vector)"
        query = self.sql(
            f"SELECT id, title, attributes, split, {columns} FROM {{build}}.products {where} ORDER BY position"
        )
        products: list[Product] = []
        pieces: list[Vectors] = [np.empty((2, 0, self.info.dim if vectors else 0), dtype=np.float32)]
        once: dict[str, str] = {}
        with connection.cursor(name="all", binary=True) as cursor:
            cursor.execute(query, values)
            while rows := cursor.fetchmany(4096):
                found = None
                if vectors:
                    found = np.stack([to_vectors([row[4 + at] for row in rows]) for at in range(2)])
                    lengths = lengths_of(found)
                else:
                    lengths = np.array([row[4:6] for row in rows], dtype=np.float32).T
                bad = bad_lengths(lengths)
                sound = []
                for at, (product_id, title, given, split, *_) in enumerate(rows):
                    attributes = attributes_of(given)
                    fault = product_fault(product_id, title, split, attributes)
                    if not fault and bad[at]:
                        fault = length_fault(lengths[:, at].tolist())
                    if fault or attributes is None:
                        self._damage.found(product_id, fault)
                        continue
                    sound.append(at)
                    # Few values are many products': each is held once.
                    held = {
                        once.setdefault(name, name): once.setdefault(value, value) if isinstance(value, str) else value
                        for name, value in attributes.items()
                    }
                    products.append(Product(product_id, once.setdefault(title, title), held, split))
                if found is not None:
                    pieces.append(found[:, sound])
        read = np.concatenate(pieces, axis=1)
        if not vectors:
            return products, np.empty((2, len(products), 0), dtype=np.float32)
        read.flags.writeable = False
        return products, read

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
        return self.get_with_digest(product_id)[0]

    def get_with_digest(self, product_id: str) -> tuple[Product, str]:
        """Return one product and its digest; as `entry`."""
        entry, digest = self.entry(product_id)
        return entry.product, digest

    def image(self, product_id: str) -> bytes:
        """Return the picture of one product as it was delivered; as `entry`."""
        return self.entry(product_id)[0].image

    def entry(self, product_id: str) -> tuple[Entry, str]:
        """Return one product with picture and vectors, and its digest.

        Raises:
            NotFoundError: there is none of that id.
            DamagedProductError: it is not what was stored.
        """
        return to_entry(self._one(ENTRY_COLUMNS, product_id), self._damage)

    def damaged(self) -> Mapping[str, str]:
        """Return the damaged products that were met since this was opened: id -> what is wrong."""
        return self._damage.reasons()

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def __enter__(self) -> PostgresCatalogue:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
