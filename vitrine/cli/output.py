"""How a command prints. Knows no command and no error.

One rule for all: a terminal gets tables with lines and colours; a pipe gets a line for each row with tabs between,
below a line of headings, and remarks go to standard error; `--json` gets JSON.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

import typer

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True, slots=True)
class Listing:
    """A table whose cells are shown as they are, however long: none is cut, and none is taken for markup."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""
    right: frozenset[str] = frozenset({"count"})
    """Headings of the columns of numbers."""
    empty: str = ""
    """What to say instead where there are no rows."""


def in_terminal(stream: TextIO | None = None) -> bool:
    """Return whether a stream, standard output unless given, is a terminal; TTY_COMPATIBLE=1 or 0 decides for it."""
    chosen = os.environ.get("TTY_COMPATIBLE", "")
    return chosen == "1" or (chosen != "0" and (stream or sys.stdout).isatty())


def say(value: Any, as_json: bool) -> None:
    """Print the result of a command: one `Listing` or several, rich's table or group, a text; or plain data as JSON."""
    if as_json:
        sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    elif isinstance(value, Listing):
        _say_listing(value)
    elif isinstance(value, list):
        for number, one in enumerate(value):
            if number and not in_terminal():
                sys.stdout.write("\n")
            _say_listing(one)
    elif isinstance(value, str):
        tell(value)
    elif in_terminal():
        from rich.console import Console

        Console().print(value)
    else:
        _write_tables([value])


def tell(line: str) -> None:
    """Print a line of the result, as it is and unbroken."""
    sys.stdout.write(line + "\n")


def remark(line: str) -> None:
    """Print a line that is not part of the result: beside tables of a pipe it goes to standard error."""
    (sys.stdout if in_terminal() else sys.stderr).write(line + "\n")


def warn(line: str) -> None:
    """Print a line that does not stop the command, on standard error."""
    label("warning:", "yellow")
    sys.stderr.write(f" {line}\n")


def label(word: str, colour: str) -> None:
    """Print the word that a line on standard error begins with."""
    sys.stderr.write(coloured(word, colour, sys.stderr, bold=True))


def coloured(text: str, colour: str, stream: TextIO | None = None, *, bold: bool = False) -> str:
    """Return a text in a colour where the stream is a terminal that wants colours (NO_COLOR)."""
    if os.environ.get("NO_COLOR") or not in_terminal(stream):
        return text
    return typer.style(text, fg=colour, bold=bold)


def _say_listing(listing: Listing) -> None:
    if listing.empty and not listing.rows:
        remark(listing.empty)
    elif not in_terminal():
        if listing.title:
            remark(listing.title)
        _write_rows([listing.headings, *listing.rows])
    else:
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table

        table = Table(title=escape(listing.title))
        for heading in listing.headings:
            table.add_column(heading, justify="right" if heading in listing.right else "left", overflow="fold")
        for row in listing.rows:
            table.add_row(*map(escape, row))
        Console().print(table)


def _write_tables(parts: Iterable[Any]) -> None:
    """Write what rich would draw: tables as rows with tabs, an empty line between two, the rest as remarks."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    written = 0
    for part in _flat(parts, Group):
        if isinstance(part, Table):
            if part.title:
                remark(_plain(part.title))
            if written:
                sys.stdout.write("\n")
            _write_rows(_cells(part))
            if part.caption:
                remark(_plain(part.caption))
            written += 1
        else:
            remark(_plain(part) if isinstance(part, (str, Text)) else str(part))


def _flat(parts: Iterable[Any], group: type) -> Iterable[Any]:
    for part in parts:
        if isinstance(part, group):
            yield from _flat(part.renderables, group)  # type: ignore[attr-defined]
        else:
            yield part


def _cells(table: Table) -> list[list[str]]:
    columns = [[_plain(column.header), *map(_plain, column.cells)] for column in table.columns]
    return [list(row) for row in zip(*columns, strict=True)]


def _plain(cell: Any) -> str:
    """Return the text of a cell without its markup."""
    from rich.text import Text

    return Text.from_markup(cell).plain if isinstance(cell, str) else str(cell)


def _write_rows(rows: Iterable[Sequence[str]]) -> None:
    """Write rows with tabs; a tab or a line's end within a cell is a space."""
    for row in rows:
        sys.stdout.write("\t".join(" ".join(cell.split()) if cell.split() else "" for cell in row) + "\n")
