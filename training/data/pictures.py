"""The picture files of a data set, in a folder or a zip archive: listing them, and reading the bytes of one.

Decodes none, and never follows a link out of the data set.
"""

from __future__ import annotations

import os
import posixpath
import threading
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from common import DataError
from training.data.dataset import MAX_IMAGE_BYTES, Problem

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"})


class Picture(NamedTuple):
    """How to read a picture, and a stamp that changes with its content."""

    read: Callable[[], bytes]
    stamp: str


def is_picture(name: str) -> bool:
    """Return whether the name has the suffix of a picture."""
    return posixpath.splitext(name)[1].lower() in PICTURE_SUFFIXES


def pictures_in(folder: Path, root: Path) -> dict[str, Picture | Problem]:
    """List the plain files of `folder` by name; a link that leads out of `root` (a real path) is not followed."""
    pictures: dict[str, Picture | Problem] = {}
    if not folder.is_dir():
        return pictures
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                if entry.is_symlink() and not Path(os.path.realpath(entry.path)).is_relative_to(root):
                    pictures[entry.name] = Problem.OUTSIDE
                elif entry.is_file() and not entry.name.startswith("."):
                    stat = entry.stat()
                    pictures[entry.name] = (
                        Picture(partial(_read_picture, entry.path), f"{stat.st_size}:{stat.st_mtime_ns}")
                        if stat.st_size <= MAX_IMAGE_BYTES
                        else Problem.OVERSIZED
                    )
            except OSError:  # deleted meanwhile, or a circular link
                continue
    return pictures


def _read_picture(path: str) -> bytes:
    with open(path, "rb") as file:
        data = file.read(MAX_IMAGE_BYTES + 1)
    if len(data) > MAX_IMAGE_BYTES:
        raise DataError(f"{path} has grown beyond {MAX_IMAGE_BYTES:,} bytes; store the picture smaller")
    return data


class ZipReader:
    """Reads members of one archive, from any thread; their names are keys and never become paths."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self._path = path
        self._archive = archive
        # ZipFile counts its open members without a lock of its own.
        self._lock = threading.Lock()

    def __call__(self, info: zipfile.ZipInfo) -> bytes:
        """Return the content of one member.

        Raises:
            DataError: it cannot be unpacked.
        """
        try:
            with self._lock:
                return self._archive.read(info)
        except Exception as error:  # BadZipFile, zlib.error, LZMAError, RuntimeError (encrypted), EOFError, ...
            raise DataError(
                f"{info.filename} in {self._path} cannot be unpacked ({error}); download the archive again"
            ) from error

    def pictures(self, members: Mapping[str, zipfile.ZipInfo]) -> dict[str, Picture | Problem]:
        """Return the members of one folder, name -> member, as pictures; their stamp is size and checksum."""
        return {
            name: Picture(partial(self, info), f"{info.file_size}:{info.CRC:08x}")
            if info.file_size <= MAX_IMAGE_BYTES
            else Problem.OVERSIZED
            for name, info in members.items()
        }
