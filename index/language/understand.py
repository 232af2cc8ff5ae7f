"""What understands texts for one version of a catalogue: its words, the lexicons and the spelling, put together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from threading import Lock
from typing import TYPE_CHECKING

from common import InputError
from index.language.lexicon import LANGUAGES, shipped
from index.language.parse import QueryParser
from index.words.spelling import Speller
from index.words.suggest import Completer
from index.words.units import ParsedText

if TYPE_CHECKING:
    from index.words.index import WordIndex


class Spellers:
    """A speller for each language, over the words that the catalogue has by now; shared by its versions."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[int, Speller]] = {}
        self._lock = Lock()

    def of(self, language: str, surface: Mapping[str, int]) -> Speller:
        """Return the speller of a language; made again when words have come that it does not know."""
        with self._lock:
            size, speller = self._made.get(language, (-1, None))
            if speller is None:
                speller = Speller(dict(surface), shipped(language).words())
            elif size != len(surface):
                speller = speller.with_words(dict(surface))
            else:
                return speller
            self._made[language] = len(surface), speller
            return speller


class Understanding:
    """Reads texts against one version of a catalogue."""

    def __init__(self, words: WordIndex, spellers: Spellers | None = None) -> None:
        self.spellers = Spellers() if spellers is None else spellers
        self._words = words
        self._parser = QueryParser(words, {language: shipped(language) for language in LANGUAGES}, self._speller)

    def parse(
        self, text: str, language: str | None = None, *, correct: bool = True, dismissed: Collection[str] = ()
    ) -> ParsedText:
        """Return what a text asks; see `index.store.Search.understand`.

        Raises:
            InputError: an unknown language; names the known ones.
        """
        if language is not None and language not in LANGUAGES:
            raise InputError(f"unknown language {language!r}; the languages there are: {', '.join(LANGUAGES)}")
        return self._parser.parse(text, language, correct=correct, dismissed=dismissed)

    def completer(self, title: Callable[[int], str], before: Completer | None = None) -> Completer:
        """Return what completes texts that are being typed.

        Args:
            title: returns the title of a row.
            before: the completer of the version before this one.
        """
        stop = [form for form, roles in shipped("en").roles.items() if "stop" in roles]
        return Completer(self._words, title, lambda word: self._speller("en").correct(word), stop, before)

    def _speller(self, language: str) -> Speller:
        return self.spellers.of(language, self._words.surface())
