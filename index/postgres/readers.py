"""Reads of a catalogue in a database at one moment, over one connection or over several at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Condition
from typing import Generic, TypeVar

from psycopg import sql

from index.postgres.connection import STATEMENT_S, Connection, Pool

HELPERS = 3
"""Connections beside a caller's own that may answer its calls, for all callers of a process together."""

T = TypeVar("T")


class Readers:
    """Reading transactions on the connections of a pool.

    Args:
        pool: of the catalogue.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        # Threads are made when they are needed, and wait for work without a connection.
        self._threads = ThreadPoolExecutor(max(1, HELPERS), thread_name_prefix="vitrine-postgres")

    @contextmanager
    def one(
        self, statement_s: int, *, wait_s: float = STATEMENT_S, snapshot: str | None = None
    ) -> Iterator[Connection]:
        """Yield a connection that sees one moment, and whose statements may take `statement_s` seconds.

        Args:
            statement_s: for each of them.
            wait_s: as that of `Pool.transaction`.
            snapshot: name of the moment, that of another transaction; None: now.

        Raises:
            VitrineError: as `Pool.transaction`.
        """
        begin = [sql.SQL("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").format()]
        if snapshot is not None:
            begin.append(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(snapshot))
        begin.append(sql.SQL("SET LOCAL statement_timeout = {}").format(1000 * statement_s))
        with self._pool.transaction(wait_s) as connection:
            connection.execute(sql.SQL("; ").join(begin))
            yield connection

    def each(self, statement_s: int, count: int, call: Callable[[Connection, int], T]) -> list[T]:
        """Return call(connection, n) for each n below `count`, in order; all of them see one moment.

        Connections that nobody uses help. The caller's own answers alone where there are none, and waits for none.

        Args:
            statement_s: longest that a statement may take, in seconds.
            count: of the calls.
            call: reads by the connection that it is given, and by no other; several threads call it at once.

        Raises:
            VitrineError: as `one`.
            Exception: what the first of the calls raised that failed; no more are begun then.
        """
        tasks: Tasks[T] = Tasks(count)
        with self.one(statement_s) as connection:
            helpers = min(HELPERS, count - 1)
            if helpers > 0:
                row = connection.execute("SELECT pg_export_snapshot()").fetchone()
                snapshot = None if row is None else str(row[0])
                with suppress(RuntimeError):  # the catalogue was closed meanwhile
                    for _ in range(helpers):
                        self._threads.submit(self._help, tasks, statement_s, snapshot, call)
            with suppress(Exception):  # the first of all errors is raised below
                tasks.work(connection, call)
            return tasks.results()

    def _help(
        self, tasks: Tasks[T], statement_s: int, snapshot: str | None, call: Callable[[Connection, int], T]
    ) -> None:
        """Answer some of the calls, where a connection is free and some are left."""
        if tasks.left:
            # Without a connection, or with another server behind the address, the caller answers the calls itself.
            with suppress(Exception), self.one(statement_s, wait_s=0, snapshot=snapshot) as connection:
                tasks.work(connection, call)

    def close(self) -> None:
        """Begin no more help."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class Tasks(Generic[T]):
    """Numbered calls that several threads take in turn, and what came of them."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._taken = 0
        self._found: dict[int, T] = {}
        self._failed: dict[int, BaseException] = {}
        self._changed = Condition()

    @property
    def left(self) -> bool:
        """Whether any call is to be begun."""
        return self._taken < self._count and not self._failed

    def work(self, connection: Connection, call: Callable[[Connection, int], T]) -> None:
        """Do calls until none is left to begin.

        Raises:
            Exception: that of a call; it is remembered, too.
        """
        while (number := self._next()) is not None:
            try:
                found = call(connection, number)
            except BaseException as error:
                with self._changed:
                    self._failed[number] = error
                    self._changed.notify_all()
                raise
            with self._changed:
                self._found[number] = found
                self._changed.notify_all()

    def results(self) -> list[T]:
        """Return what came of the calls, in order, when those that were begun have ended.

        Raises:
            Exception: the first that failed.
        """
        with self._changed:
            self._changed.wait_for(lambda: len(self._found) + len(self._failed) == self._taken)
        if self._failed:
            raise self._failed[min(self._failed)]
        return [self._found[number] for number in range(self._count)]

    def _next(self) -> int | None:
        with self._changed:
            if not self.left:
                return None
            self._taken += 1
            return self._taken - 1
