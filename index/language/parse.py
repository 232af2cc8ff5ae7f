"""From what a customer typed to a parsed text: which language it is, what is corrected, what is asked.

Knows no postings and no ranking.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from index.language.lexicon import Lexicon
from index.language.reading import Atom, Reading
from index.language.vocabulary import Corrector, Vocabulary
from index.words.analyse import fold, is_code, words
from index.words.units import Correction, ParsedText, Unit

MAX_WORDS = 48
"""Words of a text that are read: more is no query but a description, which the encoder takes whole."""


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
        corrector = self._corrector(language) if correct else None
        corrected = None if corrector is None else self._corrected(text, atoms, reading, corrector)
        correction = None if corrected is None else Correction(text, corrected)
        shown = text if corrected is None else corrected
        units = reading.units(atoms if corrected is None else _atoms(shown), shown, corrector)
        return ParsedText(text, _english(units, shown), language, tuple(units), correction)

    def _language(self, atoms: Sequence[Atom]) -> str:
        """Return the language that explains most of the words; the first of those that explain as much."""
        scores = {
            language: Reading(self._vocabulary, self._lexicons, language, set()).explained(atoms)
            for language in self._lexicons
        }
        return max(scores, key=lambda language: round(scores[language], 6))

    def _corrected(self, text: str, atoms: Sequence[Atom], reading: Reading, corrector: Corrector) -> str | None:
        """Return the text with its unknown words corrected; None where there is nothing to correct.

        Codes, parts of words with hyphens, and words of any language's lexicon stay as they are.
        """
        edits: list[tuple[int, int, str]] = []
        for match, at in reading.matches(atoms):
            atom = atoms[at]
            if len(match.units) != 1 or match.units[0].kind != "unknown" or is_code(atom.word):
                continue
            torn = any(other.start == atom.start for other in (*atoms[:at], *atoms[at + 1 :]))
            if torn or any(atom.word in lexicon.meanings for lexicon in self._lexicons.values()):
                continue
            found = corrector.correct(atom.word)
            if found is None and (pair := corrector.split(atom.word)) is not None:
                found = " ".join(pair)
            if found is not None and found != atom.word:
                edits.append((atom.start, atom.end, found))
        for start, end, found in reversed(edits):
            text = text[:start] + found + text[end:]
        return text if edits else None


def _atoms(text: str) -> list[Atom]:
    return [Atom(part, word.start, word.end) for word in words(text)[:MAX_WORDS] for part in word.parts]


def _key(phrase: str) -> str:
    """Return a phrase in the form in which phrases of a query are compared."""
    return " ".join(part for word in words(fold(phrase)) for part in word.parts)


def _english(units: Sequence[Unit], text: str) -> str:
    """Return what the encoder reads: the wanted units in English; the text where nothing is left of it."""
    wanted = [unit.english.strip() for unit in units if not unit.negated]
    return " ".join(word for word in dict.fromkeys(wanted) if word) or text
