"""Small pictures on the disk: made once, found again after a restart and by other workers, within a bound.

A file is named by what it was made of and how, so it is never out of date. Whatever goes wrong on the disk, the picture
is made again: nothing here fails a request. Calls block; they may come from any thread and any process.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import stat
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path

logger = logging.getLogger("vitrine.app")

LOCK = ".lock"
DIGEST_BYTES = 16
FRESH_S = 3600.0
"""How long after a use another one is not written down, in seconds; also the age of a file that a killed write left."""
KEPT = 0.8
"""Part of the bound that is left when the oldest files are deleted."""
TRIM_AFTER = 0.02
"""Part of the bound that a process writes before it looks how much there is."""
FREE_BYTES = 256_000_000
"""What is left free on the disk, for the catalogue."""


class PictureCache:
    """Keeps files under keys; of those that are too many, the ones go first that were not used for longest.

    Args:
        folder: where; it is made when it is first needed, for this user only.
        most_bytes: of all files; 0: nothing is kept.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder = folder
        self._most = most_bytes
        self._lock = threading.Lock()
        self._written = most_bytes  # what others have left is counted at the first write
        self._usable: bool | None = None

    def get(self, key: str) -> bytes | None:
        """Return what is kept under a key; None where nothing is, or it is damaged."""
        if not self._most or not self._is_private():
            return None
        file = self._file(key)
        try:
            with file.open("rb") as reading:
                digest, data = reading.read(DIGEST_BYTES), reading.read()
                used = os.fstat(reading.fileno()).st_mtime
            if hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest() != digest:
                file.unlink(missing_ok=True)
                return None
            if time.time() - used > FRESH_S:
                os.utime(file)
        except OSError:
            return None
        return data

    def put(self, key: str, data: bytes) -> None:
        """Keep something under a key; on a disk that has no room, or where it is too large, do nothing."""
        if DIGEST_BYTES + len(data) > TRIM_AFTER * self._most:
            return
        file = self._file(key)
        beside = file.with_name(f".{uuid.uuid4().hex}")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._usable = None
            if not self._is_private():
                return
            room = os.statvfs(self._folder)
            if room.f_bavail * room.f_frsize < FREE_BYTES:
                return
            file.parent.mkdir(mode=0o700, exist_ok=True)
            try:
                with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as writing:
                    writing.write(hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest() + data)
                beside.replace(file)
            finally:
                beside.unlink(missing_ok=True)
            with self._lock:
                self._written += DIGEST_BYTES + len(data)
                due = self._written > TRIM_AFTER * self._most
            # While another one looks, it stays due: what is written meanwhile may not have been counted.
            if due and self._trim():
                with self._lock:
                    self._written = 0
        except OSError as error:
            logger.debug("a small picture is not kept in %s: %s", self._folder, error)

    def _file(self, key: str) -> Path:
        return self._folder / key[:2] / key

    def _is_private(self) -> bool:
        """Whether the folder is there, and nobody else can put pictures into it."""
        if self._usable is None:
            try:
                found = self._folder.stat()
            except OSError:
                return False
            mine = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022
            if not mine:
                logger.warning("%s is not for this user alone, and no small pictures are kept in it", self._folder)
            elif found.st_mode & 0o077:
                with suppress(OSError):
                    self._folder.chmod(0o700)
            self._usable = mine
        return self._usable

    def _trim(self) -> bool:
        """Delete what was not used for longest, where there is too much; False: another one is doing so."""
        descriptor = os.open(self._folder / LOCK, os.O_RDONLY | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found: list[tuple[float, int, str]] = []
            for part in os.scandir(self._folder):
                if part.is_dir(follow_symlinks=False):
                    found.extend(_files(part.path))
            total = sum(size for _, size, _ in found)
            if total <= self._most:
                return True
            for _, size, path in sorted(found):
                Path(path).unlink(missing_ok=True)
                total -= size
                if total <= KEPT * self._most:
                    break
            return True
        except BlockingIOError:
            return False
        finally:
            os.close(descriptor)


def _files(folder: str) -> list[tuple[float, int, str]]:
    """Return when each file was used, its size and its path; what a killed write left is deleted."""
    found = []
    for file in os.scandir(folder):
        with suppress(FileNotFoundError):
            status = file.stat(follow_symlinks=False)
            if not file.name.startswith("."):
                found.append((status.st_mtime, status.st_size, file.path))
            elif time.time() - status.st_mtime > FRESH_S:
                Path(file.path).unlink(missing_ok=True)
    return found
