"""An open catalogue folder: what it holds, its changes and its edits, from any thread.

One file is the truth, so vectors and metadata cannot get out of step. Several processes may read and write it at once;
what one has committed, the others find in the change log. Knows no model and no search.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from common import ArtefactError, ConflictError, NotFoundError, ReadOnlyError
from index.damage import Damage, check_share
from index.opening import check_encoder
from index.product import Product
from index.ranking.calibrate import Calibration, load_calibration, save_calibration
from index.records import LOG_LENGTH, Changes, Delete, Entry, Put, Snapshot, Vectors, Written
from index.sqlite.listing import Listed
from index.sqlite.picture_files import PictureFiles
from index.sqlite.pictures import read_digests, read_picture
from index.sqlite.rows import (
    COLUMNS,
    Chunk,
    DamagedError,
    joined_chunks,
    read_changes,
    read_chunks,
    read_entry_row,
    read_info,
    read_vectors,
    to_entry,
)
from index.sqlite.schema import FILE, file_identity, may_write, open_reader, version_of
from index.sqlite.wal import check_acknowledged
from index.sqlite.writes import Writes


class Catalogue(Listed):
    """An open catalogue folder. Reads may come from any thread; they take turns. So do writes, beside the reads.

    With `writable`, `write` works where the file system allows it; `catalogue.writable` tells. The file is then put
    into write-ahead mode, in which readers and the one writer do not wait for each other.

    Args:
        folder: of the catalogue.
        encoder_id: open it only if its vectors were made by this encoder.
        writable: whether to open it for writing too.
        log_length: changes that a write leaves in the log.

    Raises:
        ArtefactError: folder or file missing, not a catalogue, damaged, of another format version, or made by
            another encoder (names both).
    """

    def __init__(
        self,
        folder: Path,
        *,
        encoder_id: str | None = None,
        writable: bool = False,
        log_length: int = LOG_LENGTH,
    ) -> None:
        if not (folder / FILE).is_file():
            what = f"has no {FILE}" if folder.is_dir() else "does not exist"
            raise ArtefactError(f"{folder} {what}; make a catalogue with `vitrine index`")
        file = (folder / FILE).resolve()
        self._folder = folder
        self._file = file
        self._damage = Damage(folder)
        self._pictures = PictureFiles(file.parent)
        self._lock = threading.RLock()
        self._connection, self._identity = open_reader(file)
        self._writes: Writes | None = None
        try:
            with self._reading() as reading:
                self.info = read_info(reading, folder)
                check_acknowledged(file, reading)
            check_encoder(folder, self.info, encoder_id)
            if writable and may_write(file):
                self._writes = Writes(file, log_length, self._damage, self.replaced, self._reader_away)
        except BaseException:
            self.close()
            raise

    @classmethod
    def open(cls, folder: Path, *, encoder_id: str | None = None, writable: bool = False) -> Catalogue:
        """Open `folder`; as the constructor."""
        return cls(folder, encoder_id=encoder_id, writable=writable)

    @property
    def folder(self) -> Path:
        """Where it stands."""
        return self._folder

    @property
    def build(self) -> str:
        """Name of the file that is open: every build has its own."""
        return self._file.stem

    @property
    def writable(self) -> bool:
        """Whether `write` can work."""
        return self._writes is not None

    def replaced(self) -> bool:
        """Whether the file that is open is no longer in its place."""
        try:
            return file_identity(self._folder / FILE) != self._identity
        except OSError:
            return True

    def write(self, edits: Sequence[Put | Delete]) -> list[Written | ConflictError]:
        """Make `edits` in order, in one transaction; return what each did once all of them are safe on the disk.

        An edit whose condition does not hold is left out, and its ConflictError is returned; the others are made. An
        edit that changes nothing succeeds, whatever its condition.

        Raises:
            InputError: an entry that cannot be stored; nothing is changed.
            ReadOnlyError: the catalogue cannot be written here.
            ReplacedError: another catalogue has taken this one's place; nothing is changed.
            NoSpaceError: the disk is full; nothing is changed.
            DatabaseUnavailableError: the log beside the file is gone, and cannot be made again.
            ArtefactError: the file is damaged; nothing is changed.
        """
        if self._writes is None:
            raise ReadOnlyError("the catalogue stands on a file system or in a folder that cannot be written")
        return self._writes.write(edits, self.info.dim)

    def tend(self) -> None:
        """Look after the files of a catalogue that is being served; to be called several times a second.

        The log is folded into the file when nobody has written for a while, and when its name is gone.

        Raises:
            DatabaseUnavailableError: the log is gone, and what is in it cannot be folded into the file.
        """
        if self._writes is not None:
            self._writes.tend()

    @contextmanager
    def _reader_away(self) -> Iterator[None]:
        with self._lock:
            self._connection.close()
            try:
                yield
            finally:
                self._connection, self._identity = open_reader(self._file)

    def changes(self, since: int) -> Changes | None:
        """Return what has changed after version `since`; None when the log does not go back so far.

        Raises:
            ArtefactError: the file is damaged.
        """
        with self._moment() as connection:
            return read_changes(connection, since, self.info.dim, self._damage)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection to one thread at a time; what SQLite finds wrong becomes an ArtefactError."""
        with self._lock:
            try:
                yield self._connection
            except (sqlite3.Error, DamagedError) as error:
                raise ArtefactError(
                    f"{self._folder / FILE} cannot be read as a catalogue ({error});"
                    " make a new one with `vitrine index`"
                ) from error

    @contextmanager
    def _moment(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection in a transaction: all that is read in it is of one moment."""
        with self._reading() as connection:
            if connection.in_transaction:
                yield connection
                return
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")

    def version(self) -> int:
        """Return the last sequence number of the change log; 0 for a catalogue as it was built."""
        with self._reading() as connection:
            return version_of(connection)

    def __len__(self) -> int:
        with self._reading() as connection:
            (count,) = connection.execute("SELECT count(*) FROM products").fetchone()
        return int(count)

    def product(self, product_id: str) -> Product:
        """Return one product; as `entry`."""
        return self.get_with_digest(product_id)[0]

    def get_with_digest(self, product_id: str) -> tuple[Product, str]:
        """Return one product and its digest; as `entry`."""
        entry, digest = self.entry(product_id)
        return entry.product, digest

    def image(self, product_id: str, number: int = 0) -> bytes:
        """Return a picture of one product as it was delivered, the first one for number 0.

        Raises:
            NotFoundError: no product of that id, or no such picture of it.
            DamagedProductError: it is not what was stored.
        """
        with self._pictures.held(), self._moment() as connection:
            found = read_picture(connection, product_id, number, self._damage, self._pictures)
            return self.entry(product_id)[0].image if found is None else found

    def picture_digests(self, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return the digests, as `picture_digest`, of the pictures of those of these products that are there."""
        with self._moment() as connection:
            return read_digests(connection, ids)

    def entry(self, product_id: str) -> tuple[Entry, str]:
        """Return one product with its picture and vectors, and its digest: all of one moment.

        Raises:
            NotFoundError: no product of that id.
            DamagedProductError: it is not what was stored.
        """
        with self._pictures.held():
            with self._moment() as connection:
                found = read_entry_row(connection, product_id)
            if found is None:
                raise NotFoundError(f"no product has the id {product_id!r}; search to find the ids there are")
            return to_entry(*found, self.info.dim, self._damage, self._pictures)

    def damaged(self) -> Mapping[str, str]:
        """Return the damaged products that were met since this was opened: id -> what is wrong."""
        return self._damage.reasons()

    @contextmanager
    def stream(self) -> Iterator[tuple[int, int, Iterator[Chunk]]]:
        """Yield the version, how many products there are, and those that are sound in chunks, as they are now.

        Other readers wait meanwhile.

        Raises:
            ArtefactError: while the chunks are read: the file is damaged.
        """
        with self._moment() as connection:
            rows = connection.execute(f"SELECT {COLUMNS} FROM products ORDER BY position")  # noqa: S608 - our own words
            yield version_of(connection), len(self), read_chunks(rows, self.info.dim, self._damage)

    def snapshot(self) -> Snapshot:
        """Read everything but the pictures and damaged products, in one transaction.

        Raises:
            ArtefactError: the file is damaged, or most of the products are.
        """
        with self.stream() as (version, count, chunks):
            products, vectors, further, hubs = joined_chunks(chunks, count, self.info.dim)
        check_share(self._folder / FILE, len(products), count)
        return Snapshot(self.info, version, products, vectors[0], vectors[1], self.gone_names(), further, hubs)

    def vectors_as_of(self, product_id: str, version: int) -> Vectors | None:
        """Return the vectors (2 + M, D) of a product: picture, text, M further pictures.

        None when it is not there, or was put in after `version`.
        """
        with self._moment() as connection:
            return read_vectors(connection, product_id, version)

    def calibration(self) -> Calibration:
        """Return what the scores of its encoder are worth; what is shipped, where it was not measured.

        Raises:
            ArtefactError: the file is damaged.
        """
        return load_calibration(self.folder, self.info.encoder_id)

    def save_calibration(self, calibration: Calibration) -> None:
        """Keep what the scores of its encoder are worth beside it; searches that are opened from now on say it."""
        save_calibration(self.folder, calibration)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()
        if self._writes is not None:
            self._writes.close()  # last: it folds the log into the file, which the other one may not

    def __enter__(self) -> Catalogue:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
