"""The phrases of a query, and what a catalogue knows of each of them: looked up once for all languages."""

from __future__ import annotations

from collections.abc import Sequence

from index.language.vocabulary import Value, Vocabulary
from index.words.analyse import stem
from index.words.units import word_key


class Phrase:
    """Some folded words of a query that follow each other.

    Args:
        words: of the phrase.
        terms: of the words, joined by spaces.
        vocabulary: of the catalogue.
    """

    __slots__ = ("_is_brand", "_terms", "_values", "_vocabulary", "is_number", "key", "words")

    def __init__(self, words: Sequence[str], terms: str, vocabulary: Vocabulary) -> None:
        self.words = words
        self.key = " ".join(words)
        """The words, joined by spaces."""
        self.is_number = self.key.replace(" ", "").isdecimal()
        self._terms = terms
        self._vocabulary = vocabulary
        self._is_brand: bool | None = None
        self._values: list[Value] | None = None

    @property
    def is_brand(self) -> bool:
        """Whether it is a brand."""
        if self._is_brand is None:
            self._is_brand = self._vocabulary.is_brand(self.words)
        return self._is_brand

    @property
    def values(self) -> list[Value]:
        """The values that it names as English words."""
        if self._values is None:
            self._values = self._vocabulary.values_of(self._terms)
        return self._values

    @property
    def frequency(self) -> int:
        """How many products have it, if it is one word."""
        return self._vocabulary.frequency(word_key(self._terms))


class Phrases:
    """All phrases of a query of some folded words."""

    def __init__(self, words: Sequence[str], vocabulary: Vocabulary) -> None:
        self._words = words
        self._terms = [stem(word) for word in words]
        self._vocabulary = vocabulary
        self._made: dict[tuple[int, int], Phrase] = {}

    def __len__(self) -> int:
        """Return the number of words."""
        return len(self._words)

    def at(self, start: int, length: int) -> Phrase:
        """Return the phrase of so many words from a place on."""
        found = self._made.get((start, length))
        if found is None:
            end = start + length
            found = Phrase(self._words[start:end], " ".join(self._terms[start:end]), self._vocabulary)
            self._made[start, length] = found
        return found
