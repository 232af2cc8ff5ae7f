"""How a text with separators is divided: its separator, its header, the fields of a record, the form of its columns.

Knows no problem and no table: the rules by which a row is told from a piece of one.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, takewhile
from typing import NamedTuple

from training.data.pictures import is_picture

SEPARATORS = {"\t": "tabs", ";": "semicolons", "|": "pipes", ",": "commas"}
"""The separators that are known; of two that explain a table alike the first is taken: sentences have commas too."""
_SAMPLE = 50
"""Rows by which separator and header are found."""
LONGEST_CELL = 1_000_000
"""Lines that one quoted cell may have; a quote that closes later is a stray one."""
_FORMS: tuple[Callable[[str], bool], ...] = (
    is_picture,
    lambda cell: re.fullmatch(r"https?://\S+", cell) is not None,
    lambda cell: re.fullmatch(r"-?\d+(\.0)?", cell) is not None,
    lambda cell: re.fullmatch(r"-?\d+[.,]\d+", cell) is not None,
)
"""The name of a picture, an address, a whole number, a number."""


class Layout(NamedTuple):
    """A separator, the index of the line after the header, the names as they stand there, and lines passed over."""

    separator: str
    start: int
    names: list[str]
    passed: int = 0


def layout_of(lines: Sequence[str]) -> Layout:
    """Find separator and header: those under which the first rows have as many fields as the header.

    A line `sep=;` says the separator. A title above the header is passed over.
    """
    filled = [place for place in range(min(len(lines), 1_000)) if lines[place].strip()][:6]
    if not filled:
        return Layout(",", len(lines), [])
    said = re.fullmatch(r'"?sep=(.)"?[;,|\t]*', lines[filled[0]].strip("\ufeff \r"), re.IGNORECASE)
    if said and said[1] in SEPARATORS:
        return _tried(lines, filled[1] if len(filled) > 1 else len(lines), said[1])[0]
    first, fit = _best(lines, filled[0])
    for place, start in enumerate(filled[1:] if fit < 0.1 else (), 1):
        layout, better = _best(lines, start)
        if better > 0.9 and _named(layout) >= 2 * _named(first):
            return layout._replace(passed=place)
    return first


def _named(layout: Layout) -> int:
    return sum(name != "" for name in layout.names)


def _best(lines: Sequence[str], start: int) -> tuple[Layout, float]:
    tried = [_tried(lines, start, separator) for separator in SEPARATORS]
    return max(tried, key=lambda one: (one[1] + 0.001) * (len(one[0].names) - 1))


def _tried(lines: Sequence[str], start: int, separator: str) -> tuple[Layout, float]:
    """Return the layout with this separator and its header at `start`, and the part of the first rows that fit it."""
    if start >= len(lines):
        return Layout(separator, start, []), 0.0
    names, used, stray = fields_at(lines, start, separator)
    if stray:
        names = [name.strip().strip('"') for name in names]
    layout = Layout(separator, start + used, [" ".join(name.strip("\ufeff").split()) for name in names])
    if _named(layout) < 2:
        return layout, 0.0
    widths = [len(fields) for fields in _sample(lines, layout)]
    return layout, widths.count(len(names)) / len(widths) if widths else 1.0


def _sample(lines: Sequence[str], layout: Layout) -> Iterator[list[str]]:
    """Yield the fields of the first rows, without empty ones behind the last column."""
    place, seen = layout.start, 0
    while place < len(lines) and seen < _SAMPLE:
        fields, used, _ = fields_at(lines, place, layout.separator)
        while len(fields) > len(layout.names) and not fields[-1].strip():
            fields.pop()
        if any(fields):
            seen += 1
            yield fields
        place += used


def fields_at(
    lines: Sequence[str],
    place: int,
    separator: str,
    is_row: Callable[[str], bool] = lambda line: False,
    longest: int = LONGEST_CELL,
) -> tuple[list[str], int, bool]:
    """Return (fields, number of lines, whether a quote was stray) of the record that begins at line `place`.

    A quoted field may hold line breaks. A quote that never closes, or closes only after a line that is a row by itself
    (`is_row`), is a stray one: it is read as text, so that no other row is lost.
    """
    line = lines[place]
    if '"' not in line:
        return line.split(separator), 1, False
    spaced = re.search(rf'{re.escape(separator)} +"', line) is not None
    for escape in (None, "\\") if '\\"' in line else (None,):
        # The csv module reads on over line breaks inside quotes; `tail` ends it at the next line that is a row.
        later = (lines[i] for i in range(place + 1, min(len(lines), place + longest)))
        tail = takewhile(lambda one: not is_row(one), later)
        reader = csv.reader(
            (f"{part}\n" for part in chain([line], tail)),
            delimiter=separator,
            escapechar=escape,
            skipinitialspace=spaced,
            strict=True,
        )
        try:
            return next(reader), reader.line_num, False
        except csv.Error:
            continue
    cell = rf'\s*"(?:[^"]|"")*"\s*(?={re.escape(separator)}|$)|[^{re.escape(separator)}]*'
    fields, at = [], 0
    pattern = re.compile(cell)
    while True:
        match = pattern.match(line, at)
        assert match is not None  # noqa: S101 - the second branch matches nothing at the least
        fields.append(match[0])
        at = match.end() + 1
        if at > len(line):
            return fields, 1, True


@dataclass(frozen=True)
class Shapes:
    """The columns whose cells all have one form, such as a whole number or the name of a picture."""

    layout: Layout
    forms: dict[int, Callable[[str], bool]]
    gaps: frozenset[int]
    """Columns that are empty in many rows."""

    @classmethod
    def of(cls, lines: Sequence[str], layout: Layout) -> Shapes:
        """Learn the forms from the first rows that have a field for each column."""
        width = len(layout.names)
        rows = [fields for fields in _sample(lines, layout) if len(fields) == width]
        forms = {}
        gaps = set()
        for place in range(width):
            cells = [fields[place].strip() for fields in rows]
            for form in _FORMS:
                if any(cells) and all(form(cell) for cell in cells if cell):
                    forms[place] = form
            if sum(map(bool, cells)) < 0.8 * len(cells):
                gaps.add(place)
        return cls(layout, forms, frozenset(gaps))

    def is_row(self, line: str) -> bool:
        """Return whether a line is a row by itself, and not a line of a cell."""
        width = len(self.layout.names)
        cells = line.split(self.layout.separator)
        extra = len(cells) - width
        head, quote, rest = line.partition('"')
        if quote and line.count('"') % 2 and rest[:1] in ("", self.layout.separator) and head:
            # The quote closes a cell that began on an earlier line, unless what stands before it begins a row.
            begin = head.split(self.layout.separator)[:-1]
            certain = self.forms.keys() - self.gaps
            inside = certain and max(certain) < len(begin)
            return bool(inside) and extra >= 0 and all(self.forms[place](begin[place].strip()) for place in certain)
        return extra >= 0 and bool(self.forms.keys() - self.gaps) and self._fit(cells, extra)

    def _fit(self, cells: Sequence[str], extra: int) -> bool:
        """Return whether the cells have the columns' forms, counted from the left or from the right."""
        return all(
            any(form(cell) if (cell := cells[at].strip(' "')) else place in self.gaps for at in {place, place + extra})
            for place, form in self.forms.items()
        )

    def joined(self, fields: Sequence[str], prose: int) -> list[str]:
        """Return as many fields as there are columns: what an unquoted separator divided is joined again.

        That is the column `prose`, unless the forms of the columns say that it must be another one.
        """
        extra = len(fields) - len(self.layout.names)
        columns = [prose, *(place for place in range(len(self.layout.names)) if place != prose)]
        tried = [
            [*fields[:at], self.layout.separator.join(fields[at : at + extra + 1]), *fields[at + extra + 1 :]]
            for at in columns
            if at not in self.forms
        ]
        fitting = [one for one in tried if self._fit(one, 0)]
        return (fitting or tried or [list(fields)])[0]
