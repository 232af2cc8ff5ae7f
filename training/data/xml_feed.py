"""Feeds in XML: RSS and Atom with Google's names, and any other list of like elements, as a table.

Entities that a document declares are refused, and external ones never read, so that no small file becomes a large one.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any
from xml.parsers import expat

from common import DataError
from training.data.encodings import decode
from training.data.table import Cell, Record, Records, Table

_PIECE = 2**16
_RECORDS = (
    "item",
    "entry",
    "product",
    "offer",
    "artikel",
    "article",
    "produkt",
    "produit",
    "producto",
    "prodotto",
    "row",
)
_GOOGLE = "http://base.google.com/"
_MAX_DEPTH = 50
_ADDRESS = ("href", "url", "src", "value", "content")
"""Attributes that hold what an element without text says: `<link href="…"/>`."""
_AMPERSAND = re.compile(r"&(?:(#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});)?")
Path = tuple[str, ...]


def xml_table(data: bytes, source: str) -> Table:
    """Return the records of an XML feed; a repeated element is a list, and what has elements of its own a dict.

    Raises:
        DataError: the XML is damaged, declares entities, or holds no list; says the line.
    """
    data = data.strip()
    notes: list[str] = []
    try:
        path = _survey(data, source)
    except _NotXmlError as error:
        data = _repaired(data)
        try:
            path = _survey(data, source)
        except _NotXmlError:
            raise DataError(str(error)) from error
        notes.append(f"repaired what is not XML ({error.fault})")
    if path is None:
        raise DataError(f"{source} is XML without a list of products; export it as RSS with Google's names, or as .csv")
    columns: dict[str, None] = {}
    for record in _records(data, source, path):
        columns.update(dict.fromkeys(record.cells))
    if path[-1] not in ("item", "entry"):
        notes.append(f"the products are the elements <{path[-1]}>")
    return Table(source, "xml", list(columns), Records(lambda: _records(data, source, path)), notes)


class _NotXmlError(Exception):
    """The document is no XML; says where, and in `fault` what."""

    def __init__(self, message: str, fault: str) -> None:
        super().__init__(message)
        self.fault = fault


def _repaired(data: bytes) -> bytes:
    """Return a document as UTF-8 without what shops leave in their feeds: `AT&T`, `&nbsp;`, control characters."""
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", decode(data).text)
    text = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]", "", text)
    parts = re.split(r"(<!\[CDATA\[.*?\]\]>)", text, flags=re.DOTALL)
    return "".join(part if part.startswith("<![CDATA[") else _AMPERSAND.sub(_entity, part) for part in parts).encode()


def _entity(found: re.Match[str]) -> str:
    if found[1] in ("amp", "lt", "gt", "quot", "apos") or (found[1] or "").startswith("#"):
        return found[0]
    return html.escape(html.unescape(found[0])) if found[1] else "&amp;"


class _Survey:
    """Counts the elements of each path, and which of them hold others."""

    def __init__(self) -> None:
        self._path: list[str] = []
        self._count: Counter[Path] = Counter()
        self._parents: set[Path] = set()
        self.line = 0

    def start(self, name: str, _: dict[str, str]) -> None:
        if self._path:
            self._parents.add(tuple(self._path))
        self._path.append(_local(name))
        self._count[tuple(self._path)] += 1

    def end(self, _: str) -> None:
        self._path.pop()

    def text(self, _: str) -> None: ...

    def records(self) -> Path | None:
        """Return the path of the elements that are products: by their name, else those that repeat and hold others."""
        holders = [path for path in self._parents if len(path) > 1]
        known = [path for path in holders if path[-1].casefold() in _RECORDS]
        several = [path for path in holders if self._count[path] > 1]
        for found in (known, several, [path for path in holders if len(path) == 2]):
            if found:
                return min(found, key=lambda path: (len(path), -self._count[path], path))
        return None


class _Reader:
    """Makes a record of each element at one path."""

    def __init__(self, path: Path) -> None:
        self._target = path
        self._path: list[str] = []
        self._open: list[tuple[str, dict[str, Any], list[str]]] = []  # name, children, text
        self.found: list[Record] = []
        self._google = {"g"}
        self.line = 0
        self._line = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        for key, value in attributes.items():
            if key.startswith("xmlns:") and value.startswith(_GOOGLE):
                self._google.add(key.removeprefix("xmlns:"))
        self._path.append(_local(name))
        if self._open or tuple(self._path) == self._target:
            inner: dict[str, Any] = {f"@{_local(key)}": value for key, value in attributes.items()}
            if not self._open:
                self._line = self.line
            self._open.append((name, inner, []))

    def text(self, text: str) -> None:
        if self._open:
            self._open[-1][2].append(text)

    def end(self, name: str) -> None:
        self._path.pop()
        if not self._open:
            return
        _, inner, texts = self._open.pop()
        value = _value(inner, "".join(texts).strip())
        if not self._open:
            self.found.append(Record(f"line {self._line}", _cells(inner)))
            return
        siblings = self._open[-1][1]
        google = name.partition(":")[0] in self._google and ":" in name
        local = f"{_GOOGLE}{_local(name)}" if google else _local(name)
        if local in siblings:
            given = siblings[local]
            siblings[local] = [*given, value] if isinstance(given, list) else [given, value]
        else:
            siblings[local] = value


def _value(inner: dict[str, Any], text: str) -> Cell:
    """Return what an element says: its text, the address in an attribute, a list of like elements, or a dict."""
    children = _cells({name: value for name, value in inner.items() if not name.startswith("@")})
    if not children and text:
        if name := inner.get("@name"):
            return {"name": name, "value": text}  # <param name="colour">red</param>
        return f"{text} {inner['@currency']}" if inner.get("@currency") else text
    if not children:
        return text or next((inner[f"@{name}"] for name in _ADDRESS if inner.get(f"@{name}")), "")
    if len(children) == 1:
        only = next(iter(children.values()))
        if isinstance(only, list | str):
            return only
    return children


def _cells(inner: dict[str, Any]) -> dict[str, Cell]:
    """Return the children by their plain names: Google's before others of the same name, attributes behind both."""
    cells: dict[str, Cell] = {}
    for name, value in inner.items():
        if name.startswith(_GOOGLE):
            cells[name.removeprefix(_GOOGLE)] = value
    for name, value in inner.items():
        if not name.startswith((_GOOGLE, "@")):
            cells.setdefault(name, value)
    for name, value in inner.items():
        if name.startswith("@"):
            cells.setdefault(name[1:], value)
    return cells


def _records(data: bytes, source: str, path: Path) -> Iterator[Record]:
    reader = _Reader(path)
    for _ in _parsed(data, source, reader):
        yield from reader.found
        reader.found.clear()


def _survey(data: bytes, source: str) -> Path | None:
    """Return the path of the products' elements."""
    survey = _Survey()
    for _ in _parsed(data, source, survey):
        pass
    return survey.records()


def _parsed(data: bytes, source: str, handler: _Survey | _Reader) -> Iterator[None]:
    """Tell `handler` what the document holds, a piece at a time."""
    parser = _parser(source, handler)
    for place in range(0, len(data) + 1, _PIECE):
        try:
            parser.Parse(data[place : place + _PIECE], place + _PIECE > len(data))
        except expat.ExpatError as error:
            fault = expat.ErrorString(error.code)
            message = f"{source} line {error.lineno} column {error.offset + 1} is not XML ({fault}); export it again"
            raise _NotXmlError(message, fault) from error
        yield


def _parser(source: str, handler: _Survey | _Reader) -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _MAX_DEPTH:
            raise DataError(f"{source} line {parser.CurrentLineNumber} nests elements deeper than {_MAX_DEPTH}")
        handler.line = parser.CurrentLineNumber
        handler.start(name, attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        handler.end(name)

    def entity(name: str, *_: object) -> None:
        raise DataError(
            f"{source} line {parser.CurrentLineNumber} declares the entity {name!r}; entities are not read: export the "
            "feed without a DOCTYPE"
        )

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = handler.text
    parser.EntityDeclHandler = entity
    return parser


def _local(name: str) -> str:
    """Return a name without its namespace."""
    return name.rpartition(":")[2]
