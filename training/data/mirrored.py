"""A mirror folder, as `vitrine data mirror` leaves it: a copy of a feed, and the pictures that it names by address.

Reads it only. Which picture has which address is in one SQLite file, which is also the state of the mirror.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

from common import DataError

MIRROR_FILE = "mirror.sqlite"
MIRROR_FORMAT = "1"
PICTURES = "pictures"
"""Folder of the pictures within a mirror."""

_BETWEEN = re.compile(r"(?:\s*[,;|]\s*|\s+)(?=[a-z][a-z0-9+.-]*://|//[^/])", re.IGNORECASE)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://|//[^/]", re.IGNORECASE)


class Mirror(NamedTuple):
    """What a mirror folder holds."""

    feed: Path
    """The copy of the feed."""
    local: Mapping[str, str]
    """From the address of a picture, as the feed has it, to the name of its file below the folder."""


def is_address(text: str) -> bool:
    """Return whether the cell of a table is an address on the network, whatever its scheme; `//host/…` is one, too."""
    return _SCHEME.match(text.strip()) is not None


def addresses_in(text: str) -> list[str]:
    """Return the addresses that the cell of a table holds, in order: one, several with separators, or a JSON list.

    A separator is one only before a further address: many addresses have a comma in them. Empty where the cell begins
    with something else.
    """
    text = text.strip()
    if text.startswith("["):
        with suppress(ValueError):
            listed = json.loads(text)
            return [one.strip() for one in listed if isinstance(one, str) and is_address(one)]
    if not is_address(text):
        return []
    return [one for one in (part.strip(" \t\r\n,;|") for part in _BETWEEN.split(text)) if one]


def read_mirror(folder: Path) -> Mirror | None:
    """Return what the mirror in `folder` holds; None where the folder is no mirror, or the feed is not there yet.

    Raises:
        DataError: the mirror is damaged, or of another version.
    """
    path = folder / MIRROR_FILE
    if not path.is_file():
        return None
    import sqlite3  # only here: training loads no database

    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as state:
            if not state.execute("SELECT 1 FROM sqlite_master WHERE name = 'pictures'").fetchone():
                return None  # a run was killed as it began
            meta = dict(state.execute("SELECT name, value FROM meta"))
            local = dict(state.execute("SELECT address, name FROM pictures WHERE name IS NOT NULL"))
    except sqlite3.Error as error:
        raise DataError(
            f"{path} cannot be read ({error}); delete {folder} and make it again with vitrine data mirror"
        ) from error
    if meta.get("format") != MIRROR_FORMAT:
        raise DataError(
            f"{path} is of format {meta.get('format')}; this version reads {MIRROR_FORMAT}: make the mirror again"
        )
    return Mirror(folder / meta["feed"], local) if "feed" in meta else None
