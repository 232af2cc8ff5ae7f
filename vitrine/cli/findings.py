"""What was found in a data set, as the commands show it: problems, how the table was read, and its columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vitrine.cli.output import Listing, remark, say, tell


def say_findings(title: str, report: Mapping[str, Any], *, columns: bool = False) -> None:
    """Show a report (`training.data.Report.to_json`): its problems and notes; with `columns`, what became of each."""
    for note in report["notes"]:
        remark(f"note: {note}")
    if columns and report["columns"]:
        say(Listing(("column", "what became of it"), list(report["columns"].items()), "columns"), False)
    problems = report["problems"].values()
    if not problems:
        tell(f"{title}; nothing had to be repaired or skipped")
        return
    headings = ("finding", "count", "what was done", "examples")
    rows = [(one["problem"], f"{one['count']:,}", one["done"], ", ".join(one["examples"])) for one in problems]
    say(Listing(headings, rows, title), False)
