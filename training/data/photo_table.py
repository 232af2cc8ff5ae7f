"""Photos without a table: what stands for one. The names of files become titles, those of folders an attribute."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from training.data.pictures import is_picture, readable
from training.data.table import Record, Records, Table

PACKED = (".zip", ".7z", ".rar", ".tar", ".gz")
SEPARATORS = re.compile(r"[\s_\-.+]+")


def photos_alone(path: Path, files: Sequence[str]) -> list[str]:
    """Return the pictures among the files of a folder or archive that has no table; none where they have one elsewhere.

    That is so beside archives, and in `images/` of Kaggle's layout, whose table is one folder up.
    """
    if any(file.lower().endswith(PACKED) for file in files) or (path.parent / "styles.csv").is_file():
        return []
    return sorted(file for file in files if is_picture(file) and not posixpath.basename(file).startswith("."))


def photo_table(pictures: Sequence[str], source: str) -> Table:
    """Return a table with a row for each picture.

    The id is the path without its suffix, or with it where two pictures share that; the title is the words of the name.
    """
    names = [readable(picture) for picture in pictures]
    stems = Counter(posixpath.splitext(name)[0] for name in names)
    folders = any("/" in name for name in names)

    def records() -> Iterator[Record]:
        for picture, name in zip(pictures, names, strict=True):
            stem = posixpath.splitext(name)[0]
            title = SEPARATORS.sub(" ", posixpath.basename(stem)).strip()
            cells = {"id": stem if stems[stem] == 1 else name, "image": picture, "title": title or stem}
            if folders:
                cells["folder"] = SEPARATORS.sub(" ", posixpath.dirname(name)).strip()
            yield Record(picture, cells)

    columns = ["id", "image", "title", *(["folder"] if folders else [])]
    return Table(source, "csv", columns, Records(records), ["no table is there: the names of the files are the titles"])
