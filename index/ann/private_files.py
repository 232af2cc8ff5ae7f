"""Copies of files that nobody else can reach: what was checked is what is mapped, whatever happens to the files.

A file that is cut while it is mapped ends the process that reads it (SIGBUS), and one that is overwritten changes under
a search. So the files are copied to one that has no name, and hashed on the way. Its pages are the system's to drop
and to read again, as those of any mapped file. Where no such file can be made, the copy is in memory.
"""

from __future__ import annotations

import hashlib
import io
import mmap
import os
import tempfile
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from common import reserve

PIECE = 4 << 20
"""Bytes that are read, hashed and written at once."""
TOGETHER = 4
"""Files that are copied at once."""


class PrivateFiles:
    """Files as they were when they were copied.

    Args:
        parts: name -> content.
        digests: name -> SHA-256 of it.
        descriptor: of the unnamed file that holds the first of them at its beginning, which is closed with this
            object; None: they are in memory.
    """

    def __init__(self, parts: Mapping[str, memoryview], digests: Mapping[str, str], descriptor: int | None) -> None:
        self.digests = digests
        self._parts = parts
        self._descriptor = descriptor
        if descriptor is not None:
            weakref.finalize(self, os.close, descriptor)  # mappings outlive it

    def __contains__(self, name: object) -> bool:
        return name in self._parts

    def __getitem__(self, name: str) -> memoryview:
        return self._parts[name]

    def array(self, name: str) -> npt.NDArray[Any]:
        """Return the array of an .npy file, read-only and without a copy.

        Raises:
            ValueError, KeyError: there is no such file, or it is none.
        """
        view = self._parts[name]
        head = io.BytesIO(view[:65_536])
        major, minor = np.lib.format.read_magic(head)
        if (major, minor) != (1, 0):
            raise ValueError(f"{name} is of version {major}.{minor} of the format; 1.0 is needed")
        shape, by_column, kind = np.lib.format.read_array_header_1_0(head)
        if by_column:
            raise ValueError(f"{name} is stored by column")
        count = int(np.prod(shape, dtype=np.int64))
        if not count:
            return np.empty(shape, dtype=kind)
        return np.frombuffer(view, dtype=kind, count=count, offset=head.tell()).reshape(shape)

    @property
    def path(self) -> Path | None:
        """Under which this process can open the unnamed file; None where there is none, or the system has no name."""
        path = Path(f"/proc/self/fd/{self._descriptor}")
        return path if path.exists() else None


def private_files(paths: Sequence[Path], beside: Path) -> PrivateFiles:
    """Copy files.

    Args:
        paths: of the files; they have different names.
        beside: a folder whose file system takes the copy, if it can be written; else a temporary folder does.

    Raises:
        OSError: a file cannot be read.
    """
    sizes = [path.stat().st_size for path in paths]
    starts = [0]
    for size in sizes:  # arrays are aligned as they were in their files
        starts.append(-(-(starts[-1] + size) // mmap.PAGESIZE) * mmap.PAGESIZE)
    if starts[-1]:
        for folder in (beside, None):
            # Not where it cannot be written, or has no room.
            with suppress(OSError), tempfile.TemporaryFile(dir=folder, buffering=0) as file:
                reserve(file.fileno(), starts[-1])
                # Written, not mapped meanwhile: to make pages one by one would take three times as long.
                digests = _copied(paths, sizes, starts, partial(os.pwrite, file.fileno()))
                mapped = mmap.mmap(file.fileno(), starts[-1], prot=mmap.PROT_READ)
                return _parts(paths, sizes, starts, digests, mapped, os.dup(file.fileno()))
    memory = mmap.mmap(-1, max(starts[-1], 1))

    def write(piece: memoryview, at: int) -> None:
        memory[at : at + len(piece)] = piece

    digests = _copied(paths, sizes, starts, write)
    return _parts(paths, sizes, starts, digests, memory, None)


def _parts(
    paths: Sequence[Path],
    sizes: Sequence[int],
    starts: Sequence[int],
    digests: Sequence[str],
    mapped: mmap.mmap,
    descriptor: int | None,
) -> PrivateFiles:
    whole = memoryview(mapped).toreadonly()
    names = [path.name for path in paths]
    parts = [whole[start : start + size] for start, size in zip(starts, sizes, strict=False)]
    return PrivateFiles(dict(zip(names, parts, strict=True)), dict(zip(names, digests, strict=True)), descriptor)


def _copied(
    paths: Sequence[Path], sizes: Sequence[int], starts: Sequence[int], write: Callable[[memoryview, int], object]
) -> list[str]:
    """Copy files with `write`, which takes a piece and where it goes; return the digests of what was copied."""

    def copy(path: Path, size: int, start: int) -> str:
        digest = hashlib.sha256()
        piece = memoryview(bytearray(min(size, PIECE)))
        end = start + size
        with path.open("rb", buffering=0) as source:
            while start < end and (got := source.readinto(piece[: end - start])):
                digest.update(piece[:got])
                write(piece[:got], start)
                start += got
        return digest.hexdigest()

    with ThreadPoolExecutor(TOGETHER) as pool:
        return list(pool.map(copy, paths, sizes, starts[:-1]))
