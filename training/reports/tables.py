"""Tables of figures in per cent with their intervals, as Markdown and for a rich console. Knows no measurement."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich import box
from rich.table import Table

from common import InputError

Cell = str | int | dict[str, float]
"""A word, a count, or a figure: a fraction `{"value", "low", "high"}`; without its interval, a figure of others."""

NONE = "–"
"""Stands where a table has no figure."""


class Rows(NamedTuple):
    """A table: its headings, and its lines of as many cells."""

    headings: list[str]
    lines: list[list[Cell]]

    def numeric(self) -> list[bool]:
        """Return for each column whether it holds numbers, which are aligned to the right."""
        return [any(not isinstance(cell, str) for cell in column) for column in zip(*self.lines, strict=True)]


def markdown_lines(rows: Rows, digits: int = 2) -> list[str]:
    """Return a table as lines of Markdown; `digits` after the point of percentages that have an interval."""
    rule = "".join("|---:" if right else "|---" for right in rows.numeric())
    lines = [f"| {' | '.join(rows.headings)} |", rule + "|"]
    return lines + [f"| {' | '.join(_text_of(cell, '**{}** ({})', digits) for cell in line)} |" for line in rows.lines]


def csv_text(tables: Sequence[Rows]) -> str:
    """Return tables as one with separators: a line for each figure, a part of 1, with what stands before it in words.

    The columns are `table` (its first heading), `row` (words and counts of the line), `column`, `value`, `low`, `high`.
    """
    lines = io.StringIO()
    write = csv.writer(lines, lineterminator="\n")
    write.writerow(["table", "row", "column", "value", "low", "high"])
    for rows in tables:
        for line in rows.lines:
            row = " / ".join(str(cell) for cell in line if not isinstance(cell, dict))
            for heading, cell in zip(rows.headings, line, strict=True):
                if isinstance(cell, dict):
                    figure = [cell["value"], cell.get("low", ""), cell.get("high", "")]
                    write.writerow([rows.headings[0], row, heading, *figure])
    return lines.getvalue()


def rich_table(rows: Rows) -> Table:
    """Return a table for a rich console, each interval in a line below its percentage."""
    table = Table(box=box.SIMPLE, pad_edge=False)
    for heading, right in zip(rows.headings, rows.numeric(), strict=True):
        if right:
            table.add_column(heading, justify="right", no_wrap=True)
        else:
            table.add_column(heading, overflow="fold")
    for line in rows.lines:
        table.add_row(*(_text_of(cell, "[bold]{}[/bold]\n{}", 2) for cell in line))
    return table


def read_figures(path: Path, show: Callable[[dict[str, Any]], object], what: str, command: str) -> dict[str, Any]:
    """Return figures that `command` wrote as JSON; `show` is how they will be shown, and must be able to.

    Raises:
        InputError: there is no such file, or it does not hold `what`.
    """
    try:
        figures: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        show(figures)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError(f"{path} holds no {what} ({error}); give a file from `{command} --out`") from error
    return figures


def _text_of(cell: Cell, form: str, digits: int) -> str:
    """Return a cell's text; `form` puts a percentage and its interval together."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int):
        return f"{cell:,}"
    if "low" not in cell:
        return f"{100 * cell['value']:.1f}"
    between = " to " if cell["low"] < 0 else "–"  # a dash would stand before a minus sign
    interval = f"{100 * cell['low']:.1f}{between}{100 * cell['high']:.1f}"
    return form.format(f"{100 * cell['value']:.{digits}f}", interval)
