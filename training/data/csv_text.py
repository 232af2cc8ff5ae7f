"""Tables as text with separators, as shops export them: stray quotes, unquoted separators and short rows are repaired.

Knows neither pictures nor what a column means; what was repaired is said with each record.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator, Sequence
from functools import cache

from common import DataError
from training.data.dataset import Problem, shown
from training.data.encodings import UNREADABLE, Decoded
from training.data.pictures import is_picture
from training.data.sniff import LONGEST_CELL, SEPARATORS, Layout, Shapes, fields_at, layout_of
from training.data.table import NULLS, Record, Records, Table, distinct, twice

csv.field_size_limit(sys.maxsize)  # the default of 131,072 characters is less than a description with pictures in it

_WHOLE = re.compile(r"-?\d+\.0+")
_SPREADSHEET_TEXT = re.compile(r'="(.*)"|\'([=+\-@].*|\d+)', re.DOTALL)
"""How spreadsheets are told that a cell is text: ="0042", '0042."""


def csv_table(decoded: Decoded, source: str) -> Table:
    """Return the table in a text; its rows are read and repaired when they are asked for."""
    lines = decoded.text.split("\n")
    layout = layout_of(lines)
    notes = [] if layout.separator == "," else [f"separated by {SEPARATORS[layout.separator]}"]
    if decoded.older:
        notes.append(f"lines that are not UTF-8 are read as {decoded.name}")
    elif decoded.name != "UTF-8":
        notes.append(f"read as {decoded.name}")
    if layout.passed:
        notes.append(f"lines above the header that are passed over: {layout.passed}")
    if len(layout.names) == 1:
        raise DataError(
            f"{source} has one column, {shown(layout.names[0])}; separate the columns by commas, semicolons, tabs or "
            "pipes"
        )
    if row := next((name for name in layout.names if is_picture(name)), ""):
        raise DataError(
            f"{source} begins with a row ({shown(row)} stands there); write a line with the names of the columns above "
            "it, such as id,image,text"
        )
    names = distinct(layout.names)
    table = Table(source, "tsv" if layout.separator == "\t" else "csv", names, (), notes)
    table.twice = twice(layout.names)

    @cache  # the rows are read twice, and what is learnt of all of them is the same
    def learnt() -> tuple[Shapes, frozenset[str]]:
        shapes = Shapes.of(lines, layout)
        floats = re.search(r"\d\.0+\b", decoded.text) is not None
        return shapes, _whole_columns(lines, layout, shapes) if floats else frozenset()

    table.records = Records(lambda: _records(lines, layout, table, decoded, *learnt()))
    return table


def _records(
    lines: Sequence[str], layout: Layout, table: Table, decoded: Decoded, shapes: Shapes, whole: frozenset[str]
) -> Iterator[Record]:
    """Yield the rows; a generator, so that `table` is complete when it starts. `whole`: columns of whole numbers."""
    names = table.columns
    prose = names.index(table.prose) if table.prose else len(names) - 1
    least = max((names.index(name) for name in table.needed), default=0) + 1
    strange = UNREADABLE in decoded.text
    for place, used, fields, stray in _rows(lines, layout, shapes):
        extra = len(fields) - len(names)
        if extra > 0:
            fields = shapes.joined(fields, prose)
        if stray:
            fields = [_unquote(cell) for cell in fields]
        cells = {name: _plain(cell) for name, cell in zip(names, fields, strict=False) if name}
        problems = [
            problem
            for problem, met in (
                (Problem.SHORT, extra < 0 and len(fields) < least),
                (Problem.UNREADABLE, strange and any(UNREADABLE in cell for cell in fields)),
                (Problem.COMMAS, extra > 0),
                (Problem.PADDED, extra < 0 and len(fields) >= least),
                (Problem.QUOTES, stray),
                (Problem.ENCODING, not decoded.older.isdisjoint(range(place + 1, place + used + 1))),
            )
            if met
        ]
        for name in whole.intersection(cells):
            if cells[name]:
                cells[name] = cells[name].partition(".")[0]
                if name == table.key:
                    problems.append(Problem.FLOAT_ID)
        yield Record(f"line {place + 1}", cells, tuple(problems))


def _rows(lines: Sequence[str], layout: Layout, shapes: Shapes) -> Iterator[tuple[int, int, list[str], bool]]:
    """Yield (index of the first line, number of lines, fields, whether a quote was stray) per row that is not blank."""
    width = len(layout.names)
    place, longest = layout.start, LONGEST_CELL
    while place < len(lines):
        fields, used, stray = fields_at(lines, place, layout.separator, shapes.is_row, longest)
        if any(line.strip() for line in lines[place : place + used]):
            while len(fields) > width and not fields[-1].strip():
                fields.pop()
            if any(field.strip() for field in fields):
                yield place, used, fields, stray
        if stray and not shapes.forms:  # nothing ends the search for a quote that closes, so many would take for ever
            longest = max(1_000, longest // 2)
        place += used


def _whole_columns(lines: Sequence[str], layout: Layout, shapes: Shapes) -> frozenset[str]:
    """Return the columns of which every value is a whole number written as a float, as pandas writes gaps' columns."""
    names = distinct(layout.names)
    left = {place for place, name in enumerate(names) if name}
    seen: set[int] = set()
    for _, _, fields, _ in _rows(lines, layout, shapes):
        if len(fields) > len(names):
            continue
        for place in tuple(left):
            cell = fields[place].strip() if place < len(fields) else ""
            if cell.casefold() not in NULLS:
                seen.add(place)
                if not _WHOLE.fullmatch(cell):
                    left.discard(place)
        if not left:
            break
    return frozenset(names[place] for place in left & seen)


def _plain(cell: str) -> str:
    cell = cell.strip()
    match = _SPREADSHEET_TEXT.fullmatch(cell) if cell[:1] in ("=", "'") else None
    return cell if match is None else match[1] if match[1] is not None else match[2]


def _unquote(cell: str) -> str:
    cell = cell.strip()
    return cell[1:-1].replace('""', '"') if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell
