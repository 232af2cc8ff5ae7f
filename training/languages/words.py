"""The table of words of titles: what English words are, and how each language writes and inflects them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from types import MappingProxyType
from typing import Literal, get_args

from common import ConfigError

Language = Literal["fr", "de", "es", "it"]
"""Codes of the languages (ISO 639-1) that titles can be written in."""
WRITTEN: tuple[Language, ...] = get_args(Language)
"""The same, in the order of the table's columns."""
KINDS = ("person", "joint", "shade", "filler", "pack", "colour", "adjective", "loose", "part", "noun")
"""Tables of `words.toml`. `loose` are adjectives that are as often part of a name: Modern Classic."""
GENDERS = {
    "fr": ("m", "f", "mp", "fp"),
    "de": ("m", "f", "n", "p"),
    "es": ("m", "f", "mp", "fp"),
    "it": ("m", "f", "mp", "fp"),
}
"""What a noun of each language ends with in the table."""
ENDINGS = MappingProxyType({"m": "er", "f": "e", "n": "es", "p": "e", "dative": "em"})
"""Endings of a German adjective without an article: of the nominative, and of the neuter's dative."""

_WORD = re.compile(r"[^\W_]+")
_POSSESSIVE = re.compile(r"['’]s\b")


@dataclass(frozen=True, slots=True, eq=False)
class Word:
    """What English words of a title are."""

    kind: str
    """One of `KINDS`."""
    english: str
    """The words, as the table writes the first of them."""
    texts: Mapping[str, tuple[str, ...]]
    """Language -> its alternatives, as the table writes them."""


@lru_cache(maxsize=1)
def words() -> Mapping[str, Word]:
    """Return the word of each English form; the forms are what `word_key` makes of them.

    Raises:
        ConfigError: the table breaks its own rules; the message names the row.
    """
    return parsed(resources.files(__package__).joinpath("words.toml").read_text(encoding="utf-8"))


def parsed(text: str) -> Mapping[str, Word]:
    """Return the words of a table. Raises `ConfigError` as `words` does."""
    found: dict[str, Word] = {}
    plurals: dict[str, Word] = {}
    for kind, rows in tomllib.loads(text).items():
        if kind not in KINDS:
            raise ConfigError(f"words.toml: [{kind}] is no table of words; they are {', '.join(KINDS)}")
        for row, columns in rows.items():
            if len(columns) != len(WRITTEN):
                raise ConfigError(f'words.toml: "{row}" has {len(columns)} texts; write one for each of {WRITTEN}')
            texts: dict[str, tuple[str, ...]] = {
                language: tuple(one.strip() for one in column.split(","))
                for language, column in zip(WRITTEN, columns, strict=True)
            }
            english = [form.strip() for form in row.split(",")]
            word = Word(kind, english[0], MappingProxyType(texts))
            _check(word)
            for form in english:
                key = word_key(form) or form
                if key in found:
                    raise ConfigError(f'words.toml: "{form}" is in two rows; take it out of one')
                found[key] = word
                if kind == "noun":
                    plurals[f"{key}es" if key.endswith(("s", "x", "ch", "sh")) else f"{key}s"] = word
    return MappingProxyType({**plurals, **found})


def _check(word: Word) -> None:
    for language, texts in word.texts.items():
        for text in texts:
            if word.kind == "noun" and text.rpartition(" ")[2] not in GENDERS[language]:
                known = ", ".join(GENDERS[language])
                raise ConfigError(f'words.toml: "{text}" ({language}) of "{word.english}" ends with none of {known}')
            if word.kind in ("colour", "adjective", "loose") and language != "de":
                try:
                    inflected(text, "fp", language)
                except ValueError as error:
                    raise ConfigError(f'words.toml: "{text}" ({language}) of "{word.english}": {error}') from None


def word_key(text: str) -> str:
    """Return the words of a text without case, signs and 's, joined by spaces: `T-Shirt` is `t shirt`.

    Not that of the lexicons: a machine with a GPU that trains by packs has no stemmer.
    """
    return " ".join(_WORD.findall(_POSSESSIVE.sub("", text.casefold())))


def noun(text: str) -> tuple[str, str]:
    """Return a noun of the table without its gender, and the gender: one of `GENDERS`."""
    name, _, gender = text.rpartition(" ")
    return name, gender


def inflected(text: str, gender: str, language: str) -> str:
    """Return an adjective of French, Spanish or Italian as it agrees with a noun.

    Args:
        text: as the table writes it: `uni/e`, `verde/s`, `marrón/marrones`, four whole words, or invariable.
        gender: m, f, mp or fp.
        language: one of `WRITTEN`, not German.

    Raises:
        ValueError: the text follows none of these.
    """
    first, *rest = text.split("/")
    plural, feminine = gender.endswith("p"), gender.startswith("f")
    if not rest:
        return text
    if len(rest) == 3:
        last, _, behind = rest[2].partition(" ")  # `chapado/chapada/chapados/chapadas en oro`
        chosen = [first, rest[0], rest[1], last][2 * plural + feminine]
        return f"{chosen} {behind}" if behind else chosen
    if len(rest) > 1:
        raise ValueError("write one form, two or four")
    (ending,) = rest
    if ending in ("s", "es"):
        return first + ending if plural else first
    if ending == "i":
        return first[:-1] + "i" if plural else first
    if ending == "e" and language == "fr":
        form = first + "e" if feminine else first
        return form + "s" if plural and not form.endswith(("s", "x")) else form
    if ending == "a" and first.endswith("o"):
        endings = ("o", "a", "i", "e") if language == "it" else ("o", "a", "os", "as")
        return first[:-1] + endings[2 * plural + feminine]
    if len(ending) < 3:
        raise ValueError(f'the ending "{ending}" is unknown')
    return ending if plural else first


def stem(text: str) -> str | None:
    """Return what a German adjective of the table adds its endings to; None for one without endings."""
    return text[:-1] if text.endswith("-") else None
