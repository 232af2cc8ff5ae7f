"""Where a catalogue is: a folder or a database. Opens neither."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from common import ConfigError

if TYPE_CHECKING:
    from index.sqlite import Pictures

SCHEMES = ("postgresql://", "postgres://")


@dataclass(frozen=True, slots=True, repr=False)
class Database:
    """A catalogue's place in PostgreSQL: a libpq URL, of one host or of several. Shown without its password."""

    url: str

    def __str__(self) -> str:
        """Return the URL without password and options."""
        before, at, hosts = self.url.partition("://")[2].rpartition("@")
        user = re.split("[:@/?]", before, maxsplit=1)[0]
        return f"postgresql://{user}{at}{hosts.partition('?')[0]}"

    __repr__ = __str__


Location = Path | Database


def parse_location(given: str | Path | Database) -> Location:
    """Return where a catalogue is: a database for a postgresql:// URL, a folder for anything else."""
    if not isinstance(given, str):
        return given
    return Database(given) if given.startswith(SCHEMES) else Path(given)


def check_pictures(place: Location, pictures: Pictures) -> None:
    """Refuse a choice of where pictures go that a place does not have.

    Raises:
        ConfigError: they are to be files, and the place is a database.
    """
    if pictures == "folder" and not isinstance(place, Path):
        raise ConfigError("a catalogue in a database has its pictures inside it; leave --pictures folder out")
