"""The texts of pages in each language, merged from the files of their parts; and which language a visitor reads.

`words/LANG/PART.json` holds a part of the search page, `words/LANG/lab/` those of the laboratory's pages, and
`words/LANG/server/` what the service itself writes into documents. Keys are flat; a text with a number in it is an
object of plural forms as Unicode names them (`one`, `other`).
"""

from __future__ import annotations

import json
from pathlib import Path

LANGUAGES = {"en": "English", "fr": "Français", "de": "Deutsch", "es": "Español", "it": "Italiano"}
"""The languages of the pages, each by its own name; the first one stands in where a text is missing."""
FALLBACK = "en"
PARTS = {"": "*.json", "lab": "lab/*.json", "server": "server/*.json"}
MAX_WISHES = 50
"""Entries of an Accept-Language header that are read."""

Text = str | dict[str, str]


class Words:
    """The texts in `folder`, which has a folder for each language.

    Raises:
        ValueError: two files of a language have the same key, or one is no JSON object.
    """

    def __init__(self, folder: Path) -> None:
        self._texts = {
            (language, part): _merged(sorted((folder / language).glob(files)))
            for language in LANGUAGES
            for part, files in PARTS.items()
        }

    def files(self) -> dict[str, bytes]:
        """Return what browsers load: `words/fr.json`, and beside it `words/fr-lab.json` for the laboratory's pages."""
        return {
            f"words/{language}{f'-{part}' if part else ''}.json": json.dumps(
                texts, ensure_ascii=False, separators=(",", ":")
            ).encode()
            for (language, part), texts in self._texts.items()
            if part != "server"
        }

    def keys(self, language: str, part: str = "") -> dict[str, Text]:
        """Return the texts of one language; `part` is empty, `lab` or `server`."""
        return dict(self._texts[language, part])

    def say(self, language: str, key: str, **values: object) -> str:
        """Return a text that the service writes, in a language, else in English.

        Args:
            language: of `LANGUAGES`.
            key: of a text below `server/`.
            values: what stands in its braces; `count` chooses the plural form.

        Raises:
            KeyError: there is no such text, or a value for it is missing.
        """
        text = self._texts[language, "server"].get(key) or self._texts[FALLBACK, "server"][key]
        if isinstance(text, dict):
            count = values["count"]
            text = text.get("one" if is_one(language, count) else "other", text["other"])
        return text.format(**values)


def is_one(language: str, count: object) -> bool:
    """Return whether a whole number takes the singular (Unicode CLDR: in French, zero does as well)."""
    return count == 1 or (language == "fr" and count == 0)


def language_of(asked: str | None, accepted: str) -> str:
    """Return the language that a visitor reads.

    Args:
        asked: what an address names, such as `fr`; it counts where it is one of ours.
        accepted: the header Accept-Language: its likeliest language of ours, else English.
    """
    if asked in LANGUAGES:
        return asked
    wishes = []
    for place, entry in enumerate(accepted.split(",")[:MAX_WISHES]):
        name, *parameters = entry.split(";")
        language = name.strip().lower().partition("-")[0]
        weight = _weight(parameters)
        if weight > 0:
            wishes.append((-weight, place, FALLBACK if language == "*" else language))
    return next((language for _, _, language in sorted(wishes) if language in LANGUAGES), FALLBACK)


def _weight(parameters: list[str]) -> float:
    """Return the q-value among the parameters of a header's entry; 1 without one, 0 for what is no number."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                weight = float(value)
            except ValueError:
                return 0.0
            return weight if 0 <= weight <= 1 else 0.0
    return 1.0


def _merged(files: list[Path]) -> dict[str, Text]:
    found: dict[str, Text] = {}
    for file in files:
        texts = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(texts, dict) or found.keys() & texts.keys():
            raise ValueError(f"{file}: no object of texts, or one with keys that another file of its language has")
        found |= texts
    return found
