"""A copy of a catalogue from one place to another: a backup, a move, a restore. Nothing is encoded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile

from common import ArtefactError, atomic_file
from index.ann.search_files import REQUIREMENTS_FILE
from index.kept import Kept
from index.location import Location
from index.ranking.calibrate import shipped_calibration
from index.records import Entry, entry_digest
from index.store import edits_to_keep, make_derived, open_catalogue, open_whole, write_catalogue


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy has."""

    products: int
    """How many came from the source."""
    version: int
    """The source's version that it is."""
    kept: Kept
    """Edits of the catalogue that was replaced."""


def copy_catalogue(
    source: Location, target: Location, *, if_empty: bool = False, discard_edits: bool = False
) -> Copied | None:
    """Copy a catalogue as it is at this moment, with its vectors, while services go on writing to it.

    What was acknowledged before this began is in the copy. Every product is compared with its digest. Edits that were
    made at the target stay as they are there; those that an earlier copy brought there do not. A folder gets the map
    and the search files that `vitrine index` would have made.

    Args:
        source: what is copied.
        target: where to.
        if_empty: do nothing, and return None, when a catalogue is there already.
        discard_edits: do not keep the edits that were made at the target until now.

    Raises:
        VitrineError: as `open_catalogue` and `write_catalogue`; a product of the source is damaged (names it).
    """
    keep = edits_to_keep(target, discard=discard_edits, brought=False)
    if if_empty:
        try:
            open_catalogue(target).close()
        except ArtefactError:
            pass  # there is none
        else:
            return None
    with open_whole(source) as whole, write_catalogue(target, whole.info, keep=keep) as writer:
        writer.add(_checked(whole.entries, source))
        writer.bring(whole.edited)
    with open_catalogue(source) as copied:
        calibration = copied.calibration()
    if calibration != shipped_calibration():
        with open_catalogue(target) as made:
            made.save_calibration(calibration)
    if isinstance(target, Path):
        if isinstance(source, Path) and (source / REQUIREMENTS_FILE).exists():
            with atomic_file(target / REQUIREMENTS_FILE) as beside:
                copyfile(source / REQUIREMENTS_FILE, beside)
        make_derived(target)
    return Copied(whole.count, whole.version, writer.kept)


def _checked(entries: Iterable[tuple[Entry, str]], source: Location) -> Iterator[Entry]:
    """Yield products that are what their digests say.

    Raises:
        ArtefactError: one is not; names it.
    """
    for entry, digest in entries:
        if entry_digest(entry.product, entry.image) != digest:
            raise ArtefactError(
                f"{source}: product {entry.product.id!r} is damaged; put it in again or delete it. Nothing was copied"
            )
        yield entry
