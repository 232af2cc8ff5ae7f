"""Building a catalogue in PostgreSQL: a new schema, the changes made meanwhile, and the move of the pointer."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from types import TracebackType
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from common import ArtefactError, ConfigError, DatabaseUnavailableError, resource_error
from index.damage import Damage
from index.kept import ROUNDS, TOGETHER, Carrier, EditRange, Keep, Kept, Moment, unreadable_error
from index.location import Database
from index.postgres.connection import connect, first_line
from index.postgres.edited import edited_products, remember
from index.postgres.edits import mark_leads
from index.postgres.entries import read_entries
from index.postgres.hubs import HUB_COLUMNS, HUB_TYPES, HUBS, find_hubs, find_late_hubs, forget_hubs
from index.postgres.pictures import PICTURE_COLUMNS, PICTURE_TYPES, PICTURES, forget_pictures, make_graph, picture_rows
from index.postgres.place import take_place
from index.postgres.rows import COLUMNS, TYPES, entry_to_row, title_id, to_info
from index.postgres.schema import EF_CONSTRUCTION, FORMAT, HNSW, KEYS, SETUP, TABLES, M, format_sql
from index.records import ABANDONED_AFTER_S, CatalogueInfo, Encode, Entry, repeated_id_error

LOADED_TOGETHER = 1000
"""Products that go to the server in one transaction."""
LOADED_BYTES = 64 * 2**20
"""Bytes of pictures from which on fewer do."""
LOADED = {
    "products": (COLUMNS, TYPES),
    "images": ("id, image", ["text", "bytea"]),
    "pictures": (PICTURE_COLUMNS, PICTURE_TYPES),
    "hubs": (HUB_COLUMNS, HUB_TYPES),
}
"""Tables that a build fills, each with its columns and their types."""


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
        *,
        keep: Keep | None = Keep(),  # noqa: B008 - frozen
    ) -> None:
        self._database = database
        self._info = info
        self._keep = keep
        self._carrier = Carrier(self, info, encode)
        self._touched: set[uuid.UUID] = set()  # titles whose lead is to be found again
        self._name = f"vitrine_{uuid.uuid4().hex[:12]}"
        self._ids: set[str] = set()
        self._position = 0
        self._finishing = False
        self._hub_mean: float | None = None

    @property
    def kept(self) -> Kept:
        """The edits that were kept: all of them once the block has ended."""
        return self._carrier.kept

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
                if self._keep is not None:
                    self._in_place()  # better refused now than at the end
                self._connection.execute(
                    "INSERT INTO vitrine.builds (name, format, info) VALUES (%s, %s, %s)",
                    [self._name, FORMAT, Jsonb(asdict(self._info))],
                )
                self._connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(self._name)))
                self._connection.execute(self._sql(TABLES + PICTURES + HUBS))
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
        loads: dict[str, list[Sequence[Any]]] = {table: [] for table in LOADED}
        size = 0
        for entry in entries:
            product_id = entry.product.id
            if product_id in self._ids:
                raise repeated_id_error(product_id)
            self._position += 1
            if self._finishing:
                self._touched.add(title_id(entry.product.title))
            loads["products"].append(entry_to_row(entry, self._info.dim, self._position, 0))
            loads["images"].append((product_id, entry.image))
            loads["pictures"] += picture_rows(entry, self._info.dim, self._position)
            if entry.hub is not None:
                loads["hubs"].append((self._position, entry.hub))
            self._ids.add(product_id)
            size += sum(map(len, entry.images))
            if len(loads["products"]) == LOADED_TOGETHER or size > LOADED_BYTES:
                self._load(loads)
                loads, size = {table: [] for table in LOADED}, 0
        if loads["products"]:
            self._load(loads)

    def _load(self, loads: Mapping[str, Sequence[Sequence[Any]]]) -> None:
        with self._errors(), self._connection.transaction(), self._connection.cursor() as cursor:
            for table, values in loads.items():
                columns, types = LOADED[table]
                into = sql.SQL(f"COPY {{}}.{table} ({columns}) FROM STDIN (FORMAT BINARY)")
                with cursor.copy(into.format(sql.Identifier(self._name))) as copy:
                    copy.set_types(types)
                    for value in values:
                        copy.write_row(value)

    def _finish(self) -> None:
        connection = self._connection
        self._finishing = True
        connection.execute(self._sql(KEYS))
        keep = self._keep
        if keep is not None:
            keep = self._carry_over(keep) or keep  # before there is a graph, which makes every row dearer
        # The graph is best built in memory, by several workers where the server has them.
        connection.execute("SELECT set_config('maintenance_work_mem', '1GB', false)")
        connection.execute(
            self._sql(
                "UPDATE {build}.products SET lead = TRUE WHERE position IN"
                " (SELECT min(position) FROM {build}.products GROUP BY title_id)"
            )
        )
        find_hubs(connection, self._name, self._hub_mean)
        connection.execute(self._sql(HNSW, m=M, ef=EF_CONSTRUCTION))
        make_graph(connection, self._name, self._info.dim)
        connection.execute(self._sql("ANALYZE {build}.products"))
        if keep is not None:
            keep = self._carry_over(keep) or keep
        with connection.transaction():
            (now, *_) = connection.execute("SELECT build FROM vitrine.current FOR UPDATE").fetchone() or (None,)
            if keep is not None:
                self._carry_over(keep, locked=True)
            find_late_hubs(connection, self._name, self._info.dim, len(self._ids))
            take_place(connection, self._name, now, self._position)
        old = connection.execute(
            "SELECT name FROM vitrine.builds WHERE finished AND name <> ALL(%s)", [[self._name, now or ""]]
        ).fetchall()
        with connection.transaction():
            self._drop(name for (name,) in old)

    def _in_place(self) -> tuple[str, int, CatalogueInfo] | None:
        """Return which catalogue is served now, its version and what it says of itself; None when there is none.

        Raises:
            ArtefactError: it is of a format that this version does not read.
        """
        row = self._connection.execute(
            "SELECT build, version, format, info FROM vitrine.current JOIN vitrine.builds ON name = build"
        ).fetchone()
        if row is None:
            return None
        build, version, found, info = row
        if found != FORMAT:
            raise unreadable_error(self._database, f"its format is {found}, this version reads {FORMAT}")
        return build, version, to_info(info)

    def _carry_over(self, keep: Keep, *, locked: bool = False) -> Keep | None:
        """Make the edits of the catalogue that is served now here too; return which ones are left to do.

        Not `locked`: until few are left, so that the last round has little to do while writers wait.
        """
        left: Keep | None = None
        for _ in range(1 if locked else ROUNDS):
            there = self._in_place()
            if there is None:
                return None
            build, version, info = there
            wanted = (left or keep).range(build)
            self._carry(build, info, wanted, version)
            left = replace(keep, after=Moment(build, version))
            if not wanted.remembered and version - wanted.after <= TOGETHER:
                break
        return left

    def _carry(self, build: str, info: CatalogueInfo, wanted: EditRange, until: int) -> None:
        edited = edited_products(self._connection, build, wanted, until)
        ids = [one for one, _ in edited]
        damage = Damage(self._database)
        self._carrier.carry(ids, info, lambda some: read_entries(self._connection, build, some, damage), damage)
        remember(self._connection, self._name, edited)
        mark_leads(self._connection, self._name, self._touched)
        self._touched.clear()

    def bring(self, edited: Iterable[str]) -> None:
        """Remember these products as edited where they are copied from."""
        with self._errors():
            remember(self._connection, self._name, [(one, True) for one in edited])

    def centre_hubs(self, mean: float | None) -> None:
        """Take the mean hubness from the catalogue that this one is a copy of; None: that of its own products."""
        self._hub_mean = mean

    def digests(self, ids: Sequence[str]) -> dict[str, str]:
        """Return the digests of those of these products that were added."""
        query = self._sql("SELECT id, digest FROM {build}.products WHERE id = ANY(%s)")
        return dict(self._connection.execute(query, [list(ids)]).fetchall())

    def drop(self, ids: Sequence[str]) -> None:
        """Take products out again."""
        with self._connection.transaction():
            forget_pictures(self._connection, self._name, ids)
            forget_hubs(self._connection, self._name, ids)
            found = self._connection.execute(
                self._sql("DELETE FROM {build}.products WHERE id = ANY(%s) RETURNING title_id"), [list(ids)]
            )
            self._touched.update(title for (title,) in found)
            self._connection.execute(self._sql("DELETE FROM {build}.images WHERE id = ANY(%s)"), [list(ids)])
        self._ids.difference_update(ids)
