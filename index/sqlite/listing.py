"""The products of a catalogue folder in the order of their ids, some at a time, and what else it says of them."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager

from index.damage import Damage, parsed_attributes, sound_product
from index.filters import Filters, passes
from index.product import Product
from index.records import LISTED_TOGETHER
from index.sqlite.gone import gone_names
from index.sqlite.hubs import hub_mean

COLUMNS = "id, title, split, attributes, digest"


class Listed(ABC):
    """What a catalogue lists. Edits that come meanwhile neither repeat a product nor skip one that stays."""

    _damage: Damage

    @abstractmethod
    def _reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """Return the connection, for one thread at a time."""

    def list_products(
        self, after: str | None = None, limit: int = LISTED_TOGETHER, filters: Filters | None = None
    ) -> list[tuple[Product, str]]:
        """Return the first products after an id that pass the filters, and their digests, in the order of their ids.

        Args:
            after: the last id of the page before; None: from the first one.
            limit: how many, at most; fewer are returned at the end only.
            filters: read against the products as they are stored, one after the other.

        Raises:
            ArtefactError: the file is damaged.
        """
        found: list[tuple[Product, str]] = []
        # Half a character cannot be asked for, and no id has one.
        at = (after or "").encode("utf-8", "ignore").decode()
        while len(found) < limit:
            # Others read in between: a rare value may be far away.
            wanted = LISTED_TOGETHER if filters else limit - len(found)
            with self._reading() as connection:
                rows = connection.execute(
                    f"SELECT {COLUMNS} FROM products WHERE id > ? ORDER BY id LIMIT ?",  # noqa: S608 - our own words
                    (at, wanted),
                ).fetchall()
            for product_id, title, split, text, digest in rows:
                product = sound_product(product_id, title, split, parsed_attributes(text), self._damage)
                if product is not None and passes(product.attributes, filters or {}) and len(found) < limit:
                    found.append((product, str(digest)))
            if len(rows) < wanted:
                break
            at = rows[-1][0]
        return found

    def ids(self) -> Iterator[str]:
        """Yield the ids of all products, in order.

        Raises:
            ArtefactError: the file is damaged.
        """
        at = ""
        while True:
            with self._reading() as connection:
                rows = connection.execute(
                    "SELECT id FROM products WHERE id > ? ORDER BY id LIMIT ?", (at, LISTED_TOGETHER)
                ).fetchall()
            yield from (str(product_id) for (product_id,) in rows)
            if len(rows) < LISTED_TOGETHER:
                return
            at = rows[-1][0]

    def has_hubs(self) -> bool:
        """Return whether the hubness of its products is known: catalogues of older versions have none."""
        with self._reading() as connection:
            return hub_mean(connection) is not None

    def gone_names(self) -> frozenset[str]:
        """Return names of attributes that products had once; those that some have still may be among them."""
        with self._reading() as connection:
            return gone_names(connection)
