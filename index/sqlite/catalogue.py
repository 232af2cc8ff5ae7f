"""The catalogue folder: `catalogue.sqlite` holds products, pictures, both vectors and the encoder id.

One file is the truth, so vectors and metadata cannot get out of step. Several processes may read and write it at once;
what one has committed, the others find in the change log. The name is a link to a file of the build's own name: SQLite
finds a log by the name of its database, and the log of a catalogue that was replaced must never meet the new one.
Knows no model and no search.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import shutil
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from common import ArtefactError, ConflictError, InputError, NotFoundError, ReadOnlyError, ReplacedError
from index.product import SPLITS, Product, SplitRule

FILE = "catalogue.sqlite"
BUILD = "catalogue-{}.sqlite"
REPLACED_KEPT_S = 60.0
"""How long a catalogue that was replaced is kept for those who have it open, in seconds; the last one always is."""
FORMAT = 2
UNIT_TOLERANCE = 1e-3
"""How far the length of a stored vector may be from 1; half-precision encoders stay well within."""

ABANDONED_AFTER_S = 24 * 3600.0
"""Age, in seconds, from which a build that was never finished was killed, and is cleared away by the next one."""

LOG_LENGTH = 100_000
"""Changes that are kept in the log; who is further behind reads the whole catalogue again."""

BUSY_S = 10.0
"""Longest that a write waits for another process's write, in seconds."""

# `position` keeps the order through VACUUM; a product that is replaced goes to the end. `seq` is the change that last
# touched a product: 0 for everything the build itself put there, which the log therefore does not repeat. `digest`
# names what a client sees of a product. The picture comes last, so that reading the other columns does not walk
# through the pages of a large picture.
SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE products (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    split TEXT NOT NULL,
    attributes TEXT NOT NULL,
    seq INTEGER NOT NULL,
    digest TEXT NOT NULL,
    image_vector BLOB NOT NULL,
    text_vector BLOB NOT NULL,
    image BLOB NOT NULL
);
CREATE INDEX changed_products ON products (seq) WHERE seq > 0;
CREATE TABLE changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    product_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('put', 'delete'))
);
"""
INSERT = (
    "INSERT OR {otherwise} INTO products (id, title, split, attributes, seq, digest, image_vector, text_vector, image)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)

COLUMNS = "image_vector, text_vector, id, title, split, attributes"
"""What a search needs of a product, in the order of the table: the pictures are not read past."""

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class CatalogueInfo:
    """What a catalogue says of itself."""

    encoder_id: str
    """Id of the checkpoint whose vectors these are."""
    dim: int
    """D, the length of a vector."""
    source: str
    """Name of the data set."""
    split: SplitRule
    """How titles were dealt out."""
    created: str
    """When it was built: ISO 8601, UTC."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One product with everything that belongs to it."""

    product: Product
    image: bytes
    """The picture as delivered (JPEG, PNG, ...)."""
    image_vector: Vectors
    """(D,) of unit length."""
    text_vector: Vectors
    """(D,) of unit length."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole catalogue at one moment, without pictures. The arrays are read-only: threads share them."""

    info: CatalogueInfo
    version: int
    """Last sequence number of the change log; 0 for a catalogue as it was built."""
    products: list[Product]
    """N, in insertion order."""
    image_vectors: Vectors
    """(N, D) C-contiguous."""
    text_vectors: Vectors
    """(N, D) C-contiguous."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What has become of a catalogue since some version."""

    version: int
    """The change that these lead to."""
    removed: list[str]
    """Ids of all products that were touched; those that still exist come again in `products`."""
    products: list[Product]
    """M products as they are now, in the catalogue's order."""
    image_vectors: Vectors
    """(M, D)."""
    text_vectors: Vectors
    """(M, D)."""


@dataclass(frozen=True, slots=True)
class Put:
    """Put a product in, in place of what has its id; `expected` as in `Delete`; `absent`: only if there is none."""

    entry: Entry
    expected: frozenset[str] | None = None
    absent: bool = False

    @property
    def id(self) -> str:
        """Whose change this is."""
        return self.entry.product.id


@dataclass(frozen=True, slots=True)
class Delete:
    """Take a product out; with `expected`, only if the digest of what is there is one of these ("*": any)."""

    id: str
    expected: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What an edit came to."""

    digest: str | None
    """Of the product as it is now; None: there is none."""
    version: int
    """The catalogue's version with this edit in it."""
    created: bool = False
    """Whether there was no such product before."""
    changed: bool = True
    """Whether there was anything to do."""


def etag_of(product: Product, image: bytes) -> str:
    """Return the name of a product's content, an entity tag: the same content has the same name, in any catalogue."""
    content = json.dumps([product.title, sorted(product.attributes.items())], ensure_ascii=False)
    found = hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16)
    found.update(b"\0" + image)
    return found.hexdigest()


def conflict_of(edit: Put | Delete, before: str | None) -> ConflictError | None:
    """Return why an edit's condition does not hold; `before` is the product's digest, None when there is none."""
    if edit.expected is not None and before not in edit.expected and not (before and "*" in edit.expected):
        now = f"it is now {before}" if before else "there is none now"
        return ConflictError(f"product {edit.id!r} has changed since you read it: {now}; read it again")
    if isinstance(edit, Put) and edit.absent and before is not None:
        return ConflictError(f"product {edit.id!r} exists already; send the change without If-None-Match")
    return None


class CatalogueWriter:
    """Builds a catalogue folder; leaving the `with` block without an error moves it into place.

    Until then nothing stands under the folder's name that was not there before, and after an error nothing is
    left. An earlier catalogue of that name is replaced. With `encode`, what others have changed in that one since this
    build began is carried over: nothing that a running service acknowledged in the meantime is lost.

    Args:
        folder: where the catalogue goes.
        info: what it says of itself.
        encode: from products and their pictures to entries; may leave out a picture that it cannot read.

    Raises:
        ArtefactError: on entering, when the folder holds something other than a catalogue; on leaving, when the
            file could not be written (disk full).
    """

    def __init__(
        self,
        folder: Path,
        info: CatalogueInfo,
        encode: Callable[[Sequence[tuple[Product, bytes]]], Iterable[Entry]] | None = None,
    ) -> None:
        self._folder = folder.resolve()
        self._info = info
        self._encode = encode
        self._build = self._building()

    def __enter__(self) -> CatalogueWriter:
        self._connection = self._build.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._build.__exit__(kind, error, trace)

    @contextmanager
    def _building(self) -> Iterator[sqlite3.Connection]:
        folder = self._folder
        if folder.exists() and not (folder / FILE).exists() and (folder.is_file() or any(folder.iterdir())):
            raise ArtefactError(
                f"{folder} exists and is no catalogue; give a new or empty folder: what is there would be lost"
            )
        before = _current_build(folder) if self._encode is not None else None
        name = uuid.uuid4().hex[:12]
        for left in folder.parent.glob(f".{glob.escape(folder.name)}.*.partial"):
            if time.time() - left.stat().st_mtime > ABANDONED_AFTER_S:
                shutil.rmtree(left, ignore_errors=True)
        beside = folder.with_name(f".{folder.name}.{name}.partial")
        beside.mkdir(parents=True)
        try:
            with ExitStack() as after_the_swap:
                # One transaction in the default rollback mode: its commit syncs the data and leaves a single
                # file, which can be read from a read-only file system.
                build = beside / BUILD.format(name)
                with closing(sqlite3.connect(build, isolation_level=None)) as connection:
                    connection.executescript(SCHEMA)
                    connection.execute("BEGIN")
                    meta = {"format": FORMAT, **asdict(self._info)}
                    connection.executemany(
                        "INSERT INTO meta VALUES (?, ?)",
                        [(key, json.dumps(value)) for key, value in meta.items()],
                    )
                    yield connection
                    if self._encode is not None and (folder / FILE).is_file():
                        self._replay_changes((folder / FILE).resolve(), before, connection, after_the_swap)
                    connection.execute("COMMIT")
                (beside / FILE).symlink_to(build.name)
                _put_in_place(beside, build, folder)
        except sqlite3.OperationalError as error:
            raise ArtefactError(f"{folder}: the catalogue cannot be written ({error}); make room and retry") from error
        finally:
            shutil.rmtree(beside, ignore_errors=True)

    def add(self, entries: Iterable[Entry]) -> None:
        """Append `entries` in order.

        Raises:
            InputError: an id that is there already, an unknown split, or a vector that is not (D,) float32,
                finite and of unit length; names the product.
        """
        for entry in entries:
            try:
                self._connection.execute(INSERT.format(otherwise="ABORT"), _row(entry, self._info.dim, 0))
            except sqlite3.IntegrityError:
                raise InputError(
                    f"product id {entry.product.id!r} comes twice; every product needs an id of its own"
                ) from None

    def _replay_changes(
        self, file: Path, before: tuple[Path, int] | None, connection: sqlite3.Connection, after_the_swap: ExitStack
    ) -> None:
        """Repeat here what was changed in `file` since the build began, and lock that file until the swap is done.

        `before` is the file that was in place then, and its version. If another build has come in between, all that was
        changed since that one was made is repeated. The first round is taken without the lock, so that the second has
        little left to encode while others wait. A service that gets the lock after the swap sees that its file is no
        longer in place (`Catalogue.write`).
        """
        if _current_build(file.parent) is None:
            return  # damaged, or of another format: there is nothing to keep of it
        old = after_the_swap.enter_context(closing(_connect(file, "rw")))
        old.execute("PRAGMA busy_timeout = 60000")
        done = before[1] if before is not None and before[0] == file else 0
        for last in (False, True):
            if last:
                old.execute("BEGIN IMMEDIATE")
                after_the_swap.callback(old.rollback)
            (until,) = old.execute("SELECT coalesce(max(seq), 0) FROM changes").fetchone()
            changed = old.execute(
                "SELECT product_id FROM changes WHERE seq > ? AND seq <= ? GROUP BY product_id ORDER BY max(seq)",
                (done, until),
            ).fetchall()
            done = until
            for start in range(0, len(changed), 64):
                ids = [product_id for (product_id,) in changed[start : start + 64]]
                marks = ", ".join("?" * len(ids))
                connection.execute(f"DELETE FROM products WHERE id IN ({marks})", ids)  # noqa: S608 - question marks
                rows = old.execute(
                    f"SELECT id, title, attributes, image FROM products WHERE id IN ({marks}) ORDER BY position",  # noqa: S608
                    ids,
                ).fetchall()
                kept = [
                    (Product(row[0], row[1], json.loads(row[2]), self._info.split.of(row[1])), bytes(row[3]))
                    for row in rows
                ]
                if kept and self._encode is not None:
                    self.add(self._encode(kept))


def _current_build(folder: Path) -> tuple[Path, int] | None:
    """Return the file of the catalogue in `folder` and its version; None when there is none that we can read."""
    try:
        file = (folder / FILE).resolve(strict=True)
        with closing(_connect(file, "ro")) as connection:
            (found,) = connection.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()
            (version,) = connection.execute("SELECT coalesce(max(seq), 0) FROM changes").fetchone()
        return (file, int(version)) if json.loads(found) == FORMAT else None
    except (OSError, sqlite3.Error, TypeError, ValueError):
        return None


def _put_in_place(beside: Path, build: Path, folder: Path) -> None:
    """Move a finished build into `folder` and point the name at it: whoever opens it finds the old one or the new.

    The names are synced too, before anybody can write to the new one: after a loss of power the old one would otherwise
    be back, without what was acknowledged since.
    """
    if not (folder / FILE).exists():
        if folder.exists():
            folder.rmdir()
        _sync_names(beside)
        beside.rename(folder)
        _sync_names(folder.parent)
        return
    before = (folder / FILE).resolve()
    build.rename(folder / build.name)
    _sync_names(folder)
    (beside / FILE).replace(folder / FILE)
    _sync_names(folder)
    for old in folder.glob(BUILD.format("*")):
        if old not in (before, folder / build.name) and time.time() - old.stat().st_mtime > REPLACED_KEPT_S:
            for end in ("", "-wal", "-shm"):
                old.with_name(old.name + end).unlink(missing_ok=True)


def _sync_names(folder: Path) -> None:
    """Put on the disk what stands under which name in a folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _connect(file: Path, mode: str, *, immutable: bool = False) -> sqlite3.Connection:
    """Open an SQLite file: "ro" or "rw"; without either it would be made when it is missing."""
    return sqlite3.connect(
        f"{file.as_uri()}?mode={mode}{'&immutable=1' if immutable else ''}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=BUSY_S,
    )


def _row(entry: Entry, dim: int, seq: int) -> tuple[Any, ...]:
    """Return the values of `INSERT` for an entry, after checking it."""
    product = entry.product
    if product.split not in SPLITS:
        raise InputError(f"product {product.id!r}: split is {product.split!r}; it must be one of {list(SPLITS)}")
    return (
        product.id,
        product.title,
        product.split,
        json.dumps(dict(product.attributes), ensure_ascii=False),
        seq,
        etag_of(product, entry.image),
        checked_vector(entry.image_vector, dim, product.id, "image").tobytes(),
        checked_vector(entry.text_vector, dim, product.id, "text").tobytes(),
        entry.image,
    )


def checked_vector(vector: Vectors, dim: int, product_id: str, name: str) -> Vectors:
    """Return (D,) `vector` as little-endian float32, after checking it.

    Raises:
        InputError: of another length or type, not finite, or not of unit length; names the product.
    """
    if vector.shape != (dim,) or vector.dtype != np.float32:
        raise InputError(
            f"product {product_id!r}: the {name} vector is {vector.shape} {vector.dtype};"
            f" the catalogue needs ({dim},) float32"
        )
    if not np.isfinite(vector).all():
        raise InputError(f"product {product_id!r}: the {name} vector is not finite; check the encoder")
    length = float(np.sqrt(np.dot(vector, vector)))
    if abs(length - 1) > UNIT_TOLERANCE:
        raise InputError(f"product {product_id!r}: the {name} vector has length {length:.4g}; normalise it to 1")
    return vector.astype("<f4", copy=False)


class Catalogue:
    """An open catalogue folder. Reads may come from any thread; they take turns. So do writes, beside the reads."""

    info: CatalogueInfo

    def __init__(self, folder: Path, file: Path, connection: sqlite3.Connection, identity: tuple[int, int]) -> None:
        """Use `Catalogue.open`, which checks what it opens."""
        self._folder = folder
        self._build = file.stem
        self._connection = connection
        self._identity = identity
        self._lock = threading.RLock()
        self._writer: sqlite3.Connection | None = None
        self._write_lock = threading.Lock()
        self.info = self._read_info()

    @classmethod
    def open(cls, folder: Path, *, encoder_id: str | None = None, writable: bool = False) -> Catalogue:
        """Open `folder`; with `encoder_id`, only if its vectors were made by that encoder.

        With `writable`, `write` works where the file system allows it; `catalogue.writable` tells. The file is then put
        into write-ahead mode, in which readers and the one writer do not wait for each other.

        Raises:
            ArtefactError: folder or file missing, not a catalogue, damaged, of another format version, or made by
                another encoder (names both).
        """
        file = folder / FILE
        if not file.is_file():
            what = f"has no {FILE}" if folder.is_dir() else "does not exist"
            raise ArtefactError(f"{folder} {what}; make a catalogue with `vitrine index`")
        file = file.resolve()
        may_write = os.access(folder, os.W_OK) and os.access(file, os.W_OK)
        # A file in write-ahead mode cannot be read where its companion files cannot be made, unless SQLite is told that
        # nobody changes it; without a log beside it all of it is in the file.
        immutable = not may_write and not file.with_name(f"{file.name}-wal").exists()
        try:
            identity = _identity(file)
            connection = _connect(file, "ro", immutable=immutable)
        except (sqlite3.Error, OSError) as error:
            raise ArtefactError(f"{file} cannot be opened ({error}); check its permissions") from error
        catalogue = None
        try:
            catalogue = cls(folder, file, connection, identity)
            if encoder_id not in (None, catalogue.info.encoder_id):
                raise ArtefactError(
                    f"{folder} was made with encoder {catalogue.info.encoder_id}, but the checkpoint is"
                    f" {encoder_id}; use the other checkpoint, or make the catalogue anew with `vitrine index`"
                )
            if writable and may_write:
                catalogue._open_writer(file)
        except BaseException:
            (catalogue or connection).close()
            raise
        return catalogue

    def _open_writer(self, file: Path) -> None:
        try:
            self._writer = _connect(file, "rw")
            end = time.monotonic() + BUSY_S
            while True:
                try:
                    self._writer.execute("PRAGMA journal_mode = WAL")
                    break
                except sqlite3.OperationalError:  # another process is just doing the same; SQLite does not wait here
                    if time.monotonic() > end:
                        raise
                    time.sleep(0.01)
            # An acknowledged write is on the disk: the log is synced at every commit.
            self._writer.execute("PRAGMA synchronous = FULL")
        except sqlite3.Error as error:
            raise ArtefactError(f"{file} cannot be opened for writing ({error}); check its permissions") from error

    @property
    def folder(self) -> Path:
        """Where it stands."""
        return self._folder

    @property
    def build(self) -> str:
        """Name of the file that is open: every build has its own."""
        return self._build

    @property
    def writable(self) -> bool:
        """Whether `write` can work."""
        return self._writer is not None

    def replaced(self) -> bool:
        """Whether another file stands in the place of the one that is open, or none."""
        try:
            return _identity(self._folder / FILE) != self._identity
        except OSError:
            return True

    def write(self, edits: Sequence[Put | Delete]) -> list[Written | ConflictError]:
        """Carry out `edits` in order, in one transaction, and return what each came to once all is safe on the disk.

        An edit whose condition does not hold is left out and gets its ConflictError; the others are made. Putting in
        what is there already, or taking out what is not there, changes nothing and succeeds, whatever the condition
        (RFC 9110, section 13.1.1): a caller who did not hear the answer may send the edit again.

        Raises:
            InputError: an entry that cannot be stored; nothing is changed.
            ReadOnlyError: the catalogue cannot be written here.
            ReplacedError: another catalogue has taken this one's place; nothing is changed.
            ArtefactError: the disk is full, or the file damaged; nothing is changed.
        """
        if self._writer is None:
            raise ReadOnlyError("the catalogue stands on a file system or in a folder that cannot be written")
        with self._write_lock:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                try:
                    # Under the lock that whoever replaces the catalogue holds too.
                    if self.replaced():
                        raise ReplacedError("another catalogue has just taken this one's place; send it again")
                    outcomes = [self._write_one(self._writer, edit) for edit in edits]
                    (version,) = self._writer.execute("SELECT coalesce(max(seq), 0) FROM changes").fetchone()
                    self._writer.execute("DELETE FROM changes WHERE seq <= ?", (version - LOG_LENGTH,))
                    self._writer.execute("COMMIT")
                except BaseException:
                    with suppress(sqlite3.Error):
                        self._writer.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise ArtefactError(
                    f"{self._folder / FILE} cannot be written ({error}); nothing of this was changed"
                ) from error
        return [replace(o, version=version) if isinstance(o, Written) else o for o in outcomes]

    def _write_one(self, connection: sqlite3.Connection, edit: Put | Delete) -> Written | ConflictError:
        found = connection.execute("SELECT digest FROM products WHERE id = ?", (edit.id,)).fetchone()
        before = None if found is None else str(found[0])
        after = etag_of(edit.entry.product, edit.entry.image) if isinstance(edit, Put) else None
        if before == after:
            return Written(after, 0, changed=False)
        conflict = conflict_of(edit, before)
        if conflict is not None:
            return conflict
        kind = "put" if isinstance(edit, Put) else "delete"
        seq = connection.execute("INSERT INTO changes (product_id, kind) VALUES (?, ?)", (edit.id, kind)).lastrowid
        if isinstance(edit, Put):
            connection.execute(INSERT.format(otherwise="REPLACE"), _row(edit.entry, self.info.dim, int(seq or 0)))
        else:
            connection.execute("DELETE FROM products WHERE id = ?", (edit.id,))
        return Written(after, 0, created=isinstance(edit, Put) and before is None)

    def changes(self, since: int) -> Changes | None:
        """Return what has become of the catalogue after version `since`; None when the log does not go back so far.

        Raises:
            ArtefactError: the file is damaged.
        """
        with self._reading() as connection:
            connection.execute("BEGIN")
            try:
                version = self.version()
                (first,) = connection.execute("SELECT coalesce(min(seq), 1) FROM changes").fetchone()
                if since > version or (since < version and first > since + 1):
                    return None
                removed = [
                    str(product_id)
                    for (product_id,) in connection.execute(
                        "SELECT DISTINCT product_id FROM changes WHERE seq > ?", (since,)
                    )
                ]
                rows = connection.execute(
                    f"SELECT {COLUMNS} FROM products WHERE seq > 0 AND seq > ? ORDER BY position",  # noqa: S608 - our words
                    (since,),
                )
                pieces = list(self._chunks(rows))
            finally:
                connection.execute("ROLLBACK")
        products = [product for some, _ in pieces for product in some]
        none = np.empty((2, 0, self.info.dim), dtype=np.float32)
        images, texts = np.concatenate([none, *(vectors for _, vectors in pieces)], axis=1)
        return Changes(version, removed, products, images, texts)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection to one thread at a time; what SQLite finds wrong becomes an ArtefactError."""
        with self._lock:
            try:
                yield self._connection
            except sqlite3.Error as error:
                raise self._unusable(str(error)) from error

    def _unusable(self, why: str) -> ArtefactError:
        return ArtefactError(
            f"{self._folder / FILE} cannot be read as a catalogue ({why}); make it anew with `vitrine index`"
        )

    def _read_info(self) -> CatalogueInfo:
        with self._reading() as connection:
            rows = connection.execute("SELECT key, value FROM meta").fetchall()
        try:
            meta: dict[str, Any] = {key: json.loads(value) for key, value in rows}
            found = meta.pop("format")
            if found != FORMAT:
                raise ArtefactError(
                    f"{self._folder} is a catalogue of format {found}, this version reads format {FORMAT};"
                    " make it anew with `vitrine index`"
                )
            return CatalogueInfo(**{**meta, "split": SplitRule(**meta["split"])})
        except (KeyError, TypeError, ValueError) as error:
            raise self._unusable(f"its description is incomplete: {error!r}") from error

    def version(self) -> int:
        """Return the last sequence number of the change log; 0 for a catalogue as it was built."""
        with self._reading() as connection:
            (version,) = connection.execute("SELECT coalesce(max(seq), 0) FROM changes").fetchone()
        return int(version)

    def __len__(self) -> int:
        with self._reading() as connection:
            (count,) = connection.execute("SELECT count(*) FROM products").fetchone()
        return int(count)

    def product(self, product_id: str) -> Product:
        """Return one product.

        Raises:
            NotFoundError: no product of that id.
        """
        return self.get_with_etag(product_id)[0]

    def get_with_etag(self, product_id: str) -> tuple[Product, str]:
        """Return one product and its digest.

        Raises:
            NotFoundError: no product of that id.
        """
        *fields, digest = self._one("id, title, split, attributes, digest", product_id)
        return self._to_product(*fields), str(digest)

    def image(self, product_id: str) -> bytes:
        """Return the picture of one product as it was delivered.

        Raises:
            NotFoundError: no product of that id.
        """
        (image,) = self._one("image", product_id)
        return bytes(image)

    def entry(self, product_id: str) -> tuple[Entry, str]:
        """Return one product with its picture and vectors, and its digest: all of one moment.

        Raises:
            NotFoundError: no product of that id.
        """
        found = self._one("id, title, split, attributes, image, image_vector, text_vector, digest", product_id)
        image, text = (np.frombuffer(blob, dtype="<f4").astype(np.float32) for blob in found[5:7])
        return Entry(self._to_product(*found[:4]), bytes(found[4]), image, text), str(found[7])

    def _one(self, columns: str, product_id: str) -> tuple[Any, ...]:
        with self._reading() as connection:
            row: tuple[Any, ...] | None = connection.execute(
                f"SELECT {columns} FROM products WHERE id = ?",  # noqa: S608 - the columns are our own words
                (product_id,),
            ).fetchone()
        if row is None:
            raise NotFoundError(f"no product has the id {product_id!r}; search to find the ids there are")
        return row

    def _to_product(self, product_id: str, title: str, split: str, attributes: str) -> Product:
        if split not in SPLITS:
            raise self._unusable(f"product {product_id!r} has the unknown split {split!r}")
        try:
            return Product(product_id, title, json.loads(attributes), split)
        except ValueError as error:
            raise self._unusable(f"product {product_id!r} has damaged attributes") from error

    @contextmanager
    def stream(self) -> Iterator[tuple[int, int, Iterator[tuple[list[Product], Vectors]]]]:
        """Yield the version, how many products there are, and all of them in pieces, as they are at this moment.

        A piece is products and their vectors (2, n, D), image and text. Others wait for their turn to read meanwhile.

        Raises:
            ArtefactError: while the pieces are read: a vector or a product is damaged.
        """
        with self._reading() as connection:
            connection.execute("BEGIN")
            try:
                rows = connection.execute(f"SELECT {COLUMNS} FROM products ORDER BY position")  # noqa: S608 - our words
                yield self.version(), len(self), self._chunks(rows)
            finally:
                connection.execute("ROLLBACK")

    def snapshot(self) -> Snapshot:
        """Read everything but the pictures, in one transaction.

        Raises:
            ArtefactError: a vector is damaged.
        """
        with self.stream() as (version, count, pieces):
            # Filled in pieces, so that the blobs of all products never exist at once.
            vectors = np.empty((2, count, self.info.dim), dtype=np.float32)
            products: list[Product] = []
            for some, found in pieces:
                vectors[:, len(products) : len(products) + len(some)] = found
                products.extend(some)
        vectors.flags.writeable = False
        return Snapshot(self.info, version, products, vectors[0], vectors[1])

    def vectors_as_of(self, product_id: str, version: int) -> tuple[Vectors, Vectors] | None:
        """Return both vectors of a product; None when it is not there, or was put in after `version`."""
        with self._reading() as connection:
            found = connection.execute(
                "SELECT image_vector, text_vector FROM products WHERE id = ? AND seq <= ?", (product_id, version)
            ).fetchone()
        if found is None:
            return None
        image, text = (np.frombuffer(blob, dtype="<f4").astype(np.float32) for blob in found)
        return image, text

    def _chunks(self, rows: sqlite3.Cursor) -> Iterator[tuple[list[Product], Vectors]]:
        """Yield the products of `rows` and their vectors (2, n, D), image and text, in pieces."""
        dim = self.info.dim
        while piece := rows.fetchmany(4096):
            vectors = np.empty((2, len(piece), dim), dtype=np.float32)
            for modality in range(2):
                blobs = [row[modality] for row in piece]
                if any(len(blob) != 4 * dim for blob in blobs):
                    raise self._unusable(f"a vector does not have its {dim} values")
                vectors[modality] = np.frombuffer(b"".join(blobs), dtype="<f4").reshape(len(piece), dim)
            if not np.isfinite(vectors).all():
                raise self._unusable("a vector has NaN or infinite values")
            yield [self._to_product(*row[2:]) for row in piece], vectors

    def close(self) -> None:
        """Let go of the file."""
        with self._write_lock, self._lock:
            self._connection.close()
            if self._writer is not None:
                self._writer.close()  # last: it folds the log into the file, which the other one may not

    def __enter__(self) -> Catalogue:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _identity(file: Path) -> tuple[int, int]:
    """Return what tells a file from another one of the same name."""
    found = file.stat()
    return found.st_dev, found.st_ino
