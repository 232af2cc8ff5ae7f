"""What a text asks of the words of a catalogue: units, each of which a product carries or not.

Plain data between the parser, the postings and the ranking. Knows none of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from index.words.analyse import fold, is_code

UnitKind = Literal["word", "brand", "value", "number", "unknown"]
"""A word of titles, a brand, what names values of an attribute, a bound of a number, a word that nothing explains."""


def word_key(term: str) -> str:
    """Return the key of the postings of a term, in titles and values of attributes."""
    return f"w {term}"


def value_key(attribute: str, value_folded: str) -> str:
    """Return the key of the postings of an attribute's value, in the form of `title_key`."""
    return f"v {attribute}\0{value_folded}"


def brand_key(brand: str) -> str:
    """Return the key of the postings of a brand, its folded words joined by spaces."""
    return f"b {brand}"


@dataclass(frozen=True, slots=True)
class Condition:
    """What words of a query say of an attribute: one of some values, or bounds of a number."""

    text: str
    """The words, as they were typed."""
    attribute: str
    values: tuple[str, ...] = ()
    """As the catalogue writes them; empty for bounds."""
    negated: bool = False
    gte: float | None = None
    gt: float | None = None
    lte: float | None = None
    lt: float | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """A part of a query that counts once: a word, a brand, words that name a value."""

    text: str
    """As it was typed."""
    kind: UnitKind
    english: str
    """What the encoder reads in its place; empty for nothing."""
    keys: tuple[tuple[str, float], ...] = ()
    """Postings of which a product must be in one, each with the degree to which it then has the unit; best first."""
    negated: bool = False
    condition: Condition | None = None
    share: float = 1.0
    """Part of its weight that counts: units of one phrase share one."""
    product: bool = False
    """Whether it says what kind of product is meant."""


@dataclass(frozen=True, slots=True)
class Correction:
    """A text as it was typed and as it was understood, where words were corrected."""

    typed: str
    corrected: str


@dataclass(frozen=True, slots=True)
class ParsedText:
    """A text as the catalogue understands it."""

    text: str
    """As it was typed."""
    english: str
    """What the encoder reads: in English, without what is unwanted; the text itself where nothing was understood."""
    language: str
    """Code of the language that it was read in."""
    units: tuple[Unit, ...]
    correction: Correction | None = None
    cheaper: str = ""
    """Words that ask for a lower price than something has; a search with nothing to compare has no use for them."""

    @property
    def is_code(self) -> bool:
        """Whether it is made of article numbers that the catalogue knows."""
        return bool(self.units) and all(
            unit.kind == "word" and unit.keys and is_code(fold(unit.text)) for unit in self.units
        )

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What it says of attributes, in order."""
        return tuple(unit.condition for unit in self.units if unit.condition is not None)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A completion of what is being typed."""

    text: str
    kind: Literal["brand", "value", "title", "phrase"]
    count: int
    """Products that it leads to."""
    attribute: str | None = None
    """Of a value."""
