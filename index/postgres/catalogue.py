"""An open catalogue in PostgreSQL: the promises of the folder's, for any number of processes and hosts.

Knows no model, no search and no HTTP.
"""

# ruff: noqa: S608 - statements are put together from our own words; what callers give goes in as values.

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Any

from psycopg.sql import Composed

from common import ArtefactError, ConflictError, NotFoundError, ReplacedError
from index.damage import Damage, check_share
from index.location import Database
from index.opening import check_encoder, check_format
from index.pictures import FurtherVectors
from index.postgres.calibrations import read_calibration, write_calibration
from index.postgres.connection import STATEMENT_S, Connection, Pool
from index.postgres.edits import Current, write_edits
from index.postgres.listing import Listed
from index.postgres.pictures import PictureRow, further_rows, read_digests, read_picture
from index.postgres.readers import Readers
from index.postgres.reading import read_products
from index.postgres.rows import ENTRY_COLUMNS, storable, to_entry, to_info
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
    log_reaches,
)


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
        self.readers = Readers(self._pool)
        try:
            self._build, self.info = self._opened(encoder_id)
        except BaseException:
            self.close()
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

    def reading(self, statement_s: int = STATEMENT_S) -> AbstractContextManager[Connection]:
        """Return a connection that sees one moment, and whose statements may take `statement_s` seconds."""
        return self.readers.one(statement_s)

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
            products, found, further, hubs = self._read(connection, "WHERE seq > 0 AND seq > %s", [since], vectors)
            gone = self.gone_names(connection)
        return Changes(version, removed, products, found[0], found[1], gone, further, hubs)

    def snapshot(self, *, vectors: bool = True) -> Snapshot:
        """Read everything but the pictures, of one moment; without `vectors` these are (N, 0)."""
        with self.reading() as connection:
            current = self.current(connection)
            connection.execute("SET LOCAL statement_timeout = 0")
            products, found, further, hubs = self._read(connection, "", [], vectors)
            gone = self.gone_names(connection)
        check_share(self._database, len(products), current.products)
        return Snapshot(self.info, current.version, products, found[0], found[1], gone, further, hubs)

    def _read(
        self, connection: Connection, where: str, values: Sequence[Any], vectors: bool
    ) -> tuple[list[Product], Vectors, FurtherVectors | None, Vectors | None]:
        dim = self.info.dim
        return read_products(connection, self._build, dim, self._damage, where, values, vectors=vectors)

    def product(self, product_id: str) -> Product:
        """Return one product; NotFoundError: there is none of that id."""
        return self.get_with_digest(product_id)[0]

    def get_with_digest(self, product_id: str) -> tuple[Product, str]:
        """Return one product and its digest; as `entry`."""
        entry, digest = self.entry(product_id)
        return entry.product, digest

    def image(self, product_id: str, number: int = 0) -> bytes:
        """As `Catalogue.image`."""
        with self._reading_of(product_id) as connection:
            found = read_picture(connection, self._build, product_id, number, self._damage)
            if found is not None:
                return found
            row, further = self._read_entry(connection, product_id)
        return to_entry(row, further, self._damage)[0].image

    def picture_digests(self, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """As `Catalogue.picture_digests`."""
        with self.reading() as connection:
            return read_digests(connection, self._build, list(filter(storable, ids)))

    def entry(self, product_id: str) -> tuple[Entry, str]:
        """Return one product with its pictures and vectors, and its digest.

        Raises:
            NotFoundError: there is none of that id.
            DamagedProductError: it is not what was stored.
        """
        with self._reading_of(product_id) as connection:
            row, further = self._read_entry(connection, product_id)
        return to_entry(row, further, self._damage)

    @contextmanager
    def _reading_of(self, product_id: str) -> Iterator[Connection]:
        """As `reading`, of one product; NotFoundError: the database can hold none of that id."""
        if not storable(product_id):
            raise _no_product(product_id)
        with self.reading() as connection:
            yield connection

    def _read_entry(self, connection: Connection, product_id: str) -> tuple[Sequence[Any], Sequence[PictureRow]]:
        """Return what `to_entry` takes of one product."""
        row = connection.execute(
            self.sql(
                f"SELECT {ENTRY_COLUMNS} FROM {{build}}.products p JOIN {{build}}.images i ON i.id = p.id"
                " WHERE p.id = %s"
            ),
            [product_id],
            binary=True,
        ).fetchone()
        if row is None:
            raise _no_product(product_id)
        return row, further_rows(connection, self._build, [row[0]]).get(row[0], ())

    def damaged(self) -> Mapping[str, str]:
        """Return the damaged products that were met since this was opened: id -> what is wrong."""
        return self._damage.reasons()

    def close(self) -> None:
        """Close the connections."""
        self.readers.close()
        self._pool.close()

    def __enter__(self) -> PostgresCatalogue:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _no_product(product_id: str) -> NotFoundError:
    return NotFoundError(f"no product has the id {product_id!r}; search to find the ids there are")
