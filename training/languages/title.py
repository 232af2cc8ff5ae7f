"""Reads an English title of a shop: which words name the kind, the colour, the person, and which are names."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from training.languages.words import Word, word_key, words

LONGEST = 5
"""Words of the longest form of the table."""
NUMBERS = {"two": "2", "three": "3", "four": "4", "five": "5", "six": "6"}
"""Numbers that stand as words behind `pack of`."""


@dataclass(frozen=True, slots=True)
class Colour:
    """A colour, and whether it is light or dark."""

    word: Word
    shade: Word | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """What a title says. The texts are the title's own words, which stay as they are, in their order."""

    brand: str = ""
    """Words before the person, or the known brand that the title begins with."""
    names: str = ""
    """Unknown words between the brand and the kind of product: a model, what is printed on it."""
    tail: str = ""
    """Unknown words behind the kind: a code, a size."""
    persons: tuple[Word, ...] = ()
    noun: Word | None = None
    """The kind of product: the last one that the title has, as in English."""
    colours: tuple[Colour, ...] = ()
    adjectives: tuple[Word, ...] = ()
    part: tuple[Word, tuple[Colour, ...]] | None = None
    """A dial, strap or frame with its colours."""
    pack: tuple[Word, str] | None = None
    """A pack with its number."""

    def beside(self, other: Parts) -> Parts:
        """Return these parts with those of `other` behind them; what only one title can have once stays its own."""
        return replace(
            self,
            tail=" ".join(filter(None, (self.tail, other.brand, other.names, other.tail))),
            persons=self.persons or other.persons,
            noun=self.noun or other.noun,
            colours=self.colours or other.colours,
            adjectives=tuple(dict.fromkeys((*self.adjectives, *other.adjectives))),
        )


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some words of a title that are one word of the table, or one that is not in it."""

    raw: str
    word: Word | None = None

    def has(self, *kinds: str) -> bool:
        return self.word is not None and self.word.kind in kinds


class TitleReader:
    """Reads titles of one shop.

    Args:
        titles: all of the shop's: what stands before the person in some of them is a brand in the others.
    """

    def __init__(self, titles: Iterable[str]) -> None:
        counts = collections.Counter(brand for title in set(titles) if (brand := _before_person(_pieces(title))))
        self._brands = {brand.casefold() for brand in counts}

    def read(self, title: str, values: Iterable[str] = ()) -> Parts:
        """Return what a title says.

        Args:
            title: in English.
            values: of the product's attributes. A colour among them is no name: "Blue" of "Blue Harbour Shirt" is one
                where the shirt is white.
        """
        pieces = _pieces(title)
        begin = self._brand(pieces)
        rest = pieces[begin:]
        first = next((at for at, piece in enumerate(rest) if piece.has("person")), len(rest))
        last = first
        while last < len(rest) and rest[last].has("person"):
            last += 1
        persons = tuple(dict.fromkeys(piece.word for piece in rest[first:last] if piece.word is not None))
        parts = _read(rest[:first] + rest[last:], {word_key(value) for value in values})
        return replace(parts, brand=" ".join(piece.raw for piece in pieces[:begin]), persons=_persons(persons))

    def _brand(self, pieces: Sequence[_Piece]) -> int:
        """Return how many pieces are the brand."""
        if before := _before_person(pieces):
            return next(at for at in range(len(pieces)) if _raw(pieces[: at + 1]) == before) + 1
        for end in range(min(LONGEST, len(pieces)), 0, -1):
            if _raw(pieces[:end]).casefold() in self._brands:
                return end
        return int(bool(pieces) and pieces[0].word is None)


def read_values(values: Iterable[str]) -> Parts:
    """Return what values of attributes say, as a title without a brand."""
    parts = Parts()
    for value in values:
        word = words().get(word_key(value))
        if word is None or word.kind not in ("person", "colour", "adjective", "loose", "noun"):
            parts = parts.beside(Parts(tail=value))
        elif word.kind == "person":
            parts = parts.beside(Parts(persons=(word,)))
        elif word.kind == "colour":
            parts = parts.beside(Parts(colours=(Colour(word),)))
        elif word.kind == "noun":
            parts = parts.beside(Parts(noun=word))
        else:
            parts = parts.beside(Parts(adjectives=(word,)))
    return parts


def _pieces(title: str) -> list[_Piece]:
    """Return a title's words as pieces, the longest forms of the table first."""
    table = words()
    tokens = [part for token in title.split() for part in _apart(token)]
    keys = [word_key(token) or token for token in tokens]
    pieces, at = [], 0
    while at < len(tokens):
        for length in range(min(LONGEST, len(tokens) - at), 0, -1):
            word = table.get(" ".join(keys[at : at + length]))
            if word is not None or length == 1:
                pieces.append(_Piece(" ".join(tokens[at : at + length]), word))
                at += length
                break
    return pieces


def _apart(token: str) -> list[str]:
    """Return the colours of a token such as `Black/White` or `silver-toned`, or the token as it is."""
    table = words()
    parts = word_key(token).split()
    kinds = [table[part].kind if part in table else "" for part in parts]
    together = len(parts) < 2 or " ".join(parts) in table
    return parts if not together and kinds[0] == "colour" and set(kinds) <= {"colour", "filler"} else [token]


def _raw(pieces: Sequence[_Piece]) -> str:
    return " ".join(piece.raw for piece in pieces)


def _before_person(pieces: Sequence[_Piece]) -> str:
    """Return the words before the person; none where the kind of product stands among them: `Leather Belt for Men`."""
    first = next((at for at, piece in enumerate(pieces) if piece.has("person")), 0)
    nouns = [at for at, piece in enumerate(pieces) if piece.has("noun")]
    return "" if nouns and nouns[-1] < first else _raw(pieces[:first])


def _persons(persons: tuple[Word, ...]) -> tuple[Word, ...]:
    """Return the persons without `kids` where a boy or a girl says it more exactly."""
    exact = {"boys", "girls", "infant"} & {word.english for word in persons}
    return tuple(word for word in persons if not (exact and word.english == "kids"))[:2]


def _read(pieces: Sequence[_Piece], values: set[str]) -> Parts:
    """Return what the pieces behind the brand say, without persons."""
    head = max((at for at, piece in enumerate(pieces) if piece.has("noun")), default=len(pieces))
    noun = pieces[head].word if head < len(pieces) else None
    names: list[str] = []
    tail: list[str] = []
    colours: list[Colour] = []
    adjectives: list[Word] = []
    part, pack, at = None, None, 0
    while at < len(pieces):
        piece, start = pieces[at], at
        unknown = tail if at > head else names
        if at == head:
            at += 1
        elif piece.has("colour", "shade"):
            run, at = _colours(pieces, at)
            if not run or _is_name(pieces, at, run, values):
                unknown.append(_raw(pieces[start:at]))
            elif at < len(pieces) and pieces[at].has("part") and part is None:
                part = (_word(pieces[at]), run)
                at += 1
            else:
                colours.extend(one for one in run if one not in colours)
        elif piece.has("adjective", "loose"):
            at += 1
            follower = pieces[at] if at < len(pieces) else None
            if piece.has("loose") and follower is not None and follower.word is None:
                unknown.append(piece.raw)
            else:
                adjectives.append(_word(piece))
        elif piece.has("pack") and pack is None and at + 1 < len(pieces) and _number(pieces[at + 1]):
            pack, at = (_word(piece), _number(pieces[at + 1])), at + 2
        else:
            unknown.append(piece.raw)
            at += 1
    return Parts("", " ".join(names), " ".join(tail), (), noun, tuple(colours), tuple(adjectives), part, pack)


def _colours(pieces: Sequence[_Piece], at: int) -> tuple[tuple[Colour, ...], int]:
    """Return the colours that begin at a place, and the place behind them; none, and one place, of a lone shade."""
    found: list[Colour] = []
    end = at
    while at < len(pieces):
        shade = pieces[at].word if pieces[at].has("shade") else None
        if shade is not None:
            at += 1
        if at == len(pieces) or not pieces[at].has("colour"):
            break
        found.append(Colour(_word(pieces[at]), shade))
        at += 1
        while at < len(pieces) and pieces[at].has("filler"):
            at += 1
        end = at
        if at < len(pieces) and pieces[at].has("joint"):
            at += 1
    return tuple(found), end if found else end + 1


def _is_name(pieces: Sequence[_Piece], end: int, run: Sequence[Colour], values: set[str]) -> bool:
    """Return whether colours are part of a name: an unknown word follows, and the product has none of them."""
    if end == len(pieces) or pieces[end].word is not None:
        return False
    return not any(word.kind == "colour" and word in (one.word for one in run) for word in _of(values))


def _of(values: set[str]) -> list[Word]:
    table = words()
    return [table[value] for value in values if value in table]


def _word(piece: _Piece) -> Word:
    assert piece.word is not None, "asked of pieces of a kind"  # noqa: S101
    return piece.word


def _number(piece: _Piece) -> str:
    return piece.raw if piece.raw.isdecimal() else NUMBERS.get(piece.raw.casefold(), "")
