"""From what a customer typed to a parsed text: which language it is, what is corrected, what is asked.

Knows no postings and no ranking.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from index.language.lexicon import Lexicon
from index.language.phrases import Phrases
from index.language.reading import MISPRINT, Atom, Match, Reading
from index.language.vocabulary import Corrector, Vocabulary
from index.words.analyse import Word, fold, is_code, stem, words
from index.words.spelling import english
from index.words.units import Correction, ParsedText, Unit, word_key

MAX_WORDS = 48
"""Words of a text that are read: more is no query but a description, which the encoder takes whole."""
SHORT = 3
"""Letters of a word that neighbours do not correct."""
NEAR = 20
"""Words among which a neighbour chooses."""
FREQUENT = 100
"""Products of a word that is meant rather than a word of another language, or than parts that look like nothing."""


class QueryParser:
    """Reads queries with some lexicons, against one version of a catalogue.

    Args:
        vocabulary: of the catalogue.
        lexicons: by language, English among them; the first that explains most of a query is its language.
        corrector: from a language to what corrects words of the catalogue and of that lexicon.
    """

    def __init__(
        self, vocabulary: Vocabulary, lexicons: Mapping[str, Lexicon], corrector: Callable[[str], Corrector]
    ) -> None:
        self._vocabulary = vocabulary
        self._lexicons = lexicons
        self._corrector = corrector

    def parse(
        self, text: str, language: str | None = None, *, correct: bool = True, dismissed: Collection[str] = ()
    ) -> ParsedText:
        """Return what `text` asks; `language` is told from its words unless it is given.

        Phrases in `dismissed` name no value, and are left to the encoder.
        """
        atoms = _atoms(text)
        language = language or self._language(atoms)
        reading = Reading(self._vocabulary, self._lexicons, language, {_key(one) for one in dismissed})
        matches = list(reading.matches(atoms))
        corrector = self._corrector(language) if correct else None
        corrected = None if corrector is None else self._corrected(text, atoms, matches, corrector)
        correction = None if corrected is None else Correction(text, corrected)
        shown = text
        if corrected is not None:
            shown, atoms = corrected, _atoms(corrected)
            matches = list(reading.matches(atoms))
        typed = [(match, shown[atoms[at].start : atoms[at + match.length - 1].end]) for match, at in matches]
        units = reading.units(typed, corrector)
        cheaper = next((words for match, words in typed if match.role == "cheaper"), "")
        return ParsedText(text, _english(units, shown), language, tuple(units), correction, cheaper)

    def _language(self, atoms: Sequence[Atom]) -> str:
        """Return the language that explains most of the words; the first of those that explain as much."""
        text = Phrases([atom.word for atom in atoms], self._vocabulary)
        scores: dict[str, float] = {}
        for language in self._lexicons:
            scores[language] = round(Reading(self._vocabulary, self._lexicons, language, set()).explained(text), 6)
            if scores[language] == len(text):
                break  # no other language can explain more
        return max(scores, key=lambda language: scores[language])

    def _corrected(
        self, text: str, atoms: Sequence[Atom], matches: Iterable[tuple[Match, int]], corrector: Corrector
    ) -> str | None:
        """Return the text with its unknown words corrected; None where there is nothing to correct.

        Codes stay as they are, and words of any language's lexicon where no frequent word is near.
        """
        edits = list(self._torn(text, corrector))
        for match, at in matches:
            atom = atoms[at]
            if len(match.units) != 1 or match.units[0].kind not in ("unknown", "word") or is_code(atom.word):
                continue
            if any(other.start == atom.start for other in (*atoms[:at], *atoms[at + 1 :])):
                continue  # a part of a word
            if any(start <= atom.start < end for start, end, _ in edits):
                continue
            found = self._in_company(atoms, at, corrector) if match.length == 1 else None
            known = match.units[0].kind == "word"
            if found is None and known:
                continue
            if found is None:
                found = corrector.correct(atom.word)
                foreign = any(atom.word in one.meanings for one in self._lexicons.values())
                if foreign and (found is None or self._vocabulary.frequency(word_key(stem(found))) < FREQUENT):
                    continue
            if found is None and (pair := corrector.split(atom.word)) is not None:
                found = " ".join(pair)
            if found is not None and found != atom.word:
                edits.append((atom.start, atom.end, found))
        for start, end, found in sorted(edits, reverse=True):
            text = text[:start] + found + text[end:]
        return text if edits else None

    def _torn(self, text: str, corrector: Corrector) -> Iterator[tuple[int, int, str]]:
        """Yield place and correction of words in parts, one of which hardly any product has: `t-shrit`, `t shrit`."""
        before: Word | None = None
        for word in words(text)[:MAX_WORDS]:
            lone = before is not None and len(before.whole) == 1 and before.whole.isalpha()
            first = before if before is not None and lone else word
            parts = (*first.parts, *word.parts) if lone else word.parts
            before = word
            last = word_key(stem(word.parts[-1]))
            if len(parts) > 1 and self._vocabulary.frequency(last) <= MISPRINT:
                found = corrector.correct("".join(parts))
                if found is not None and self._vocabulary.frequency(word_key(stem(found))) >= FREQUENT:
                    yield first.start, word.end, found

    def _in_company(self, atoms: Sequence[Atom], at: int, corrector: Corrector) -> str | None:
        """Return the near word that makes a brand or a value with a neighbour: beside "nail", "polis" is polish.

        None for a common word of English, and for one that more than a few products have.
        """
        word = atoms[at].word
        if len(word) <= SHORT or word in english().common:
            return None
        if self._vocabulary.frequency(word_key(stem(word))) > MISPRINT:
            return None
        beside = [(atom.word, True) for atom in atoms[max(0, at - 1) : at]]
        beside += [(atom.word, False) for atom in atoms[at + 1 : at + 2]]
        for other, _, _ in corrector.candidates(word, NEAR):
            for neighbour, comes_first in beside:
                pair = (neighbour, other) if comes_first else (other, neighbour)
                if self._vocabulary.is_brand(pair) or self._vocabulary.values_of(" ".join(map(stem, pair))):
                    return other
        return None


def _atoms(text: str) -> list[Atom]:
    return [Atom(part, word.start, word.end) for word in words(text)[:MAX_WORDS] for part in word.parts]


def _key(phrase: str) -> str:
    """Return a phrase in the form in which phrases of a query are compared."""
    return " ".join(part for word in words(fold(phrase)) for part in word.parts)


def _english(units: Sequence[Unit], text: str) -> str:
    """Return what the encoder reads: the wanted units in English; the text where nothing is left of it."""
    wanted = [unit.english.strip() for unit in units if not unit.negated]
    return " ".join(word for word in dict.fromkeys(wanted) if word) or text
