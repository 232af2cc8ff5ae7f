"""What a text can be completed to: brands, values, phrases and words, found by how they begin, the best first.

Knows how many products have each, or about; not which.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log2
from typing import Literal

from index.product import title_key
from index.words.analyse import stem, words
from index.words.units import brand_key, value_key

Kind = Literal["brand", "value", "phrase"]

MOST = 96
"""Entries that are looked at for one beginning."""
SHORT = 2
"""Letters of beginnings whose entries are remembered, since many have them."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"
_END = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a text can be completed to."""

    text: str
    words: tuple[str, ...]
    """Folded."""
    kind: Kind
    count: int
    """Products, or about as many."""
    key: str = ""
    """Of its postings, for a brand or a value."""
    attribute: str | None = None
    news: float = 1.0
    """How much it tells: bits to tell its attribute's values, or the brands, from one another."""

    @property
    def named(self) -> bool:
        """Whether it is a brand or a value: these come before words and phrases."""
        return self.kind != "phrase"

    @property
    def numeric(self) -> bool:
        """Whether it is a number."""
        return all(word.isdigit() for word in self.words)

    @property
    def meaning(self) -> tuple[str, ...]:
        """Equal for what finds the same: `Watches` and `watch`."""
        return tuple(map(stem, self.words))


class Entries:
    """The entries of one version of a catalogue.

    Args:
        brands: as they are written -> products.
        values: (attribute, value) -> products.
        phrases: as they are written -> titles, about.
        surface: folded words -> how often they came.
        stop: words that are no entries.
        before: entries of the version before, whose sorted words are taken where no words came since.
    """

    def __init__(
        self,
        brands: Mapping[str, int],
        values: Mapping[tuple[str, str], int],
        phrases: Mapping[str, int],
        surface: Mapping[str, int],
        stop: Collection[str] = (),
        before: Entries | None = None,
    ) -> None:
        self._surface = surface
        self._stop = stop
        self._size: int = len(surface)
        kept = before is not None and before._size == self._size
        self._sorted: list[str] = before._sorted if before is not None and kept else _sorted_words(surface)
        of_attribute = Counter(name for name, _ in values)
        news = log2(1 + len(brands))
        self.named: list[Entry] = [
            *(
                Entry(text, parts_of(text), "brand", count, _brand_key(text), None, news)
                for text, count in brands.items()
            ),
            *(
                Entry(
                    value,
                    parts_of(value),
                    "value",
                    count,
                    value_key(name, title_key(value)),
                    name,
                    log2(1 + of_attribute[name]),
                )
                for (name, value), count in sorted(values.items())
            ),
        ]
        self._entries = self.named + [Entry(text, parts_of(text), "phrase", count) for text, count in phrases.items()]
        self._written: dict[str, str] = {}
        found: list[tuple[str, int]] = []
        for place, entry in enumerate(self._entries):
            self._written.setdefault(" ".join(entry.words), entry.text)
            found += [(" ".join(entry.words[first:]), place) for first in range(len(entry.words))]
        found.sort()
        self._keys = [key for key, _ in found]
        self._places = [place for _, place in found]
        self._remembered: dict[str, list[Entry]] = {}

    def written(self, key: str) -> str | None:
        """Return how the catalogue writes a brand, a value or a phrase of folded words, joined by spaces."""
        return self._written.get(key)

    def starting(self, beginning: str) -> list[Entry]:
        """Return the entries of which a word begins so, folded; brands and values first, then by products."""
        known = self._remembered.get(beginning)
        if known is None:
            known = self._starting(beginning)
            if len(beginning) <= SHORT:
                self._remembered[beginning] = known
        return known

    def near(self, beginning: str) -> list[str]:
        """Return beginnings of entries that are one edit away, the best entries' first.

        The first letter stays, or is swapped with the second.
        """
        variants = {
            variant
            for variant in _edits(beginning)
            if variant != beginning and (_begins(self._keys, variant) or _begins(self._sorted, variant))
        }
        best = [(entries[0], variant) for variant in variants if (entries := self.starting(variant))]
        best.sort(key=lambda one: (not one[0].named, -one[0].count, one[1]))
        return [variant for _, variant in best]

    def _starting(self, beginning: str) -> list[Entry]:
        low, high = _range(self._keys, beginning)
        places = dict.fromkeys(self._places[low:high])

        def rank(entry: Entry) -> tuple[bool, bool, int, str]:
            inner = not " ".join(entry.words).startswith(beginning)
            return not entry.named, inner, -entry.count, entry.text

        best = heapq.nsmallest(MOST, (self._entries[place] for place in places), key=rank)
        low, high = _range(self._sorted, beginning)
        taken = {entry.words[0] for entry in best if len(entry.words) == 1}
        single = (word for word in self._sorted[low:high] if word not in taken and word not in self._stop)
        frequent = heapq.nsmallest(MOST, single, key=lambda word: (-self._surface[word], word))
        lone = [Entry(word, (word,), "phrase", self._surface[word]) for word in frequent]
        return heapq.nsmallest(MOST, [*best, *lone], key=rank)


@lru_cache(maxsize=10_000)
def parts_of(text: str) -> tuple[str, ...]:
    """Return the folded words of a text; a word of several parts is one, as it is typed without its marks."""
    return tuple(word.whole for word in words(text))


def _brand_key(brand: str) -> str:
    """Return the key of a brand's postings, which names all parts of its words."""
    return brand_key(" ".join(part for word in words(brand) for part in word.parts))


def _sorted_words(surface: Mapping[str, int]) -> list[str]:
    """Return the words that can be completed: a lone letter is a part of one, as in `T-Shirt`."""
    return sorted(word for word in list(surface) if len(word) > 1)


def _range(keys: Sequence[str], beginning: str) -> tuple[int, int]:
    return bisect_left(keys, beginning), bisect_left(keys, beginning + _END)


def _begins(keys: Sequence[str], beginning: str) -> bool:
    at = bisect_left(keys, beginning)
    return at < len(keys) and keys[at].startswith(beginning)


def _edits(text: str) -> Iterator[str]:
    """Yield the texts that are one edit away; the first letter changes only by a swap."""
    for at in range(len(text) - 1):
        yield text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    for at in range(1, len(text)):
        yield text[:at] + text[at + 1 :]
        for letter in LETTERS:
            yield text[:at] + letter + text[at + 1 :]
            yield text[:at] + letter + text[at:]
