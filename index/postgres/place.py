"""The move of the pointer from the build that is served to the one that takes its place."""

from __future__ import annotations

from psycopg import sql

from index.names import MAX_NAMES
from index.postgres.connection import Connection
from index.postgres.schema import format_sql


def take_place(connection: Connection, build: str, before: str | None, position: int) -> None:
    """Let a build be the one that is served, in a transaction that holds the lock of `vitrine.current`.

    Args:
        connection: in that transaction.
        build: with all of its products.
        before: the one that is served now.
        position: of the last product that was added.
    """
    connection.execute(
        format_sql(
            "INSERT INTO {build}.attributes SELECT name, count(*)"
            " FROM {build}.products, jsonb_object_keys(keys) AS name GROUP BY name",
            build,
        )
    )
    if before is not None:
        # A page asks for the same facets, whatever this build's data has.
        connection.execute(
            sql.SQL(
                "INSERT INTO {}.attributes SELECT name, 0 FROM {}.attributes ORDER BY name LIMIT %s"
                " ON CONFLICT DO NOTHING"
            ).format(sql.Identifier(build), sql.Identifier(before)),
            [MAX_NAMES],
        )
    connection.execute(
        format_sql(
            "UPDATE vitrine.current SET build = %s, version = 0, position = %s,"
            " products = (SELECT count(*) FROM {build}.products)",
            build,
        ),
        [build, position],
    )
    connection.execute("UPDATE vitrine.builds SET finished = TRUE WHERE name = %s", [build])
    connection.execute("UPDATE vitrine.builds SET replaced = now() WHERE name = %s", [before])
