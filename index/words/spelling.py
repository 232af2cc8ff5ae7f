"""Corrects a word against the words of the catalogue: one edit in a short word, two in a long one.

What the catalogue, a lexicon or the language knows is left as it is, and so is what looks like an article number.
Knows words and how many products have them; no products, no queries.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import OSA

from index.words.analyse import INFLECTION, is_code, stem

SHORTEST = 3
"""Letters of the shortest word that is corrected; at this length only one that lost a letter of a frequent word."""
TWO_EDITS = 9
"""Letters from which a word may be two edits away."""
EXTRA = 1
"""Products that a word of a lexicon counts as."""

_FREQUENT = 200
"""A word is frequent when the most frequent one is in at most this many times as many products."""
_VERY_FREQUENT = 100
"""The same for a word to which another of the language is corrected."""
_RARE = 20_000
"""A word is rare when the most frequent one is in more than this many times as many products."""
_FIRST_LETTER = 1.0
"""What a wrong first letter costs, in units of the logarithm of a frequency: people seldom miss it."""
_KINDS = {"swap": 0.0, "drop": 0.0, "double": -0.5, "neighbour": -1.0, "insert": -2.0, "replace": -3.0}
"""How likely a slip is, in the same units: letters swapped, one left out, one doubled, a key beside, one too many."""
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
KEYS_BESIDE = frozenset(
    a + b
    for row, keys in enumerate(_ROWS)
    for at, a in enumerate(keys)
    for other in _ROWS[max(0, row - 1) : row + 2]
    for b in other[max(0, at - 1) : at + 2]
    if a != b
)
"""Pairs of letters whose keys touch on a keyboard."""

Signatures = npt.NDArray[np.uint64]


class Speller:
    """The words that are known, and what an unknown one was meant to be.

    An edit changes at most two bits of a word's signature, so that a few operations over one array leave some dozens
    of words to compare letter by letter. This takes 8 bytes a word; nothing is made again when words come.
    """

    def __init__(
        self, frequencies: Mapping[str, int], extra: Collection[str] = (), language: Language | None = None
    ) -> None:
        """Take the words of a catalogue, all of them folded and not stemmed.

        Args:
            frequencies: words of titles and attributes, with the products that have them.
            extra: words of lexicons; an unknown word may be corrected to one of them.
            language: further words, to which nothing is corrected; those of `english` by default.
        """
        self._extra = frozenset(extra)
        self._language = english() if language is None else language
        self._words: list[str] = []
        self._places: dict[str, int] = {}
        self._signatures: Signatures = np.empty(0, dtype=np.uint64)
        self._lengths: npt.NDArray[np.int16] = np.empty(0, dtype=np.int16)
        self._take(frequencies)

    def with_words(self, frequencies: Mapping[str, int]) -> Speller:
        """Return a speller for the catalogue's words as they are now; what is known of its words is shared."""
        other = Speller.__new__(Speller)
        other._extra, other._language = self._extra, self._language
        other._words, other._places = list(self._words), dict(self._places)
        other._signatures, other._lengths = self._signatures, self._lengths
        other._take(frequencies)
        return other

    def knows(self, word: str) -> bool:
        """Return whether a folded word is one of the catalogue, a lexicon or the language, or has the stem of one."""
        if word in self._frequencies or word in self._extra or word in self._language.common:
            return True
        # "earings" has the stem of "ear", and is another word.
        term = stem(word)
        return len(word) - len(term) <= INFLECTION and term in self._stems(word[:1])

    def correct(self, word: str) -> str | None:
        """Return what a folded word was meant to be; None where it is known, a code, too short or near nothing."""
        if len(word) < SHORTEST or is_code(word) or not word.isalpha() or self.knows(word):
            return None
        found = self._near(word) or self._doubled(word)
        best = found[0][1] if found else None
        if best is not None and word in self._language.other and self._count(best) * _VERY_FREQUENT < self._most:
            return None
        return best

    def candidates(self, word: str, limit: int = 5) -> list[tuple[str, int, int]]:
        """Return the best corrections of a word, known or not: (word, edits, products), at most `limit`."""
        return [(other, edits, self._count(other)) for edits, other in self._near(word)[:limit] if other != word]

    def split(self, word: str) -> tuple[str, str] | None:
        """Return the two frequent words that an unknown one was written from without a space, or None."""
        if is_code(word) or self.knows(word) or word in self._language.other:
            return None
        pairs = [(word[:at], word[at:]) for at in range(3, len(word) - 2)]
        scored = [(min(self._frequencies.get(a, 0), self._frequencies.get(b, 0)), (a, b)) for a, b in pairs]
        rarer, pair = max(scored, default=(0, None))
        if not rarer or rarer * _FREQUENT * 5 < self._most:
            return None
        # "andbag" is a handbag that lost a letter.
        near = self._near(word)
        return None if near and near[0][0] == 1 and self._count(near[0][1]) >= rarer else pair

    def _take(self, frequencies: Mapping[str, int]) -> None:
        """Take the words and frequencies of a catalogue; those that are new get signatures."""
        self._frequencies = {word: products for word, products in frequencies.items() if products > 0}
        self._most = max(self._frequencies.values(), default=0)
        self._stems_of: dict[str, frozenset[str]] = {}
        new = [
            word
            for word in (*self._frequencies, *sorted(self._extra))
            if len(word) >= SHORTEST and word.isalpha() and word not in self._places
        ]
        # A word of a lexicon may also be one of the catalogue.
        new = list(dict.fromkeys(new))
        self._places.update((word, len(self._words) + at) for at, word in enumerate(new))
        self._words += new
        self._signatures = np.concatenate([self._signatures, np.array([_signature(w) for w in new], dtype=np.uint64)])
        self._lengths = np.concatenate([self._lengths, np.array([len(w) for w in new], dtype=np.int16)])

    def _stems(self, letter: str) -> frozenset[str]:
        """Return the stems of the catalogue's words that begin with a letter; no stem begins with another one."""
        found = self._stems_of.get(letter)
        if found is None:
            found = frozenset(stem(word) for word in self._frequencies if word.startswith(letter))
            self._stems_of[letter] = found
        return found

    def _count(self, word: str) -> int:
        """Return the products of exactly this word; some for one of a lexicon, none for one that is gone."""
        return self._frequencies.get(word, EXTRA if word in self._extra else 0)

    def _near(self, word: str, most: int = 0) -> list[tuple[int, str]]:
        """Return (edits, word) of the known words at most so many edits away, the likeliest first."""
        most = most or (2 if len(word) >= TWO_EDITS else 1)
        apart = np.bitwise_count(self._signatures ^ np.uint64(_signature(word)))
        near = (apart <= 2 * most) & (np.abs(self._lengths - len(word)) <= most)
        found = []
        for place in np.flatnonzero(near).tolist():
            other = self._words[place]
            edits = OSA.distance(word, other, score_cutoff=most)
            products = self._count(other)
            if edits <= most and products and self._plausible(word, other, edits, products):
                found.append((edits, -_likelihood(word, other, edits, products), other))
        return [(edits, other) for edits, _, other in sorted(found)]

    def _doubled(self, word: str) -> list[tuple[int, str]]:
        """Return (edits, word) of the known words that differ in which letters are doubled: "benneton" is Benetton."""
        plain = _undoubled(word)
        found = self._near(word, 2) if len(word) < TWO_EDITS else []
        return [(edits, other) for edits, other in found if _undoubled(other) == plain]

    def _plausible(self, word: str, other: str, edits: int, products: int) -> bool:
        """Return whether so frequent a word may be meant: a short one and one that replaces letters need more."""
        if len(word) == SHORTEST:
            return len(other) > len(word) and products * _FREQUENT >= self._most
        if products * _RARE >= self._most or other in self._extra:
            return True
        return edits == 1 and word[0] == other[0] and _slip(word, other) not in ("neighbour", "replace")


@dataclass(frozen=True, slots=True)
class Language:
    """Words of a language that a shop may not have: a customer who types "helicopter" has made no mistake."""

    common: frozenset[str] = frozenset()
    """Are left as they are."""
    other: frozenset[str] = frozenset()
    """Are corrected to very frequent words only."""


@lru_cache(maxsize=1)
def english() -> Language:
    """Return the words of English: 15,000 common ones, and 36,000 rarer ones and names.

    Source: the vocabulary of BERT (uncased) and SCOWL's small list, of which common is what both have; and symspellpy's
    frequency dictionary.
    """

    def read(name: str) -> frozenset[str]:
        return frozenset(Path(__file__).with_name(name).read_text(encoding="ascii").split())

    return Language(read("english_common.txt"), read("english_other.txt"))


def _signature(word: str) -> int:
    """Return 64 bits of a word: which letters it has, and which more than once. An edit changes at most two of them."""
    bits = 0
    seen: set[int] = set()
    for letter in word:
        code = ord(letter) - ord("a")
        bit = code if 0 <= code < 26 else 26 + ord(letter) % 6
        bits |= 1 << (bit + 32 if bit in seen else bit)
        seen.add(bit)
    return bits


def _undoubled(word: str) -> str:
    return "".join(letter for letter, before in zip(word, f" {word}", strict=False) if letter != before)


def _likelihood(word: str, other: str, edits: int, products: int) -> float:
    """Return how likely `other` was meant by `word`, as a logarithm."""
    likely = math.log(products) - _FIRST_LETTER * (word[0] != other[0])
    return likely + _KINDS[_slip(word, other)] if edits == 1 else likely


def _slip(word: str, meant: str) -> str:
    """Return which single edit makes `word` from `meant`, a key of `_KINDS`."""
    at = next((at for at, (a, b) in enumerate(zip(word, meant, strict=False)) if a != b), min(len(word), len(meant)))
    if len(word) == len(meant):
        if word[at + 1 : at + 2] == meant[at] and meant[at + 1] == word[at]:
            return "swap"
        return "neighbour" if word[at] + meant[at] in KEYS_BESIDE else "replace"
    longer, kind = (meant, "drop") if len(word) < len(meant) else (word, "insert")
    return "double" if at and longer[at] == longer[at - 1] else kind
