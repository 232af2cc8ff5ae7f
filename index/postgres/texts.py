"""The texts of a catalogue in memory: what reads queries, and knows which products have which words.

Only ids, titles, attributes and their words are held, some 3 kB a product; vectors stay in the database.
"""

from __future__ import annotations

from threading import Lock

from index.language.understand import Languages, Understanding
from index.postgres.catalogue import PostgresCatalogue
from index.vectors.state import IndexState, updated
from index.words.suggest import Completer


class Texts:
    """The texts at one version."""

    def __init__(self, state: IndexState, languages: Languages, before: Texts | None = None) -> None:
        self.state = state
        """Its vectors have no values."""
        self.understanding = Understanding(state.words, languages)
        self.completer: Completer = self.understanding.completer(
            lambda row: state.rows.product(row).title, None if before is None else before.completer
        )


class TextKeeper:
    """The newest texts of an open catalogue, shared by all that search it.

    Args:
        catalogue: open.
        languages: lexicons and spelling.
    """

    def __init__(self, catalogue: PostgresCatalogue, languages: Languages) -> None:
        self.languages = languages
        self._catalogue = catalogue
        self._lock = Lock()
        self._newest: Texts | None = None

    def now(self) -> Texts:
        """Return the texts of now: only what has changed is read.

        Raises:
            DatabaseUnavailableError: the database does not answer.
        """
        newest = self._newest
        if newest is not None and newest.state.version >= self._catalogue.version():
            return newest
        with self._lock:
            newest = self._newest
            changes = None if newest is None else self._catalogue.changes(newest.state.version, vectors=False)
            if newest is None or changes is None:
                state = IndexState.of(self._catalogue.snapshot(vectors=False))
                self._newest = Texts(state, self.languages, newest)
            elif changes.version > newest.state.version:
                self._newest = Texts(updated(newest.state, changes), self.languages, newest)
            assert self._newest is not None  # noqa: S101 - it was just made
            return self._newest
