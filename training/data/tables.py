"""CSV tables as shops export them: encoding, header, stray quotes and unquoted commas, repaired and counted.

Knows text only: neither the pictures of a row nor the layout around the table.
"""

from __future__ import annotations

import codecs
import csv
import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, takewhile
from pathlib import Path

from common import DataError
from training.data.dataset import Problem, Report, shown
from training.data.pictures import is_picture
from training.data.rows import ACCEPTED, Row

MAX_TABLE_BYTES = 2**30
"""Bound on styles.csv or another table, which is held in memory as a whole."""

NULLS = frozenset({"", "na", "n/a", "<na>", "nan", "null", "none"})
_OTHER_NAMES = {
    "id": ("product_id", "productid", "item_id", "sku", "key"),
    "image": ("image_path", "img", "path", "file", "filename", "file_name", "picture", "photo", "image_url", "url"),
    "text": ("title", "productdisplayname", "name", "caption", "description", "product_name"),
    "productDisplayName": ("title", "text", "name", "caption", "description", "product_name"),
}


def read_table(path: Path) -> bytes:
    """Return the bytes of a table.

    Raises:
        DataError: it is larger than `MAX_TABLE_BYTES`.
    """
    size = path.stat().st_size
    if size > MAX_TABLE_BYTES:
        raise DataError(f"{path} has {size:,} bytes; at most {MAX_TABLE_BYTES:,} are read: split the table")
    return path.read_bytes()


def table_rows(data: bytes, source: str, report: Report, *, title: str, image: str = "") -> Iterator[Row]:
    """Yield the rows of a CSV table, repaired where possible; column names are compared without case.

    `title` and `image` are the names of those columns; without `image` the layout finds the pictures.

    Raises:
        DataError: a column is missing; says which one could be renamed.
    """
    text = _decode(data)
    lines = text.split("\n")
    damaged = "\ufffd" in text and "\ufffd".encode() not in data
    start, header = _header(lines)
    at = find_columns(header, [name for name in ("id", image, title) if name], source)
    id_at, title_at, image_at = at["id"], at[title], at.get(image)
    special = set(at.values())
    width = len(header)

    def is_row(line: str) -> bool:
        cells = line.split(",")
        return len(cells) >= width and (image_at is None or is_picture(cells[image_at].strip(' "')))

    for number, fields, stray in _records(lines, start, is_row):
        where = f"line {number}"
        while len(fields) > width and not fields[-1].strip():
            fields.pop()
        extra = len(fields) - width
        if extra > 0:
            # The title was not quoted: columns before it count from the left, those after it from the right.
            fields[title_at : title_at + extra + 1] = [",".join(fields[title_at : title_at + extra + 1])]
        elif len(fields) <= max(special):
            report.rows += 1
            report.count(Problem.SHORT, where)
            continue
        if stray:
            fields = [_unquote(cell) for cell in fields]
        cells = [clean(cell) for cell in fields]
        attributes = {
            name: value
            for place, (name, value) in enumerate(zip(header, cells, strict=False))
            if value and name and place not in special
        }
        for problem, met in (
            (Problem.COMMAS, extra > 0),
            (Problem.PADDED, extra < 0),
            (Problem.QUOTES, stray),
            (Problem.ENCODING, damaged and any("\ufffd" in cell for cell in fields)),
        ):
            if met:
                report.count(problem, cells[id_at] or where)
        path = "" if image_at is None or not cells[image_at] else fields[image_at].strip()
        yield Row(where, cells[id_at], cells[title_at], (path,) if path else (), attributes)


def _decode(data: bytes) -> str:
    """Return a table as text whose lines end in a line feed: UTF-8, or UTF-16 where its byte-order mark says so."""
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = data.decode("utf-16" if wide else "utf-8-sig", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def column_names(data: bytes) -> set[str]:
    """Return the names of a table's columns, case folded."""
    return {name.casefold() for name in _header(_decode(data).split("\n"))[1]}


def _header(lines: Sequence[str]) -> tuple[int, list[str]]:
    """Return the index of the line after the header, and the names of the columns."""
    for place, line in enumerate(lines):
        if line.strip():
            return place + 1, [_unquote(name) for name in line.split(",")]
    return len(lines), []


def find_columns(header: Sequence[str], needed: Sequence[str], source: str) -> dict[str, int]:
    """Return the positions of the `needed` columns, compared without case.

    Raises:
        DataError: one is missing; says which column could be renamed to it.
    """
    folded = [name.casefold() for name in header]
    missing = [name for name in needed if name.casefold() not in folded]
    if not missing:
        return {name: folded.index(name.casefold()) for name in needed}
    renames = []
    for name in missing:
        near = [h for h in folded if h in _OTHER_NAMES[name]] or difflib.get_close_matches(name.casefold(), folded)
        if near:
            renames.append(f"'{header[folded.index(near[0])]}' to '{name}'")
    if len(header) == 1 and re.search("[;\t|]", header[0]):
        hint = "separate the columns by commas"
    else:
        hint = f"rename {' and '.join(renames)}" if renames else ACCEPTED
    raise DataError(
        f"{source} has the columns {', '.join(map(shown, header[:12])) or '(none)'}; "
        f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing: {hint}"
    )


def _records(lines: Sequence[str], start: int, is_row: Callable[[str], bool]) -> Iterator[tuple[int, list[str], bool]]:
    """Yield (line number, fields, stray quote) per record.

    A quoted field may hold line breaks. A quote that never closes, or closes only after a line that is a row by itself
    (`is_row`), is a stray one: it is read as text, so that no other row is lost.
    """
    place = start
    while place < len(lines):
        line, number, used, stray = lines[place], place + 1, 1, False
        if '"' not in line:
            fields = line.split(",")
        else:
            # The csv module reads on over line breaks inside quotes; `tail` ends it at the next line that is a row.
            tail = takewhile(lambda later: not is_row(later), (lines[i] for i in range(place + 1, len(lines))))
            reader = csv.reader((f"{part}\n" for part in chain([line], tail)), strict=True)
            try:
                fields = next(reader)
                used = reader.line_num
            except csv.Error:
                fields, stray = line.split(","), True
        place += used
        if line.strip():
            yield number, fields, stray


def _unquote(cell: str) -> str:
    cell = cell.strip()
    return cell[1:-1].replace('""', '"') if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def clean(cell: str) -> str:
    """Return the cell with single spaces, or "" where it is a word for nothing (NA, null, …)."""
    cell = " ".join(cell.split())
    return "" if cell.casefold() in NULLS else cell
