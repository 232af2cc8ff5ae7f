"""Numbers of products that an older version stored: it knew no dates and no prices with a currency.

Done once for a build, before the first search of it; a comment on its table says that it is done.
"""

from __future__ import annotations

import logging

from psycopg.sql import SQL, Literal
from psycopg.types.json import Jsonb

from common import VitrineError
from index.postgres.catalogue import PostgresCatalogue
from index.postgres.connection import Connection
from index.postgres.rows import numbers_of
from index.postgres.schema import NUMBERS
from index.values import attributes_of

logger = logging.getLogger("vitrine.index")

READ_TOGETHER = 4096


def renew_numbers(catalogue: PostgresCatalogue) -> None:
    """Bring the numbers of all products up to this version, unless that is done; where nothing can be written, do not.

    Raises:
        DatabaseUnavailableError: the database does not answer.
    """
    with catalogue.reading() as connection:
        if _noted(connection, catalogue) == NUMBERS:
            return
    try:
        with catalogue.writing() as connection:
            count = _renew(connection, catalogue)
    except VitrineError as error:
        logger.warning("bounds will not find dates and prices that an older version stored (%s)", error)
        return
    logger.info("dates and prices of %d products were made comparable", count)


def _noted(connection: Connection, catalogue: PostgresCatalogue) -> str | None:
    row = connection.execute(
        "SELECT obj_description(to_regclass(%s), 'pg_class')", [f'"{catalogue.build}".products']
    ).fetchone()
    return None if row is None else row[0]


def _renew(connection: Connection, catalogue: PostgresCatalogue) -> int:
    """Write the numbers that differ, and return how many products had others."""
    connection.execute("SET LOCAL statement_timeout = 0")
    changed = []
    with connection.cursor(name="numbers") as cursor:
        cursor.execute(catalogue.sql("SELECT id, seq, attributes, numbers FROM {build}.products"))
        while rows := cursor.fetchmany(READ_TOGETHER):
            for product_id, seq, stored, numbers in rows:
                attributes = attributes_of(stored)
                if attributes is not None and (found := numbers_of(attributes)) != numbers:
                    changed.append((Jsonb(found), product_id, seq))
    with connection.cursor() as writer:
        # A product that is put in meanwhile has its numbers already.
        writer.executemany(
            catalogue.sql("UPDATE {build}.products SET numbers = %s WHERE id = %s AND seq = %s"), changed
        )
    connection.execute(catalogue.sql("COMMENT ON TABLE {build}.products IS ") + SQL("{}").format(Literal(NUMBERS)))
    return len(changed)
