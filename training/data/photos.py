"""Photos without a table: picture files and folders of them, beside data sets, whose first pictures are photos, too."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from training.data.layouts import open_dataset
from training.data.pictures import is_picture, read_picture, readable
from training.data.readers import table_name

PARQUET = ".parquet"


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo: the id of its product, or the name of its file, and what reads it.

    `read` raises DataError or OSError when the bytes cannot be had.
    """

    name: str
    read: Callable[[], bytes]


def photos_of(paths: Iterable[Path], mapping: Mapping[str, str] | None = None) -> list[Photo]:
    """Return the photos at some paths: files, folders of files at any depth, and data sets; none that are hidden.

    `mapping` is for data sets, as `open_dataset` takes it.

    Raises:
        DataError: nothing there, or nothing that is a photo or a data set.
    """
    return [photo for path in paths for photo in _at(path.expanduser(), mapping)]


def _at(path: Path, mapping: Mapping[str, str] | None) -> Iterator[Photo]:
    if path.is_file() and is_picture(path.name):
        yield Photo(readable(path.name), partial(read_picture, str(path)))
        return
    if path.is_dir():
        found = (Path(folder, name) for folder, _, names in os.walk(path) for name in names)
        files = sorted(file for file in found if not any(part[0] == "." for part in file.relative_to(path).parts))
        pictures = [file for file in files if is_picture(file.name)]
        tables = any(table_name(file.name) or file.suffix.lower() == PARQUET for file in files)
        if pictures and not tables:
            for file in pictures:
                yield Photo(readable(file.relative_to(path).as_posix()), partial(read_picture, str(file)))
            return
    for item in open_dataset(path, mapping).items:
        yield Photo(item.id, item.read)
