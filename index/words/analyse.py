"""From a text to words, and from words to the terms under which postings keep them.

The same analysis is made of titles, values of attributes and queries. Knows no catalogue.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import snowballstemmer

from common import UNSEEN

MAX_WORD = 40
"""Letters of a word that count; what is longer is no word that someone types."""

INFLECTION = 2
"""Letters that a word may have more than its stem and still be the same word in another number."""

_LETTERS = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_LETTER = rf"(?:(?![{_CJK}_])[\w{UNSEEN}])"
_WORD = re.compile(rf"[{_CJK}]+|{_LETTER}+(?:['’‘ʼ.&/+‐‑‒–−-]{_LETTER}+)*")
_UNSEEN = re.compile(f"[{UNSEEN}]")
_PART = re.compile(r"\d+[.]\d+(?![.]?\w)|[^\W_]+")
_ACCENTS = re.compile("[\u0300-\u036f]")
_UNSTEMMED = frozenset({"shorts", "flats", "tights", "glasses", "news", "this", "his"})
"""Words whose plural is another thing than their stem: shorts are not what is short."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text: `T-Shirt` has the parts `t` and `shirt` and the whole `tshirt`."""

    text: str
    """As it was written."""
    parts: tuple[str, ...]
    """Folded: no case, no accents, no apostrophes."""
    start: int
    """Place of its first character in the text."""

    @property
    def whole(self) -> str:
        """Its parts in one."""
        return "".join(self.parts)

    @property
    def end(self) -> int:
        """Place after its last character."""
        return self.start + len(self.text)


def fold(text: str) -> str:
    """Return `text` without differences of case, accents and width, and what is not seen; other scripts' marks stay."""
    if text.isascii():
        return text.lower()
    text = _UNSEEN.sub("", text)
    plain = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold())
    return unicodedata.normalize("NFC", _ACCENTS.sub("", plain)).translate(_LETTERS)


def words(text: str) -> list[Word]:
    """Return the words of a text in order. Hyphens, dots, slashes and ampersands join parts, spaces do not.

    Text without spaces between words (Chinese, Japanese, Korean) becomes pairs of letters.
    """
    return list(first_words(text))


def first_words(text: str) -> Iterator[Word]:
    """Yield the words of a text, for those who need the first ones only."""
    text = unicodedata.normalize("NFC", text)
    for match in _WORD.finditer(text):
        folded = fold(match[0])
        if folded.isascii() and folded.isalnum():  # most words, and much faster than by the rules below
            yield Word(match[0], (folded[:MAX_WORD],), match.start())
            continue
        if re.match(f"[{_CJK}]", folded):
            for at in range(max(1, len(folded) - 1)):
                pair = folded[at : at + 2]
                yield Word(pair, (pair,), match.start() + at)
            continue
        parts = [part[:MAX_WORD] for part in _PART.findall(re.sub("['’‘ʼ]s$", "", folded))]
        if parts:
            yield Word(match[0], tuple(parts), match.start())


def stem(word: str) -> str:
    """Return the term of a folded word: English plurals and inflections are one; a word with a digit stays as it is."""
    return word if word in _UNSTEMMED or not word.isalpha() or not word.isascii() else _stemmed(word)


def terms(text: str) -> list[str]:
    """Return the terms of a text: those of the parts of each word, and of words of several parts the whole.

    A lone letter is also joined to the word after it, so that `T Shirt` is found by `tshirt`.
    """
    found = []
    before = ""
    for word in words(text):
        found += [stem(part) for part in word.parts]
        if len(word.parts) > 1:
            found.append(stem(word.whole))
        elif len(before) == 1 and before.isalpha():
            found.append(stem(before + word.parts[0]))
        before = word.parts[0] if len(word.parts) == 1 else ""
    return found


def is_code(word: str) -> bool:
    """Return whether a folded word looks like an article number: it has a digit, and three characters or more."""
    return len(word) >= 3 and any(letter.isdigit() for letter in word)


_stemmer = snowballstemmer.stemmer("english")


@lru_cache(maxsize=200_000)
def _stemmed(word: str) -> str:
    return str(_stemmer.stemWord(word))
