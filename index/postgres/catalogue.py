"""The catalogue in PostgreSQL with pgvector: the same promises as the folder's, for any number of processes and hosts.

Each build is a schema of its own; one row, `vitrine.current`, points at the one that is served, and its lock puts all
writes in one order. Searches run in the database: candidates from HNSW over half-precision vectors, or all that pass
where they are few, scored again here as the local index scores. Knows no model and no HTTP.
"""

# ruff: noqa: S608 - statements are put together from our own words; what callers give goes in as values.

from __future__ import annotations

import hashlib
import math
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from types import TracebackType
from typing import Any, Literal, TypeVar, overload

import numpy as np
import psycopg
from pgvector.psycopg import register_vector
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.types.json import Json, Jsonb

from common import (
    ArtefactError,
    ConfigError,
    ConflictError,
    DatabaseUnavailableError,
    InputError,
    NotFoundError,
    ReadOnlyError,
    ReplacedError,
)
from index.product import SPLITS, Product, SplitRule, title_key
from index.query import (
    DescriptionHit,
    Filter,
    Filters,
    Hit,
    LikeVectors,
    Page,
    SearchQuery,
    Side,
    check_found,
    check_names,
    checked_vectors,
    collapse,
    cut_at_min_score,
    like_vectors,
    number_of,
)
from index.sqlite import (
    ABANDONED_AFTER_S,
    LOG_LENGTH,
    CatalogueInfo,
    Changes,
    Delete,
    Entry,
    Put,
    Snapshot,
    Vectors,
    Written,
    checked_vector,
    conflict_of,
    etag_of,
)
from index.store import Database
from index.vectors import MARGIN, SLACK

FORMAT = 1
OLDEST_SERVER = 140000
OLDEST_PGVECTOR = (0, 8)
"""The first with iterative scans, without which a filter could leave an approximate search with too few results."""
CONNECT_S = 3
"""Longest that connecting may take, in seconds, for each host of the URL."""
STATEMENT_S = 30
"""Longest that a statement of a service may take, in seconds; building a catalogue has no limit."""
CONNECTIONS = 8
"""Most connections of one process."""
EXACT_ROWS = 10_000
"""As many products, or fewer, that pass a query's filters are all compared."""
DEEPEST = 1000
"""Results further down than this are found by comparing everything."""
CHUNK = 1000
KEPT = 1000
"""Counts that a search keeps until the catalogue changes."""
M, EF_CONSTRUCTION, EF_SEARCH = 16, 128, 200
"""Links of a product in the graph; candidates looked at when it is put in, and at least when it is searched."""

SETUP = """
CREATE SCHEMA IF NOT EXISTS vitrine;
CREATE TABLE IF NOT EXISTS vitrine.builds (
    name TEXT PRIMARY KEY,
    format INTEGER NOT NULL,
    info JSONB NOT NULL,
    started TIMESTAMPTZ NOT NULL DEFAULT now(),
    replaced TIMESTAMPTZ,
    finished BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE TABLE IF NOT EXISTS vitrine.current (
    one BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (one),
    build TEXT,
    version BIGINT NOT NULL DEFAULT 0,
    position BIGINT NOT NULL DEFAULT 0,
    products BIGINT NOT NULL DEFAULT 0
);
INSERT INTO vitrine.current DEFAULT VALUES ON CONFLICT DO NOTHING;
"""
# `keys` and `numbers` are the attributes as filters compare them. `lead`: the first product of its title, whose words
# and vector stand for it. Pictures have a table of their own: rows that are scanned stay small.
TABLES = """
CREATE TABLE {build}.products (
    position BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    lead BOOLEAN NOT NULL,
    title_id UUID NOT NULL,
    id TEXT NOT NULL,
    title TEXT NOT NULL,
    split TEXT NOT NULL,
    digest TEXT NOT NULL,
    attributes JSON NOT NULL,
    keys JSONB NOT NULL,
    numbers JSONB NOT NULL,
    image_vector VECTOR({dim}) NOT NULL,
    text_vector VECTOR({dim}) NOT NULL
);
CREATE TABLE {build}.images (id TEXT NOT NULL, image BYTEA NOT NULL);
ALTER TABLE {build}.images ALTER image SET STORAGE EXTERNAL;
CREATE TABLE {build}.changes (seq BIGINT PRIMARY KEY, product_id TEXT NOT NULL, kind TEXT NOT NULL);
CREATE TABLE {build}.attributes (name TEXT PRIMARY KEY, products BIGINT NOT NULL);
"""
KEYS = """
ALTER TABLE {build}.products ADD PRIMARY KEY (id);
ALTER TABLE {build}.images ADD PRIMARY KEY (id);
CREATE UNIQUE INDEX ON {build}.products (position);
CREATE INDEX ON {build}.products (seq) WHERE seq > 0;
CREATE INDEX ON {build}.products (title_id, position);
CREATE INDEX ON {build}.products USING gin (keys jsonb_path_ops);
"""
# halfvec_ip_ops: half the memory of the graph, and the scores are computed again from the whole vectors.
HNSW = """
CREATE INDEX ON {build}.products USING hnsw ((image_vector::halfvec({dim})) halfvec_ip_ops)
    WITH (m = {m}, ef_construction = {ef});
CREATE INDEX ON {build}.products USING hnsw ((text_vector::halfvec({dim})) halfvec_ip_ops)
    WITH (m = {m}, ef_construction = {ef}) WHERE lead;
"""
COLUMNS = (
    "position, seq, lead, title_id, id, title, split, digest, attributes, keys, numbers, image_vector, text_vector"
)
TYPES = ["int8", "int8", "bool", "uuid", "text", "text", "text", "text", "json", "jsonb", "jsonb", "vector", "vector"]

T = TypeVar("T")
Connection = psycopg.Connection[Any]


def connect(database: Database, statement_s: float) -> Connection:
    """Return a new connection.

    Raises:
        ConfigError: the URL, the user or the database is wrong, or the extension is missing or too old.
        DatabaseUnavailableError: nobody answers there, or not now.
    """
    try:
        parts = conninfo_to_dict(database.url)
    except psycopg.ProgrammingError:
        raise ConfigError(
            "the catalogue's URL cannot be read; write postgresql://USER:PASSWORD@HOST:5432/DATABASE"
        ) from None
    given: dict[str, Any] = {
        "connect_timeout": CONNECT_S,
        "application_name": "vitrine",
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": 8000,
    }
    if "," in str(parts.get("host", "")):
        given["target_session_attrs"] = "read-write"  # of several hosts, the one that is the primary now
    try:
        connection = psycopg.connect(make_conninfo(**{**given, **parts}), autocommit=True)
    except psycopg.OperationalError as error:
        raise _refused(database, error) from None
    try:
        return _prepared(database, connection, statement_s)
    except psycopg.Error as error:
        connection.close()
        raise DatabaseUnavailableError(f"the database {database} does not answer ({_first_line(error)})") from None
    except BaseException:
        connection.close()
        raise


def _prepared(database: Database, connection: Connection, statement_s: float) -> Connection:
    if connection.info.server_version < OLDEST_SERVER:
        raise ConfigError(
            f"{database} is PostgreSQL {connection.info.server_version // 10000}; Vitrine needs"
            f" {OLDEST_SERVER // 10000} or newer: upgrade the server"
        )
    row = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
    if row is None:
        raise ConfigError(
            f"{database} has no extension pgvector; have a superuser run CREATE EXTENSION vector; in that database"
            " (the server needs the package, such as postgresql-17-pgvector)"
        )
    if tuple(int(part) for part in row[0].split(".")[:2]) < OLDEST_PGVECTOR:
        raise ConfigError(
            f"{database} has pgvector {row[0]}; Vitrine needs {'.'.join(map(str, OLDEST_PGVECTOR))} or newer: install"
            " it, then have a superuser run ALTER EXTENSION vector UPDATE;"
        )
    register_vector(connection)
    connection.execute("SELECT set_config('statement_timeout', %s, false)", [str(int(1000 * statement_s))])
    # An acknowledged write is on the disk, whatever the server's default.
    connection.execute(
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )
    return connection


def _refused(database: Database, error: psycopg.OperationalError) -> ConfigError | DatabaseUnavailableError:
    text = str(error)
    fixes = {
        "password authentication failed": "give the right user and password in the URL",
        "no password supplied": "give the password in the URL",
        "no pg_hba.conf entry": "let this host and user in, in the server's pg_hba.conf",
    }
    for said, fix in fixes.items():
        if said in text:
            return ConfigError(f"{database} refuses the connection ({said}); {fix}")
    if 'database "' in text and "does not exist" in text:
        return ConfigError(f"{database}: there is no such database; make it with `createdb`, or mend the URL")
    if 'role "' in text and "does not exist" in text:
        return ConfigError(f"{database}: there is no such user; make it with `createuser`, or mend the URL")
    return DatabaseUnavailableError(
        f"the database {database} cannot be reached; see that it runs, and that host and port are right"
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


class _Pool:
    """A few connections, made when they are needed.

    A database that comes back is used at once: psycopg_pool waits longer after every failure, up to minutes.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._idle: list[Connection] = []
        self._lock = threading.Lock()
        self._turns = threading.BoundedSemaphore(CONNECTIONS)
        self._closed = False

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Yield a connection in a transaction, which is committed when the block ends well.

        Raises:
            DatabaseUnavailableError: the database is gone, or went away meanwhile.
            ReadOnlyError: it is a standby, and a change was tried.
            ArtefactError: whatever else it finds wrong.
        """
        if not self._turns.acquire(timeout=STATEMENT_S):
            raise DatabaseUnavailableError(f"all connections to {self._database} are busy; send it again")
        try:
            connection = self._taken()
            try:
                with connection.transaction():
                    yield connection
            except psycopg.errors.ReadOnlySqlTransaction:
                connection.close()  # the next one may find the primary
                raise ReadOnlyError(f"{self._database} is a standby, which cannot be written") from None
            except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
                raise ReplacedError("another catalogue has just taken this one's place; send it again") from None
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                connection.close()
                raise DatabaseUnavailableError(
                    f"the database does not answer ({type(error).__name__}); send it again"
                ) from error
            except psycopg.Error as error:
                raise ArtefactError(f"{self._database}: {_first_line(error)}") from error
            finally:
                self._give_back(connection)
        finally:
            self._turns.release()

    def _taken(self) -> Connection:
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return connect(self._database, STATEMENT_S)
            try:
                connection.execute("SELECT 1")
            except psycopg.Error:
                connection.close()
            else:
                return connection

    def _give_back(self, connection: Connection) -> None:
        with self._lock:
            if not (self._closed or connection.closed):
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()


def _row(entry: Entry, dim: int, position: int, seq: int, lead: bool) -> tuple[Any, ...]:
    """Return the values of `COLUMNS` for an entry, after checking it."""
    product = entry.product
    if product.split not in SPLITS:
        raise InputError(f"product {product.id!r}: split is {product.split!r}; it must be one of {list(SPLITS)}")
    words = (product.id, product.title, *product.attributes, *product.attributes.values())
    if any("\0" in word or (not word.isascii() and _has_surrogates(word)) for word in words):
        raise InputError(f"product {product.id!r} has a NUL or half a character, which PostgreSQL cannot store")
    keys = {name: title_key(value) for name, value in product.attributes.items()}
    numbers = {name: number for name, key in keys.items() if not math.isnan(number := number_of(key))}
    limited = {
        name: value if math.isfinite(value) else int(math.copysign(1, value)) * 10**400
        for name, value in numbers.items()
    }
    return (
        position,
        seq,
        lead,
        _title_id(product.title),
        product.id,
        product.title,
        product.split,
        etag_of(product, entry.image),
        Json(dict(product.attributes)),
        Jsonb(keys),
        Jsonb(limited),
        checked_vector(entry.image_vector, dim, product.id, "image"),
        checked_vector(entry.text_vector, dim, product.id, "text"),
    )


def _has_surrogates(word: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in word)


def _title_id(title: str) -> uuid.UUID:
    """Return a name of fixed length for what titles are compared by: an index cannot hold a long one."""
    return uuid.UUID(bytes=hashlib.blake2b(title_key(title).encode("utf-8", "surrogatepass"), digest_size=16).digest())


def _info(value: dict[str, Any]) -> CatalogueInfo:
    return CatalogueInfo(**{**value, "split": SplitRule(**value["split"])})


class PostgresWriter:
    """Builds a catalogue in a database, as `CatalogueWriter` does in a folder; takes the same, and promises the same.

    The build stands beside the one that is served until the `with` block ends; then the pointer is moved, in one
    transaction that no write can come into. The build that was replaced goes when the next one is made.
    """

    def __init__(
        self,
        database: Database,
        info: CatalogueInfo,
        encode: Callable[[Sequence[tuple[Product, bytes]]], Iterable[Entry]] | None = None,
    ) -> None:
        self._database = database
        self._info = info
        self._encode = encode
        self._name = f"vitrine_{uuid.uuid4().hex[:12]}"
        self._ids: set[str] = set()
        self._position = 0

    def _sql(self, text: str, **more: int) -> sql.Composed:
        return _format(text, self._name, dim=self._info.dim, **more)

    def __enter__(self) -> PostgresWriter:
        self._connection = connect(self._database, 0)
        try:
            with self._errors(), self._connection.transaction():
                self._connection.execute("SELECT pg_advisory_xact_lock(hashtext('vitrine'))")  # two that set it up
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
                f"{self._database}: {_first_line(error)}; give the user the right to make schemas:"
                " GRANT CREATE ON DATABASE"
            ) from error
        except psycopg.OperationalError as error:
            raise DatabaseUnavailableError(
                f"{self._database}: {_first_line(error)}; nothing was replaced, run it again"
            ) from error
        except psycopg.Error as error:
            raise ArtefactError(f"{self._database}: {_first_line(error)}; nothing was replaced") from error

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
                raise InputError(f"product id {entry.product.id!r} comes twice; every product needs an id of its own")
            self._position += 1
            rows.append(_row(entry, self._info.dim, self._position, 0, False))
            images.append((entry.product.id, entry.image))
            self._ids.add(entry.product.id)
            if len(rows) == CHUNK:
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
        """Repeat here what was changed in the catalogue that is served now; return which that is, and its version.

        `done` changes of `build` are here already; of another one, all since it was made are repeated.
        """
        now, version = connection.execute("SELECT build, version FROM vitrine.current").fetchone() or (None, 0)
        if now is None or self._encode is None:
            return now, version
        since = done if now == build else 0
        changed = connection.execute(
            _format(
                "SELECT product_id FROM {build}.changes WHERE seq > %s AND seq <= %s"
                " GROUP BY product_id ORDER BY max(seq)",
                now,
            ),
            [since, version],
        ).fetchall()
        for start in range(0, len(changed), 64):
            ids = [product_id for (product_id,) in changed[start : start + 64]]
            rows = connection.execute(
                _format(
                    "SELECT p.id, title, attributes, image FROM {build}.products p JOIN {build}.images i"
                    " ON i.id = p.id WHERE p.id = ANY(%s) ORDER BY position",
                    now,
                ),
                [ids],
            ).fetchall()
            kept = [(Product(row[0], row[1], row[2], self._info.split.of(row[1])), bytes(row[3])) for row in rows]
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
                touched |= {_title_id(product.title) for product, _ in kept}
                _lead(connection, self._name, touched)
        return now, version


def _format(text: str, build: str, **numbers: int) -> sql.Composed:
    return sql.SQL(text).format(build=sql.Identifier(build), **{key: sql.Literal(n) for key, n in numbers.items()})


def _lead(connection: Connection, build: str, titles: Iterable[uuid.UUID]) -> None:
    """Let the first product of each of these titles stand for it."""
    connection.execute(
        _format(
            "UPDATE {build}.products p SET lead = NOT lead WHERE title_id = ANY(%s) AND lead <> (position ="
            " (SELECT min(position) FROM {build}.products f WHERE f.title_id = p.title_id))",
            build,
        ),
        [list(titles)],
    )


class PostgresCatalogue:
    """An open catalogue in a database; as `index.Catalogue`. Calls may come from any thread."""

    def __init__(self, database: Database, *, encoder_id: str | None = None) -> None:
        """Open what is there; with `encoder_id`, only if its vectors were made by that encoder.

        Raises:
            ConfigError, DatabaseUnavailableError: as `Database.connect`.
            ArtefactError: no catalogue there, of another format, or made by another encoder (names both).
        """
        self._database = database
        self._pool = _Pool(database)
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
        info = _info(value)
        if encoder_id not in (None, info.encoder_id):
            raise ArtefactError(
                f"{self._database} was made with encoder {info.encoder_id}, but the checkpoint is {encoder_id};"
                " use the other checkpoint, or make the catalogue anew with `vitrine index`"
            )
        return build, info

    def _sql(self, text: str) -> sql.Composed:
        return _format(text, self._build, dim=self.info.dim)

    def _current(self, connection: Connection, *, lock: bool = False) -> tuple[int, int, int]:
        """Return version, last position and number of products.

        Raises:
            ReplacedError: another build is the current one.
        """
        row = connection.execute(
            "SELECT build, version, position, products FROM vitrine.current" + (" FOR UPDATE" if lock else "")
        ).fetchone()
        if row is None or row[0] != self._build:
            raise ReplacedError("another catalogue has just taken this one's place; send it again")
        return row[1], row[2], row[3]

    @property
    def writable(self) -> bool:
        """Whether `write` can work: not on a standby."""
        with self._pool.transaction() as connection:
            return connection.execute("SELECT pg_is_in_recovery()").fetchone() == (False,)

    def replaced(self) -> bool:
        """Whether another catalogue has taken this one's place."""
        try:
            with self._pool.transaction() as connection:
                self._current(connection)
        except ReplacedError:
            return True
        return False

    def version(self) -> int:
        """Return the last sequence number of the change log; 0 for a catalogue as it was built."""
        with self._pool.transaction() as connection:
            return self._current(connection)[0]

    def __len__(self) -> int:
        with self._pool.transaction() as connection:
            return self._current(connection)[2]

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
            version, position, products = self._current(connection, lock=True)
            first, outcomes = version, []
            for edit in edits:
                written = self._write_one(connection, edit, version + 1, position + 1)
                if isinstance(written, Written) and written.changed:
                    version, position = version + 1, position + 1
                    products += 1 if written.created else -1 if written.digest is None else 0
                outcomes.append(written)
            if version != first:
                connection.execute(
                    "UPDATE vitrine.current SET version = %s, position = %s, products = %s",
                    [version, position, products],
                )
                connection.execute(self._sql("DELETE FROM {build}.changes WHERE seq <= %s"), [version - LOG_LENGTH])
        return [replace(one, version=version) if isinstance(one, Written) else one for one in outcomes]

    def _write_one(
        self, connection: Connection, edit: Put | Delete, seq: int, position: int
    ) -> Written | ConflictError:
        found = (
            connection.execute(
                self._sql("SELECT digest, title_id, attributes FROM {build}.products WHERE id = %s"), [edit.id]
            ).fetchone()
            if "\0" not in edit.id
            else None
        )
        before = None if found is None else str(found[0])
        after = etag_of(edit.entry.product, edit.entry.image) if isinstance(edit, Put) else None
        if before == after:
            return Written(after, 0, changed=False)
        conflict = conflict_of(edit, before)
        if conflict is not None:
            return conflict
        titles: set[uuid.UUID] = set()
        counts: dict[str, int] = {}
        row = _row(edit.entry, self.info.dim, position, seq, False) if isinstance(edit, Put) else None
        if found is not None:
            titles.add(found[1])
            counts.update(dict.fromkeys(found[2], -1))
            connection.execute(self._sql("DELETE FROM {build}.products WHERE id = %s"), [edit.id])
            connection.execute(self._sql("DELETE FROM {build}.images WHERE id = %s"), [edit.id])
        if row is not None and isinstance(edit, Put):
            connection.execute(
                self._sql(f"INSERT INTO {{build}}.products ({COLUMNS}) VALUES ({', '.join(['%s'] * len(row))})"), row
            )
            connection.execute(self._sql("INSERT INTO {build}.images VALUES (%s, %s)"), [edit.id, edit.entry.image])
            titles.add(_title_id(edit.entry.product.title))
            for name in edit.entry.product.attributes:
                counts[name] = counts.get(name, 0) + 1
        for name, count in counts.items():
            if count:
                connection.execute(
                    self._sql(
                        "INSERT INTO {build}.attributes AS a VALUES (%s, %s)"
                        " ON CONFLICT (name) DO UPDATE SET products = a.products + excluded.products"
                    ),
                    [name, count],
                )
        _lead(connection, self._build, titles)
        kind = "put" if isinstance(edit, Put) else "delete"
        connection.execute(self._sql("INSERT INTO {build}.changes VALUES (%s, %s, %s)"), [seq, edit.id, kind])
        return Written(after, 0, created=isinstance(edit, Put) and before is None)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """Yield a connection that sees one moment."""
        with self._pool.transaction() as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield connection

    def changes(self, since: int) -> Changes | None:
        """Return what has become of the catalogue after version `since`; None when the log does not go back so far."""
        with self._reading() as connection:
            version = self._current(connection)[0]
            row = connection.execute(self._sql("SELECT coalesce(min(seq), 1) FROM {build}.changes")).fetchone()
            if since > version or (since < version and row is not None and row[0] > since + 1):
                return None
            removed = [
                one
                for (one,) in connection.execute(
                    self._sql("SELECT DISTINCT product_id FROM {build}.changes WHERE seq > %s"), [since]
                )
            ]
            products, vectors = self._read(connection, "WHERE seq > 0 AND seq > %s", [since])
        return Changes(version, removed, products, vectors[0], vectors[1])

    def snapshot(self) -> Snapshot:
        """Read everything but the pictures, of one moment."""
        with self._reading() as connection:
            version = self._current(connection)[0]
            connection.execute("SET LOCAL statement_timeout = 0")
            products, vectors = self._read(connection, "", [])
        return Snapshot(self.info, version, products, vectors[0], vectors[1])

    def _read(self, connection: Connection, where: str, values: list[Any]) -> tuple[list[Product], Vectors]:
        """Return products and their vectors (2, N, D), image and text."""
        query = self._sql(
            "SELECT id, title, attributes, split, image_vector, text_vector FROM {build}.products "
            f"{where} ORDER BY position"
        )
        products: list[Product] = []
        pieces: list[Vectors] = []
        with connection.cursor(name="all", binary=True) as cursor:
            cursor.execute(query, values)
            while rows := cursor.fetchmany(4096):
                products += [Product(*row[:4]) for row in rows]
                pieces.append(np.stack([_floats([row[4 + at] for row in rows]) for at in range(2)]))
        vectors = np.concatenate([np.empty((2, 0, self.info.dim), dtype=np.float32), *pieces], axis=1)
        vectors.flags.writeable = False
        return products, vectors

    def _one(self, columns: str, product_id: str) -> tuple[Any, ...]:
        row = None
        if "\0" not in product_id and not _has_surrogates(product_id):
            with self._pool.transaction() as connection:
                row = connection.execute(
                    self._sql(
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
        image, text = _floats(found[5:7])
        return Entry(Product(*found[:4]), bytes(found[4]), image, text), str(found[7])

    def search(self) -> PostgresSearch:
        """Return what searches the catalogue, labelled with its version of now."""
        with self._reading() as connection:
            version, _, products = self._current(connection)
            names = [
                name
                for (name,) in connection.execute(
                    self._sql("SELECT name FROM {build}.attributes WHERE products > 0 ORDER BY name")
                )
            ]
        return PostgresSearch(self, version, products, names)

    def close(self) -> None:
        """Let go of the connections."""
        self._pool.close()

    def __enter__(self) -> PostgresCatalogue:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _floats(vectors: Iterable[Any]) -> Vectors:
    """Return what the database gave for vectors as (N, D)."""
    return np.stack([np.asarray(v if isinstance(v, np.ndarray) else v.to_numpy(), dtype=np.float32) for v in vectors])


@dataclass(frozen=True, slots=True)
class _Found:
    """One row that a search came upon."""

    position: int
    title: uuid.UUID
    product: Product


class PostgresSearch:
    """Answers queries in the database, with the calls of `index.SearchIndex`; holds no products.

    `version`, the number of products, the known attributes and the counts it has seen are of one moment; the results
    are of now. Where at most `EXACT_ROWS` products pass the filters, the results are exactly those of the local index.
    """

    def __init__(self, catalogue: PostgresCatalogue, version: int, products: int, names: Sequence[str]) -> None:
        self._catalogue = catalogue
        self._count = products
        self._names = list(names)
        self._totals: dict[Any, int] = {}
        self._counts: dict[Any, dict[str, int]] = {}
        self.info = catalogue.info
        self.encoder_id = catalogue.info.encoder_id
        self.version = version

    def __len__(self) -> int:
        return self._count

    def vectors(self, product_ids: Iterable[str]) -> Vectors:
        """Return the image vectors (K, D) of products; NotFoundError names the ids that there are not."""
        ids = list(product_ids)
        return self._stacked(ids, self._vectors(ids))

    def _vectors(self, product_ids: Iterable[str]) -> dict[str, Any]:
        """Return the image vectors of the products that are there."""
        asked = [one for one in set(product_ids) if "\0" not in one and not _has_surrogates(one)]
        if not asked:
            return {}
        with self._catalogue._reading() as connection:
            rows = connection.execute(
                self._catalogue._sql("SELECT id, image_vector FROM {build}.products WHERE id = ANY(%s)"),
                [asked],
                binary=True,
            ).fetchall()
        return dict(rows)

    def _stacked(self, product_ids: Sequence[str], found: dict[str, Any]) -> Vectors:
        check_found(product_ids, found)
        if not product_ids:
            return np.empty((0, self.info.dim), dtype=np.float32)
        return _floats(found[one] for one in product_ids)

    def check(self, query: SearchQuery) -> LikeVectors:
        """As `SearchIndex.check`; asks the database at most once."""
        check_names(self._names, query.filters, query.facets)
        found = self._vectors((*query.like, *query.unlike))
        return like_vectors(query, lambda ids: self._stacked(ids, found))

    def count(self, filters: Filters | None = None) -> int:
        """Return how many products pass the filters, as `SearchIndex`."""
        filters = filters or {}
        check_names(self._names, filters)
        where, values = _where(filters, ())
        with self._catalogue._reading() as connection:
            return self._total(connection, where, values, bool(filters), (False, repr((where, values))))

    def facets(self, filters: Filters | None = None, names: Iterable[str] | None = None) -> dict[str, dict[str, int]]:
        """Return attribute -> value -> number of products that pass the other attributes' filters, as `SearchIndex`."""
        filters = filters or {}
        wanted = list(self._names) if names is None else list(dict.fromkeys(names))
        check_names(self._names, filters, wanted)
        with self._catalogue._reading() as connection:
            return self._facets(connection, filters, wanted)

    def _facets(self, connection: Connection, filters: Filters, names: Iterable[str]) -> dict[str, dict[str, int]]:
        """Return the counts; each is made once per version, since every page of a search asks for the same."""
        counts: dict[str, dict[str, int]] = {}
        for name in names:
            others = {other: one for other, one in filters.items() if other != name}
            key = (name, frozenset(others.items()))
            if key not in self._counts:
                passing, values = _where(others, ())
                # The words of a value are those of the first product that has it: looked up once the values are known.
                rows = connection.execute(
                    self._catalogue._sql(
                        "WITH found AS (SELECT p.keys ->> %s AS key, count(*) AS number, min(position) AS first"
                        f" FROM {{build}}.products p WHERE {passing} GROUP BY 1)"
                        " SELECT p.attributes ->> %s, number FROM found JOIN {build}.products p ON p.position = first"
                        " WHERE key IS NOT NULL ORDER BY number DESC, first"
                    ),
                    [name, *values, name],
                ).fetchall()
                if len(self._counts) > KEPT:
                    self._counts.clear()
                self._counts[key] = dict(rows)
            counts[name] = dict(self._counts[key])
        return counts

    @overload
    def search(self, side: Literal["images"], vectors: Vectors, queries: Sequence[SearchQuery]) -> list[Page[Hit]]: ...

    @overload
    def search(
        self, side: Literal["texts"], vectors: Vectors, queries: Sequence[SearchQuery]
    ) -> list[Page[DescriptionHit]]: ...

    @overload
    def search(
        self, side: Side, vectors: Vectors, queries: Sequence[SearchQuery]
    ) -> list[Page[Hit]] | list[Page[DescriptionHit]]: ...

    def search(
        self, side: Side, vectors: Vectors, queries: Sequence[SearchQuery]
    ) -> list[Page[Hit]] | list[Page[DescriptionHit]]:
        """Find what is nearest to `vectors` (B, D), a page for each of B queries; as `SearchIndex.search`.

        Raises:
            InputError: as `SearchIndex.search`.
            DatabaseUnavailableError: the database does not answer.
        """
        vectors = checked_vectors(vectors, queries, self.info.dim)
        for query in queries:
            check_names(self._names, query.filters, query.facets)
        page = self._product_page if side == "images" else self._description_page
        with self._catalogue._reading() as connection:
            return [page(connection, *pair) for pair in zip(vectors, queries, strict=True)]  # type: ignore[return-value]

    def _product_page(self, connection: Connection, vector: Vectors, query: SearchQuery) -> Page[Hit]:
        found, scores, total = self._page(connection, vector, query, titles=False)
        facets = self._facets(connection, query.filters, query.facets)
        return Page([Hit(one.product, score) for one, score in zip(found, scores.tolist(), strict=True)], total, facets)

    def _description_page(self, connection: Connection, vector: Vectors, query: SearchQuery) -> Page[DescriptionHit]:
        query = replace(query, exclude=frozenset(), collapse=None)
        found, scores, total = self._page(connection, vector, query, titles=True)
        facets = self._facets(connection, query.filters, query.facets)
        passing, values = _where(query.filters, ())
        ids_with_title: dict[uuid.UUID, list[str]] = {}
        for title, product_id in connection.execute(
            self._catalogue._sql(
                f"SELECT title_id, p.id FROM {{build}}.products p WHERE title_id = ANY(%s) AND {passing}"
                " ORDER BY position"
            ),
            [[one.title for one in found], *values],
        ):
            ids_with_title.setdefault(title, []).append(product_id)
        hits = [
            DescriptionHit(one.product.title, score, ids_with_title.get(one.title, []))
            for one, score in zip(found, scores.tolist(), strict=True)
        ]
        return Page(hits, total, facets)

    def _page(
        self, connection: Connection, query: Vectors, want: SearchQuery, *, titles: bool
    ) -> tuple[list[_Found], Vectors, int | None]:
        passing, values = _where(want.filters, want.exclude)
        if titles:
            where, everything = "p.lead", not want.filters
            if want.filters:
                carried = passing.replace("p.", "c.")
                where = (
                    "p.lead AND EXISTS (SELECT 1 FROM {build}.products c WHERE c.title_id = p.title_id"
                    f" AND {carried})"
                )
        else:
            where, everything = passing, not (want.filters or want.exclude)
        total = self._total(connection, where, values, titles or not everything, (titles, repr((where, values))))
        end = want.offset + want.k
        scan = _Scan(self, connection, query, where, values, total, "text_vector" if titles else "image_vector")
        known: int | None = total
        if want.collapse is None:
            ranking = scan.top(min(end, total))
            found, scores = ranking.found, ranking.scores
        else:
            ranking, places, known = collapse(want, total, scan.top)
            found, scores = [ranking.found[place] for place in places], ranking.scores[places]
            if want.collapse == "title":
                known = self._count_titles(connection, passing, values)
        enough, known = cut_at_min_score(want, scores, known)
        return found[want.offset : enough], scores[want.offset : enough], known

    def _count_titles(self, connection: Connection, passing: str, values: list[Any]) -> int:
        row = connection.execute(
            self._catalogue._sql(f"SELECT count(DISTINCT title_id) FROM {{build}}.products p WHERE {passing}"), values
        ).fetchone()
        return int(row[0]) if row else 0

    def _total(self, connection: Connection, where: str, values: list[Any], count: bool, key: Any) -> int:
        """Return how many products pass; counted once per version, since paging asks again."""
        if not count:
            return self._count
        if key not in self._totals:
            row = connection.execute(
                self._catalogue._sql(f"SELECT count(*) FROM {{build}}.products p WHERE {where}"), values
            ).fetchone()
            if len(self._totals) > KEPT:
                self._totals.clear()
            self._totals[key] = int(row[0]) if row else 0
        return self._totals[key]


@dataclass(frozen=True, slots=True)
class _Ranking:
    """The best rows of one query, best first, as `collapse` reads them."""

    found: list[_Found]
    scores: Vectors
    image_vectors: Vectors

    @classmethod
    def empty(cls, dim: int) -> _Ranking:
        return cls([], np.empty(0, dtype=np.float32), np.empty((0, dim), dtype=np.float32))

    def title_keys(self) -> list[uuid.UUID]:
        return [one.title for one in self.found]

    def vectors(self, places: slice) -> Vectors:
        return self.image_vectors[places]


@dataclass(frozen=True, slots=True)
class _Scan:
    """The search of one query among the rows that pass."""

    search: PostgresSearch
    connection: Connection
    query: Vectors
    where: str
    values: list[Any]
    total: int
    column: str

    def top(self, end: int) -> _Ranking:
        """Return the best `end` rows; equals in catalogue order."""
        if end <= 0:
            return _Ranking.empty(len(self.query))
        exact = self.total <= EXACT_ROWS or end > DEEPEST
        width = min(end + MARGIN if exact else 2 * end + 2 * MARGIN, self.total)
        while True:
            rows = self._rows(width, exact)
            if not exact and len(rows) < width:
                exact = True  # the graph did not lead to as many as pass
                continue
            if not rows:
                return _Ranking.empty(len(self.query))
            vectors = _floats(row[6] for row in rows)
            scores = (vectors * self.query).sum(axis=1)  # as the local index scores
            positions = np.array([row[0] for row in rows])
            order = np.lexsort((positions, -scores))[:end]
            slack = SLACK * float(np.linalg.norm(self.query))
            if exact and width < self.total and scores.min() > scores[order[-1]] - slack:
                width = min(8 * width, self.total)
                continue
            found = [_Found(rows[at][0], rows[at][1], Product(*rows[at][2:6])) for at in order]
            return _Ranking(found, scores[order], vectors[order])

    def _rows(self, width: int, exact: bool) -> list[tuple[Any, ...]]:
        """Return the `width` rows that the database holds for the best: by whole vectors, or by the graph."""
        left = "p." + self.column
        right = "%s"
        if not exact:
            left, right = f"p.{self.column}::halfvec({{dim}})", "%s::vector({dim})::halfvec({dim})"
            steps = 4 * width * max(1, self.search._count) // max(1, self.total)
            for name, value in (
                ("hnsw.iterative_scan", "relaxed_order"),
                ("hnsw.ef_search", min(1000, max(EF_SEARCH, 2 * width))),
                ("hnsw.max_scan_tuples", max(20_000, steps)),
                ("enable_sort", "off"),
            ):
                self.connection.execute("SELECT set_config(%s, %s, true)", [name, str(value)])
        elif self.total > EXACT_ROWS:
            self.connection.execute("SET LOCAL enable_sort = on")
        statement = (
            "SELECT position, title_id, p.id, title, attributes, split, {column} FROM {{build}}.products p"
            " WHERE {where} ORDER BY {left} <#> {right} LIMIT %s"
        )
        text = statement.replace("{column}", self.column).replace("{where}", self.where)
        text = text.replace("{left}", left).replace("{right}", right).replace("{{build}}", "{build}")
        return self.connection.execute(
            self.search._catalogue._sql(text), [*self.values, self.query, width], binary=True
        ).fetchall()


def _where(filters: Filters, exclude: Iterable[str]) -> tuple[str, list[Any]]:
    """Return the condition that products (p) pass, and its values."""
    parts: list[str] = []
    values: list[Any] = []
    for name, condition in filters.items():
        for text, more in _conditions(name, condition):
            parts.append(text)
            values += more
    excluded = [one for one in exclude if "\0" not in one and not _has_surrogates(one)]
    if excluded:
        parts.append("p.id <> ALL(%s)")
        values.append(excluded)
    return " AND ".join(parts) or "TRUE", values


def _conditions(name: str, condition: Filter) -> Iterator[tuple[str, list[Any]]]:
    """Yield the conditions that a filter comes to; `keys @> …` is what the GIN index answers."""

    def contains(written: Iterable[str]) -> list[Any]:
        keys = (title_key(value) for value in written)
        return [Jsonb({name: key}) for key in keys if "\0" not in key and not _has_surrogates(key)]

    if condition.any is not None:
        allowed = contains(condition.any)
        yield "(" + (" OR ".join(["p.keys @> %s"] * len(allowed)) or "FALSE") + ")", allowed
    for one in contains(condition.none):
        yield "NOT p.keys @> %s", [one]
    for limit, sign in ((condition.gte, ">="), (condition.gt, ">"), (condition.lte, "<="), (condition.lt, "<")):
        if limit is not None:
            yield f"(p.numbers ->> %s)::numeric {sign} %s::numeric", [name, repr(float(limit))]
