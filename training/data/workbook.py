"""Tables in Excel workbooks (.xlsx): which sheet and row hold the header, and cells with their types.

Reads the values that formulas had when the workbook was saved; runs no formula and no macro.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from itertools import islice
from typing import Any

from common import DataError
from training.data.table import MAX_TABLE_BYTES, Record, Records, Table, distinct, twice, whole

_HEADER_ROWS = 20
"""Rows in which a header is looked for."""


def workbook_table(data: bytes, source: str) -> Table:
    """Return the first visible sheet with a header as a table; the notes name the others.

    Raises:
        DataError: it cannot be read, is too large when unpacked, or has no sheet with a header.
    """
    import openpyxl  # a quarter of a second, which no other table needs

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(info.file_size for info in archive.infolist())
        if size > MAX_TABLE_BYTES:
            raise DataError(
                f"{source} unpacks to {size:,} bytes; at most {MAX_TABLE_BYTES:,} are read: split the table"
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and validations that openpyxl leaves out
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
            sheets = sorted(book.worksheets, key=lambda sheet: sheet.sheet_state != "visible")
            found = [(sheet, header) for sheet in sheets if (header := _header(sheet)) is not None]
    except DataError:
        raise
    except Exception as error:  # openpyxl raises whatever its parsers meet in a damaged file
        raise DataError(f"{source} cannot be read as a workbook ({error}); save it again as .xlsx or .csv") from error
    if not found:
        raise DataError(f"{source} has no sheet with a header of two columns at least; put the names in its first row")
    sheet, (start, names) = found[0]
    notes = [f"sheet {sheet.title!r}"] if len(book.worksheets) > 1 else []
    notes += [f"sheet {other.title!r} is not read" for other in book.worksheets if other is not sheet]
    if start > 1:
        notes.append(f"rows above the header that are passed over: {start - 1}")
    columns = distinct(names)
    table = Table(source, "xlsx", columns, (), notes)
    table.twice = twice(names)
    table.records = Records(lambda: _records(sheet, start, columns, source))
    return table


def _header(sheet: Any) -> tuple[int, list[str]] | None:
    """Return (number of the header's row, names): the first row that fills half as many cells as the fullest row.

    A title above it, merged over the columns, fills one.
    """
    sheet.reset_dimensions()  # what some programs write there is wrong
    rows = [list(row) for row in islice(sheet.iter_rows(values_only=True), _HEADER_ROWS)]
    filled = [sum(cell is not None and str(cell).strip() != "" for cell in row) for row in rows]
    most = max(filled, default=0)
    if most < 2:
        return None
    at = next(place for place, count in enumerate(filled) if count >= max(2, most / 2))
    names = [" ".join(str(cell).split()) if cell is not None else "" for cell in rows[at]]
    return at + 1, names


def _records(sheet: Any, start: int, columns: Sequence[str], source: str) -> Iterator[Record]:
    try:
        for number, row in enumerate(sheet.iter_rows(min_row=start + 1), start + 1):
            cells = {
                name: value for name, cell in zip(columns, row, strict=False) if name and (value := _value(cell)) != ""
            }
            if any(value is not None for value in cells.values()):
                yield Record(f"row {number}", cells)
    except Exception as error:
        raise DataError(f"{source} cannot be read as a workbook ({error}); save it again as .xlsx or .csv") from error


def _value(cell: Any) -> Any:
    """Return a cell's value; as a person sees it where the format says more: zeros in front, percent."""
    value: Any = whole(cell.value)
    if isinstance(value, str):
        return None if cell.data_type == "e" else value.strip()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, datetime):
        return value.date() if value.time() == time() else value
    if isinstance(value, date):
        return value
    if isinstance(value, int | float):
        shown = str(cell.number_format or "")
        if isinstance(value, int) and re.fullmatch("0{2,}", shown):
            return str(value).zfill(len(shown))
        if shown.split(";")[0].endswith("%"):
            return f"{value * 100:.10g} %"
        return value
    return str(value)  # a time of day or a duration
