"""The catalogue in PostgreSQL with pgvector: the same store and the same search as in a folder.

Needs the extra `postgres`; only `index.store` imports this package, when a catalogue is in a database.
"""

from __future__ import annotations

from index.postgres.build import PostgresWriter
from index.postgres.catalogue import PostgresCatalogue
from index.postgres.maps import DatabaseMap
from index.postgres.search import PostgresSearch, open_search
from index.postgres.whole import moment_of, whole_database

__all__ = [
    "DatabaseMap",
    "PostgresCatalogue",
    "PostgresSearch",
    "PostgresWriter",
    "moment_of",
    "open_search",
    "whole_database",
]
