"""The roles of a table's columns by their names, and rows from records: the least that the readers need."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from common import DataError
from index import Value
from training.data.dataset import Report, shown
from training.data.rows import ACCEPTED, Row
from training.data.table import Cell, Table, clean

_NAMES = {
    "id": ("id", "product_id", "productid", "item_id", "sku"),
    "image": ("image", "file_name", "image_path", "img", "path", "file", "filename", "picture", "photo", "image_url"),
    "title": ("text", "productdisplayname", "title", "name", "caption", "captions", "description", "product_name"),
}


@dataclass(frozen=True)
class Roles:
    """Which column is what."""

    id: str | None
    title: str | None
    images: tuple[str, ...]
    became: dict[str, str] = field(default_factory=dict)


def recognise(
    columns: Sequence[str],
    mapping: Mapping[str, str],
    *,
    samples: Mapping[str, Sequence[Cell]],
    exists: Callable[[str], bool],
    source: str,
    needs: Sequence[str],
) -> Roles:
    """Return the roles of `columns`."""
    folded = {name.casefold(): name for name in reversed(columns)}
    found = {}
    for role, names in _NAMES.items():
        found[role] = next((folded[name] for name in names if name in folded), None)
    missing = [role for role in ("id", *needs) if found[role] is None and not (role == "id" and "file_name" in folded)]
    if missing:
        near = difflib.get_close_matches(missing[0], list(folded), n=1, cutoff=0.8)
        hint = f"rename '{folded[near[0]]}' to '{missing[0]}'" if near else ACCEPTED
        raise DataError(
            f"{source} has the columns {', '.join(map(shown, columns[:12])) or '(none)'}; "
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing: {hint}"
        )
    image = found["image"] if "image" in needs else None
    became = dict.fromkeys(columns, "attribute")
    became |= {name: role for role, name in found.items() if name}
    return Roles(found["id"], found["title"], (image,) if image else (), became)


def merged(table: Table, roles: Roles, report: Report) -> Iterator[Row]:
    """Yield a row for each record."""
    for record in table.records:
        cells = dict(record.cells)
        image = cells.pop(roles.images[0], None) if roles.images else None
        images = tuple(str(one) for one in (image if isinstance(image, list) else [image]) if one)
        id_ = _text(cells.pop(roles.id, None)) if roles.id else images[0] if images else ""
        title = cells.pop(roles.title or "", None)
        title = _text(title[0] if isinstance(title, list) and title else title)
        attributes = {name: value for name, cell in cells.items() if (value := _value(cell)) not in (None, "", ())}
        yield Row(record.where, id_, title, images, attributes, record.problems)


def _text(cell: Cell) -> str:
    return "" if cell is None else clean(str(cell))


def _value(cell: Cell) -> Value | None:
    if isinstance(cell, str):
        return clean(cell)
    if isinstance(cell, Decimal):
        return float(cell)
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, list):
        return tuple(clean(str(one)) for one in cell)
    return cell if isinstance(cell, bool | int | float) else None
