"""All of a catalogue folder at one moment, for a copy, while services go on writing to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from common import ArtefactError
from index.damage import Damage
from index.kept import EditRange
from index.records import Entry, Whole
from index.sqlite.catalogue import Catalogue
from index.sqlite.edited import edited_products, read_entries
from index.sqlite.hubs import hub_mean, hubs_of
from index.sqlite.picture_files import PictureFiles
from index.sqlite.rows import DamagedError
from index.sqlite.schema import FILE, open_reader, version_of

TOGETHER = 64
"""Products that are read at a time."""


@contextmanager
def whole_folder(folder: Path, damage: Damage | None = None) -> Iterator[Whole]:
    """Yield a catalogue as it is now; what is written to it meanwhile is not in it, and does not wait.

    Damaged products are left out, and named in `damage`.

    Raises:
        ArtefactError: as `Catalogue.open`; while the products are read: the file is damaged.
    """
    with Catalogue.open(folder) as catalogue:  # finds out what is wrong with it
        info, file = catalogue.info, folder.resolve() / f"{catalogue.build}.sqlite"
        connection, _ = open_reader(file)
    pictures = PictureFiles(file.parent)
    with closing(connection), pictures.held():
        with _readable(folder):
            connection.execute("BEGIN")
            version = version_of(connection)
            edited = edited_products(connection, EditRange(0, remembered=True, brought=True), version)
            (count,) = connection.execute("SELECT count(*) FROM products").fetchone()
            mean = hub_mean(connection)
        entries = _entries(connection, info.dim, damage or Damage(folder), pictures, folder, measured=mean is not None)
        yield Whole(info, version, count, [one for one, _ in edited], entries, mean)


def _entries(
    connection: sqlite3.Connection,
    dim: int,
    damage: Damage,
    pictures: PictureFiles,
    folder: Path,
    *,
    measured: bool,
) -> Iterator[tuple[Entry, str]]:
    last = -1
    while True:
        with _readable(folder):
            rows = connection.execute(
                "SELECT position, id FROM products WHERE position > ? ORDER BY position LIMIT ?", (last, TOGETHER)
            ).fetchall()
            ids = [product_id for _, product_id in rows]
            found = read_entries(connection, ids, dim, damage, pictures)
            hubs = hubs_of(connection, ids) if measured else {}
        if not rows:
            return
        yield from ((replace(entry, hub=hubs.get(entry.product.id)), digest) for entry, digest in found)
        last = rows[-1][0]


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, DamagedError) as error:
        raise ArtefactError(
            f"{folder / FILE} cannot be read as a catalogue ({error}); make a new one with `vitrine index`, or use a"
            " copy"
        ) from error
