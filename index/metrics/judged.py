"""Judged queries: what is typed, and which products are right for it. Read from JSON, one line a query.

Knows the products that it is given, no store and no search.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from common import InputError
from index.product import Product, title_key
from index.values import keys_of
from index.words.analyse import words

Half = Literal["tune", "report"]
"""Weights are tuned on the queries of one half, and figures reported from those of the other."""
HALVES: tuple[Half, ...] = get_args(Half)
ENGLISH = "en"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Where:
    """A condition on a product; all that is given must hold."""

    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Attribute -> allowed values, in the form of `title_key`."""
    not_attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Attribute -> forbidden values, in the form of `title_key`."""
    title: tuple[str, ...] = ()
    """Folded phrases that are all in the title; a phrase is whole words in order."""
    title_any: tuple[str, ...] = ()
    """Folded phrases of which one is in the title."""
    not_title: tuple[str, ...] = ()
    """Folded phrases of which none is in the title."""
    any_of: tuple[Where, ...] = ()
    """Conditions of which one holds."""

    def holds(self, product: Judged) -> bool:
        """Return whether a product meets the condition."""
        return (
            all(product.has(name, values) for name, values in self.attributes.items())
            and not any(product.has(name, values) for name, values in self.not_attributes.items())
            and all(phrase in product.title for phrase in self.title)
            and (not self.title_any or any(phrase in product.title for phrase in self.title_any))
            and not any(phrase in product.title for phrase in self.not_title)
            and (not self.any_of or any(where.holds(product) for where in self.any_of))
        )


@dataclass(frozen=True, slots=True)
class Judged:
    """A product as conditions see it."""

    id: str
    title: str
    """Folded words, a space before and after each."""
    values: Mapping[str, tuple[str, ...]]
    """Attribute -> its texts, in the form of `title_key`."""

    @classmethod
    def of(cls, product: Product) -> Judged:
        """Return a product as conditions see it."""
        values = {name: keys_of(value) for name, value in product.attributes.items()}
        return cls(product.id, _phrase(product.title), values)

    def has(self, name: str, values: Sequence[str]) -> bool:
        """Return whether it has one of some values of an attribute."""
        return any(key in values for key in self.values.get(name, ()))


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """A text, and what is right for it."""

    text: str
    kind: str
    language: str = ENGLISH
    half: Half = "report"
    where: Where | None = None
    ids: tuple[str, ...] = ()
    nothing: bool = False
    """Nothing in the shop is right."""
    plain: str | None = None
    """The same in English, or without its typo: another text for which the same is right."""
    like: tuple[str, ...] = ()
    """Ids of products beside which the text is typed: it says how the right ones differ. They themselves are not."""

    def relevant(self, products: Iterable[Judged]) -> frozenset[str]:
        """Return the ids of the products that are right."""
        if self.where is None:
            return frozenset(self.ids)
        return frozenset(product.id for product in products if self.where.holds(product)).difference(self.like)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A line that stands for queries which are drawn from the catalogue."""

    what: Literal["titles", "groups"]
    """Titles ask for themselves; brand, colour and type ask for their products."""
    kind: str
    count: int
    seed: int
    edited: bool = False
    """Whether each has a typo: one edit in a word of four letters or more."""


def read_queries(path: Path) -> list[JudgedQuery | Drawn]:
    """Return the queries of a file, or of all `*.jsonl` of a folder, in order.

    Raises:
        InputError: names file and line of what cannot be read, and says what is wrong.
    """
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    if not files:
        raise InputError(f"{path} has no file *.jsonl; give a file of queries, or a folder that has some")
    queries: list[JudgedQuery | Drawn] = []
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{file} cannot be read ({error}); give a file of queries in UTF-8") from error
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                try:
                    queries.append(query_of(json.loads(line)))
                except ValueError as error:
                    raise InputError(f"{file}, line {number}: no JSON ({error}); write an object a line") from None
                except InputError as error:
                    raise InputError(f"{file}, line {number}: {error}") from None
    if not queries:
        raise InputError(f"{path} has no queries; write one a line")
    return queries


def query_of(line: Any) -> JudgedQuery | Drawn:
    """Return the query that a line's object describes.

    Raises:
        InputError: says what is wrong.
    """
    given = _object(line, "a query")
    take = _Fields(given)
    if "draw" in given:
        drawn = Drawn(
            take.choice("draw", ("titles", "groups")),
            take.text("kind"),
            take.number("count", 1),
            take.number("seed", 0),
            take.flag("edited"),
        )
        take.finish()
        if drawn.edited and drawn.what == "titles":
            raise InputError('"edited" is for "draw": "groups"')
        return drawn
    known = [name for name in ("where", "ids", "nothing") if name in given]
    if len(known) != 1:
        raise InputError(f'has {" and ".join(known) or "no answer"}; give one of "where", "ids" and "nothing": true')
    if "english" in given and "clean" in given:
        raise InputError('has "english" and "clean"; give one of them')
    query = JudgedQuery(
        take.text("text"),
        take.text("kind"),
        take.text("language", ENGLISH),
        take.choice("half", HALVES, "report"),
        _where(take.take("where")) if "where" in given else None,
        tuple(_texts(take.take("ids"), "ids")) if "ids" in given else (),
        take.flag("nothing"),
        take.text("english") if "english" in given else take.text("clean") if "clean" in given else None,
        tuple(_texts(take.take("like"), "like")) if "like" in given else (),
    )
    take.finish()
    if "nothing" in given and not query.nothing:
        raise InputError('"nothing" is false; leave it out, and say what is right')
    return query


class _Fields:
    """Takes the fields of a line, and refuses those that nobody takes."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._left = dict(given)
        self._known: list[str] = []

    def take(self, name: str, default: Any = None) -> Any:
        self._known.append(name)
        return self._left.pop(name, default)

    def text(self, name: str, default: str | None = None) -> str:
        value = self.take(name, default)
        if not isinstance(value, str) or not value.strip():
            raise InputError(f'"{name}" is {value!r}; it must be a text')
        return value

    def choice(self, name: str, known: Sequence[T], default: T | None = None) -> T:
        value: T = self.take(name, default)
        if value not in known:
            raise InputError(f'"{name}" is {value!r}; choose one of {", ".join(map(str, known))}')
        return value

    def number(self, name: str, least: int) -> int:
        value = self.take(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise InputError(f'"{name}" is {value!r}; it must be a whole number from {least}')
        return value

    def flag(self, name: str) -> bool:
        value = self.take(name, False)
        if not isinstance(value, bool):
            raise InputError(f'"{name}" is {value!r}; it must be true or false')
        return value

    def finish(self) -> None:
        if self._left:
            raise InputError(f"unknown {', '.join(map(repr, self._left))}; known are {', '.join(self._known)}")


def _where(value: Any) -> Where:
    given = _object(value, '"where"')
    take = _Fields(given)
    where = Where(
        _values(take.take("attributes", {}), "attributes"),
        _values(take.take("not_attributes", {}), "not_attributes"),
        _phrases(take.take("title", []), "title"),
        _phrases(take.take("title_any", []), "title_any"),
        _phrases(take.take("not_title", []), "not_title"),
        tuple(map(_where, _list(take.take("any_of", []), "any_of", 0))),
    )
    take.finish()
    if not given:
        raise InputError('"where" is empty, which every product meets')
    return where


def _values(value: Any, name: str) -> dict[str, tuple[str, ...]]:
    return {
        attribute: tuple(map(title_key, _texts(values, f"{name}.{attribute}")))
        for attribute, values in _object(value, f'"{name}"').items()
    }


def _phrases(value: Any, name: str) -> tuple[str, ...]:
    return tuple(map(_phrase, _texts(value, name, 0)))


def _phrase(text: str) -> str:
    """Return the folded words of a text with a space around each, so that whole words are found in it."""
    return f" {' '.join(part for word in words(text) for part in word.parts)} "


def _object(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{what} is {value!r}; it must be an object")
    return value


def _list(value: Any, name: str, least: int = 1) -> list[Any]:
    if not isinstance(value, list) or len(value) < least:
        raise InputError(f'"{name}" is {value!r}; it must be a list')
    return value


def _texts(value: Any, name: str, least: int = 1) -> list[str]:
    for item in _list(value, name, least):
        if not isinstance(item, str) or not item.strip():
            raise InputError(f'"{name}" has {item!r}; it must hold texts')
    return list(value)
