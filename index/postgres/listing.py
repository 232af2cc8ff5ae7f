"""The products of a catalogue in PostgreSQL in the order of their ids, some at a time."""

# ruff: noqa: S608 - statements are put together from our own words; what callers give goes in as values.

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager

from psycopg.sql import Composed

from index.damage import Damage, sound_product
from index.filters import Filters
from index.names import MAX_NAMES
from index.postgres.connection import STATEMENT_S, Connection
from index.postgres.filter_sql import filter_sql
from index.postgres.rows import storable
from index.product import Product
from index.records import LISTED_TOGETHER
from index.values import attributes_of


class Listed(ABC):
    """What a catalogue lists; as `index.sqlite.listing.Listed`."""

    _damage: Damage

    @abstractmethod
    def reading(self, statement_s: int = STATEMENT_S) -> AbstractContextManager[Connection]:
        """Return a connection that sees one moment."""

    @abstractmethod
    def sql(self, text: str) -> Composed:
        """Return a statement over the tables of this catalogue's build."""

    def list_products(
        self, after: str | None = None, limit: int = LISTED_TOGETHER, filters: Filters | None = None
    ) -> list[tuple[Product, str]]:
        """Return the first products after an id that pass the filters, and their digests, in the order of their ids.

        Raises:
            DatabaseUnavailableError: the database does not answer.
        """
        found: list[tuple[Product, str]] = []
        at = after
        passing, values = filter_sql(filters or {}, [])
        while len(found) < limit:
            wanted = limit - len(found)
            start, since = _after(at)
            with self.reading() as connection:
                rows = connection.execute(
                    self.sql(
                        "SELECT id, title, split, attributes, digest FROM {build}.products p"
                        f' WHERE {start} AND {passing} ORDER BY id COLLATE "C" LIMIT %s'
                    ),
                    [*since, *values, wanted],
                ).fetchall()
            for product_id, title, split, stored, digest in rows:
                product = sound_product(product_id, title, split, attributes_of(stored), self._damage)
                if product is not None:
                    found.append((product, str(digest)))
            if len(rows) < wanted:
                break
            at = rows[-1][0]
        return found

    def ids(self) -> Iterator[str]:
        """Yield the ids of all products, in order.

        Raises:
            DatabaseUnavailableError: the database does not answer.
        """
        at: str | None = None
        while True:
            start, since = _after(at)
            with self.reading() as connection:
                rows = connection.execute(
                    self.sql(f'SELECT id FROM {{build}}.products p WHERE {start} ORDER BY id COLLATE "C" LIMIT %s'),
                    [*since, LISTED_TOGETHER],
                ).fetchall()
            yield from (str(product_id) for (product_id,) in rows)
            if len(rows) < LISTED_TOGETHER:
                return
            at = rows[-1][0]

    def gone_names(self, connection: Connection) -> frozenset[str]:
        """Return names of attributes that products had once, and none has now."""
        rows = connection.execute(
            self.sql("SELECT name FROM {build}.attributes WHERE products <= 0 ORDER BY name LIMIT %s"), [MAX_NAMES]
        )
        return frozenset(name for (name,) in rows)


def _after(product_id: str | None) -> tuple[str, list[str]]:
    """Return the condition of what comes after an id, and its values."""
    if product_id is None:
        return "TRUE", []
    # The database holds no such letters: what comes after them begins with what is before them.
    while not storable(product_id):
        product_id = product_id[:-1]
    return 'p.id COLLATE "C" > %s', [product_id]
