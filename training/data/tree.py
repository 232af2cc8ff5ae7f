"""The files of a data set, in a folder or a zip archive, behind one interface: listing a folder, reading a file.

Follows no link out of the data set. Knows neither tables nor roles.
"""

from __future__ import annotations

import os
import posixpath
import threading
import zipfile
from collections.abc import Iterator, Mapping
from functools import cache, cached_property, partial
from pathlib import Path
from typing import NamedTuple, Protocol

from common import DataError
from training.data.dataset import MAX_IMAGE_BYTES, Problem
from training.data.pictures import Picture, read_picture
from training.data.table import MAX_TABLE_BYTES

DEEPEST = 20
"""Folders below the root in which an archive's files, and photos, are looked for."""


class Listing(NamedTuple):
    """What a folder holds: its files as pictures, by name, and the names of its folders."""

    pictures: Mapping[str, Picture | Problem]
    folders: tuple[str, ...]


class Tree(Protocol):
    """A folder or an archive; paths within it have slashes, and "" is its root."""

    path: Path

    def listing(self, folder: str) -> Listing | None:
        """Return what `folder` holds; None where it leads out of the data set. Empty where there is none."""

    def files(self, folders: int) -> Iterator[str]:
        """Yield the paths of all visible files at most `folders` folders below the root, in order."""

    def read(self, file: str) -> bytes:
        """Return the content of a table.

        Raises:
            DataError: it is larger than `MAX_TABLE_BYTES`, or cannot be read.
        """

    def where(self, file: str) -> str:
        """Return what a message calls `file`."""


class Folder:
    """The files below a folder of the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._roots = [Path(os.path.realpath(path))]
        # Each folder is listed once: a look at the disk for every row would take minutes on a network drive.
        self.listing = cache(self._listing)

    def _listing(self, folder: str) -> Listing | None:
        real = Path(os.path.realpath(self.path / folder.replace("\0", "")))
        if not self._inside(real):
            return None
        pictures: dict[str, Picture | Problem] = {}
        folders = []
        if "\0" not in folder and real.is_dir() and os.access(real, os.R_OK):
            with os.scandir(real) as entries:
                for entry in entries:
                    try:
                        if entry.is_symlink() and not self._inside(Path(os.path.realpath(entry.path))):
                            pictures[entry.name] = Problem.OUTSIDE
                            if entry.is_dir():
                                folders.append(entry.name)
                        elif entry.is_dir():
                            folders.append(entry.name)
                        elif entry.is_file() and not entry.name.startswith("."):
                            stat = entry.stat()
                            stamp = f"{stat.st_size}:{stat.st_mtime_ns}"
                            pictures[entry.name] = (
                                Picture(partial(read_picture, entry.path), stamp)
                                if stat.st_size <= MAX_IMAGE_BYTES
                                else Problem.OVERSIZED
                            )
                    except OSError:  # deleted meanwhile, or a circular link
                        continue
        return Listing(pictures, tuple(sorted(folders)))

    def trust(self, folder: str) -> None:
        """Follow `folder` though it may be a link that leads out: to the pictures on another disk."""
        self._roots.append(Path(os.path.realpath(self.path / folder)))

    def _inside(self, real: Path) -> bool:
        return any(real.is_relative_to(root) for root in self._roots)

    def files(self, folders: int) -> Iterator[str]:
        """Yield the paths of visible files, folder by folder; a folder that links lead to again comes once."""
        level, seen = [""], {os.path.realpath(self.path)}
        for _ in range(folders + 1):
            below: list[str] = []
            for folder in level:
                try:
                    with os.scandir(self.path / folder) as found:
                        entries = sorted((entry.name, entry.is_dir()) for entry in found if entry.name[0] != ".")
                except OSError:  # no right to read it
                    continue
                yield from (posixpath.join(folder, name) for name, is_folder in entries if not is_folder)
                for name in (name for name, is_folder in entries if is_folder):
                    real = os.path.realpath(self.path / folder / name)
                    if real not in seen:
                        seen.add(real)
                        below.append(posixpath.join(folder, name))
            level = below

    def read(self, file: str) -> bytes:
        """Return the content of a table, bounded."""
        path = self.path / file
        size = path.stat().st_size
        if size > MAX_TABLE_BYTES:
            raise DataError(f"{path} has {size:,} bytes; at most {MAX_TABLE_BYTES:,} are read: split the table")
        return path.read_bytes()

    def where(self, file: str) -> str:
        """Return its path."""
        return str(self.path / file)


class Archive:
    """The members of a zip archive, read from any thread; their names are keys and never become paths."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            size = path.stat().st_size
            raise DataError(
                f"{path} is a damaged or cut zip archive of {size:,} bytes ({error}); download it again"
            ) from error
        # ZipFile counts its open members without a lock of its own.
        self._lock = threading.Lock()
        self._members: dict[str, dict[str, zipfile.ZipInfo]] = {"": {}}  # folder -> name -> member
        for info in self._archive.infolist():
            folder, name = posixpath.split(_name(info).replace("\\", "/"))
            if name and not name.startswith(".") and "__MACOSX" not in folder:
                self._members.setdefault(folder, {})[name] = info
        self.listing = cache(self._listing)

    def _listing(self, folder: str) -> Listing | None:
        pictures: dict[str, Picture | Problem] = {}
        for name, info in self._members.get(folder, {}).items():
            stamp = f"{info.file_size}:{info.CRC:08x}"
            pictures[name] = (
                Problem.PASSWORD
                if info.flag_bits & 1
                else Picture(partial(self._unpacked, info), stamp)
                if info.file_size <= MAX_IMAGE_BYTES
                else Problem.OVERSIZED
            )
        return Listing(pictures, tuple(sorted(self._below.get(folder, set()) - {".."})))

    def folders(self) -> Iterator[str]:
        """Yield the folders that hold files."""
        return iter(self._members)

    @cached_property
    def _below(self) -> dict[str, set[str]]:
        """The names of the folders in each folder, found for all at once: shops have a folder for each product."""
        below: dict[str, set[str]] = {}
        for path in self._members:
            parts = path.split("/") if path and not path.startswith("/") else []
            for depth in range(len(parts)):
                inner = posixpath.normpath("/".join(parts[depth:]).lstrip("/"))
                below.setdefault("/".join(parts[:depth]), set()).add(inner.split("/")[0])
        return below

    def files(self, folders: int) -> Iterator[str]:
        """Yield the paths of visible files, folder by folder."""
        for folder in sorted(self._members, key=lambda one: (one.count("/") + bool(one), one)):
            if folder.count("/") + bool(folder) <= folders and ".." not in folder.split("/"):
                yield from (posixpath.join(folder, name) for name in sorted(self._members[folder]))

    def read(self, file: str) -> bytes:
        """Return the content of a table, bounded."""
        folder, name = posixpath.split(file)
        info = self._members[folder][name]
        if info.file_size > MAX_TABLE_BYTES:
            raise DataError(
                f"{info.filename} in {self.path} unpacks to {info.file_size:,} bytes; "
                f"at most {MAX_TABLE_BYTES:,} are read: split the table"
            )
        return self._unpacked(info)

    def where(self, file: str) -> str:
        """Return its name and the archive's path."""
        return f"{file} in {self.path}"

    def _unpacked(self, info: zipfile.ZipInfo) -> bytes:
        if info.flag_bits & 1:
            raise DataError(
                f"{info.filename} in {self.path} has a password; unpack the archive with it and pass the folder"
            )
        try:
            with self._lock:
                return self._archive.read(info)
        except NotImplementedError as error:
            raise DataError(
                f"{info.filename} in {self.path} is packed in a way that is not supported ({error}); unpack the "
                "archive and pass the folder"
            ) from error
        except Exception as error:  # BadZipFile, zlib.error, LZMAError, EOFError, ...
            raise DataError(
                f"{info.filename} in {self.path} cannot be unpacked ({error}); download the archive again"
            ) from error


def _name(info: zipfile.ZipInfo) -> str:
    """Return the name of a member; macOS writes UTF-8 without saying so."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode()
    except UnicodeError:
        return info.filename
