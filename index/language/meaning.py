"""From words of a language to units: which values of attributes they name, else which words of titles they are.

English words mean what the catalogue's attributes and titles say; a lexicon says what other words mean in English.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from index.language.lexicon import Lexicon, form_key
from index.language.vocabulary import Value, Vocabulary
from index.words.analyse import stem
from index.words.units import Condition, Unit, word_key

CATEGORIES = ("categor", "kategorie", "catégorie")
"""What the names of attributes contain that tell what kind of product something is."""
TYPES = ("type", "typ", "tipo")
OF_PRODUCTS = (
    "product",
    "article",
    "item",
    "garment",
    "clothing",
    "apparel",
    "produkt",
    "artikel",
    "produit",
    "producto",
)
"""A name tells it as well that is one of `TYPES`, or ends with one behind one of these: `sleeve_type` does not."""
FALLBACK = 0.6
"""Degree of a product whose title has the word that names a value, and whose attribute has another value."""
BROADER = 0.9
"""Degree of a product that has the value in an attribute with more products than another: sandals, not sports ones."""
SYNONYM = 0.8
"""Degree of a product of the kind that a word means, where other products have the word itself in their title."""
FEW = 5
"""Titles from which on a word is not there by chance."""
PRODUCT = "product"
"""The lexicons' kind of words that say what kind of product is meant."""
COMPOUND = 3
"""Letters of the shortest part of a compound."""

Keys = tuple[tuple[str, float], ...]


class Meanings:
    """What words mean in one language, against one version of a catalogue."""

    def __init__(self, vocabulary: Vocabulary, english: Lexicon, own: Lexicon) -> None:
        self._vocabulary = vocabulary
        self._english = english
        self._own = own
        self._is_english = own.language == english.language

    def word(self, phrase: Sequence[str], degree: float = 1.0) -> Keys:
        """Return the key of a single word; none of a phrase."""
        return ((word_key(stem(phrase[0])), degree),) if len(phrase) == 1 else ()

    def values(self, phrase: Sequence[str]) -> list[Value]:
        """Return the values that English words are, also torn apart: `back pack`."""
        return self._vocabulary.values_of(" ".join(map(stem, phrase))) or self.joined_values(phrase)

    def joined_values(self, phrase: Sequence[str]) -> list[Value]:
        """Return the values that English words are if they are one that was torn apart."""
        joined = "".join(phrase)
        if not self._vocabulary.begins_value(joined) or not self.may_join(phrase):
            return []
        return self._vocabulary.values_of(stem(joined))

    def may_join(self, phrase: Sequence[str]) -> bool:
        """Return whether words may be one that was torn apart: none of them has a meaning or a role by itself."""
        roles, meanings = self._own.roles, self._own.meanings
        return len(phrase) > 1 and not any(
            word in roles or (not self._is_english and word in meanings) for word in phrase
        )

    def of_form(self, key: str) -> tuple[Unit, ...]:
        """Return the units of a form of the own lexicon."""
        meanings = self._own.meanings[key]
        units = self.of_english([one.english for one in meanings], key.split())
        if not all(one.kind == PRODUCT for one in meanings) or any(unit.product for unit in units):
            return units
        return (*units[:-1], replace(units[-1], product=True))  # the noun is the last word of English phrases

    def of_english(self, meanings: Sequence[str], phrase: Sequence[str]) -> tuple[Unit, ...]:
        """Return the units of a phrase that means any of some English words, or all words of the first of them."""
        english = "" if self._is_english else meanings[0]
        named = self.values(phrase) if self._is_english else []
        values = [*named, *(value for one in meanings for value in self._english_values(one))]
        known = self._is_english and len(phrase) == 1 and self._vocabulary.knows(phrase[0])
        typed = self.word(phrase) if known and not named else ()
        first = form_key(meanings[0]).split()
        if values and not (len(first) > 1 and not self._english_values(meanings[0]) and self._all_known(first)):
            unit = self.of_values(values, phrase if named else first)
            others = [self.word(form_key(one).split()) for one in meanings if not self._english_values(one)]
            common = any(self._vocabulary.frequency(key) >= FEW for key, _ in typed)
            keys = tuple((key, SYNONYM * degree) for key, degree in unit.keys) if common else unit.keys
            return (replace(unit, english=english, keys=_united(keys, typed, *others)),)
        units = [self._part(part) for part in first if self._vocabulary.knows(part)]
        if not units:
            return (Unit("", "word", english, typed),)
        units[0] = replace(units[0], english=english)
        if len(units) == 1:
            return (replace(units[0], keys=_united(units[0].keys, typed)),)
        share = 1.0 if any(unit.condition for unit in units) else 1 / len(units)
        return (replace(units[0], share=share), *(replace(unit, english=" ", share=share) for unit in units[1:]))

    def of_values(self, values: Sequence[Value], phrase: Sequence[str]) -> Unit:
        """Return the unit of words that name any of some values; the condition is on the attribute that most have."""
        counts: dict[str, int] = {}
        for attribute, _, _, count in values:
            counts[attribute] = counts.get(attribute, 0) + count
        attribute = max(counts, key=lambda name: counts[name])
        least = min(counts.values())
        chosen = tuple(dict.fromkeys(value for name, value, _, _ in values if name == attribute))
        keys = {key: 1.0 if counts[name] == least else BROADER for name, _, key, _ in values}
        for key, degree in self.word(phrase, FALLBACK):
            keys.setdefault(key, degree)
        return Unit(
            "",
            "value",
            "",
            tuple(keys.items()),
            condition=Condition("", attribute, chosen),
            product=tells_kind(attribute),
        )

    def compound(self, word: str) -> tuple[str, ...] | None:
        """Return the forms of the own lexicon that a German compound is made of; None for another word."""
        return _split_compound(word, self._own.meanings, 2) if self._own.language == "de" else None

    def _part(self, word: str) -> Unit:
        """Return the unit of a word of an English phrase that is no value as a whole."""
        values = self._english_values(word)
        return self.of_values(values, [word]) if values else Unit("", "word", word, self.word([word]))

    def _all_known(self, phrase: Sequence[str]) -> bool:
        return all(self._vocabulary.knows(word) for word in phrase)

    def _english_values(self, english: str) -> list[Value]:
        """Return the values that English words name, by themselves or by what the English lexicon says of them."""
        key = form_key(english)
        found = self.values(key.split())
        if found:
            return found
        others = self._english.meanings.get(key, ())
        return [value for other in others for value in self.values(form_key(other.english).split())]


def tells_kind(attribute: str) -> bool:
    """Return whether the name of an attribute says that it tells what kind of product something is."""
    name = attribute.casefold()
    if any(part in name for part in CATEGORIES):
        return True
    names = [word.casefold() for word in re.findall(r"[A-ZÀ-Þ]?[^\W\d_A-ZÀ-Þ]+|[A-ZÀ-Þ]+", attribute)]
    return bool(names) and names[-1] in TYPES and (len(names) == 1 or names[-2] in OF_PRODUCTS)


def _united(*lists: Keys) -> Keys:
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
