"""What the parser asks of a catalogue's words, and of what corrects them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from index.words.units import Condition

Value = tuple[str, str, str, int]
"""Attribute, value as written, key of its postings, number of products."""


class Vocabulary(Protocol):
    """The words of a catalogue; `index.words.WordIndex` is one."""

    def frequency(self, key: str) -> int:
        """Return how many products are in the postings of a key."""

    def knows(self, word: str) -> bool:
        """Return whether a folded word is in a title or a value."""

    def values_of(self, terms: str) -> list[Value]:
        """Return the values whose terms, joined by spaces, are these."""

    def begins_value(self, word: str) -> bool:
        """Return whether a value of one word may have the term of this word: it begins like one."""

    def is_brand(self, words: Sequence[str]) -> bool:
        """Return whether folded words are a brand."""

    @property
    def numeric_attributes(self) -> list[str]:
        """The attributes whose values are numbers."""

    def keys_between(self, condition: Condition) -> list[str]:
        """Return the keys of the values that are within the bounds of a condition."""


class Corrector(Protocol):
    """What corrects words; `index.words.Speller` is one."""

    def correct(self, word: str) -> str | None:
        """Return the known word that an unknown one is meant to be."""

    def split(self, word: str) -> tuple[str, str] | None:
        """Return the two known words that an unknown one is made of."""

    def candidates(self, word: str, limit: int = 5) -> list[tuple[str, int, int]]:
        """Return the nearest known words, each with its edits and its products."""
