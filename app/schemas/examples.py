"""The examples of the OpenAPI document, told in products, attributes and values that the served catalogue has.

The examples are written for one shop; what belongs to that shop is exchanged here. Knows no catalogue.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.schemas.fields import EXAMPLE_PRODUCT

WRITTEN_IDS = ("10054", "10061", "10077")
WRITTEN = ("gender", "baseColour", "articleType", "brand")
"""Attributes that the examples speak of."""
PLACES = ("example", "examples")
"""Where a document has examples."""
NO_EXAMPLES = ("parameters", "properties")
"""Where these words may be names of something else."""


@dataclass(frozen=True, slots=True)
class CatalogueExamples:
    """What examples may speak of; compared by what it holds, so that a document is made once for each."""

    ids: tuple[str, ...]
    title: str
    """Of the first product."""
    attributes: Mapping[str, tuple[str, ...]]
    """Name to values, the most frequent first; the attributes that tell products apart well come first."""

    def name_of(self, written: str) -> str | None:
        """Return the attribute that stands for a written one; None where there are too few."""
        if written in self.attributes or written not in WRITTEN:
            return written if written in self.attributes else None
        left = [name for name in self.attributes if name not in WRITTEN]
        missing = [name for name in WRITTEN if name not in self.attributes]
        place = missing.index(written)
        return left[place] if place < len(left) else None

    def value_of(self, name: str, place: int) -> str:
        """Return a value of an attribute."""
        values = self.attributes[name]
        return values[place % len(values)]


def with_examples(document: Mapping[str, Any], catalogue: CatalogueExamples) -> dict[str, Any]:
    """Return a document whose examples speak of a catalogue."""
    return {name: _searched(value, catalogue) for name, value in document.items()}


def _searched(value: Any, catalogue: CatalogueExamples, *, named: bool = False) -> Any:
    """Return a part of a document with its examples exchanged; `named`: its keys are names of fields."""
    if isinstance(value, list):
        return [_searched(item, catalogue) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _told(one, catalogue)
        if key in PLACES and not named
        else _searched(one, catalogue, named=key in NO_EXAMPLES and not named)
        for key, one in value.items()
    }


def _told(value: Any, catalogue: CatalogueExamples) -> Any:
    """Return a value of an example in terms of the catalogue."""
    if isinstance(value, list):
        return [told for item in value if (told := _told(item, catalogue)) is not None or item is None]
    if isinstance(value, dict):
        if "language" in value and "values" in value:
            return value  # words of a language: those of other values would be none
        told = {}
        for key, one in value.items():
            name = catalogue.name_of(key) if key in WRITTEN else key
            if name is not None:
                told[name] = _values(one, name, catalogue) if key in WRITTEN else _told(one, catalogue)
        return told
    return _text(value, catalogue) if isinstance(value, str) else value


def _values(value: Any, name: str, catalogue: CatalogueExamples) -> Any:
    """Return values of an attribute instead of those that are written; a condition stays one."""
    if isinstance(value, dict):
        return {key: _values(one, name, catalogue) for key, one in value.items()}
    if isinstance(value, list):
        values = catalogue.attributes[name]
        return [*dict.fromkeys(values[place % len(values)] for place in range(1, 1 + len(value)))]
    return catalogue.value_of(name, 0) if isinstance(value, str) else value


def _text(text: str, catalogue: CatalogueExamples) -> str | None:
    """Return a text of an example; None for the name of an attribute that nothing stands for."""
    if text in WRITTEN:
        return catalogue.name_of(text)
    if text in WRITTEN_IDS:
        return catalogue.ids[WRITTEN_IDS.index(text) % len(catalogue.ids)]
    if text == EXAMPLE_PRODUCT["title"]:
        return catalogue.title
    if text.startswith(("{", "[")):
        return "\n".join(_line(line, catalogue) for line in text.split("\n"))
    for place, written in enumerate(WRITTEN_IDS):
        text = text.replace(f"/{written}/", f"/{catalogue.ids[place % len(catalogue.ids)]}/")
    attribute, colon, _ = text.partition(":")
    if colon and attribute in WRITTEN:
        name = catalogue.name_of(attribute)
        return None if name is None else f"{name}:{catalogue.value_of(name, 0)}"
    return text


def _line(line: str, catalogue: CatalogueExamples) -> str:
    try:
        return json.dumps(_told(json.loads(line), catalogue), ensure_ascii=False)
    except ValueError:
        return line


def ranked(facets: Mapping[str, Mapping[str, int]], most: int) -> dict[str, tuple[str, ...]]:
    """Return attributes and their values from counts; those with a few frequent values come first."""
    telling = {name: tuple(values) for name, values in facets.items() if len(values) > 1}
    order: Sequence[str] = sorted(telling, key=lambda name: (len(telling[name]) >= most, name.casefold()))
    return {name: telling[name] for name in order}
