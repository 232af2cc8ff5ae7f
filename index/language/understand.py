"""What understands texts for one version of a catalogue: its words, the lexicons and the spelling, put together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from common import ConfigError, InputError
from index.language.lexicon import LANGUAGES, Lexicon, load_lexicon, merged, shipped
from index.language.parse import QueryParser
from index.words.spelling import Speller
from index.words.suggest import Completer
from index.words.units import ParsedText

if TYPE_CHECKING:
    from index.words.index import WordIndex


KEPT, KEPT_LENGTH = 4096, 200
"""Texts whose meaning a version of a catalogue keeps, since customers ask the same; their longest, in characters."""


class Languages:
    """The lexicons, and a speller for each of them; shared by the versions of a catalogue.

    Args:
        own: lexicons of the shop by language; each adds to the shipped one.
    """

    def __init__(self, own: Mapping[str, Lexicon] | None = None) -> None:
        own = own or {}
        self.lexicons = {
            language: merged(shipped(language), own[language]) if language in own else shipped(language)
            for language in LANGUAGES
        }
        self._made: dict[str, tuple[int, Speller]] = {}
        self._lock = Lock()

    @classmethod
    def of_folder(cls, folder: Path | None) -> Languages:
        """Return the languages with the shop's own lexicons, the files `<language>.toml` of a folder; None: without.

        Raises:
            ConfigError: there is no such folder, a file is named for no language, or is malformed.
        """
        if folder is None:
            return cls()
        if not folder.is_dir():
            raise ConfigError(f"there is no folder {folder}; make it, and put lexicons such as fr.toml into it")
        own = {}
        for path in sorted(folder.glob("*.toml")):
            lexicon = load_lexicon(path)
            if path.stem != lexicon.language:
                raise ConfigError(f'{path} says language = "{lexicon.language}"; name it {lexicon.language}.toml')
            own[lexicon.language] = lexicon
        return cls(own)

    def speller(self, language: str, surface: Mapping[str, int]) -> Speller:
        """Return the speller of a language; made again when words have come that it does not know."""
        with self._lock:
            size, speller = self._made.get(language, (-1, None))
            if speller is None:
                lexicon = self.lexicons[language]
                speller = _shipped_speller(language) if lexicon is shipped(language) else Speller({}, lexicon.words())
            if size != len(surface):
                speller = speller.with_words(dict(surface))
                self._made[language] = len(surface), speller
            return speller


@lru_cache(maxsize=len(LANGUAGES))
def _shipped_speller(language: str) -> Speller:
    """Return the speller of a shipped lexicon alone: each catalogue that is opened adds its words to it."""
    return Speller({}, shipped(language).words())


class Understanding:
    """Reads texts against one version of a catalogue."""

    def __init__(self, words: WordIndex, languages: Languages) -> None:
        self._words = words
        self._languages = languages
        self._parser = QueryParser(words, languages.lexicons, self._speller)
        self._kept: dict[tuple[str, str | None, bool, frozenset[str]], ParsedText] = {}

    def parse(
        self, text: str, language: str | None = None, *, correct: bool = True, dismissed: Collection[str] = ()
    ) -> ParsedText:
        """Return what a text asks; see `index.store.Search.understand`.

        Raises:
            InputError: an unknown language; names the known ones.
        """
        if language is not None and language not in LANGUAGES:
            raise InputError(f"unknown language {language!r}; the languages there are: {', '.join(LANGUAGES)}")
        key = text, language, correct, frozenset(dismissed)
        parsed = self._kept.get(key)
        if parsed is None:
            parsed = self._parser.parse(text, language, correct=correct, dismissed=dismissed)
            if len(text) <= KEPT_LENGTH:
                if len(self._kept) >= KEPT:
                    self._kept = {}
                self._kept[key] = parsed
        return parsed

    def completer(self, title: Callable[[int], str], before: Completer | None = None) -> Completer:
        """Return what completes texts that are being typed.

        Args:
            title: returns the title of a row.
            before: the completer of the version before this one.
        """
        roles = self._languages.lexicons["en"].roles
        stop = [form for form, known in roles.items() if "stop" in known]
        return Completer(self._words, title, lambda word: self._speller("en").correct(word), stop, before)

    def _speller(self, language: str) -> Speller:
        return self._languages.speller(language, self._words.surface())
