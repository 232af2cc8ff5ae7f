"""From what a customer typed to units: brands, values of attributes, words, bounds of numbers, what is unwanted.

A query is read from left to right, the longest phrase first: brands, then values and the lexicon's forms, then words
of titles. What nothing explains is corrected, or stays unknown. Knows no postings and no ranking.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from index.language.bounds import bound_at
from index.language.lexicon import Lexicon, form_key
from index.words.analyse import fold, is_code, stem, words
from index.words.units import Condition, Correction, ParsedText, Unit, brand_key, word_key

LONGEST = 5
"""Words of the longest phrase that is looked up."""
MAX_WORDS = 48
"""Words of a text that are read: more is no query but a description, which the encoder takes whole."""
FALLBACK = 0.6
"""Degree of a product whose title has the word that names a value, and whose attribute has another value."""
ELSEWHERE = 0.9
"""Degree of a product whose title has the word of a brand in another place than the first."""
FEW = 5
"""Titles from which on a word is not there by chance."""
COMMON = 20
"""Products from which on a word of the catalogue surely is one of its own language, not a chance."""
KNOWN_BRAND = 100
"""Products of a brand that is meant rather than the article or pronoun of the same letters."""
SYNONYM = 0.8
"""Degree of a product of the kind that a word means, where other products have the word itself in their title."""
COMPOUND = 3
"""Letters of the shortest part of a compound."""

Value = tuple[str, str, str, int]
"""Attribute, value as written, key of its postings, number of products."""


class Vocabulary(Protocol):
    """What the parser asks of a catalogue's words; `index.words.WordIndex` is one."""

    def frequency(self, key: str) -> int:
        """Return how many products are in the postings of a key."""

    def knows(self, word: str) -> bool:
        """Return whether a folded word is in a title or a value."""

    def values_of(self, terms: str) -> list[Value]:
        """Return the values whose terms, joined by spaces, are these."""

    def is_brand(self, words: Sequence[str]) -> bool:
        """Return whether folded words are a brand."""

    @property
    def numeric_attributes(self) -> list[str]:
        """The attributes whose values are numbers."""

    def keys_between(self, condition: Condition) -> list[str]:
        """Return the keys of the values that are within the bounds of a condition."""


class Speller(Protocol):
    """What corrects words; `index.words.spelling.Speller` is one."""

    def correct(self, word: str) -> str | None:
        """Return the known word that an unknown one is meant to be."""

    def split(self, word: str) -> tuple[str, str] | None:
        """Return the two known words that an unknown one is made of."""


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


class QueryParser:
    """Reads queries with some lexicons, against one version of a catalogue.

    Args:
        vocabulary: of the catalogue.
        lexicons: by language, English among them.
        speller: from a language to what corrects words of the catalogue and of that lexicon.
    """

    def __init__(
        self, vocabulary: Vocabulary, lexicons: Mapping[str, Lexicon], speller: Callable[[str], Speller]
    ) -> None:
        self._vocabulary = vocabulary
        self._lexicons = lexicons
        self._speller = speller

    def parse(
        self, text: str, language: str | None = None, *, correct: bool = True, dismissed: Collection[str] = ()
    ) -> ParsedText:
        """Return what `text` asks; `language` is told from its words unless it is given.

        Phrases in `dismissed` name no value, and are left to the encoder.
        """
        atoms = [Atom(part, word.start, word.end) for word in words(text)[:MAX_WORDS] for part in word.parts]
        language = language or self._language(atoms)
        reading = _Reading(self._vocabulary, self._lexicons, language, {fold(one) for one in dismissed})
        correction = None
        if correct:
            corrected = self._corrected(text, atoms, reading)
            if corrected is not None:
                correction = Correction(text, corrected)
                atoms = [
                    Atom(part, word.start, word.end) for word in words(corrected)[:MAX_WORDS] for part in word.parts
                ]
        shown = text if correction is None else correction.corrected
        units = reading.units(atoms, shown)
        return ParsedText(text, _english(units, shown, language), language, tuple(units), correction)

    def _language(self, atoms: Sequence[Atom]) -> str:
        """Return the language that explains most of the words; English, unless another explains more."""
        best, most = "en", -1.0
        for language in self._lexicons:
            reading = _Reading(self._vocabulary, self._lexicons, language, set())
            score = sum(reading.own_share(atoms))
            if score > most + 1e-9:
                best, most = language, score
        return best

    def _corrected(self, text: str, atoms: Sequence[Atom], reading: _Reading) -> str | None:
        """Return the text with its unknown words corrected; None where there is nothing to correct."""
        speller = self._speller(reading.language)
        edits: list[tuple[int, int, str]] = []
        for match, at in reading.matches(atoms):
            if len(match.units) != 1 or match.units[0].kind != "unknown":
                continue
            atom = atoms[at]
            if is_code(atom.word) or (at and atoms[at - 1].start == atom.start) or _followed(atoms, at):
                continue  # codes, and parts of words with hyphens, stay as they are
            found = speller.correct(atom.word)
            if found is None and (pair := speller.split(atom.word)) is not None:
                found = " ".join(pair)
            if found is not None and found != atom.word:
                edits.append((atom.start, atom.end, found))
        if not edits:
            return None
        for start, end, found in reversed(edits):
            text = text[:start] + found + text[end:]
        return text


def _followed(atoms: Sequence[Atom], at: int) -> bool:
    return at + 1 < len(atoms) and atoms[at + 1].start == atoms[at].start


class _Reading:
    """The reading of one query in one language."""

    def __init__(
        self, vocabulary: Vocabulary, lexicons: Mapping[str, Lexicon], language: str, dismissed: set[str]
    ) -> None:
        self.language = language
        self._vocabulary = vocabulary
        self._english = lexicons["en"]
        self._own = lexicons[language]
        self._dismissed = dismissed

    def own_share(self, atoms: Sequence[Atom]) -> Iterator[float]:
        """Yield for each phrase how well the language explains it."""
        at = 0
        while at < len(atoms):
            for length in range(min(LONGEST, len(atoms) - at), 0, -1):
                phrase = [atom.word for atom in atoms[at : at + length]]
                share = self._explains(phrase)
                if share:
                    yield share * length
                    at += length
                    break
            else:
                at += 1

    def _explains(self, phrase: Sequence[str]) -> float:
        key = " ".join(phrase)
        if key in self._own.meanings:
            return 1.0
        if key in self._own.roles:
            return 0.7
        if self.language == "de" and len(phrase) == 1 and self._compound(phrase[0]):
            return 1.0
        english = self.language == "en"
        if self._vocabulary.is_brand(phrase):
            return 0.9
        values = self._values(phrase)
        if values:
            count = max(count for *_, count in values)
            return (1.0 if count >= COMMON else 0.5) if english else 0.0
        if len(phrase) > 1 or (not english and (key in self._english.meanings or key in self._english.roles)):
            return 0.0
        # Words of titles that no lexicon has are of any language.
        count = self._vocabulary.frequency(word_key(stem(phrase[0])))
        return 0.9 if count >= COMMON else 0.5 if count else 0.0

    def units(self, atoms: Sequence[Atom], text: str) -> list[Unit]:
        """Return the units of a query; words after a negation are unwanted, up to the next word with a role."""
        units: list[Unit] = []
        unwanted = before = False
        for match, at in self.matches(atoms):
            typed = text[atoms[at].start : atoms[at + match.length - 1].end]
            if match.role:
                # "not red or blue": what is unwanted goes on after the joint.
                unwanted = (
                    match.role == "not"
                    or (before and match.role in ("or", "and"))
                    or (unwanted and match.role == "stop")
                )
                continue
            for unit in match.units:
                condition = unit.condition
                if condition is not None:
                    condition = replace(condition, text=typed, negated=unwanted)
                english = "" if unwanted else (unit.english or typed)
                units.append(replace(unit, text=typed, english=english, negated=unwanted, condition=condition))
            before, unwanted = unwanted, False
        return [unit for unit in units if not (unit.negated and not unit.keys)]

    def matches(self, atoms: Sequence[Atom]) -> Iterator[tuple[Match, int]]:
        """Yield what the atoms are, from left to right, and the place of the first atom of each match."""
        at = 0
        while at < len(atoms):
            match = self._bound(atoms, at) or self._longest([atom.word for atom in atoms[at : at + LONGEST]])
            yield match, at
            at += match.length

    def _bound(self, atoms: Sequence[Atom], at: int) -> Match | None:
        found = bound_at([atom.word for atom in atoms[at:]], self._own.roles, self._vocabulary.numeric_attributes)
        if found is None:
            return None
        length, condition = found
        if condition is None:
            return Match(length, role="stop")
        keys = tuple((key, 1.0) for key in self._vocabulary.keys_between(condition))
        return Match(
            length, (Unit("", "number", " ", keys, condition=condition),) if keys else (), "" if keys else "stop"
        )

    def _longest(self, following: Sequence[str]) -> Match:
        for length in range(len(following), 0, -1):
            match = self._phrase(following[:length])
            if match is not None:
                return match
        word = following[0]
        parts = self._compound(word) if self.language == "de" else None
        if parts:
            return Match(1, tuple(unit for part in parts for unit in self._meant(part)))
        return Match(1, (Unit("", "unknown", ""),))

    def _phrase(self, phrase: Sequence[str]) -> Match | None:
        """Return what a phrase is as a whole; None where it is nothing."""
        key, length = " ".join(phrase), len(phrase)
        if key in self._dismissed:
            return Match(length, (Unit("", "word", ""),))
        if self._vocabulary.is_brand(phrase) and not (length == 1 and self._rather_a_form(key)):
            return Match(length, (Unit("", "brand", "", ((brand_key(key), 1.0), *self._word_keys(phrase, ELSEWHERE))),))
        if key in self._own.meanings:
            return Match(length, self._meant(key))
        role = self._role(key)
        if role:
            return Match(length, role=role)
        values = self._values(phrase)
        if values:
            return Match(length, (self._value_unit(values, phrase),))
        if self.language != "en" and key in self._english.meanings:
            return Match(length, self._units_of([one.english for one in self._english.meanings[key]], phrase))
        if length == 2 and self._may_join(phrase):
            joined = "".join(phrase)
            count = self._vocabulary.frequency(word_key(stem(joined)))
            parts = [self._vocabulary.frequency(word_key(stem(word))) for word in phrase]
            if count > min(parts):
                return Match(length, (Unit("", "word", "", ((word_key(stem(joined)), 1.0),)),))
        if length == 1 and self._vocabulary.knows(phrase[0]):
            return Match(1, (Unit("", "word", "", self._word_keys(phrase, 1.0)),))
        return None

    def _rather_a_form(self, key: str) -> bool:
        """Return whether a word that is a brand is more likely meant as a form of the language."""
        if key in self._own.meanings:
            return True
        return key in self._own.roles and self._vocabulary.frequency(brand_key(key)) < KNOWN_BRAND

    def _role(self, key: str) -> str:
        roles = self._own.roles.get(key, frozenset())
        return next((role for role in ("not", "or", "and", "stop") if role in roles), "stop" if roles else "")

    def _word_keys(self, phrase: Sequence[str], degree: float) -> tuple[tuple[str, float], ...]:
        return ((word_key(stem(phrase[0])), degree),) if len(phrase) == 1 else ()

    def _values(self, phrase: Sequence[str]) -> list[Value]:
        found = self._vocabulary.values_of(" ".join(map(stem, phrase)))
        if not found and self._may_join(phrase):
            found = self._vocabulary.values_of(stem("".join(phrase)))
        return found

    def _may_join(self, phrase: Sequence[str]) -> bool:
        """Return whether words may be one that was torn apart: none of them has a meaning or a role by itself."""
        lexicon = self._own
        own = lexicon.roles.keys() if self.language == "en" else lexicon.roles.keys() | lexicon.meanings.keys()
        return len(phrase) > 1 and not any(word in own for word in phrase)

    def _meant(self, key: str) -> tuple[Unit, ...]:
        """Return the units of a form of the own lexicon."""
        return self._units_of([one.english for one in self._own.meanings[key]], key.split())

    def _units_of(self, meanings: Sequence[str], phrase: Sequence[str]) -> tuple[Unit, ...]:
        """Return the units of a phrase that means any of some English words."""
        values: list[Value] = []
        for english in meanings:
            values += self._english_values(english)
        own = self._own_values(phrase)
        typed = self._word_keys(phrase, 1.0) if self.language == "en" and self._vocabulary.knows(phrase[0]) else ()
        english = "" if self.language == "en" else meanings[0]
        if values or own:
            unit = self._value_unit([*own, *values], meanings[0].split())
            others = [self._word_keys(form_key(one).split(), 1.0) for one in meanings if not self._english_values(one)]
            named = any(self._vocabulary.frequency(key) >= FEW for key, _ in typed) and not own
            keys = tuple((one, SYNONYM * degree) for one, degree in unit.keys) if named else unit.keys
            return (replace(unit, english=english, keys=_united(keys, () if own else typed, *others)),)
        units = [
            Unit("", "word", part, ((word_key(stem(part)), 1.0),))
            for part in form_key(meanings[0]).split()
            if self._vocabulary.knows(part)
        ]
        if len(units) == 1:
            return (replace(units[0], english=english, keys=_united(units[0].keys, typed)),)
        if units:
            share = 1 / len(units)
            rest = (replace(unit, english=" ", share=share) for unit in units[1:])
            return (replace(units[0], english=english, share=share), *rest)
        return (Unit("", "word", english, typed),)

    def _own_values(self, phrase: Sequence[str]) -> list[Value]:
        """Return the values that an English phrase names itself, besides what its synonyms name."""
        return self._values(phrase) if self.language == "en" else []

    def _english_values(self, english: str) -> list[Value]:
        """Return the values that English words name, by themselves or by what the English lexicon says of them."""
        key = form_key(english)
        found = self._values(key.split())
        if found:
            return found
        others = self._english.meanings.get(key, ())
        return [value for other in others for value in self._values(form_key(other.english).split())]

    def _value_unit(self, values: Sequence[Value], phrase: Sequence[str]) -> Unit:
        """Return the unit of words that name any of some values; the condition is on the attribute that most have."""
        counts: dict[str, int] = {}
        for attribute, _, _, count in values:
            counts[attribute] = counts.get(attribute, 0) + count
        attribute = max(counts, key=lambda name: counts[name])
        chosen = tuple(dict.fromkeys(value for name, value, _, _ in values if name == attribute))
        keys = dict.fromkeys((key for _, _, key, _ in values), 1.0)
        for key, degree in self._word_keys(phrase, FALLBACK):
            keys.setdefault(key, degree)
        return Unit("", "value", "", tuple(keys.items()), condition=Condition("", attribute, chosen))

    def _compound(self, word: str) -> tuple[str, ...] | None:
        """Return the forms of the own lexicon that a German compound is made of."""
        return _split_compound(word, self._own.meanings, 2)


def _united(*lists: Sequence[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    """Return all keys, each once with its highest degree."""
    degrees: dict[str, float] = {}
    for key, degree in (one for keys in lists for one in keys):
        degrees[key] = max(degree, degrees.get(key, 0.0))
    return tuple(degrees.items())


def _split_compound(word: str, forms: Mapping[str, object], cuts: int) -> tuple[str, ...] | None:
    if word in forms:
        return (word,)
    if not cuts:
        return None
    for at in range(len(word) - COMPOUND, COMPOUND - 1, -1):
        head = word[:at]
        # A linking s, n, en or es may stand between the parts.
        for left in (head, head.removesuffix("s"), head.removesuffix("n"), head.removesuffix("en"), head + "e"):
            if left in forms and len(left) >= COMPOUND:
                rest = _split_compound(word[at:], forms, cuts - 1)
                if rest:
                    return (left, *rest)
    return None


def _english(units: Sequence[Unit], text: str, language: str) -> str:
    """Return what the encoder reads: the wanted units in English; the text where nothing is left of it."""
    wanted = [unit.english.strip() for unit in units if not unit.negated]
    return " ".join(word for word in dict.fromkeys(wanted) if word) or text
