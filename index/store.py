"""Where a catalogue is kept, and what every such place can do: a folder (SQLite and FAISS), or a PostgreSQL database.

Whoever works with a catalogue knows these calls; which place it is, only the functions here. psycopg is imported when a
database is asked for.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, cast, overload

from common import ArtefactError, ConfigError, ConflictError, VitrineError
from index.ann import make_index, open_index
from index.map import make_map
from index.product import Product
from index.query import DescriptionHit, Filters, Hit, LikeVectors, Page, SearchQuery, Side
from index.sqlite import Catalogue, CatalogueInfo, CatalogueWriter, Delete, Entry, Put, Snapshot, Vectors, Written
from index.vectors import SearchIndex

logger = logging.getLogger("vitrine.index")

SCHEMES = ("postgresql://", "postgres://")


@dataclass(frozen=True, slots=True, repr=False)
class Database:
    """Where a catalogue in PostgreSQL is: a libpq URL, of one host or of several. Shown without its password."""

    url: str

    def __str__(self) -> str:
        """Return the URL without password and options."""
        before, at, hosts = self.url.partition("://")[2].rpartition("@")
        user = re.split("[:@/?]", before, maxsplit=1)[0]
        return f"postgresql://{user}{at}{hosts.partition('?')[0]}"

    __repr__ = __str__


Location = Path | Database


def parse_location(given: str | Path | Database) -> Location:
    """Return where a catalogue is: a database for a postgresql:// URL, a folder for anything else."""
    return Database(given) if isinstance(given, str) and given.startswith(SCHEMES) else _folder(given)


def _folder(given: str | Path | Database) -> Location:
    return Path(given) if isinstance(given, str) else given


class Store(Protocol):
    """An open catalogue. Calls may come from any thread; what they promise is said at `index.Catalogue`."""

    @property
    def info(self) -> CatalogueInfo:
        """What it says of itself."""

    @property
    def writable(self) -> bool:
        """Whether `write` can work."""

    def replaced(self) -> bool:
        """Whether another catalogue stands in the place of the one that is open, or none."""

    def write(self, edits: Sequence[Put | Delete], /) -> list[Written | ConflictError]:
        """Carry out `edits` in order, in one transaction."""

    def version(self) -> int:
        """Return the last sequence number of the change log."""

    def __len__(self) -> int: ...

    def product(self, product_id: str, /) -> Product:
        """Return one product."""

    def get_with_etag(self, product_id: str, /) -> tuple[Product, str]:
        """Return one product and its digest."""

    def image(self, product_id: str, /) -> bytes:
        """Return the picture of one product as it was delivered."""

    def entry(self, product_id: str, /) -> tuple[Entry, str]:
        """Return one product with its picture and vectors, and its digest."""

    def snapshot(self) -> Snapshot:
        """Read everything but the pictures, of one moment."""

    def close(self) -> None:
        """Let go of file or connections."""

    def __enter__(self) -> Store: ...

    def __exit__(self, *error: Any) -> None: ...


class Search(Protocol):
    """What answers queries over a catalogue; what the calls promise is said at `index.SearchIndex`."""

    info: CatalogueInfo
    encoder_id: str
    version: int

    def __len__(self) -> int: ...

    def vectors(self, product_ids: Iterable[str], /) -> Vectors:
        """Return the image vectors (K, D) of products."""

    def check(self, query: SearchQuery, /) -> LikeVectors:
        """Refuse a query that cannot be answered; return the vectors of the products that it names."""

    def count(self, filters: Filters | None = None, /) -> int:
        """Return how many products pass the filters."""

    def facets(
        self, filters: Filters | None = None, names: Iterable[str] | None = None, /
    ) -> dict[str, dict[str, int]]:
        """Return attribute -> value -> number of products that pass the other attributes' filters."""

    @overload
    def search(
        self, side: Literal["images"], vectors: Vectors, queries: Sequence[SearchQuery], /
    ) -> list[Page[Hit]]: ...

    @overload
    def search(
        self, side: Literal["texts"], vectors: Vectors, queries: Sequence[SearchQuery], /
    ) -> list[Page[DescriptionHit]]: ...

    @overload
    def search(
        self, side: Side, vectors: Vectors, queries: Sequence[SearchQuery], /
    ) -> list[Page[Hit]] | list[Page[DescriptionHit]]: ...

    def search(
        self, side: Side, vectors: Vectors, queries: Sequence[SearchQuery], /
    ) -> list[Page[Hit]] | list[Page[DescriptionHit]]:
        """Find what is nearest to `vectors` (B, D), a page for each of B queries."""


class Writer(Protocol):
    """Builds a catalogue; leaving the `with` block without an error puts it in its place."""

    def add(self, entries: Iterable[Entry], /) -> None:
        """Append `entries` in order."""


Encode = Callable[[Sequence[tuple[Product, bytes]]], Iterable[Entry]]


def open_catalogue(place: Location, *, encoder_id: str | None = None, writable: bool = False) -> Store:
    """Open a catalogue; with `encoder_id`, only if its vectors were made by that encoder.

    Raises:
        ArtefactError: none there, a damaged one, of another format, or made by another encoder (names both).
        ConfigError: the database is no good, or its client is not installed.
        DatabaseUnavailableError: the database does not answer.
    """
    if isinstance(place, Path):
        return Catalogue.open(place, encoder_id=encoder_id, writable=writable)
    return cast(Store, _postgres().PostgresCatalogue(place, encoder_id=encoder_id))


def write_catalogue(
    place: Location, info: CatalogueInfo, encode: Encode | None = None
) -> AbstractContextManager[Writer]:
    """Return what builds a catalogue at `place`; as `CatalogueWriter`.

    Raises:
        ConfigError: the database's client is not installed.
    """
    if isinstance(place, Path):
        return CatalogueWriter(place, info, encode)
    return cast("AbstractContextManager[Writer]", _postgres().PostgresWriter(place, info, encode))


def open_search(store: Store) -> Search:
    """Return what searches an open catalogue as it is now.

    Raises:
        ArtefactError: the catalogue is damaged.
        DatabaseUnavailableError: the database does not answer.
    """
    return open_index(store) if isinstance(store, Catalogue) else cast(Any, store).search()


def refresh(search: Search, store: Store) -> Search:
    """Return `search` as it is now, itself when nothing was changed since.

    Raises:
        VitrineError: as `open_search`.
    """
    if not (isinstance(store, Catalogue) and isinstance(search, SearchIndex)):
        return search if store.version() == search.version else open_search(store)
    try:
        changes = store.changes(search.version)
        if changes is not None and changes.version == search.version:
            return search
        return open_index(store) if changes is None else search.updated(changes)
    except VitrineError:
        raise
    except Exception:
        logger.exception("the changes do not fit the index, which is made anew")
        return open_index(store)


def copy_catalogue(source: Location, target: Location, *, if_empty: bool = False) -> int | None:
    """Copy a catalogue as it is, with its vectors; return how many products it has.

    With `if_empty`, None when a catalogue is at `target` already. A folder gets the map and the search files that
    `vitrine index` would have made.

    Raises:
        VitrineError: as `open_catalogue` and `write_catalogue`.
    """
    if if_empty:
        try:
            open_catalogue(target).close()
        except ArtefactError:
            pass  # there is none
        else:
            return None
    with open_catalogue(source) as there, write_catalogue(target, there.info) as writer:
        ids = [product.id for product in there.snapshot().products]
        for start in range(0, len(ids), 256):
            writer.add(there.entry(product_id)[0] for product_id in ids[start : start + 256])
    if isinstance(target, Path):
        with suppress(ArtefactError):  # a handful of products needs no map
            make_map(target)
        make_index(target)
    return len(ids)


def _postgres() -> Any:
    """Return `index.postgres`, which needs an extra.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        from index import postgres
    except ImportError as error:
        raise ConfigError(
            f"a catalogue in PostgreSQL needs {error.name}, which is not installed; run pip install 'vitrine[postgres]'"
        ) from error
    return postgres
