"""What is made from a catalogue that was just built, in its place: the map, and a folder's search files.

As a program, `python -m index.derived` makes the map of the place that its standard input names.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from common import ArtefactError, InputError
from index.ann import make_index
from index.location import Database, Location, parse_location
from index.map import Method, ProductMap, checked_map, project
from index.store import MapStore, open_catalogue, open_map

PROCESS_FROM = 5000
"""Products from which on a map takes longer than the start of a process."""


def make_derived(place: Location, source: Location) -> None:
    """Make the map and the search files of a catalogue that was just copied; a database makes its own search indexes.

    Args:
        place: where the catalogue is.
        source: the catalogue of the same products and vectors, whose map is taken over where it has one.

    Raises:
        VitrineError: as `make_index` and `make_map`.
    """
    if not _take_map(source, place):
        with suppress(ArtefactError):  # two products or fewer have no map
            make_map(place)
    if isinstance(place, Path):
        make_index(place)


@contextmanager
def map_beside(place: Location, products: int) -> Iterator[None]:
    """Make the map of a catalogue that was just built while the block does other work; it is there when that ends.

    The map of many products is made in a process of its own: threads would wait for the interpreter lock.

    Raises:
        VitrineError: as `make_map`.
    """
    process = _map_process(place) if products >= PROCESS_FROM else None
    try:
        yield
        # A process that failed said nothing that helps: what is wrong is found once more here.
        if process is None or process.wait():
            with suppress(ArtefactError):  # two products or fewer have no map
                make_map(place)
    finally:
        if process is not None:
            process.kill()
            process.wait()


def _map_process(place: Location) -> subprocess.Popen[bytes] | None:
    """Return a process that makes a map; None: it cannot be started."""
    path = os.pathsep.join(one or os.getcwd() for one in sys.path)
    # One core is left to what runs beside it: a thread would wait for another one at every barrier.
    threads = os.environ.get("OMP_NUM_THREADS") or str(max(1, len(os.sched_getaffinity(0)) - 1))
    try:
        process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-P", "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": threads},
        )
    except OSError:
        return None
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    # Not among its arguments, which all users of the machine see: the address of a database may hold a password.
    with suppress(OSError), process.stdin as pipe:
        pipe.write((place.url if isinstance(place, Database) else str(place)).encode())
    return process


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


if __name__ == "__main__":
    make_map(parse_location(sys.stdin.read()))
