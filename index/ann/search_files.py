"""The files that let a large catalogue be searched at once: derived from it, checked before they are used.

They are beside the catalogue in a folder of their build's name, and can be deleted at any time. Files that do not
belong to the catalogue, or are damaged, are never searched: new ones are made, with a line in the log. What was changed
since they were made comes from the change log of the catalogue.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from common import ArtefactError, InputError, atomic_folder, resource_error, write_json
from index.ann.choose import choose
from index.ann.columns import Columns, read_columns, write_columns
from index.ann.faiss_index import AnnIndex, Choice, Indexed, from_json, load, to_json
from index.ann.private_files import private_files
from index.ann.requirements import REQUIREMENTS_FILE, IndexRequirements, read_requirements
from index.records import Changes, Vectors
from index.sqlite import Catalogue
from index.words import PostingLists

logger = logging.getLogger("vitrine.index")

FORMAT = 3
FOLDER = "search-{}"
MANIFEST = "manifest.json"
WORDS_FILE = "words.npz"
LOCK = ".search.lock"
LARGE = 100_000
"""Products from which on a catalogue gets these files by default; a smaller one is read whole and scanned."""
SOME = 2_000  # the same for who searches once: without an index over the vectors
STALE = 0.05
"""Part of the products that may have changed since the files were made; beyond it, opening makes new files."""
FEW_CHANGES = 1024  # changed products for which opening never makes new files
SPOT_CHECKS = 32  # products whose vectors are compared with the catalogue's own when files are opened


@dataclass(frozen=True, slots=True)
class SearchFiles:
    """The files of a catalogue, mapped from a copy, and what has changed since they were made."""

    base: Columns
    ann: Mapping[Indexed, AnnIndex]
    """For none, some or all: what is flat is scanned."""
    words: PostingLists
    changes: Changes | None
    """None: nothing."""


def open_files(catalogue: Catalogue, *, once: bool = False) -> SearchFiles | None:
    """Return the search files of a catalogue, made first where none are usable; None when it is to be searched whole.

    A large catalogue, or one with requirements, is searched through files; by who searches `once`, also a smaller one.
    Where they cannot be written beside the catalogue, they are made in a temporary folder.

    Raises:
        ArtefactError: the catalogue is damaged.
    """
    requirements = read_requirements(catalogue.folder)
    count = len(catalogue)
    if not count or (requirements is None and count < (SOME if once else LARGE)):
        return None
    if requirements is None and count >= LARGE:
        requirements = IndexRequirements()
    files = _open_current(catalogue, requirements, count, logger.debug if requirements is None else logger.warning)
    if files is None:
        with _locked(catalogue.folder):
            # Another process may have made them while we waited.
            files = _open_current(catalogue, requirements, count, logger.debug) or _make(catalogue, requirements)
    return files


def make_index(folder: Path, requirements: IndexRequirements | None = None) -> dict[str, Any] | None:
    """Make new search files for the catalogue in `folder`, and return what was chosen and measured.

    Args:
        folder: of the catalogue.
        requirements: kept with the catalogue. None: those kept before; a small catalogue without any gets no files.

    Raises:
        ArtefactError: no catalogue, a damaged one, or a folder that cannot be written.
    """
    with Catalogue.open(folder) as catalogue:
        before = read_requirements(folder)
        if not len(catalogue) or (requirements is None and before is None and len(catalogue) < LARGE):
            return None
        asked = requirements or before or IndexRequirements()
        try:
            if requirements is not None:
                write_json(folder / REQUIREMENTS_FILE, asdict(requirements))
            with _locked(folder), atomic_folder(_files_folder(catalogue)) as partial:
                manifest = _write(catalogue, asked, partial)
        except OSError as error:
            if resource := resource_error(error):
                raise resource from error
            raise ArtefactError(
                f"{folder} cannot be written ({error.strerror}); check its rights and the disk"
            ) from error
        _clear(folder)
        return {"wants": manifest["wants"], "chosen": manifest["near"], "measured": manifest["measured"]}


def _files_folder(catalogue: Catalogue) -> Path:
    return catalogue.folder / FOLDER.format(catalogue.build)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one process at a time make the files of a catalogue; without the right to write, nothing is shared."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError:
        yield
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _open_current(
    catalogue: Catalogue, requirements: IndexRequirements | None, count: int, log: Callable[..., None]
) -> SearchFiles | None:
    """Return the files that are there; None when they cannot be used, with the reason in the log."""
    folder = _files_folder(catalogue)
    if not folder.is_dir():
        log("%s is not there: the search files are made from the catalogue", folder)
        return None
    try:
        base, ann, words = _read(folder, catalogue, requirements)
    except (OSError, ValueError, KeyError, TypeError, IndexError, InputError) as error:
        log("%s is refused (%s): the search files are made from the catalogue", folder, error)
        return None
    changes = catalogue.changes(base.version)
    if changes is None or len(changes.removed) > max(FEW_CHANGES, STALE * count):
        log("%s is too far behind the catalogue: new search files are made", folder)
        return None
    return SearchFiles(base, ann, words, None if changes.version == base.version else changes)


def _make(catalogue: Catalogue, requirements: IndexRequirements | None) -> SearchFiles:
    """Make the files, beside the catalogue where that is possible, and read them."""
    start = time.monotonic()
    folder = _files_folder(catalogue)
    try:
        with atomic_folder(folder) as partial:
            _write(catalogue, requirements, partial)
        _clear(catalogue.folder)
        base, ann, words = _read(folder, catalogue, requirements)
    except OSError as error:
        logger.warning("%s cannot be written (%s): the search files are kept in a temporary folder", folder, error)
        with tempfile.TemporaryDirectory(prefix="vitrine-") as temporary:
            _write(catalogue, requirements, Path(temporary))
            base, ann, words = _read(Path(temporary), catalogue, requirements)
    logger.info("the search files of %d products were made in %.0f s", len(base), time.monotonic() - start)
    changes = catalogue.changes(base.version)
    return SearchFiles(base, ann, words, None if changes is None or changes.version == base.version else changes)


def _write(catalogue: Catalogue, requirements: IndexRequirements | None, folder: Path) -> dict[str, Any]:
    """Write all files, the manifest last, and return it; without requirements there is no index over the vectors."""
    asked = requirements or IndexRequirements()
    with catalogue.stream() as (version, count, pieces):
        described = write_columns(folder, pieces, count, catalogue.info.dim)
    files = private_files(sorted(folder.iterdir()), folder)
    base = read_columns(files, catalogue.info, version, described)
    words = PostingLists()
    words.append([base.product(row) for row in range(len(base))])
    words.save(folder / WORDS_FILE)
    title_rows = base.title_rows
    texts = base.texts if len(title_rows) == len(base) else np.ascontiguousarray(base.texts[title_rows])
    sides: list[tuple[Indexed, Vectors, Vectors]] = [("images", base.images, texts), ("texts", texts, base.images)]
    sides += [("further", base.further, texts)] * bool(len(base.further))
    rows = sum(len(vectors) for _, vectors, _ in sides)
    chosen: dict[str, Choice] = {}
    measured: dict[str, list[dict[str, Any]]] = {}
    for side, vectors, other in sides if requirements else ():
        budget = None if asked.budget_mb is None else int(asked.budget_mb * 1e6 * len(vectors) / rows)
        found, all_measured = choose(vectors, other, budget, asked.recall)
        if isinstance(found, AnnIndex):
            faiss.write_index(found.index, str(folder / f"{side}.faiss"))
        chosen[side] = found.choice if isinstance(found, AnnIndex) else found
        measured[side] = [to_json(one) for one in all_measured]
    manifest = {
        "format": FORMAT,
        **_belonging(catalogue),
        "version": version,
        "wants": requirements and asdict(requirements),
        "near": {side: to_json(choice) for side, choice in chosen.items()},
        "measured": measured,
        **described,
        "files": {path.name: files.digests.get(path.name) or _digest(path) for path in sorted(folder.iterdir())},
    }
    write_json(folder / MANIFEST, manifest)
    return manifest


def _belonging(catalogue: Catalogue) -> dict[str, Any]:
    """Return what tells the files of a catalogue from those of any other."""
    info = catalogue.info
    return {
        "build": catalogue.build,
        "encoder_id": info.encoder_id,
        "dim": info.dim,
        "created": info.created,
        "hubs": catalogue.has_hubs(),
    }


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(
    folder: Path, catalogue: Catalogue, requirements: IndexRequirements | None
) -> tuple[Columns, dict[Indexed, AnnIndex], PostingLists]:
    """Copy and map the files in `folder` after checking that they are whole and belong to this catalogue.

    Raises:
        OSError, ValueError, KeyError, TypeError: they are not; says what it got and what it needs.
    """
    # Files of an older version say nothing of the hubness, and have none.
    manifest = {"hubs": False, **json.loads((folder / MANIFEST).read_text(encoding="utf-8"))}
    needed = {"format": FORMAT, **_belonging(catalogue), "wants": requirements and asdict(requirements)}
    for name, value in needed.items():
        if manifest[name] != value:
            raise ValueError(f"its {name} is {manifest[name]!r}, and {value!r} is needed")
    paths = [path for path in sorted(folder.iterdir()) if path.name != MANIFEST]
    files = private_files([path for path in paths if path.suffix != ".faiss"], folder)
    indexes = {path.stem: private_files([path], folder) for path in paths if path.suffix == ".faiss"}
    found = {**files.digests, **{name: digest for one in indexes.values() for name, digest in one.digests.items()}}
    for name, digest in manifest["files"].items():
        if found.get(name) != digest:
            raise ValueError(f"{name} is {'missing' if name not in found else 'damaged'}")
    base = read_columns(files, catalogue.info, int(manifest["version"]), manifest)
    ann: dict[Indexed, AnnIndex] = {}
    sizes: dict[Indexed, int] = {"images": len(base), "texts": len(base.titles), "further": len(base.further)}
    for side, size in ((side, size) for side, size in sizes.items() if size and side in manifest["near"]):
        choice = from_json(manifest["near"][side])
        if choice.kind != "flat":
            ann[side] = load(indexes[side], f"{side}.faiss", choice)
            if len(ann[side]) != size or ann[side].index.d != base.info.dim:
                raise ValueError(f"{side}.faiss is over {len(ann[side])} vectors, and {size} are needed")
    for row in np.random.default_rng().integers(0, len(base), size=SPOT_CHECKS).tolist():
        stored = catalogue.vectors_as_of(base.product(row).id, base.version)
        if stored is not None and not np.array_equal(stored, base.vectors(row)):
            raise ValueError(f"its vectors of product {base.product(row).id!r} are not the catalogue's")
    words = PostingLists.load(io.BytesIO(files[WORDS_FILE]))
    if words.count != len(base):
        raise ValueError(f"{WORDS_FILE} is of {words.count} products, and {len(base)} are needed")
    return base, ann, words


def _clear(folder: Path) -> None:
    """Delete the files of builds that are gone."""
    for old in folder.glob(FOLDER.format("*")):
        if not (folder / f"{old.name.removeprefix(FOLDER.format(''))}.sqlite").exists():
            shutil.rmtree(old, ignore_errors=True)
