"""A lexicon: what the forms of a language mean in English, and which of them have a role in the grammar of a query.

Knows the file's format and the analysis of words. Knows no catalogue: the parser
finds the values that English words name.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType

from common import ConfigError, InputError
from index.words.analyse import MAX_WORD, fold, words

LANGUAGES = ("en", "fr", "de", "es", "it")
"""Codes of the languages (ISO 639-1) that have a lexicon of their own."""
KINDS = ("colour", "product", "person", "material", "pattern", "occasion", "season", "feature", "other")
"""Tables of meanings: English words on the left, forms of the language on the right."""
ROLES = ("stop", "not", "and", "or", "less", "more", "between", "to", "years", "currency", "before", "after", "cheaper")
"""Keys of the table `function`: what a form does to the words around it."""
FUNCTION = "function"
"""Name of the table of the roles."""
NAMES, LABELS = "names", "labels"
"""Tables of what a page writes: attributes or values of a catalogue on the left, their text on the right."""
LABELLED = ("colour", "product", "material", "pattern", "occasion", "season")
"""Tables whose keys are written on pages by their first form, where no label says otherwise."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a form means."""

    kind: str
    """One of `KINDS`."""
    english: str
    """English words, as the lexicon writes them."""


@dataclass(frozen=True)
class Lexicon:
    """The forms of one language. A form's key is what `form_key` makes of it."""

    language: str
    """One of `LANGUAGES`."""
    name: str
    """The language's own name of itself."""
    meanings: Mapping[str, tuple[Meaning, ...]]
    """From a form to all that it may mean, in the order of the file."""
    roles: Mapping[str, frozenset[str]]
    """From a form to its roles, each one of `ROLES`."""
    names: Mapping[str, str]
    """From the `label_key` of an attribute to its name on pages."""
    labels: Mapping[str, str]
    """From the `label_key` of a value, or of an attribute and a value, to its text on pages."""
    firsts: Mapping[str, str]
    """From the `label_key` of English words of the tables `LABELLED` to their first form, as it is written."""

    @cached_property
    def longest(self) -> int:
        """Words of the longest form."""
        return max((form.count(" ") + 1 for form in (*self.meanings, *self.roles)), default=0)

    def words(self) -> frozenset[str]:
        """Return the single words of all forms, folded; no signs."""
        return frozenset(word for form in (*self.meanings, *self.roles) for word in form.split() if word.isalnum())


def form_key(form: str) -> str:
    """Return the folded words of a form, joined by spaces: `T-Shirt` is `t shirt`. A sign such as € is its own key.

    A text without a word has the empty key.
    """
    if form.isascii() and form.replace(" ", "").isalnum():  # most forms, and much faster than by the rules of words
        return " ".join(word[:MAX_WORD] for word in form.lower().split())
    found = " ".join(part for word in words(form) for part in word.parts)
    sign = fold(form.strip())
    return sign if not found and len(sign) == 1 and unicodedata.category(sign) == "Sc" else found


def label_key(text: str, attribute: str = "") -> str:
    """Return the key of an attribute's name or of a value, without case, accents, signs and spaces between words.

    Args:
        text: the name or the value.
        attribute: for a value that means something else in this attribute than in others.
    """
    key = form_key(text).replace(" ", "")
    return f"{label_key(attribute)}\0{key}" if attribute else key


def load_lexicon(path: Path) -> Lexicon:
    """Read the lexicon in a file.

    Raises `ConfigError` with the file, the line and what is wrong there.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"the lexicon {path} cannot be read ({error.strerror}); give a TOML file") from error
    return _parsed(content, str(path))


@lru_cache(maxsize=len(LANGUAGES))
def shipped(language: str) -> Lexicon:
    """Return the lexicon that is installed for a language. Raises `InputError` for an unknown one."""
    if language not in LANGUAGES:
        raise InputError(f'there is no lexicon of the language "{language}"; known are {", ".join(LANGUAGES)}')
    name = f"lexicons/{language}.toml"
    return _parsed(resources.files(__package__).joinpath(name).read_bytes(), name)


def merged(lexicon: Lexicon, own: Lexicon) -> Lexicon:
    """Return `lexicon` with a shop's own. What `own` says of a form is all that is said of it, meanings and roles.

    Raises `ConfigError` where the two are of different languages.
    """
    if lexicon.language != own.language:
        raise ConfigError(
            f'a lexicon of the language "{own.language}" cannot extend that of "{lexicon.language}"; '
            f'write language = "{lexicon.language}" into it, or name it for its own language'
        )
    said = own.meanings.keys() | own.roles.keys()
    return Lexicon(
        own.language,
        own.name,
        MappingProxyType(
            {**{form: what for form, what in lexicon.meanings.items() if form not in said}, **own.meanings}
        ),
        MappingProxyType({**{form: what for form, what in lexicon.roles.items() if form not in said}, **own.roles}),
        MappingProxyType({**lexicon.names, **own.names}),
        MappingProxyType({**lexicon.labels, **own.labels}),
        MappingProxyType({**lexicon.firsts, **own.firsts}),
    )


class _Source:
    """The text of a lexicon and its name: finds lines for errors."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.lines = text.splitlines()

    def error(self, problem: str, table: str = "", key: str = "", form: str = "") -> ConfigError:
        """Return the error that names the line of a form of a key of a table, or the nearest that is found."""
        line = self._find(_header(table), 0) if table else 0
        line = self._find(_assignment(table), 0) if table and line is None else line
        if key:
            at = self._find(_assignment(key), line or 0)
            line = line if at is None else at
        if form:
            at = self._find(re.escape(form), line or 0)
            line = line if at is None else at
        return ConfigError(f"{self.name}, line {(line or 0) + 1}: {problem}")

    def _find(self, pattern: str, start: int) -> int | None:
        return next((at for at in range(start, len(self.lines)) if re.search(pattern, self.lines[at])), None)


def _header(table: str) -> str:
    return rf"^\s*\[+\s*[\"']?{re.escape(table)}[\"']?\s*[\].]"


def _assignment(key: str) -> str:
    return rf"^\s*([\"']?){re.escape(key)}\1\s*[=.]|{_header(key)}"


def _parsed(content: bytes, name: str) -> Lexicon:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{name}, line {line}: this is no UTF-8; save the lexicon in that encoding") from None
    source = _Source(name, text)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # The message of `tomllib` ends in "(at line 3, column 7)" or "(at end of document)".
        found = re.search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else max(1, len(source.lines))
        raise ConfigError(f"{name}, line {line}: this is no TOML ({error}); correct it there") from None
    language = _stated(source, tables, "language")
    if language not in LANGUAGES:
        raise source.error(f'the language "{language}" is unknown; known are {", ".join(LANGUAGES)}', table="language")
    meanings: dict[str, dict[Meaning, None]] = {}
    roles: dict[str, set[str]] = {}
    names: dict[str, str] = {}
    labels: dict[str, str] = {}
    firsts: dict[str, str] = {}
    for table, entries in tables.items():
        if table in ("language", "name"):
            continue
        if table in (NAMES, LABELS):
            (names if table == NAMES else labels).update(_texts(source, table, entries))
            continue
        if table != FUNCTION and table not in KINDS:
            known = ", ".join((*KINDS, FUNCTION, NAMES, LABELS))
            raise source.error(f'"{table}" is no part of a lexicon; its tables are {known}', table=table)
        for key, form in _forms(source, table, entries):
            if table == FUNCTION:
                roles.setdefault(form, set()).add(key)
            else:
                meanings.setdefault(form, {})[Meaning(table, key)] = None
        if table in LABELLED:
            firsts.update({label_key(key): forms[0] for key, forms in entries.items() if forms})
    return Lexicon(
        language,
        _stated(source, tables, "name"),
        MappingProxyType({form: tuple(found) for form, found in meanings.items()}),
        MappingProxyType({form: frozenset(found) for form, found in roles.items()}),
        MappingProxyType(names),
        MappingProxyType(labels),
        MappingProxyType(firsts),
    )


def _stated(source: _Source, tables: Mapping[str, object], key: str) -> str:
    value = tables.get(key)
    if not isinstance(value, str) or not value.strip():
        example = 'language = "en"' if key == "language" else 'name = "English"'
        raise source.error(f"a lexicon needs its {key} before its tables, such as {example}", table=key)
    return value


def _forms(source: _Source, table: str, entries: object) -> Iterator[tuple[str, str]]:
    """Yield each key of a table with each of its forms, folded."""
    if not isinstance(entries, dict):
        raise source.error(f'"{table}" must be a table; write [{table}] and its entries below', table=table)
    for key, forms in entries.items():
        if table == FUNCTION and key not in ROLES:
            raise source.error(f'the role "{key}" is unknown; known are {", ".join(ROLES)}', table, key)
        if not form_key(key):
            raise source.error(f'"{key}" has no word in it; write English words on the left', table, key)
        if not isinstance(forms, list):
            raise source.error(f'"{key}" needs a list of forms, such as ["red", "reddish"]', table, key)
        for form in forms:
            if not isinstance(form, str):
                raise source.error(f'"{key}" has the form {form!r}; write a text in quotes', table, key, str(form))
            if not form.strip():
                raise source.error(f'"{key}" has an empty form; write a word or take it out', table, key, f'"{form}"')
            if not (folded := form_key(form)):
                raise source.error(f'the form "{form}" of "{key}" has no word in it; take it out', table, key, form)
            yield key, folded


def _texts(source: _Source, table: str, entries: object, attribute: str = "") -> Iterator[tuple[str, str]]:
    """Yield the key and the text of each entry of a table of texts; one within it is for an attribute."""
    if not isinstance(entries, dict):
        raise source.error(f'"{table}" must be a table; write [{table}] and its entries below', table=table)
    for key, text in entries.items():
        if isinstance(text, dict) and table == LABELS and not attribute:
            yield from _texts(source, table, text, key)
            continue
        if not label_key(key):
            raise source.error(f'"{key}" has no word in it; write what the catalogue has on the left', table, key)
        if not isinstance(text, str) or not text.strip():
            raise source.error(f'"{key}" needs a text, such as "Rouge"', table, key)
        yield label_key(key, attribute), text.strip()
