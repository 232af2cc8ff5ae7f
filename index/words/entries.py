"""What a text can be completed to: brands, values, phrases and words, found by how they begin, the best first.

Knows how many products have each, or about; not which.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from index.words.analyse import stem, words

Kind = Literal["brand", "value", "phrase"]

MOST = 96
"""Entries that are looked at for one beginning."""
SHORT = 2
"""Letters of beginnings whose entries are remembered, since many have them."""
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
    attribute: str | None = None

    @property
    def named(self) -> bool:
        """Whether it is a brand or a value: these come before words and phrases."""
        return self.kind != "phrase"

    @property
    def meaning(self) -> tuple[str, ...]:
        """Equal for what finds the same: `Watches` and `watch`."""
        return tuple(map(stem, self.words))


Ranked = tuple[bool, bool, int, int]
"""Whether it is no brand or value, whether it only contains the beginning, its products below nothing, its place."""


class Entries:
    """The entries of one version of a catalogue.

    Args:
        brands: as they are written -> products.
        values: (attribute, value) -> products.
        phrases: as they are written -> titles, about.
        surface: folded words -> how often they came; read when it is asked.
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
        same = before is not None and before._size == len(surface)
        self._sorted = before._sorted if same and before is not None else sorted(list(surface))
        self._size = len(self._sorted)
        self.named: list[Entry] = [
            *(Entry(text, parts_of(text), "brand", count) for text, count in brands.items()),
            *(Entry(value, parts_of(value), "value", count, name) for (name, value), count in sorted(values.items())),
        ]
        entries = self.named + [Entry(text, parts_of(text), "phrase", count) for text, count in phrases.items()]
        found: list[tuple[str, Ranked]] = []
        self._entries = entries
        self._written: dict[str, str] = {}
        for place, entry in enumerate(entries):
            self._written.setdefault(" ".join(entry.words), entry.text)
            for first in range(len(entry.words)):
                rank = (not entry.named, first > 0, -entry.count, place)
                found.append((" ".join(entry.words[first:]), rank))
        found.sort()
        self._keys = [key for key, _ in found]
        self._ranks = [rank for _, rank in found]
        self._remembered: dict[str, list[Entry]] = {}

    def written(self, key: str) -> str | None:
        """Return how the catalogue writes a brand, a value or a phrase of folded words, joined by spaces."""
        return self._written.get(key)

    def begun(self, beginning: str) -> bool:
        """Return whether an entry begins so."""
        return _begins(self._keys, beginning) or _begins(self._sorted, beginning)

    def starting(self, beginning: str) -> list[Entry]:
        """Return the entries of which a word begins so, folded; brands and values first, then by products."""
        known = self._remembered.get(beginning)
        if known is None:
            known = list(self._starting(beginning))
            if len(beginning) <= SHORT:
                self._remembered[beginning] = known
        return known

    def _starting(self, beginning: str) -> Iterator[Entry]:
        low, high = _range(self._keys, beginning)
        best = [self._entries[rank[3]] for rank in heapq.nsmallest(MOST, self._ranks[low:high])]
        yield from best
        low, high = _range(self._sorted, beginning)
        singles = {entry.words[0] for entry in best if len(entry.words) == 1}
        single = (word for word in self._sorted[low:high] if word not in singles and word not in self._stop)
        left = heapq.nsmallest(MOST - len(best), single, key=lambda word: (-self._surface[word], word))
        yield from (Entry(word, (word,), "phrase", self._surface[word]) for word in islice(left, MOST))


def parts_of(text: str) -> tuple[str, ...]:
    """Return the folded words of a text; a word of several parts is one, as it is typed without its marks."""
    return tuple(word.whole for word in words(text))


def _range(keys: Sequence[str], beginning: str) -> tuple[int, int]:
    return bisect_left(keys, beginning), bisect_left(keys, beginning + _END)


def _begins(keys: Sequence[str], beginning: str) -> bool:
    at = bisect_left(keys, beginning)
    return at < len(keys) and keys[at].startswith(beginning)
