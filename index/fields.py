"""What the values of an attribute are: its type, how many products hold what, and what a comparison leaves out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from index.attributes import Kind

FieldType = Literal["text", "number", "boolean", "date", "list", "mixed"]


@dataclass(frozen=True, slots=True)
class Field:
    """One attribute over the products of a catalogue."""

    type: FieldType
    """What all its values are; `list` where some hold several, `mixed` where they are of several types."""
    products: int
    """How many products have it."""
    holding: dict[Kind, int]
    """How many of them hold a number, a date, a truth or a text; each text of a list counts by itself."""
    examples: dict[Kind, str]
    """A value of each of these, as it was first written."""

    def fault(self, name: str, kind: Literal["number", "date"]) -> str:
        """Return why its values cannot be compared with a number or a date; empty: some can."""
        if self.holding.get(kind) or not self.products:
            return ""
        (held, example) = next(iter(self.examples.items()))
        named = {"number": "numbers", "date": "dates", "boolean": "true and false", "text": "text"}[held]
        other: Literal["number", "date"] = "date" if kind == "number" else "number"
        if self.holding.get(other):
            advice = f"compare with a {other} such as {self.examples[other]}"
        else:
            form = "19.99 or 19.99 EUR" if kind == "number" else "2026-11-26"
            advice = f"filter by values, or put products in whose {name} is a {kind} such as {form}"
        return f"{name} holds {named} such as {example!r}, and no {kind} to compare with; {advice}"

    def note(self, name: str, kind: Literal["number", "date"]) -> str:
        """Return how many products a comparison leaves out, since they hold another kind of value; empty: none."""
        left = self.products - self.holding.get(kind, 0)
        if left <= 0:
            return ""
        example = next((text for held, text in self.examples.items() if held != kind), "")
        products = "1 product has" if left == 1 else f"{left:,} products have"
        return f"{name}: {products} no {kind} but a value such as {example!r}, and did not pass"
