"""What is made from a catalogue that was just built, in its place: the map, and a folder's search files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from common import ArtefactError, InputError
from index.ann import IndexRequirements, make_index
from index.location import Location
from index.map import Method, ProductMap, checked_map, project
from index.store import MapStore, open_catalogue, open_map


def make_derived(
    place: Location, requirements: IndexRequirements | None = None, source: Location | None = None
) -> dict[str, Any] | None:
    """Make the map and the search files of a catalogue that was just built; return what was chosen for the search.

    A database makes its search indexes itself: for one, None is returned.

    Args:
        place: where the catalogue is.
        requirements: for the search files.
        source: a catalogue of the same products and vectors, whose map is taken over where it has one.

    Raises:
        VitrineError: as `make_index` and `make_map`.
    """
    if source is None or not _take_map(source, place):
        with suppress(ArtefactError):  # two products or fewer have no map
            make_map(place)
    return make_index(place, requirements) if isinstance(place, Path) else None


def _take_map(source: Location, place: Location) -> bool:
    """Return whether the map of one place could be put into another."""
    with open_catalogue(place) as catalogue:
        encoder_id = catalogue.info.encoder_id
    with _kept_at(source, encoder_id) as one, _kept_at(place, encoder_id) as other:
        try:
            found = checked_map(one.load(), encoder_id)
        except InputError:
            return False
        if found.labels is None:
            return False
        other.save(found)
    return True


def make_map(place: Location, method: Method = "tsne") -> int:
    """Lay out the products of a catalogue, keep the map with it, and return how many products there are.

    The layout starts from the map that is there, so that what has not changed stays where it was.

    Raises:
        ArtefactError: no catalogue there, or one with fewer than three products.
        ConfigError, DatabaseUnavailableError: as `open_catalogue`.
    """
    with open_catalogue(place) as catalogue:
        snapshot = catalogue.snapshot()
    with _kept_at(place, snapshot.info.encoder_id) as kept:
        before: ProductMap | None = None
        with suppress(InputError):  # one that cannot be read is replaced
            before = kept.load()
        kept.save(project(snapshot.info, snapshot.products, snapshot.image_vectors, method, before))
    return len(snapshot.products)


@contextmanager
def _kept_at(place: Location, encoder_id: str) -> Iterator[MapStore]:
    kept = open_map(place, encoder_id)
    try:
        yield kept
    finally:
        kept.close()
