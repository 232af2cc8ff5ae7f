"""Building a catalogue in PostgreSQL: a new schema, the changes made meanwhile, and the move of the pointer."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from types import TracebackType
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from common import ArtefactError, ConfigError, DatabaseUnavailableError, resource_error
from index.location import Database
from index.postgres.connection import Connection, connect, first_line
from index.postgres.edits import mark_leads
from index.postgres.rows import COLUMNS, TYPES, entry_to_row, title_id
from index.postgres.schema import EF_CONSTRUCTION, FORMAT, HNSW, KEYS, SETUP, TABLES, M, format_sql
from index.records import ABANDONED_AFTER_S, CatalogueInfo, Encode, Entry, repeated_id_error, replay_changes

LOADED_TOGETHER = 1000
"""Products that go to the server in one transaction."""


class PostgresWriter:
    """Builds a catalogue in a database, with the arguments and promises of `CatalogueWriter`.

    The build is beside the one that is served until the `with` block ends. Then the pointer is moved, in one
    transaction that no write can come into. A build that was replaced is dropped when the next one is made.
    """

    def __init__(
        self,
        database: Database,
        info: CatalogueInfo,
        encode: Encode | None = None,
    ) -> None:
        self._database = database
        self._info = info
        self._encode = encode
        self._name = f"vitrine_{uuid.uuid4().hex[:12]}"
        self._ids: set[str] = set()
        self._position = 0

    def _sql(self, text: str, **more: int) -> sql.Composed:
        return format_sql(text, self._name, dim=self._info.dim, **more)

    def __enter__(self) -> PostgresWriter:
        self._connection = connect(self._database, 0)
        try:
            with self._errors(), self._connection.transaction():
                self._connection.execute("SELECT pg_advisory_xact_lock(hashtext('vitrine'))")  # one sets it up
                self._connection.execute(SETUP)
                left = self._connection.execute(
                    "SELECT name FROM vitrine.builds"
                    " WHERE NOT finished AND started < now() - make_interval(secs => %s)",
                    [ABANDONED_AFTER_S],
                ).fetchall()
                self._drop(name for (name,) in left)
                self._before = self._connection.execute("SELECT build, version FROM vitrine.current").fetchone()
                self._connection.execute(
                    "INSERT INTO vitrine.builds (name, format, info) VALUES (%s, %s, %s)",
                    [self._name, FORMAT, Jsonb(asdict(self._info))],
                )
                self._connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(self._name)))
                self._connection.execute(self._sql(TABLES))
        except BaseException:
            self._connection.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                with self._errors():
                    self._finish()
        except BaseException:
            self._undo()
            raise
        else:
            if error is not None:
                self._undo()
        finally:
            self._connection.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except psycopg.errors.InsufficientPrivilege as error:
            raise ConfigError(
                f"{self._database}: {first_line(error)}; give the user the right to make schemas:"
                " GRANT CREATE ON DATABASE"
            ) from error
        except psycopg.OperationalError as error:
            if resource := resource_error(error):
                raise resource from error
            raise DatabaseUnavailableError(
                f"{self._database}: {first_line(error)}; nothing was replaced, run it again"
            ) from error
        except psycopg.Error as error:
            raise ArtefactError(f"{self._database}: {first_line(error)}; nothing was replaced") from error

    def _undo(self) -> None:
        with suppress(psycopg.Error), self._connection.transaction():
            self._drop([self._name])

    def _drop(self, names: Iterable[str]) -> None:
        for name in names:
            self._connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(name)))
            self._connection.execute("DELETE FROM vitrine.builds WHERE name = %s", [name])

    def add(self, entries: Iterable[Entry]) -> None:
        """Append `entries` in order.

        Raises:
            InputError: as `CatalogueWriter.add`, or text that PostgreSQL cannot store.
        """
        rows: list[tuple[Any, ...]] = []
        images: list[tuple[str, bytes]] = []
        for entry in entries:
            if entry.product.id in self._ids:
                raise repeated_id_error(entry.product.id)
            self._position += 1
            rows.append(entry_to_row(entry, self._info.dim, self._position, 0))
            images.append((entry.product.id, entry.image))
            self._ids.add(entry.product.id)
            if len(rows) == LOADED_TOGETHER:
                self._load(rows, images)
                rows, images = [], []
        if rows:
            self._load(rows, images)

    def _load(self, rows: Sequence[tuple[Any, ...]], images: Sequence[tuple[str, bytes]]) -> None:
        with self._errors(), self._connection.transaction(), self._connection.cursor() as cursor:
            loads = (("products", COLUMNS, TYPES, rows), ("images", "id, image", ["text", "bytea"], images))
            for table, columns, types, values in loads:
                into = sql.SQL(f"COPY {{}}.{table} ({columns}) FROM STDIN (FORMAT BINARY)")
                with cursor.copy(into.format(sql.Identifier(self._name))) as copy:
                    copy.set_types(types)
                    for value in values:
                        copy.write_row(value)

    def _finish(self) -> None:
        connection = self._connection
        connection.execute(self._sql(KEYS))
        # The graph is best built in memory, by several workers where the server has them.
        connection.execute("SELECT set_config('maintenance_work_mem', '1GB', false)")
        connection.execute(
            self._sql(
                "UPDATE {build}.products SET lead = TRUE WHERE position IN"
                " (SELECT min(position) FROM {build}.products GROUP BY title_id)"
            )
        )
        connection.execute(self._sql(HNSW, m=M, ef=EF_CONSTRUCTION))
        connection.execute(self._sql("ANALYZE {build}.products"))
        done = self._replay_changes(connection, *(self._before or (None, 0)))
        with connection.transaction():
            (now, *_) = connection.execute("SELECT build FROM vitrine.current FOR UPDATE").fetchone() or (None,)
            self._replay_changes(connection, *done)
            connection.execute(
                self._sql(
                    "INSERT INTO {build}.attributes SELECT name, count(*)"
                    " FROM {build}.products, jsonb_object_keys(keys) AS name GROUP BY name"
                )
            )
            connection.execute(
                self._sql(
                    "UPDATE vitrine.current SET build = %s, version = 0, position = %s,"
                    " products = (SELECT count(*) FROM {build}.products)"
                ),
                [self._name, self._position],
            )
            connection.execute("UPDATE vitrine.builds SET finished = TRUE WHERE name = %s", [self._name])
            connection.execute("UPDATE vitrine.builds SET replaced = now() WHERE name = %s", [now])
        old = connection.execute(
            "SELECT name FROM vitrine.builds WHERE finished AND name <> ALL(%s)", [[self._name, now or ""]]
        ).fetchall()
        with connection.transaction():
            self._drop(name for (name,) in old)

    def _replay_changes(self, connection: Connection, build: str | None, done: int) -> tuple[str | None, int]:
        """Make the changes of the catalogue that is served now here too; return its build and its version.

        `done` changes of `build` are made here already; of another build, all since it was made are made here.
        """
        now, version = connection.execute("SELECT build, version FROM vitrine.current").fetchone() or (None, 0)
        if now is None or self._encode is None:
            return now, version
        since = done if now == build else 0
        changed = connection.execute(
            format_sql(
                "SELECT product_id FROM {build}.changes WHERE seq > %s AND seq <= %s"
                " GROUP BY product_id ORDER BY max(seq)",
                now,
            ),
            [since, version],
        ).fetchall()

        def read(ids: list[str]) -> list[tuple[str, str, dict[str, str], bytes]]:
            rows = connection.execute(
                format_sql(
                    "SELECT p.id, title, attributes, image FROM {build}.products p JOIN {build}.images i"
                    " ON i.id = p.id WHERE p.id = ANY(%s) ORDER BY position",
                    now,
                ),
                [ids],
            ).fetchall()
            return [(product_id, title, attributes, bytes(image)) for product_id, title, attributes, image in rows]

        for ids, kept in replay_changes([product_id for (product_id,) in changed], self._info.split, read):
            with connection.transaction():
                touched = {
                    title
                    for (title,) in connection.execute(
                        self._sql("DELETE FROM {build}.products WHERE id = ANY(%s) RETURNING title_id"), [ids]
                    )
                }
                connection.execute(self._sql("DELETE FROM {build}.images WHERE id = ANY(%s)"), [ids])
                self._ids.difference_update(ids)
                if kept:
                    self.add(self._encode(kept))
                touched |= {title_id(product.title) for product, _ in kept}
                mark_leads(connection, self._name, touched)
        return now, version
