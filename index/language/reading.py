"""The reading of one query in one language, from left to right, the longest phrase first.

Brands come first, then forms of the lexicon and values, then words of titles; what nothing explains is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from index.language.bounds import BOUNDS, bound_at
from index.language.lexicon import Lexicon
from index.language.meaning import Meanings
from index.language.phrases import Phrase, Phrases
from index.language.vocabulary import Corrector, Vocabulary
from index.words.analyse import is_code, stem
from index.words.units import Unit, brand_key, word_key

LONGEST = 5
"""Words of the longest phrase that is looked up."""
ELSEWHERE = 0.95
"""Degree of a product whose title has the word of a brand in another place than the first."""
KNOWN_BRAND = 100
"""Products of a brand that is meant rather than the article or pronoun of the same letters."""
COMMON = 20
"""Products from which on a word of the catalogue surely is one of its own language, not a chance."""
MISPRINT, MISPRINTED = 20, 50
"""Products that have a misprint at most, and how many times as many have what was meant."""
MEANT = 0.8
"""Degree of a product that has the word which a misprint, known to the catalogue, may have meant."""


@dataclass(frozen=True, slots=True)
class Atom:
    """A part of a word of the query: `T-Shirt` has two."""

    word: str
    """Folded."""
    start: int
    end: int
    """Its word's place in the text."""


@dataclass(frozen=True, slots=True)
class Match:
    """What some atoms from a place on are: units, none for words without meaning, and the role in the grammar."""

    length: int
    units: tuple[Unit, ...] = ()
    role: str = ""


class Reading:
    """Reads the atoms of queries as words of one language; phrases in `dismissed` (folded) name no value."""

    def __init__(
        self, vocabulary: Vocabulary, lexicons: Mapping[str, Lexicon], language: str, dismissed: set[str]
    ) -> None:
        self.language = language
        self._vocabulary = vocabulary
        self._english = lexicons["en"]
        self._own = lexicons[language]
        self._meanings = Meanings(vocabulary, lexicons["en"], lexicons[language])
        self._dismissed = dismissed

    def explained(self, text: Phrases) -> float:
        """Return how many of the words the language explains."""
        found = 0.0
        at = 0
        while at < len(text):
            length = min(LONGEST, len(text) - at)
            while not (surely := self._explains(text.at(at, length))) and length > 1:
                length -= 1
            found += length * surely
            at += length
        return found

    def _explains(self, phrase: Phrase) -> float:
        """Return how surely a phrase is one of the language, 0 to 1; numbers are of any."""
        key, alone = phrase.key, len(phrase.words) == 1
        if key in self._own.meanings:
            return 1.0
        if key in self._own.roles:
            return 0.7
        if phrase.is_number:
            return 0.0
        if alone and self._meanings.compound(key):
            return 1.0
        if phrase.is_brand:
            return 0.9
        if self.language == "en":
            values = phrase.values or self._meanings.joined_values(phrase.words)
            if values:
                return 1.0 if max(count for *_, count in values) >= COMMON else 0.5
        if not alone:
            return 0.0
        if self.language != "en" and (phrase.values or key in self._english.meanings or key in self._english.roles):
            return 0.0
        # Words of titles that no lexicon has are of any language.
        count = phrase.frequency
        return 0.9 if count >= COMMON else 0.5 if count else 0.0

    def units(self, matches: Iterable[tuple[Match, str]], corrector: Corrector | None) -> list[Unit]:
        """Return the units of a query; what follows a negation is unwanted.

        Args:
            matches: of the query, each with what was typed.
            corrector: tells what misprints that are in the catalogue may have meant; None: they mean themselves.
        """
        units: list[Unit] = []
        unwanted = before = False
        for match, typed in matches:
            if match.role:
                # "not red or blue": what is unwanted goes on after the joint.
                unwanted = (
                    match.role == "not"
                    or (before and match.role in ("or", "and"))
                    or (unwanted and match.role in ("stop", "cheaper"))
                )
                continue
            for unit in match.units:
                condition = unit.condition
                if condition is not None:
                    condition = replace(condition, text=typed, negated=unwanted)
                english = "" if unwanted else (unit.english or typed)
                units.append(replace(unit, text=typed, english=english, negated=unwanted, condition=condition))
            before, unwanted = unwanted, False
        units = [unit for unit in units if not (unit.negated and not unit.keys)]
        return units if corrector is None or len(units) < 2 else [self._widened(unit, corrector) for unit in units]

    def matches(self, atoms: Sequence[Atom]) -> Iterator[tuple[Match, int]]:
        """Yield what the atoms are, from left to right, and the place of the first atom of each match."""
        at = 0
        while at < len(atoms):
            match = self._bound(atoms, at) or self._whole(atoms, at) or self._longest(atoms, at)
            yield match, at
            at += match.length

    def _bound(self, atoms: Sequence[Atom], at: int) -> Match | None:
        found = bound_at([atom.word for atom in atoms[at:]], self._own.roles, self._vocabulary)
        if found is None:
            return None
        length, condition = found
        keys = () if condition is None else tuple((key, 1.0) for key in self._vocabulary.keys_between(condition))
        if not keys:
            return Match(length, role="stop")
        return Match(length, (Unit("", "number", " ", keys, condition=condition),))

    def _whole(self, atoms: Sequence[Atom], at: int) -> Match | None:
        """Return what a word of several parts is as a whole, where titles have it so: `S.Oliver`, `LP201-C1`."""
        length = sum(1 for atom in atoms[at:] if atom.start == atoms[at].start)
        if length < 2 or " ".join(atom.word for atom in atoms[at : at + length]) in self._own.meanings:
            return None
        whole = "".join(atom.word for atom in atoms[at : at + length])
        if not self._vocabulary.frequency(word_key(stem(whole))) or self._meanings.values([whole]):
            return None
        return Match(length, (Unit("", "word", "", self._meanings.word([whole])),))

    def _longest(self, atoms: Sequence[Atom], at: int) -> Match:
        following = [atom.word for atom in atoms[at : at + LONGEST]]
        for length in range(len(following), 0, -1):
            match = self._phrase(following[:length])
            if match is not None:
                return match
        parts = self._meanings.compound(following[0])
        if parts:
            return Match(1, tuple(unit for part in parts for unit in self._meanings.of_form(part)))
        return Match(1, (Unit("", "unknown", ""),))

    def _phrase(self, phrase: Sequence[str]) -> Match | None:
        """Return what a phrase is as a whole; None where it is nothing."""
        key, length, meanings = " ".join(phrase), len(phrase), self._meanings
        if key in self._dismissed:
            return Match(length, (Unit("", "word", ""),))
        if self._vocabulary.is_brand(phrase) and not (length == 1 and self._rather_a_form(key)):
            return Match(length, (Unit("", "brand", "", ((brand_key(key), 1.0), *meanings.word(phrase, ELSEWHERE))),))
        if key in self._own.meanings:
            return Match(length, meanings.of_form(key))
        if role := self._role(key):
            return Match(length, role=role)
        if values := meanings.values(phrase):
            return Match(length, (meanings.of_values(values, phrase),))
        if self.language != "en" and key in self._english.meanings:
            return Match(length, meanings.of_english([one.english for one in self._english.meanings[key]], phrase))
        if length == 2 and meanings.may_join(phrase):
            joined = word_key(stem("".join(phrase)))
            parts = [self._vocabulary.frequency(word_key(stem(word))) for word in phrase]
            if self._vocabulary.frequency(joined) > min(parts):
                return Match(length, (Unit("", "word", "", ((joined, 1.0),)),))
        if length == 1 and self._vocabulary.knows(key):
            return Match(1, (Unit("", "word", "", meanings.word(phrase)),))
        return None

    def _rather_a_form(self, key: str) -> bool:
        """Return whether a word that is a brand is more likely meant as a form of the language."""
        if key in self._own.meanings:
            return True
        return key in self._own.roles and self._vocabulary.frequency(brand_key(key)) < KNOWN_BRAND

    def _role(self, key: str) -> str:
        """Return the role of a form by itself; a word that only marks bounds is one of titles, where they have it."""
        roles = self._own.roles.get(key, frozenset())
        if roles and roles <= BOUNDS and self._vocabulary.knows(key):
            return ""
        return next((role for role in ("not", "or", "and", "cheaper") if role in roles), "stop" if roles else "")

    def _widened(self, unit: Unit, corrector: Corrector) -> Unit:
        """Return the unit of a word that hardly any product has, with the frequent one that it may be meant for."""
        if unit.kind != "word" or len(unit.keys) != 1 or unit.negated or " " in unit.text or is_code(unit.text):
            return unit
        count = self._vocabulary.frequency(unit.keys[0][0])
        if count > MISPRINT or len(unit.text) < 3:
            return unit
        near = [one for one in corrector.candidates(unit.text.casefold(), 1) if one[1] == 1]
        if not near or near[0][2] < MISPRINTED * max(1, count):
            return unit
        values = self._meanings.values([near[0][0]])
        meant = self._meanings.of_values(values, [near[0][0]]).keys if values else self._meanings.word([near[0][0]])
        return replace(unit, keys=(*unit.keys, *((key, MEANT * degree) for key, degree in meant)))
