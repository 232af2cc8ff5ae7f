"""From what a table says of a picture to the picture's file: its name as it is, or as other systems wrote it.

Fetches no address and never leaves the data set.
"""

from __future__ import annotations

import base64
import binascii
import json
import posixpath
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property, partial
from pathlib import PureWindowsPath
from typing import NamedTuple
from urllib.parse import unquote

from common import DataError
from training.data.dataset import MAX_IMAGE_BYTES, Problem
from training.data.mirrored import addresses_in, is_address
from training.data.names import Names
from training.data.pictures import Picture, is_picture
from training.data.tree import Listing, Tree

FOLDERS = ("images", "image", "img", "imgs", "pictures", "pics", "photos", "photo", "media", "bilder", "fotos")
"""Folders beside a table in which pictures are looked for, where the table names no folder."""
_BETWEEN = ("|", "\n", ";", ",", "[|\n;,]", r"\s")
"""What stands between several names in one cell, tried in this order; the last two as patterns."""


class Found(NamedTuple):
    """The pictures that a row names, a problem for each that is missing, and whether a name had to be interpreted."""

    pictures: Sequence[Picture | Problem]
    otherwise: bool = False


class Finder:
    """Finds the pictures of one table in the files around it, and knows which of them no row names.

    Args:
        tree: the files.
        base: the folder of the table within them.
        embedded: pictures that the table itself holds, by the text that stands for one.
        local: files by address, where a mirror has fetched them.
    """

    def __init__(
        self,
        tree: Tree,
        base: str,
        embedded: Mapping[str, Picture | Problem],
        local: Mapping[str, str],
    ) -> None:
        self._tree = tree
        self.base = base
        self._embedded = embedded
        self._local = local
        self._claimed: set[tuple[str, str]] = set()
        self._used: dict[str, Listing] = {}
        self._names = cache(self._listed)

    def named(self, cells: Sequence[str]) -> Found:
        """Return the pictures that the cells name, each once: a cell is one name, or several with separators."""
        found: dict[str, Picture | Problem] = {}
        otherwise = False
        for cell in cells:
            for name, picture, other in self._cell(cell):
                found.setdefault(name, picture)
                otherwise |= other
        return Found(list(found.values()), otherwise)

    def of_id(self, id_: str, folder: str) -> Found:
        """Return the picture in `folder` that is named after an id, with any suffix of a picture or none."""
        listing = self._tree.listing(folder)
        if listing is None:
            return Found([Problem.OUTSIDE])
        self._used[folder] = listing
        name, exact = self._names(folder).of_id(id_)
        if name is None:
            return Found([Problem.NO_IMAGE])
        self._claimed.add((folder, name))
        return Found([listing.pictures[name]], not exact)

    @cached_property
    def picture_folder(self) -> str:
        """The folder beside the table that is called as one of pictures, or the table's own."""
        listing = self._tree.listing(self.base)
        names = {name.casefold(): name for name in (listing.folders if listing else ())}
        return next((posixpath.join(self.base, names[one]) for one in FOLDERS if one in names), self.base)

    def exists(self, cell: str) -> bool:
        """Return whether a cell names a picture that is there; it is not counted as named by that."""
        before = self._claimed.copy(), self._used.copy()
        found = any(isinstance(one, Picture) for _, one, _ in self._cell(cell))
        self._claimed, self._used = before
        return found

    def images(self) -> tuple[int, list[str]]:
        """Return how many pictures there are, in the table and the folders that it names, and those without a row."""
        files = [(folder, name) for folder in self._used for name in sorted(self._used[folder].pictures)]
        pictures = [(folder, name) for folder, name in files if is_picture(name)]
        orphans = [posixpath.join(folder, name) for folder, name in pictures if (folder, name) not in self._claimed]
        start = f"{self.base}/" if self.base else ""
        return len(pictures) + len(self._embedded), [name.removeprefix(start) for name in orphans]

    def _cell(self, cell: str) -> Iterator[tuple[str, Picture | Problem, bool]]:
        """Yield (key, picture or problem, whether the name had to be interpreted) for each picture of a cell."""
        if cell in self._embedded:
            yield cell, self._embedded[cell], False
            return
        if not cell.strip():
            return
        if cell.startswith("data:"):
            yield cell, _data_uri(cell), False
            return
        whole = self._one(cell)
        if not isinstance(whole[1], Problem) or whole[1] is Problem.OVERSIZED or whole[1] is Problem.PASSWORD:
            yield whole
            return
        for parts in _several(cell):
            several = [self._one(part) for part in parts]
            if any(isinstance(one, Picture) for _, one, _ in several):
                yield from several
                return
        yield whole

    def _one(self, text: str) -> tuple[str, Picture | Problem, bool]:
        """Return the one picture that a text names."""
        text = text.strip()
        if local := self._local.get(text):
            return (text, Problem.NO_IMAGE, False) if (found := self._exact(local)) is None else (local, found, False)
        if is_address(text):
            return text, Problem.URL, False
        given = PureWindowsPath(text)  # splits at either slash
        relative = posixpath.normpath(given.as_posix())
        outside = bool(given.drive or given.root)
        # A shop's own path, such as /media/a.jpg, may be one below the data set.
        inner = posixpath.normpath(relative.lstrip("/")) if not given.drive else relative
        # A path of another computer: its last parts may be below the data set.
        parts = relative.split("/")[1:] if outside else []
        tails = ["/".join(parts[at:]) for at in range(1, len(parts))][-4:]
        variants = [inner, *tails, *dict.fromkeys((unquote(inner), inner.partition("?")[0]))]
        joined = [posixpath.normpath(posixpath.join(self.base, one)) for one in variants if one]
        if joined[0].split("/")[0] == "..":
            return text, Problem.OUTSIDE, False
        direct = self._exact(joined[0], keep=not outside)
        if direct is not None and not outside:
            return joined[0], direct, False
        return self._interpreted(joined) or (text, Problem.OUTSIDE if outside else Problem.NO_IMAGE, False)

    def _interpreted(self, paths: Sequence[str]) -> tuple[str, Picture | Problem, bool] | None:
        """Return the file that one of `paths` names in another way: escapes, folder, accents, case, no suffix."""
        places = [place for path in paths for place in (path, *self._elsewhere(path)) if place.split("/")[0] != ".."]
        for place in places:
            if (found := self._exact(place)) is not None:
                return place, found, place not in paths[:1]
        for place in places:
            if (found_alike := self._alike(place)) is not None:
                return found_alike
        return None

    def _elsewhere(self, path: str) -> Iterator[str]:
        """Yield the path with a folder of pictures in front, and without the one that it has."""
        inner = path.removeprefix(f"{self.base}/") if self.base else path
        first, slash, rest = inner.partition("/")
        if slash and first.casefold() in FOLDERS:
            yield posixpath.join(self.base, rest)
        folder = self.picture_folder
        if folder != self.base:
            yield posixpath.join(folder, inner)

    def _exact(self, path: str, *, keep: bool = False) -> Picture | Problem | None:
        """Return the file of exactly that path; with `keep`, its folder counts as one that the table names."""
        folder, name = posixpath.split(path)
        listing = self._tree.listing(folder)
        if listing is None:
            return Problem.OUTSIDE
        found = listing.pictures.get(name)
        if keep or found is not None:
            self._used[folder] = listing
        if found is not None:
            self._claimed.add((folder, name))
        return found

    def _alike(self, path: str) -> tuple[str, Picture | Problem, bool] | None:
        """Return the one file whose path differs in accents, case or a missing suffix only."""
        *folders, name = path.split("/")
        folder = ""
        for part in folders:
            below = self._names(folder).folder(part)
            if below is None:
                return None
            folder = posixpath.join(folder, below)
        real = self._names(folder).file(name)
        found = None if real is None else self._exact(posixpath.join(folder, real))
        return None if real is None or found is None else (posixpath.join(folder, real), found, True)

    def _listed(self, folder: str) -> Names:
        return Names(self._tree.listing(folder) or Listing({}, ()))


def _several(cell: str) -> Iterator[list[str]]:
    """Yield the ways in which a cell may name several pictures."""
    if len(addresses := addresses_in(cell)) > 1:
        yield addresses
    if cell.lstrip().startswith("["):
        try:
            listed = json.loads(cell)
        except ValueError:
            listed = re.findall(r"'([^']+)'", cell)  # as Python writes a list
        if isinstance(listed, list) and listed:
            yield [str(one) for one in listed]
    for between in _BETWEEN:
        pattern = between if len(between) > 1 else re.escape(between)
        parts = [part.strip(" \t\"'") for part in re.split(pattern, cell)]
        if len(parts := [part for part in parts if part]) > 1:
            yield parts


def _data_uri(text: str) -> Picture | Problem:
    """Return the picture in a data URI."""
    if len(text) > MAX_IMAGE_BYTES * 3 // 2:
        return Problem.OVERSIZED
    return Picture(partial(_decoded, text), f"data:{len(text)}:{zlib.crc32(text.encode()):08x}")


def _decoded(text: str) -> bytes:
    head, _, body = text.partition(",")
    try:
        return base64.b64decode(unquote(body), validate=False) if head.endswith(";base64") else unquote(body).encode()
    except (binascii.Error, ValueError) as error:
        raise DataError(f"a picture's data URI is not valid base64 ({error}); encode it again") from error
