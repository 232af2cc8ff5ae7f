"""What was found in a data set, as the commands show it: problems, how the table was read, and its columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.markup import escape
from rich.table import Table

from vitrine.cli.app import say, tell


def say_findings(title: str, report: Mapping[str, Any], *, columns: bool = False) -> None:
    """Show a report (`training.data.Report.to_json`): its problems and notes; with `columns`, what became of each."""
    for note in report["notes"]:
        tell(f"note: {escape(note)}", highlight=False)
    if columns and report["columns"]:
        say(table_of("columns", ("column", "what became of it"), report["columns"].items()), False)
    problems = report["problems"].values()
    if not problems:
        tell(f"{escape(title)}; nothing had to be repaired or skipped", highlight=False)
        return
    headings = ("finding", "count", "what was done", "examples")
    rows = [(one["problem"], f"{one['count']:,}", one["done"], ", ".join(one["examples"])) for one in problems]
    say(table_of(title, headings, rows), False)


def table_of(title: str, headings: tuple[str, ...], rows: Iterable[Iterable[str]]) -> Table:
    """Return a table whose cells are shown as they are, however long: none is cut, and none is taken for markup."""
    table = Table(title=escape(title))
    for heading in headings:
        table.add_column(heading, justify="right" if heading == "count" else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    return table
