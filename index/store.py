"""What every place of a catalogue can do, and the functions that open and build one there.

Only these functions know whether that is a folder or a database; psycopg is imported for a database only.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from common import ArtefactError, ConfigError, ConflictError, VitrineError
from index.damage import Damage
from index.filters import Filters
from index.kept import Keep, Kept
from index.location import Location, check_pictures, parse_location
from index.product import Product
from index.records import (
    LISTED_TOGETHER,
    CatalogueInfo,
    Delete,
    Encode,
    Entry,
    Put,
    Snapshot,
    Whole,
    Written,
)
from index.sqlite import Catalogue, CatalogueWriter, Pictures, moment_of, whole_folder

# What searches is imported where it is opened: the process of an evaluation needs none of it, and starts in .2 s
# instead of .3 s.
if TYPE_CHECKING:
    from index.language.understand import Languages
    from index.map import ProductMap
    from index.ranking.calibrate import Calibration
    from index.search import Search
    from index.vectors import SearchIndex

logger = logging.getLogger("vitrine.index")


class Store(Protocol):
    """An open catalogue. Calls may come from any thread; `index.Catalogue` says what they promise."""

    @property
    def info(self) -> CatalogueInfo:
        """What it says of itself."""

    @property
    def writable(self) -> bool:
        """Whether `write` can work."""

    def replaced(self) -> bool:
        """Whether the one that is open is no longer in its place."""

    def write(self, edits: Sequence[Put | Delete], /) -> list[Written | ConflictError]:
        """Make `edits` in order, in one transaction."""

    def tend(self) -> None:
        """Look after the files of a catalogue that is being served; to be called several times a second."""

    def version(self) -> int:
        """Return the last sequence number of the change log."""

    def __len__(self) -> int: ...

    def product(self, product_id: str, /) -> Product:
        """Return one product."""

    def get_with_digest(self, product_id: str, /) -> tuple[Product, str]:
        """Return one product and its digest."""

    def image(self, product_id: str, /, number: int = 0) -> bytes:
        """Return a picture of one product as it was delivered, the first one for number 0."""

    def picture_digests(self, ids: Sequence[str], /) -> dict[str, tuple[str, ...]]:
        """Return the digests of the pictures of products."""

    def entry(self, product_id: str, /) -> tuple[Entry, str]:
        """Return one product with its picture and vectors, and its digest."""

    def list_products(
        self, after: str | None = None, limit: int = LISTED_TOGETHER, filters: Filters | None = None, /
    ) -> list[tuple[Product, str]]:
        """Return the first products after an id that pass the filters, and their digests, in the order of their ids."""

    def ids(self) -> Iterator[str]:
        """Yield the ids of all products, in order."""

    def snapshot(self) -> Snapshot:
        """Read everything but the pictures, of one moment."""

    def damaged(self) -> Mapping[str, str]:
        """Return the damaged products that were met since this was opened: id -> what is wrong."""

    def calibration(self) -> Calibration:
        """Return what the scores of its encoder are worth; what is shipped, where it was not measured."""

    def save_calibration(self, calibration: Calibration, /) -> None:
        """Keep what the scores of its encoder are worth; searches that are opened from now on say it."""

    def close(self) -> None:
        """Close file or connections."""

    def __enter__(self) -> Store: ...

    def __exit__(self, *error: Any) -> None: ...


class Writer(Protocol):
    """Builds a catalogue; leaving the `with` block without an error moves it into place."""

    @property
    def kept(self) -> Kept:
        """The edits of the catalogue that was replaced; all of them once the block has ended."""

    def add(self, entries: Iterable[Entry], /) -> None:
        """Append `entries` in order."""

    def centre_hubs(self, mean: float | None, /) -> None:
        """Take over the mean hubness of the catalogue that is copied; None: that of the products of this one."""

    def bring(self, edited: Iterable[str], /) -> None:
        """Remember these products as edited where they are copied from."""


class MapStore(Protocol):
    """Where the map of a catalogue is kept; `index.map.FolderMap` says what the calls promise."""

    def stamp(self) -> str:
        """Return a text that is another one when the map is; empty: there is none."""

    def load(self) -> ProductMap | None:
        """Return the map; None: there is none."""

    def save(self, made: ProductMap, /) -> None:
        """Put a map in its place."""

    def close(self) -> None:
        """Close the connections."""


def open_catalogue(place: Location | str, *, encoder_id: str | None = None, writable: bool = False) -> Store:
    """Open a catalogue; with `encoder_id`, only if its vectors were made by that encoder.

    A text is a place as a user writes it: a folder, or a postgresql:// URL.

    Raises:
        ArtefactError: none there, a damaged one, of another format, or made by another encoder (names both).
        ConfigError: the database is no good, or its client is not installed.
        DatabaseUnavailableError: the database does not answer.
    """
    place = parse_location(place) if isinstance(place, str) else place
    if isinstance(place, Path):
        return Catalogue.open(place, encoder_id=encoder_id, writable=writable)
    return cast(Store, _postgres().PostgresCatalogue(place, encoder_id=encoder_id))


def write_catalogue(
    place: Location,
    info: CatalogueInfo,
    encode: Encode | None = None,
    keep: Keep | None = Keep(),  # noqa: B008 - frozen
    pictures: Pictures = "size",
) -> AbstractContextManager[Writer]:
    """Return what builds a catalogue at `place`; as `CatalogueWriter`.

    Raises:
        ConfigError: the database's client is not installed; pictures are to be files beside a database.
    """
    if isinstance(place, Path):
        return CatalogueWriter(place, info, encode, keep=keep, pictures=pictures)
    check_pictures(place, pictures)
    return cast("AbstractContextManager[Writer]", _postgres().PostgresWriter(place, info, encode, keep=keep))


def open_search(store: Store, languages: Languages | None = None, *, once: bool = False) -> Search:
    """Return what searches an open catalogue as it is now; texts are read with the shipped lexicons unless told.

    Who searches `once` waits for less: what is derived from the catalogue is read, and kept where it is not there.

    Raises:
        ArtefactError: the catalogue is damaged.
        DatabaseUnavailableError: the database does not answer.
    """
    if isinstance(store, Catalogue):
        return open_index(store, languages, once=once)
    return cast("Search", _postgres().open_search(store, languages=languages))


def open_index(catalogue: Catalogue, languages: Languages | None = None, *, once: bool = False) -> SearchIndex:
    """Return the index of a catalogue in a folder as it is now: over its search files, where it has them.

    `once` is as in `open_search`.

    Raises:
        ArtefactError: the catalogue is damaged.
    """
    from index.ann import open_files
    from index.vectors import SearchIndex

    files = open_files(catalogue, once=once)
    calibration = catalogue.calibration()
    if files is None:
        return SearchIndex(catalogue.snapshot(), calibration, languages)
    gone = catalogue.gone_names()
    index = SearchIndex.over(files.base, files.ann, files.words, calibration, languages, gone)
    return index if files.changes is None else index.updated(files.changes)


def refresh(search: Search, store: Store) -> Search:
    """Return `search` brought up to now; itself when nothing has changed since.

    Raises:
        VitrineError: as `open_search`.
    """
    from index.vectors import SearchIndex

    if not (isinstance(store, Catalogue) and isinstance(search, SearchIndex)):
        return search if store.version() == search.version else cast("Search", cast(Any, search).refreshed())
    try:
        changes = store.changes(search.version)
        if changes is not None and changes.version == search.version:
            return search
        return open_index(store, search.languages) if changes is None else search.updated(changes)
    except VitrineError:
        raise
    except Exception:
        # A fault of ours must not stop the service from following its catalogue.
        logger.exception("the changes do not fit the index: a new one is made")
        return open_index(store, search.languages)


def open_map(place: Location, encoder_id: str) -> MapStore:
    """Return where the map of a catalogue is kept, for vectors of this encoder.

    Raises:
        ConfigError: the database's client is not installed.
    """
    from index.map import FolderMap

    if isinstance(place, Path):
        return FolderMap(place)
    return cast(MapStore, _postgres().DatabaseMap(place, encoder_id))


def open_whole(place: Location, damage: Damage | None = None) -> AbstractContextManager[Whole]:
    """Return all of a catalogue at one moment, while others go on writing; what is damaged goes to `damage`.

    Raises:
        VitrineError: as `open_catalogue`; while the products are read: the catalogue is damaged.
    """
    if isinstance(place, Path):
        return whole_folder(place, damage)
    return cast("AbstractContextManager[Whole]", _postgres().whole_database(place, damage))


def edits_to_keep(place: Location, *, discard: bool, brought: bool = True) -> Keep | None:
    """Return which edits of the catalogue at `place` a build that begins now keeps.

    Args:
        place: where the build goes.
        discard: leave out all edits until now; None is returned where the catalogue cannot be read.
        brought: also keep those that a copy has brought there.

    Raises:
        ConfigError: the database is no good, or its client is not installed.
        DatabaseUnavailableError: the database does not answer.
    """
    if not discard:
        return Keep(brought=brought)
    try:
        moment = moment_of(place) if isinstance(place, Path) else _postgres().moment_of(place)
    except ArtefactError:
        return None
    return Keep(after=moment, brought=brought)


def _postgres() -> Any:
    """Return `index.postgres`, which needs an extra; ConfigError: it is not installed."""
    try:
        from index import postgres
    except ImportError as error:
        raise ConfigError(
            f"a catalogue in PostgreSQL needs {error.name}, which is not installed; run pip install 'vitrine[postgres]'"
        ) from error
    return postgres
