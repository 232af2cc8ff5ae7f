"""Answers of the service as a language model reads them: short lines of text, the ids first. Asks nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vitrine.client.answers import FacetsAnswer, ProductAnswer
    from vitrine.client.products import Product

MAX_ATTRIBUTES = 12
"""Attributes of a product in a list of results."""
MAX_VALUE = 80
"""Characters of a value there."""
MAX_TITLE = 200
MAX_DETAIL = 1_000
"""Characters of a value where one product is shown."""
ABOUT_ATTRIBUTES = 16
"""Attributes that the description of a tool names, and values of each."""


def results(answer: ProductAnswer, first: int) -> str:
    """Return the products of a search, one a line, and how its text was read; `first` is the number of the best."""
    lines = []
    for number, one in enumerate(answer["results"], first):
        relevance = one["relevance"]
        parts = [f"{number}. id {one['id']}", _cut(one["title"], MAX_TITLE)]
        if relevance is not None:
            parts.append(f"relevance {relevance:.0%}")
        parts += attributes(one["attributes"], MAX_ATTRIBUTES, MAX_VALUE)
        lines.append(" | ".join(parts))
    total = answer["total"]
    count = len(answer["results"])
    all_found = f" of {total:,}" if total is not None else ""
    head = f"{count}{all_found} products, best first:" if count else "no product was found"
    notes = []
    if answer["corrected"] is not None:
        notes.append(f"searched for {answer['corrected']['to']!r} in place of {answer['corrected']['from']!r}")
    notes += [f"read {one['text']!r} as {_condition(one)}" for one in answer["interpreted"]]
    notes += [str(one) for one in answer.get("notes") or ()]
    return "\n".join([head, *lines, *notes])


def product(one: Product) -> str:
    """Return one product with all of its attributes."""
    lines = [f"id {one['id']}", f"title: {_cut(one['title'], MAX_DETAIL)}"]
    lines += attributes(one["attributes"], len(one["attributes"]), MAX_DETAIL)
    return "\n".join([*lines, f"pictures: {len(one['image_urls'])}", f"etag: {one['etag']}"])


def facets(answer: FacetsAnswer, limit: int) -> str:
    """Return which values attributes have, one attribute a line."""
    lines = []
    for name, values in answer["facets"].items():
        shown = "; ".join(f"{_cut(value, MAX_VALUE)} {count:,}" for value, count in list(values.items())[:limit])
        more = "; and others" if len(values) > limit else ""
        kind = answer["types"].get(name, "text")
        lines.append(f"{name} ({kind}): {shown}{more}")
    total = answer["total"]
    head = "products with each value" if total is None else f"{total:,} products; how many have each value"
    return "\n".join([f"{head}:", *lines])


def about(answer: FacetsAnswer) -> str:
    """Return what a model should know of a catalogue before it asks: its size, attributes and frequent values."""
    lines = []
    for name, values in list(answer["facets"].items())[:ABOUT_ATTRIBUTES]:
        kind = answer["types"].get(name, "text")
        examples = ", ".join(_cut(value, 30) for value in list(values)[:ABOUT_ATTRIBUTES])
        lines.append(f"- {name}: {examples}" if kind == "text" else f"- {name} ({kind}), such as {examples}")
    total = answer["total"]
    head = "The catalogue" if total is None else f"The catalogue has {total:,} products"
    return "\n".join([f"{head}, with these attributes and most frequent values:", *lines])


def attributes(values: Mapping[str, Any], most: int, length: int) -> list[str]:
    """Return attributes as `name: value`, at most so many, each of at most `length` characters."""
    return [f"{_cut(name, MAX_VALUE)}: {_cut(_text(value), length)}" for name, value in list(values.items())[:most]]


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else str(value)


def _condition(one: Mapping[str, Any]) -> str:
    bounds = [f"{sign} {one[name]:g}" for name, sign in BOUNDS if one[name] is not None]
    return f"{one['attribute']} {'not ' * one['negated']}{', '.join(_each(one['values'], bounds))}"


BOUNDS = (("gte", ">="), ("gt", ">"), ("lte", "<="), ("lt", "<"))


def _each(*lists: Iterable[str]) -> list[str]:
    return [text for texts in lists for text in texts]


def _cut(text: str, length: int) -> str:
    """Return a text on one line, cut where it is too long."""
    flat = " ".join(text.split())
    return flat if len(flat) <= length else f"{flat[: length - 1]}…"
