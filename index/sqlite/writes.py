"""The writing side of an open catalogue: one transaction after another, and nothing acknowledged that could be lost."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from common import ArtefactError, ConflictError, ReplacedError, resource_error
from index.damage import Damage
from index.names import KnownNames
from index.records import Delete, Put, Written
from index.sqlite.edits import roll_back, write_edits
from index.sqlite.picture_files import PictureFiles, picture_mode
from index.sqlite.picture_sweep import sweep, sweep_due
from index.sqlite.rows import attribute_names
from index.sqlite.schema import open_writer, version_of
from index.sqlite.wal import Log


class Writes:
    """Makes edits, one caller at a time, and looks after the log.

    Args:
        file: of the catalogue.
        log_length: changes that a write leaves in the catalogue's table of changes.
        damage: what was found damaged; what is written is no longer.
        replaced: whether the file is no longer in its place.
        reader_away: closes what else this process has open of the file, and opens it again when the block ends.

    Raises:
        ArtefactError: it cannot be opened for writing.
    """

    def __init__(
        self,
        file: Path,
        log_length: int,
        damage: Damage,
        replaced: Callable[[], bool],
        reader_away: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._file = file
        self._log_length = log_length
        self._damage = damage
        self._replaced = replaced
        self._reader_away = reader_away
        self._turn = threading.Lock()
        self._names = KnownNames(lambda since: attribute_names(self.connection, since))
        self._open()
        self._swept = version_of(self.connection)
        permissions = file.stat().st_mode & 0o666  # that of SQLite's own files beside the catalogue
        self._pictures = PictureFiles(file.parent, picture_mode(self.connection), permissions=permissions)

    def _open(self) -> None:
        self.connection = open_writer(self._file)
        version_of(self.connection)
        self._log = Log(self._file)

    def write(self, edits: Sequence[Put | Delete], dim: int) -> list[Written | ConflictError]:
        """As `Catalogue.write`."""
        with self._turn, self._pictures.batch():
            self._mend()
            try:
                self.connection.execute("BEGIN IMMEDIATE")
                try:
                    # Checked under SQLite's write lock, which a build holds too while it replaces the catalogue.
                    if self._replaced() or not self._log.in_place():
                        raise ReplacedError("another catalogue has just taken this one's place; send it again")
                    self._names.check(edits, version_of(self.connection))
                    outcomes = write_edits(self.connection, edits, dim, self._log_length, self._damage, self._pictures)
                    self.connection.execute("COMMIT")
                except BaseException:
                    roll_back(self.connection)
                    raise
                self._log.written(version_of(self.connection))
            except sqlite3.Error as error:
                if resource := resource_error(error):
                    raise resource from error
                raise ArtefactError(f"{self._file} cannot be written ({error}); nothing of this was changed") from error
            self._mend()  # where the log went meanwhile, this is in the file before anybody is told
        self._damage.forget(edit.id for edit, done in zip(edits, outcomes, strict=True) if isinstance(done, Written))
        return outcomes

    def tend(self) -> None:
        """As `Catalogue.tend`."""
        with self._turn:
            self._mend()
            with suppress(sqlite3.Error):  # the log has it still; who writes next is told what is wrong
                self._log.fold(self.connection)
            version = version_of(self.connection)
        if version != self._swept and sweep_due(self._file.parent):
            self._swept = version
            sweep(self._file.parent)

    def _mend(self) -> None:
        """Fold a log that is no longer in its place into the file, and begin a new one.

        Raises:
            DatabaseUnavailableError: that cannot be done.
        """
        if self._log.in_place() or self._replaced():
            return
        self._log.rescue(self.connection)
        with self._reader_away():
            self.connection.close()  # the last one of this process: the next one meets no old index
            self._open()

    def close(self) -> None:
        """Close the file; the last process that does so folds the log into it."""
        with self._turn:
            self.connection.close()
