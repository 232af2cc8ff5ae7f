"""A table of any format as it was read: named columns, and records of typed cells.

Knows no format and no role of a column; the readers beside it make tables.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import Any, Literal, NamedTuple

from training.data.dataset import Problem
from training.data.pictures import Picture

MAX_TABLE_BYTES = 2**30
"""Bound on a table, unpacked; most formats are held in memory as a whole."""

Kind = Literal["csv", "tsv", "xlsx", "json", "jsonl", "parquet", "xml"]
Cell = str | int | float | bool | Decimal | date | list[Any] | dict[str, Any] | bytes | None
"""What a cell holds, typed where the format has types; a date with a time is a `datetime`, which is a `date`."""
NULLS = frozenset({"", "na", "n/a", "<na>", "nan", "null", "none"})
"""Words for nothing, case folded."""


class Records:
    """Records that can be read several times: each time `read` is called for them."""

    def __init__(self, read: Callable[[], Iterator[Record]]) -> None:
        self._read = read

    def __iter__(self) -> Iterator[Record]:
        """Read them from the beginning."""
        return self._read()


class Record(NamedTuple):
    """One row as it stands in the table; text is neither stripped of inner spaces nor otherwise cleaned.

    `where` says which row, for a message. A column without a value may be missing from `cells`. `problems` were met
    while the row was read.
    """

    where: str
    cells: Mapping[str, Cell]
    problems: tuple[Problem, ...] = ()


@dataclass
class Table:
    """A table with its columns, and its records, which are read from the file each time that they are asked for.

    Attributes:
        source: the file, for messages.
        kind: its format.
        columns: distinct names in their order; of a name that stands twice, the second is `name 2`. "" has no name.
        records: in their order.
        notes: what a user should know of how it was read, each a short clause such as "read as Windows-1252".
        pictures: those that the table itself holds, by the text that stands for one in a cell.
        twice: names of columns that repeat an earlier name.
        key: the column with the ids; set by the caller before reading.
        prose: the column to which a row's surplus of separators belongs; set by the caller before reading.
        needed: columns without which a row is too short; set by the caller before reading.
    """

    source: str
    kind: Kind
    columns: list[str]
    records: Iterable[Record]
    notes: list[str] = field(default_factory=list)
    pictures: Mapping[str, Picture | Problem] = field(default_factory=dict)
    twice: tuple[str, ...] = ()
    key: str = ""
    prose: str = ""
    needed: tuple[str, ...] = ()


def sample(table: Table, rows: int = 200) -> dict[str, list[Cell]]:
    """Return the cells of the first rows by column."""
    found: dict[str, list[Cell]] = {name: [] for name in table.columns}
    for record in islice(table.records, rows):
        for name, cell in record.cells.items():
            found[name].append(cell)
    return found


def distinct(names: Iterable[str]) -> list[str]:
    """Return the names with the second `colour` as `colour 2`; names without text stay "" and may repeat."""
    taken: set[str] = set()
    found = []
    for name in names:
        numbered, number = name, 1
        while name and numbered.casefold() in taken:
            number += 1
            numbered = f"{name} {number}"
        taken.add(numbered.casefold())
        found.append(numbered)
    return found


def twice(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names that `distinct` gives to those that repeat an earlier one."""
    return tuple(name for name, first in zip(distinct(names), names, strict=True) if name != first)


def whole(value: Any) -> Any:
    """Return a whole float as a whole number: pandas makes floats of a column with gaps. NaN and infinity are None."""
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def clean(cell: str) -> str:
    """Return a text with single spaces and without NUL; "" where it is a word for nothing."""
    cell = " ".join(cell.replace("\0", "").split())
    return "" if cell.casefold() in NULLS else cell
