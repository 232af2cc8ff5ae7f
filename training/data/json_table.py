"""Tables in JSON: an array of objects, an object that holds one, JSON lines, and what pandas writes.

Nested values stay as they are; what they mean is decided by who knows the feed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from common import DataError
from training.data.dataset import Problem
from training.data.encodings import Decoded
from training.data.table import Cell, Record, Records, Table, distinct, whole

_LISTS = (
    *("products", "items", "data", "records", "rows", "results", "entries", "value"),
    *("edges", "nodes", "@graph", "itemListElement"),
)
"""Names under which the list of products stands in an object, the likelier first."""


def json_table(decoded: Decoded, source: str) -> Table:
    """Return the objects of a JSON text as a table.

    Raises:
        DataError: it is no JSON, or holds no objects; says where the fault is.
    """
    text = decoded.text.lstrip("\ufeff \n\t")
    notes = [f"read as {decoded.name}"] if decoded.name != "UTF-8" else []
    if text.startswith("{") and "\n" in text.rstrip() and _is_object(text.split("\n", 1)[0]):
        return _lines_table(text, source, notes)
    try:
        value = _loads(text)
    except (ValueError, RecursionError) as error:
        if text.startswith("{") and sum(map(_is_object, text.split("\n")[:50])) > 1:
            return _lines_table(text, source, notes)
        raise DataError(f"{source} is not JSON ({error}); export it again") from error
    objects, where = _objects(value, source)
    if where:
        notes.append(f"the products are the list {where!r}")
    return _table(source, "json", objects, notes)


def _lines_table(text: str, source: str, notes: list[str]) -> Table:
    def records() -> Iterator[Record]:
        for number, line in enumerate(text.split("\n"), 1):
            if not line.strip():
                continue
            try:
                value = _loads(line)
            except (ValueError, RecursionError):
                value = None
            if isinstance(value, dict):
                yield Record(f"line {number}", _cells(value))
            else:
                yield Record(f"line {number}", {}, (Problem.NOT_JSON,))

    columns: dict[str, None] = {}
    for record in records():
        columns.update(dict.fromkeys(record.cells))
    return Table(source, "jsonl", list(columns), Records(records), notes)


def _table(source: str, kind: Any, objects: Sequence[Any], notes: list[str]) -> Table:
    columns: dict[str, None] = {}
    for value in objects:
        if isinstance(value, dict):
            columns.update(dict.fromkeys(_cells(value)))

    def records() -> Iterator[Record]:
        for number, value in enumerate(objects, 1):
            if isinstance(value, dict):
                yield Record(f"object {number}", _cells(value))
            else:
                yield Record(f"object {number}", {}, (Problem.NOT_JSON,))

    return Table(source, kind, list(columns), Records(records), notes)


def _objects(value: Any, source: str) -> tuple[list[Any], str]:
    """Return the list of objects in a JSON value, and the name it stands under."""
    if isinstance(value, list):
        rows = [row for row in value if isinstance(row, list)]
        if len(rows) == len(value) > 1 and all(isinstance(name, str) for name in rows[0]):
            return [dict(zip(distinct(rows[0]), row, strict=False)) for row in rows[1:]], ""
        if any(isinstance(one, dict) for one in value):
            return value, ""
    if isinstance(value, dict):
        if isinstance(value.get("columns"), list) and isinstance(value.get("data"), list):  # pandas, orient="split"
            names = distinct(map(str, value["columns"]))
            return [dict(zip(names, row, strict=False)) for row in value["data"] if isinstance(row, list)], "data"
        if "@type" in value and not {"@graph", "itemListElement"} & value.keys():
            return [value], ""  # one product of schema.org; its lists are pictures, offers, properties
        # An object with an id and a title of its own is a product; its lists are pictures, variants, properties.
        product = len({"id", "sku", "title", "name", "handle", "image"}.intersection(map(str.casefold, value))) > 1
        lists = {
            name: one
            for name, one in value.items()
            if isinstance(one, list) and any(isinstance(o, dict) for o in one) and (name in _LISTS or not product)
        }
        if not lists:
            for name, one in value.items():
                if isinstance(one, dict) and len(one) < 20 and (found := _list_below(one)):
                    return found, name
        for name in sorted(lists, key=lambda name: _LISTS.index(name) if name in _LISTS else len(_LISTS)):
            return lists[name], name
        inner = list(value.values())
        if inner and all(isinstance(one, dict) for one in inner):
            if len({tuple(one) for one in inner}) == 1 and not any(
                isinstance(c, dict) for o in inner for c in o.values()
            ):
                return _keyed(value, inner), ""
            if len(inner) == 1:
                return _objects(inner[0], source)
            return [{"id": name, **one} for name, one in value.items()], ""
        return [value], ""
    raise DataError(
        f"{source} holds no JSON objects; write the products as an array of objects with id, image and text"
    )


def _list_below(value: Mapping[str, Any], depth: int = 3) -> list[Any]:
    """Return the list of products in an answer such as {"data": {"products": […]}}; GraphQL wraps each as a node."""
    for name in _LISTS:
        one = value.get(name)
        if isinstance(one, list) and any(isinstance(each, dict) for each in one):
            return [
                each["node"] if isinstance(each, dict) and isinstance(each.get("node"), dict) else each for each in one
            ]
    inner = (one for name, one in value.items() if isinstance(one, dict) and name in _LISTS)
    return next((found for one in inner if depth and (found := _list_below(one, depth - 1))), [])


def _keyed(value: Mapping[str, Any], inner: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Return products given by id, or turned: columns of {row: value}, as pandas writes a table."""
    keys = list(inner[0])
    if len(keys) > 1 and all(key.isdigit() for key in keys) and not all(name.isdigit() for name in value):
        return [{name: value[name][key] for name in value} for key in keys]
    return [{"id": name, **one} for name, one in value.items()]


def _cells(value: Mapping[str, Any]) -> dict[str, Cell]:
    """Return the cells of an object; what stands under "attributes", as in a line for the service, is spread out."""
    cells = {str(name): _plain(cell) for name, cell in value.items()}
    inner = cells.get("attributes")
    if isinstance(inner, dict):
        del cells["attributes"]
        cells = {**{str(name): _plain(cell) for name, cell in inner.items()}, **cells}
    return cells


def _plain(cell: Any) -> Any:
    return cell.strip() if isinstance(cell, str) else whole(cell)


def _is_object(line: str) -> bool:
    try:
        return isinstance(_loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _loads(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_pairs)


def _pairs(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Keep the value of a name that stands twice under a name of its own."""
    pairs = list(pairs)
    found = dict(pairs)
    return (
        found
        if len(found) == len(pairs)
        else dict(zip(distinct(n for n, _ in pairs), (v for _, v in pairs), strict=True))
    )
