"""Rows of a feed, without its pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from index import Value
from tests.training.dirty import counts
from training.data.columns import Roles, recognise
from training.data.dataset import Problem, Report
from training.data.feeds import merged
from training.data.mirrored import addresses_in
from training.data.readers import read_table
from training.data.rows import Row
from training.data.table import sample

FEEDS = Path(__file__).parents[1] / "data" / "feeds"


class Feed(NamedTuple):
    """What a feed holds: its products by id, the roles of its columns, and what was met."""

    rows: dict[str, Row]
    roles: Roles
    problems: dict[Problem, tuple[int, str]]

    def values(self, name: str) -> dict[str, Value | None]:
        """Return one attribute of all products."""
        return {id_: row.attributes.get(name) for id_, row in self.rows.items()}


def read_feed(content: str | bytes | Path, name: str = "t.csv", mapping: Mapping[str, str] | None = None) -> Feed:
    """Read a feed from a file or from its content."""
    if isinstance(content, Path):
        data, name = content.read_bytes(), content.name
    else:
        data = content if isinstance(content, bytes) else content.encode()
    table = read_table(data, name, name)
    report = Report()
    roles = recognise(
        table.columns,
        mapping,
        samples=sample(table),
        exists=lambda cell: bool(addresses_in(cell)),
        source=name,
        needs=("title",),
    )
    table.key, table.prose = roles.id or "", roles.title or ""
    rows = {row.id or row.where: row for row in merged(table, roles, report)}
    return Feed(rows, roles, counts(report))
