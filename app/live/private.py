"""Keeps the files of a catalogue from other users of the machine, where reads need a key."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

from app.settings import Settings

logger = logging.getLogger("vitrine.app")

OTHERS = 0o027
"""What is taken away: everything from all others, and writing from the group."""


def make_new_files_private(settings: Settings) -> None:
    """Where reads need a key, let no file that this process and its children make be open to others."""
    if settings.reads == "keyed":
        os.umask(os.umask(0o077) | OTHERS)


def make_private(settings: Settings) -> None:
    """Where reads need a key, take the catalogue's files from others; a log line says where that is not allowed.

    The folder too: so the files that `vitrine index` makes in it later are out of reach from the first moment on.
    """
    folder = settings.catalogue
    if settings.reads != "keyed" or not isinstance(folder, Path):
        return
    for path in (folder, *folder.rglob("*")):
        try:
            found = path.stat() if path == folder else path.lstat()
            mode = stat.S_IMODE(found.st_mode)
            if not stat.S_ISLNK(found.st_mode) and mode & OTHERS:
                path.chmod(mode & ~OTHERS)
        except FileNotFoundError:
            continue  # replaced meanwhile
        except OSError as error:
            logger.warning(
                "reads need a key, but other users of this machine may read %s (%s); run: chmod -R o-rwx %s",
                path,
                error.strerror,
                folder,
            )
            return
