"""The catalogue folder: `catalogue.sqlite` holds products, pictures, both vectors and the encoder id.

One file is the truth, so vectors and metadata cannot get out of step. Knows no model and no search.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from common import ArtefactError, InputError, NotFoundError, folder_beside
from index.products import SPLITS, Product, SplitRule

FILE = "catalogue.sqlite"
FORMAT = 1
UNIT_TOLERANCE = 1e-3
"""How far the length of a stored vector may be from 1; half-precision encoders stay well within."""

# `position` keeps the insertion order through updates and VACUUM. `seq` is the change that last touched a product:
# 0 for everything the build itself put there, which the log therefore does not repeat. The picture comes last, so
# that reading the other columns does not walk through the pages of a large picture.
SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE products (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    split TEXT NOT NULL,
    attributes TEXT NOT NULL,
    seq INTEGER NOT NULL,
    image_vector BLOB NOT NULL,
    text_vector BLOB NOT NULL,
    image BLOB NOT NULL
);
CREATE TABLE changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    product_id TEXT NOT NULL,
    kind TEXT NOT NULL
);
"""

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


class CatalogueWriter:
    """Builds a catalogue folder; leaving the `with` block without an error moves it into place.

    Until then nothing stands under the folder's name that was not there before, and after an error nothing is
    left. An earlier catalogue of that name is replaced.

    Raises:
        ArtefactError: on entering, when the folder holds something other than a catalogue; on leaving, when the
            file could not be written (disk full).
    """

    def __init__(self, folder: Path, info: CatalogueInfo) -> None:
        self._folder = folder.resolve()
        self._info = info
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
        try:
            with (
                folder_beside(folder) as beside,
                # One transaction in the default rollback mode: its commit syncs the data and leaves a single
                # file, which can be read from a read-only file system.
                closing(sqlite3.connect(beside / FILE, isolation_level=None)) as connection,
            ):
                connection.executescript(SCHEMA)
                connection.execute("BEGIN")
                meta = {"format": FORMAT, **asdict(self._info)}
                connection.executemany(
                    "INSERT INTO meta VALUES (?, ?)",
                    [(key, json.dumps(value)) for key, value in meta.items()],
                )
                yield connection
                connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise ArtefactError(f"{folder}: the catalogue cannot be written ({error}); make room and retry") from error

    def add(self, entries: Iterable[Entry]) -> None:
        """Append `entries` in order.

        Raises:
            InputError: an id that is there already, an unknown split, or a vector that is not (D,) float32,
                finite and of unit length; names the product.
        """
        for entry in entries:
            product = entry.product
            if product.split not in SPLITS:
                raise InputError(
                    f"product {product.id!r}: split is {product.split!r}; it must be one of {list(SPLITS)}"
                )
            row = (
                product.id,
                product.title,
                product.split,
                json.dumps(dict(product.attributes), ensure_ascii=False),
                self._to_blob(entry.image_vector, product.id, "image"),
                self._to_blob(entry.text_vector, product.id, "text"),
                entry.image,
            )
            try:
                self._connection.execute(
                    "INSERT INTO products"
                    " (id, title, split, attributes, seq, image_vector, text_vector, image)"
                    " VALUES (?, ?, ?, ?, 0, ?, ?, ?)",
                    row,
                )
            except sqlite3.IntegrityError:
                raise InputError(
                    f"product id {product.id!r} comes twice; every product needs an id of its own"
                ) from None

    def _to_blob(self, vector: Vectors, product_id: str, name: str) -> bytes:
        """Return (D,) `vector` as little-endian float32 bytes, after checking it."""
        if vector.shape != (self._info.dim,) or vector.dtype != np.float32:
            raise InputError(
                f"product {product_id!r}: the {name} vector is {vector.shape} {vector.dtype};"
                f" the catalogue needs ({self._info.dim},) float32"
            )
        if not np.isfinite(vector).all():
            raise InputError(f"product {product_id!r}: the {name} vector is not finite; check the encoder")
        length = float(np.sqrt(np.dot(vector, vector)))
        if abs(length - 1) > UNIT_TOLERANCE:
            raise InputError(f"product {product_id!r}: the {name} vector has length {length:.4g}; normalise it to 1")
        return vector.astype("<f4", copy=False).tobytes()


class Catalogue:
    """An open catalogue folder, read-only. Reads may come from any thread; they take turns."""

    info: CatalogueInfo

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        """Use `Catalogue.open`, which checks what it opens."""
        self._folder = folder
        self._connection = connection
        self._lock = threading.RLock()
        self.info = self._read_info()

    @classmethod
    def open(cls, folder: Path, *, encoder_id: str | None = None) -> Catalogue:
        """Open `folder`; with `encoder_id`, only if its vectors were made by that encoder.

        Raises:
            ArtefactError: folder or file missing, not a catalogue, damaged, of another format version, or made by
                another encoder (names both).
        """
        file = folder / FILE
        if not file.is_file():
            what = f"has no {FILE}" if folder.is_dir() else "does not exist"
            raise ArtefactError(f"{folder} {what}; make a catalogue with `vitrine index`")
        try:
            connection = sqlite3.connect(
                f"{file.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise ArtefactError(f"{file} cannot be opened ({error}); check its permissions") from error
        try:
            catalogue = cls(folder, connection)
            if encoder_id not in (None, catalogue.info.encoder_id):
                raise ArtefactError(
                    f"{folder} was made with encoder {catalogue.info.encoder_id}, but the checkpoint is"
                    f" {encoder_id}; use the other checkpoint, or make the catalogue anew with `vitrine index`"
                )
        except BaseException:
            connection.close()
            raise
        return catalogue

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
        return self._to_product(*self._one("id, title, split, attributes", product_id))

    def image(self, product_id: str) -> bytes:
        """Return the picture of one product as it was delivered.

        Raises:
            NotFoundError: no product of that id.
        """
        (image,) = self._one("image", product_id)
        return bytes(image)

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

    def snapshot(self) -> Snapshot:
        """Read everything but the pictures, in one transaction.

        Raises:
            ArtefactError: a vector is damaged.
        """
        with self._reading() as connection:
            connection.execute("BEGIN")
            try:
                info, version, count = self._read_info(), self.version(), len(self)
                rows = connection.execute(
                    "SELECT image_vector, text_vector, id, title, split, attributes FROM products ORDER BY position"
                )
                # (modality, N, D); filled in pieces, so that the blobs of all products never exist at once.
                vectors = np.empty((2, count, info.dim), dtype=np.float32)
                products: list[Product] = []
                while piece := rows.fetchmany(4096):
                    at = slice(len(products), len(products) + len(piece))
                    for modality in range(2):
                        blobs = [row[modality] for row in piece]
                        if any(len(blob) != 4 * info.dim for blob in blobs):
                            raise self._unusable(f"a vector does not have its {info.dim} values")
                        read = np.frombuffer(b"".join(blobs), dtype="<f4")
                        vectors[modality, at] = read.reshape(len(piece), info.dim)
                    products.extend(self._to_product(*row[2:]) for row in piece)
            finally:
                connection.execute("ROLLBACK")
        if not np.isfinite(vectors).all():
            raise self._unusable("a vector has NaN or infinite values")
        vectors.flags.writeable = False
        return Snapshot(info, version, products, vectors[0], vectors[1])

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Catalogue:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
