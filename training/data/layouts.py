"""The layouts of data sets: which one a path holds (zip, folder, CSV table, parquet), and how its parts fit together.

Decodes no picture, fetches no URL and never leaves the folder of the data set.
"""

from __future__ import annotations

import difflib
import os
import posixpath
import zipfile
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath

from common import DataError
from training.data.dataset import Dataset, Problem, Report
from training.data.parquet import open_parquet
from training.data.pictures import Picture, ZipReader, is_picture, pictures_in
from training.data.rows import ACCEPTED, Row, collect, finish
from training.data.tables import MAX_TABLE_BYTES, column_names, read_table, table_rows


def open_dataset(path: Path) -> Dataset:
    """Open the data set at `path` in the layout that its content or name tells; reads the rows, not the pictures.

    Raises:
        DataError: nothing there, no layout that fits, or no usable row. Says what was found and the nearest fix.
    """
    try:
        return _open(path.expanduser())
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}); check the path and its rights") from error


def _open(path: Path) -> Dataset:
    if path.is_dir():
        return _open_folder(path)
    if not path.exists():
        near = difflib.get_close_matches(path.name, _names(path.parent), n=1)
        hint = f"did you mean {path.parent / near[0]}?" if near else ACCEPTED
        raise DataError(f"there is no file or folder {path}; {hint}")
    with path.open("rb") as file:
        magic = file.read(4)
    if magic.startswith(b"PK"):
        return _open_zip(path)
    if magic == b"PAR1":
        return open_parquet(path, [path])
    if path.suffix.lower() == ".csv":
        return _open_csv(path)
    raise DataError(f"{path} begins with {magic!r}: neither zip nor parquet, and not named .csv; {ACCEPTED}")


def _open_folder(path: Path) -> Dataset:
    """Look in the folder and its direct subfolders: archives are often unpacked into one folder more."""
    inside = sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))
    folders = [path, *(folder for folder in inside if os.access(folder, os.R_OK))]
    for folder in folders:
        styles = [folder / name for name in _names(folder) if name.lower() == "styles.csv"]
        if styles:
            return _open_kaggle_folder(path, styles[0])
    shards = [folder / name for folder in folders for name in _names(folder) if name.endswith(".parquet")]
    if shards:
        return open_parquet(path, shards)
    names = _names(path)
    tables = [path / name for name in names if name.lower().endswith(".csv")]
    if len(tables) == 1:
        return _open_csv(tables[0])
    inner = [path / name for name in names if name.lower().endswith((".csv", ".zip"))]
    found = f"{len(names)} entries ({', '.join(names[:5])}{', …' if len(names) > 5 else ''})" if names else "nothing"
    hint = f"pass {' or '.join(map(str, inner[:3]))}" if inner else ACCEPTED
    raise DataError(f"{path} holds {found}, but no styles.csv, .parquet file or single .csv; {hint}")


def _names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if not p.name.startswith(".")) if folder.is_dir() else []


def _open_zip(path: Path) -> Dataset:
    """Open an archive of the Kaggle layout: the styles.csv nearest to the root, and the images folder beside it."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        size = path.stat().st_size
        raise DataError(
            f"{path} is a damaged or cut zip archive of {size:,} bytes ({error}); download it again"
        ) from error
    members: dict[str, dict[str, zipfile.ZipInfo]] = {}  # folder → name → member
    for info in archive.infolist():
        folder, name = posixpath.split(info.filename.replace("\\", "/"))
        if name and not name.startswith(".") and "__MACOSX" not in folder:
            members.setdefault(folder, {})[name] = info
    tables = [(f, name) for f, names in members.items() for name in names if name.lower() == "styles.csv"]
    if not tables:
        names = [posixpath.join(folder, name) for folder in members for name in members[folder]]
        raise DataError(
            f"{path} holds {len(names):,} files ({', '.join(names[:5])}{', …' if len(names) > 5 else ''}), "
            f"but no styles.csv; unpack it and pass the folder if it is another layout: {ACCEPTED}"
        )
    base, name = min(tables, key=lambda at: (at[0].count("/") + bool(at[0]), at))
    table = members[base][name]
    if table.file_size > MAX_TABLE_BYTES:
        raise DataError(
            f"{table.filename} in {path} unpacks to {table.file_size:,} bytes; "
            f"at most {MAX_TABLE_BYTES:,} are read: split the table"
        )
    # The folder `images` beside the table, or else the one nearest to the root.
    beside = posixpath.join(base, "images")
    folders = [folder for folder in members if posixpath.basename(folder) == "images"]
    chosen = min(folders, key=lambda folder: (folder != beside, folder.count("/"), folder), default=beside)
    read = ZipReader(path, archive)
    pictures = read.pictures(members.get(chosen, {}))
    return _kaggle(path, "kaggle-zip", read(table), f"{table.filename} in {path}", pictures)


def _open_kaggle_folder(path: Path, table: Path) -> Dataset:
    images = Path(os.path.realpath(table.parent / "images"))
    return _kaggle(path, "kaggle-folder", read_table(table), str(table), pictures_in(images, images))


def _kaggle(path: Path, layout: str, data: bytes, source: str, pictures: Mapping[str, Picture | Problem]) -> Dataset:
    """Join styles.csv with the pictures named <id>.jpg, or <id> with another suffix of a picture."""
    report = Report()
    images = [name for name in sorted(pictures) if is_picture(name)]
    by_id: dict[str, str] = {}
    for name in sorted(images, key=lambda name: not name.lower().endswith(".jpg")):
        by_id.setdefault(posixpath.splitext(name)[0], name)
    claimed: set[str] = set()

    def find(row: Row) -> Picture | Problem:
        name = by_id.get(row.id, "")
        claimed.add(name)
        return pictures.get(name, Problem.NO_IMAGE)

    rows = table_rows(data, source, report, title="productDisplayName")
    items, fingerprint = collect(((row, [find(row)]) for row in rows), report)
    orphans = [name for name in images if name not in claimed]
    return finish(path, layout, items, report, fingerprint, len(images), orphans)


def _open_csv(path: Path) -> Dataset:
    """Read a table of id, image, text and attributes; an image is a path relative to the table."""
    data = read_table(path)
    names = column_names(data)
    if "productdisplayname" in names and "image" not in names:
        return _open_kaggle_folder(path.parent, path)
    report = Report()
    root = Path(os.path.realpath(path.parent))
    # Each folder is listed once: a look at the disk for every row would take minutes on a network drive.
    listed: dict[str, Mapping[str, Picture | Problem] | None] = {}
    claimed: set[tuple[str, str]] = set()

    def find(row: Row) -> Picture | Problem:
        if not row.images:
            return Problem.NO_IMAGE
        image = row.images[0]
        if "://" in image or image.startswith("data:"):
            return Problem.URL
        given = PureWindowsPath(image)  # splits at either slash
        relative = posixpath.normpath(given.as_posix())
        if given.drive or given.root or relative.split("/")[0] == "..":
            return Problem.OUTSIDE
        folder, name = posixpath.split(relative)
        if folder not in listed:
            real = Path(os.path.realpath(root / folder.replace("\0", "")))
            listed[folder] = pictures_in(real, root) if real.is_relative_to(root) else None
        claimed.add((folder, name))
        pictures = listed[folder]
        return Problem.OUTSIDE if pictures is None else pictures.get(name, Problem.NO_IMAGE)

    rows = table_rows(data, str(path), report, title="text", image="image")
    items, fingerprint = collect(((row, [find(row)]) for row in rows), report)
    images = [(f, name) for f, pictures in listed.items() for name in sorted(pictures or ()) if is_picture(name)]
    orphans = [posixpath.join(folder, name) for folder, name in images if (folder, name) not in claimed]
    return finish(path, "csv", items, report, fingerprint, len(images), orphans)
