"""A copy of a catalogue from one place to another: a backup, a move, a restore. Nothing is encoded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile

from common import ArtefactError, atomic_file
from index.ann.requirements import REQUIREMENTS_FILE
from index.damage import Damage
from index.derived import make_derived
from index.kept import Kept
from index.location import Location, check_pictures
from index.ranking.calibrate import shipped_calibration
from index.records import Entry, Whole
from index.sqlite import Pictures
from index.store import (
    edits_to_keep,
    open_catalogue,
    open_whole,
    write_catalogue,
)


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy has."""

    products: int
    """How many came from the source."""
    version: int
    """The source's version that it is."""
    kept: Kept
    """Edits of the catalogue that was replaced."""
    damaged: list[str]
    """Ids of products that were left out."""


def copy_catalogue(
    source: Location,
    target: Location,
    *,
    if_empty: bool = False,
    discard_edits: bool = False,
    pictures: Pictures = "size",
) -> Copied | None:
    """Copy a catalogue as it is at this moment, with its vectors, while services go on writing to it.

    What was acknowledged before this began is in the copy. Every product is compared with its digest, and damaged ones
    are left out. Edits that were made at the target stay as they are there; those that an earlier copy brought there do
    not. It gets the source's map, and a folder the search files that
    `vitrine index` would have made.

    Args:
        source: what is copied.
        target: where to.
        if_empty: do nothing, and return None, when a catalogue is there already.
        discard_edits: do not keep the edits that were made at the target until now.
        pictures: where the copy's pictures go.

    Raises:
        VitrineError: as `open_catalogue` and `write_catalogue`.
    """
    check_pictures(target, pictures)
    keep = edits_to_keep(target, discard=discard_edits, brought=False)
    if if_empty:
        try:
            open_catalogue(target).close()
        except ArtefactError:
            pass  # there is none
        else:
            return None
    damage = Damage(source)
    count = 0

    def entries(whole: Whole) -> Iterator[Entry]:
        nonlocal count
        for entry, _ in whole.entries:
            count += 1
            yield entry

    with (
        open_whole(source, damage) as whole,
        write_catalogue(target, whole.info, keep=keep, pictures=pictures) as writer,
    ):
        writer.add(entries(whole))
        writer.centre_hubs(whole.hub_mean)
        damaged = sorted(damage.reasons())
        # One that is left out was not deleted: a build from data that has it may put it in.
        writer.bring(one for one in whole.edited if one not in damaged)
    with open_catalogue(source) as copied:
        calibration = copied.calibration()
    if calibration != shipped_calibration():
        with open_catalogue(target) as made:
            made.save_calibration(calibration)
    if isinstance(target, Path) and isinstance(source, Path) and (source / REQUIREMENTS_FILE).exists():
        with atomic_file(target / REQUIREMENTS_FILE) as beside:
            copyfile(source / REQUIREMENTS_FILE, beside)
    make_derived(target, source=source)
    return Copied(count, whole.version, writer.kept, damaged)
