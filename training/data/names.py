"""The names in one folder, and which of them another system's spelling means: accents, case, a missing suffix.

Knows no path and opens nothing.
"""

from __future__ import annotations

import posixpath
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from training.data.pictures import is_picture
from training.data.tree import Listing


class Names:
    """The names in a folder. An exact name wins, then one of the same composed form, then one of other case.

    Only a name that is the single one of its form is taken: `A.jpg` and `a.jpg` do not stand for each other.
    """

    def __init__(self, listing: Listing) -> None:
        self._listing = listing

    def folder(self, name: str) -> str | None:
        """Return the folder that `name` means."""
        return _single(name, self._folders)

    def file(self, name: str) -> str | None:
        """Return the file that `name` means, with or without its suffix."""
        if found := _single(name, self._files):
            return found
        stem = _single(name, self._pictures)
        return None if stem is None else self.stems[stem]

    def of_id(self, id_: str) -> tuple[str | None, bool]:
        """Return (the picture named after an id, whether its name is exactly that)."""
        for stem in (id_, f"{id_}.0"):
            if stem in self.stems:
                return self.stems[stem], True
        alike = _single(id_, self._pictures)
        if alike is None and id_.isdecimal():  # a spreadsheet took the zeros in front away
            numbered = self._numbers.get(int(id_[:100]), [])
            alike = numbered[0] if len(numbered) == 1 else None
        return (None if alike is None else self.stems[alike]), False

    @cached_property
    def stems(self) -> dict[str, str]:
        """The pictures by name without suffix: of several the JPEG, else the first. Bare names are among them."""
        stems: dict[str, str] = {}
        for name in sorted(self._listing.pictures, key=lambda one: (not one.lower().endswith(".jpg"), one)):
            stem, suffix = posixpath.splitext(name)
            if is_picture(name):
                stems.setdefault(stem, name)
            elif not suffix:
                stems.setdefault(name, name)
        return stems

    @cached_property
    def _numbers(self) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        for stem in self.stems:
            if stem.isdecimal() and len(stem) < 100:
                found.setdefault(int(stem), []).append(stem)
        return found

    @cached_property
    def _folders(self) -> dict[str, list[str]]:
        return _by_form(self._listing.folders)

    @cached_property
    def _files(self) -> dict[str, list[str]]:
        return _by_form(self._listing.pictures)

    @cached_property
    def _pictures(self) -> dict[str, list[str]]:
        return _by_form(self.stems)


def _forms(name: str) -> tuple[str, str]:
    composed = unicodedata.normalize("NFC", name)
    return f"={composed}", unicodedata.normalize("NFC", composed.casefold())


def _by_form(names: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        for form in _forms(name):
            found.setdefault(form, []).append(name)
    return found


def _single(name: str, by_form: Mapping[str, Sequence[str]]) -> str | None:
    return next((by_form[form][0] for form in _forms(name) if len(by_form.get(form, ())) == 1), None)
