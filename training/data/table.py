"""A table of any format as it was read: named columns, and records of typed cells.

Knows no format and no role of a column; the readers beside it make tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from training.data.dataset import Problem
from training.data.pictures import Picture

MAX_TABLE_BYTES = 2**30
"""Bound on a table, unpacked; most formats are held in memory as a whole."""

Kind = Literal["csv", "tsv", "xlsx", "json", "jsonl", "parquet", "xml"]
Cell = str | int | float | bool | Decimal | date | list[Any] | dict[str, Any] | bytes | None
"""What a cell holds, typed where the format has types; a date with a time is a `datetime`, which is a `date`."""


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
    """A table with its columns, and its records, which can be read once.

    Attributes:
        source: the file, for messages.
        kind: its format.
        columns: distinct names in their order; of a name that stands twice, the second is `name 2`. "" has no name.
        records: in their order.
        notes: what a user should know of how it was read, each a short clause such as "read as Windows-1252".
        pictures: those that the table itself holds, by the text that stands for one in a cell.
        prose: the column to which a row's surplus of separators belongs; set by the caller before reading.
        needed: columns without which a row is too short; set by the caller before reading.
    """

    source: str
    kind: Kind
    columns: list[str]
    records: Iterable[Record]
    notes: list[str] = field(default_factory=list)
    pictures: Mapping[str, Picture | Problem] = field(default_factory=dict)
    prose: str = ""
    needed: tuple[str, ...] = ()


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
