"""From the bytes of any table to its records: which format they are in, by content first and then by name.

Knows neither folders nor the roles of columns.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from common import DataError
from training.data.csv_text import csv_table
from training.data.dataset import Problem
from training.data.encodings import decode
from training.data.json_table import json_table
from training.data.table import MAX_TABLE_BYTES, Cell, Record, Records, Table
from training.data.workbook import workbook_table
from training.data.xml_feed import xml_table

_BROKEN = re.compile("[\ufffd\ud800-\udfff]")
_TEXT = (".csv", ".tsv", ".tab", ".txt")
_SHEETS = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
_OBJECTS = (".json", ".jsonl", ".ndjson", ".xml", ".rss", ".atom")
TABLE_SUFFIXES = (*_TEXT, *_SHEETS, *_OBJECTS)
"""How the names of tables end, parquet aside; each may have `.gz` behind it."""
_WORKBOOKS = ("xl/workbook.xml", "xl/workbook.bin", "Index/Document.iwa")
OPEN_DOCUMENT, OLD_EXCEL = b"application/vnd.oasis.opendocument", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

_PACKED = {
    b"7z\xbc\xaf": "7z",
    b"\x1f\x8b": "gzip",
    b"Rar!": "RAR",
    b"\xfd7zX": "xz",
    b"BZh": "bzip2",
    b"\x28\xb5\x2f\xfd": "zstd",
}


def packed_with(magic: bytes) -> str | None:
    """Return what packed a file that begins so and is not read; None: nothing that we know."""
    return next((kind for start, kind in _PACKED.items() if magic.startswith(start)), None)


def table_name(name: str) -> str:
    """Return the suffix of a table's name without `.gz`, in lower case; "" where it is no table's."""
    name = name.lower().removesuffix(".gz")
    return next((suffix for suffix in TABLE_SUFFIXES if name.endswith(suffix)), "")


def is_workbook(path: Path) -> bool:
    """Return whether a zip archive is a file of a spreadsheet program."""
    try:
        names, kind = _content(path)
    except Exception:  # damaged: the archive's own reader says so
        return table_name(path.name) in _SHEETS
    return not names.isdisjoint(_WORKBOOKS) or kind.startswith(OPEN_DOCUMENT)


def _content(file: Path | IO[bytes]) -> tuple[set[str], bytes]:
    """Return the names in a zip archive, and the kind of document that it says it is."""
    with zipfile.ZipFile(file) as archive:
        names = set(archive.namelist())
        return names, archive.read("mimetype")[:100] if "mimetype" in names else b""


def read_table(data: bytes, name: str, source: str) -> Table:
    """Return the table in `data`, the content of a file called `name`.

    Raises:
        DataError: the format is not known or the content is damaged; says what to do.
    """
    if data.startswith(b"\x1f\x8b"):
        data = _unpacked(data, source)
    suffix = table_name(name)
    if data.startswith(OLD_EXCEL):
        raise DataError(
            f"{source} is an old Excel workbook (.xls) or one with a password; save it as .xlsx without a password"
        )
    if data.startswith(b"PK"):
        return checked(_zipped(data, source))
    decoded = decode(data)
    begin = decoded.text.lstrip("\ufeff \n\t")[:1]
    if re.match(r"\s*<(!doctype html|html|table|head|body)\b", decoded.text[:1000].lstrip("\ufeff"), re.IGNORECASE):
        raise DataError(
            f"{source} is a web page: the table as a page, which a spreadsheet program can save as .xlsx, or a page "
            "that came in place of the table, such as one that asks to log in"
        )
    if begin == "<":
        return checked(xml_table(data, source))
    if (suffix in (".json", ".jsonl", ".ndjson") and begin) or (begin in ("{", "[") and suffix in (".txt", "")):
        return checked(json_table(decoded, source))
    return checked(csv_table(decoded, source))


def _zipped(data: bytes, source: str) -> Table:
    try:
        names, kind = _content(io.BytesIO(data))
    except (zipfile.BadZipFile, NotImplementedError, ValueError, RuntimeError, zlib.error) as error:
        raise DataError(f"{source} is a damaged or cut workbook ({error}); save it again as .xlsx or .csv") from error
    if "xl/workbook.xml" in names:
        return workbook_table(data, source)
    if kind.startswith(OPEN_DOCUMENT):
        raise DataError(f"{source} is an OpenDocument spreadsheet (.ods); save it as .xlsx or .csv")
    if "xl/workbook.bin" in names:
        raise DataError(f"{source} is a binary Excel workbook (.xlsb); save it as .xlsx")
    if "Index/Document.iwa" in names:
        raise DataError(f"{source} is a Numbers document; export it as .xlsx or .csv")
    raise DataError(f"{source} is a zip archive, and no workbook; pass the archive itself, or unpack it")


def _unpacked(data: bytes, source: str) -> bytes:
    """Return what a gzip file holds, bounded."""
    parts, size = [], 0
    try:
        while data:
            stream = zlib.decompressobj(wbits=31)
            part = stream.decompress(data, MAX_TABLE_BYTES + 1 - size)
            size += len(part)
            parts.append(part)
            if size > MAX_TABLE_BYTES:
                raise DataError(f"{source} unpacks to more than {MAX_TABLE_BYTES:,} bytes: split the table")
            if not stream.eof:
                raise DataError(f"{source} is a gzip file that was cut; download it again")
            data = stream.unused_data.lstrip(b"\0")
    except zlib.error as error:
        raise DataError(f"{source} is a damaged gzip file ({error}); download it again") from error
    return b"".join(parts)


def checked(table: Table) -> Table:
    """Return the table without characters that are no text: \ufffd, which an export wrote, and half characters."""
    records = table.records

    def sound() -> Iterator[Record]:
        for record in records:
            broken = {name: cell for name, cell in record.cells.items() if _is_broken(cell)}
            if broken and Problem.UNREADABLE not in record.problems:
                cells: dict[str, Cell] = {**record.cells, **{name: _sound(cell) for name, cell in broken.items()}}
                record = Record(record.where, cells, (*record.problems, Problem.LOST))
            yield record

    table.records = Records(sound)
    return table


def _is_broken(cell: Cell) -> bool:
    if isinstance(cell, str):
        return not cell.isascii() and _BROKEN.search(cell) is not None
    inside = cell.values() if isinstance(cell, dict) else cell if isinstance(cell, list) else ()
    return any(map(_is_broken, inside))


def _sound(cell: Cell) -> Cell:
    if isinstance(cell, str):
        return _BROKEN.sub("", cell)
    if isinstance(cell, dict):
        return {name: _sound(one) for name, one in cell.items()}
    return [_sound(one) for one in cell] if isinstance(cell, list) else cell
