"""A product as the rows of a feed give it, before its columns have types; and its parts from the cells of one row."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache

from index import VARIANT, Value
from training.data.columns import Roles
from training.data.dataset import Problem, Report
from training.data.html_text import plain_text
from training.data.picture_columns import pictures_of
from training.data.table import Cell, Record, clean

MAX_DESCRIPTION = 5_000
"""Most characters of a description that are kept, as many as Google's feeds may have."""
MAX_TITLE = 200
"""Most characters of a title that is made from a description."""
ATTRIBUTE = "attribute"
"""What the report says of a column that products have as an attribute."""


_SHORT = 40


@dataclass(slots=True)
class Draft:
    """A product as its rows give it, before the columns have types."""

    where: str
    id: str
    title: str = ""
    images: list[str] = field(default_factory=list)
    attributes: dict[str, Cell | Value] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def text_of(cell: Cell | Value) -> str:
    """Return the text of one cell: markup gone, single spaces, whole numbers without a fraction, "" for nothing."""
    if isinstance(cell, str):
        return _short_text(cell) if len(cell) < _SHORT else _text(cell)
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float | Decimal):
        if not math.isfinite(cell):
            return ""
        return str(int(cell)) if cell == int(cell) else f"{cell:.15g}"
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, list | tuple):
        return next(filter(None, map(text_of, cell)), "")
    return str(cell) if isinstance(cell, int) else ""


def _text(text: str) -> str:
    return clean(text if text.startswith(("http://", "https://")) else plain_text(text))


# Most cells of a table repeat those above them.
_short_text = lru_cache(maxsize=10_000)(_text)


def shortened(text: str, most: int) -> str:
    """Return the text in `most` characters, cut behind a word."""
    return text if len(text) <= most else f"{text[: most - 1].rsplit(' ', 1)[0]}…"


def draft_of(record: Record, cells: Mapping[str, Cell], roles: Roles, report: Report) -> Draft:
    """Return the product of one row: the columns of roles in their places, every other one as an attribute."""
    draft = Draft(record.where, text_of(cells.get(roles.id or "")), problems=list(record.problems))
    draft.title = text_of(cells.get(roles.title or ""))
    draft.images = unique(name for column in roles.images for name in pictures_of(cells.get(column)))
    if group := text_of(cells.get(roles.group or "")):
        draft.attributes[VARIANT] = group
    for name, cell in cells.items():
        if roles.became.get(name, ATTRIBUTE).startswith(ATTRIBUTE) and cell is not None:
            draft.attributes[name] = cell
    if roles.description:
        name = roles.description if roles.kind == "plain" else "description"
        describe(draft, name, text_of(cells.get(roles.description)), report)
    return draft


def describe(draft: Draft, name: str, text: str, report: Report) -> None:
    """Give a product its description within the bound, and a title from it where it has none."""
    if not text:
        return
    if len(text) > MAX_DESCRIPTION:
        report.count(Problem.CUT, draft.id or draft.where)
    draft.attributes[name] = shortened(text, MAX_DESCRIPTION)
    if not draft.title:
        report.count(Problem.FROM_DESCRIPTION, draft.id or draft.where)
        draft.title = shortened(text, MAX_TITLE)


def unique(texts: Iterable[str]) -> list[str]:
    """Return the texts in their order, each once."""
    return list(dict.fromkeys(texts))
