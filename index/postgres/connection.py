"""Connections to PostgreSQL with pgvector: how they are made, checked, pooled, and what their errors become."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from pgvector.psycopg import register_vector
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from common import (
    ArtefactError,
    ConfigError,
    DatabaseUnavailableError,
    ReadOnlyError,
    ReplacedError,
    resource_error,
)
from index.location import Database

OLDEST_SERVER = 140000
OLDEST_PGVECTOR = (0, 8)
"""The first with iterative scans, without which a filter could leave an approximate search with too few results."""
CONNECT_S = 3
"""Longest that connecting may take, in seconds, for each host of the URL."""
STATEMENT_S = 30
"""Longest that a statement of a service may take, in seconds; building a catalogue has no limit."""
CONNECTIONS = 8
"""Most connections of one process."""

Connection = psycopg.Connection[Any]


def connect(database: Database, statement_s: float) -> Connection:
    """Return a new connection whose statements may take `statement_s` seconds; 0: any time.

    Raises:
        ConfigError: the URL, the user or the database is wrong, or the extension is missing or too old.
        DatabaseUnavailableError: the server does not answer.
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
        raise _connect_error(database, error) from None
    try:
        return _prepare(database, connection, statement_s)
    except psycopg.Error as error:
        connection.close()
        raise DatabaseUnavailableError(f"the database {database} does not answer ({first_line(error)})") from None
    except BaseException:
        connection.close()
        raise


def check_server(database: Database, server: int, pgvector: str | None) -> None:
    """Refuse a server that Vitrine does not run on.

    Args:
        database: for the message.
        server: the version of PostgreSQL, as libpq counts it.
        pgvector: the version of the extension; None: it is not installed.

    Raises:
        ConfigError: says what is too old or missing, and what to do.
    """
    if server < OLDEST_SERVER:
        raise ConfigError(
            f"{database} is PostgreSQL {server // 10000}; Vitrine needs {OLDEST_SERVER // 10000} or newer: upgrade the"
            " server"
        )
    if pgvector is None:
        raise ConfigError(
            f"{database} has no extension pgvector; have a superuser run CREATE EXTENSION vector; in that database"
            " (the server needs the package, such as postgresql-17-pgvector)"
        )
    if tuple(int(part) for part in pgvector.split(".")[:2]) < OLDEST_PGVECTOR:
        raise ConfigError(
            f"{database} has pgvector {pgvector}; Vitrine needs {'.'.join(map(str, OLDEST_PGVECTOR))} or newer: install"
            " it, then have a superuser run ALTER EXTENSION vector UPDATE;"
        )


def _prepare(database: Database, connection: Connection, statement_s: float) -> Connection:
    row = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
    check_server(database, connection.info.server_version, None if row is None else row[0])
    register_vector(connection)
    connection.execute("SELECT set_config('statement_timeout', %s, false)", [str(int(1000 * statement_s))])
    # An acknowledged write is on the disk, whatever the server's default.
    connection.execute(
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )
    return connection


def _connect_error(database: Database, error: psycopg.OperationalError) -> ConfigError | DatabaseUnavailableError:
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
        return ConfigError(f"{database}: there is no such database; make it with `createdb`, or correct the URL")
    if 'role "' in text and "does not exist" in text:
        return ConfigError(f"{database}: there is no such user; make it with `createuser`, or correct the URL")
    return DatabaseUnavailableError(
        f"the database {database} cannot be reached; see that it runs, and that host and port are right"
    )


def first_line(error: Exception) -> str:
    """Return the first line of what an error says: the others show statements."""
    return (str(error).splitlines() or [type(error).__name__])[0]


class Pool:
    """A few connections, made when they are needed.

    A database that comes back is used at once, where psycopg_pool waits longer after every failure, up to minutes.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._idle: list[Connection] = []
        self._lock = threading.Lock()
        self._turns = threading.BoundedSemaphore(CONNECTIONS)
        self._closed = False

    @contextmanager
    def transaction(self, wait_s: float = STATEMENT_S) -> Iterator[Connection]:
        """Yield a connection in a transaction, which is committed when the block ends without an error.

        Args:
            wait_s: longest that the caller waits for its turn, in seconds.

        Raises:
            DatabaseUnavailableError: the database is gone, or went away meanwhile; or all connections are busy.
            ReadOnlyError: it is a standby, and a change was tried.
            NoSpaceError, OutOfMemoryError: the database has no room, or no memory; nothing is changed.
            ReplacedError: the tables are gone, since another catalogue has taken this one's place.
            ArtefactError: anything else that the database finds wrong.
        """
        if not self._turns.acquire(timeout=wait_s):
            raise DatabaseUnavailableError(f"all connections to {self._database} are busy; send it again")
        try:
            connection = self._take()
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
                if resource := resource_error(error):
                    raise resource from error
                raise DatabaseUnavailableError(
                    f"the database does not answer ({type(error).__name__}); send it again"
                ) from error
            except psycopg.Error as error:
                raise ArtefactError(f"{self._database}: {first_line(error)}") from error
            finally:
                self._give_back(connection)
        finally:
            self._turns.release()

    def _take(self) -> Connection:
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
        """Close the idle connections; those in use are closed when they come back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
