"""The products of a catalogue as arrays: what a search needs of all of them, read from files.

A product itself is made from its record at each call. Names (ids, titles) are found in a sorted array of hashes, and
confirmed by the record. Knows no search, no FAISS and no SQLite.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from index.ann.private_files import PrivateFiles
from index.attributes import AttributeColumn, Written
from index.pictures import FurtherVectors
from index.product import Product, title_key
from index.records import CatalogueInfo, Vectors
from index.values import attributes_of

Integers = npt.NDArray[np.int32]
Offsets = npt.NDArray[np.int64]

RECORDS = "records.bin"
ARRAYS = ("images", "texts", "record_at", "ids", "id_of", "titles", "title_number", "title_of", "carried", "carried_at")
FURTHER = ("further", "further_of")
"""The arrays of `Columns` by the name of their field, those of further pictures apart; each is a `.npy` file."""
HUBS = "hubs"
"""The array of `Columns` that a catalogue may be without."""
Piece = tuple[Sequence[Product], Vectors, FurtherVectors | None, Vectors | None]
"""n products, their vectors (2, n, D), image and text, those of their further pictures, and their hubness (n,).

None: there are none.
"""
CODES = "codes-{}"
"""Name of the array of the n-th attribute."""


@dataclass(frozen=True)
class Columns:
    """N products at one version of their catalogue, T titles, vectors of length D. Read-only, and shared by threads."""

    info: CatalogueInfo
    version: int
    images: Vectors
    """(N, D)."""
    texts: Vectors
    """(N, D)."""
    records: npt.NDArray[np.uint8]
    """All products as JSON, one after the other."""
    record_at: Offsets
    """(N + 1,) where the record of a row begins."""
    ids: npt.NDArray[np.uint64]
    """(N,) hashes of the ids, in order."""
    id_of: Integers
    """(N,) the row of each of `ids`."""
    titles: npt.NDArray[np.uint64]
    """(T,) hashes of the titles in the form in which they are compared, in order."""
    title_number: Integers
    """(T,) the number of each of `titles`."""
    title_of: Integers
    """(N,) number of the title, in order of appearance."""
    carried: Integers
    """(N,) rows by title."""
    carried_at: Offsets
    """(T + 1,) where the rows of a title begin in `carried`."""
    further: Vectors
    """(M, D) of further pictures, product by product."""
    further_of: Integers
    """(M,) the row of each, in order."""
    hubs: Vectors | None
    """(N,) as in a snapshot; None where the catalogue has none."""
    attributes: dict[str, tuple[list[Written], Integers]]
    """Name -> its distinct values as `AttributeColumn.of` takes them, and which one each row (N,) has; -1: none."""

    def __len__(self) -> int:
        return len(self.id_of)

    def product(self, row: int) -> Product:
        """Return the product of a row."""
        record = self.records[int(self.record_at[row]) : int(self.record_at[row + 1])].tobytes()
        product_id, title, attributes, split = json.loads(record)
        return Product(product_id, title, attributes_of(attributes) or {}, split)

    def vectors(self, row: int) -> Vectors:
        """Return the vectors (2 + M, D) of a row: picture, text, M further pictures."""
        start, end = np.searchsorted(self.further_of, np.array([row, row + 1], dtype=self.further_of.dtype)).tolist()
        return np.stack([self.images[row], self.texts[row], *self.further[start:end]])

    def row(self, product_id: str) -> int | None:
        """Return the row of a product; None when there is no such product."""
        return next(
            (row for row in _found(product_id, self.ids, self.id_of) if self.product(row).id == product_id), None
        )

    def title(self, key: str) -> int | None:
        """Return the number of a title, in the form of `title_key`; None when no product carries it."""
        for number in _found(key, self.titles, self.title_number):
            if title_key(self.product(int(self.carried[self.carried_at[number]])).title) == key:
                return number
        return None

    def rows_with_title(self, number: int) -> list[int]:
        """Return the rows of the products that carry a title, in order."""
        return [int(row) for row in self.carried[int(self.carried_at[number]) : int(self.carried_at[number + 1])]]

    @cached_property
    def title_rows(self) -> Offsets:
        """(T,) the first row of each title."""
        return self.carried[self.carried_at[:-1]].astype(np.int64)


def write_columns(folder: Path, pieces: Iterable[Piece], count: int, dim: int) -> dict[str, Any]:
    """Write the files of `Columns` into `folder`, and return what else it takes to read them.

    Args:
        folder: there already, and empty.
        pieces: products and their vectors (2, n, D), image and text, in the catalogue's order.
        count: how many there are at most; N come, since damaged ones are left out.
        dim: D.
    """
    record_at = np.zeros(count + 1, dtype=np.int64)
    title_of = np.empty(count, dtype=np.int32)
    ids = np.empty(count, dtype=np.uint64)
    titles: dict[str, int] = {}
    columns: dict[str, AttributeColumn] = {}
    codes: dict[str, array[int]] = {}
    owners: list[Integers] = [np.empty(0, dtype=np.int32)]
    hubs: list[Vectors] = []
    row = 0
    with (
        (folder / RECORDS).open("wb") as records,
        _growing(folder, "images", dim) as add_images,
        _growing(folder, "texts", dim) as add_texts,
        _growing(folder, "further", dim) as add_further,
    ):
        for products, (image_vectors, text_vectors), further, of_products in pieces:
            add_images(image_vectors)
            add_texts(text_vectors)
            hubs += [] if of_products is None else [of_products]
            if further is not None:
                add_further(further.vectors)
                owners.append((further.owners + row).astype(np.int32))
            for product in products:
                record = json.dumps(
                    [product.id, product.title, dict(product.attributes), product.split], ensure_ascii=False
                ).encode("utf-8", "surrogatepass")
                records.write(record)
                record_at[row + 1] = record_at[row] + len(record)
                ids[row] = _hash(product.id)
                title_of[row] = titles.setdefault(title_key(product.title), len(titles))
                for name, value in product.attributes.items():
                    if name not in codes:
                        codes[name], columns[name] = array("i"), AttributeColumn()
                    column = codes[name]
                    column.extend([-1] * (row - len(column)))
                    column.append(columns[name].code(value))
                row += 1
    record_at, title_of, ids, count = record_at[: row + 1], title_of[:row], ids[:row], row
    by_title = np.argsort(title_of, kind="stable").astype(np.int32)
    made: dict[str, Any] = {"record_at": record_at, "title_of": title_of, "carried": by_title}
    made["further_of"] = np.concatenate(owners)
    if hubs:
        made[HUBS] = np.concatenate(hubs)
    made["carried_at"] = np.searchsorted(title_of[by_title], np.arange(len(titles) + 1)).astype(np.int64)
    keys = np.fromiter(map(_hash, titles), dtype=np.uint64, count=len(titles))
    for name, number, hashes in (("ids", "id_of", ids), ("titles", "title_number", keys)):
        order = np.argsort(hashes, kind="stable")
        made |= {name: hashes[order], number: order.astype(np.int32)}
    for at, column in enumerate(codes.values()):
        column.extend([-1] * (count - len(column)))
        made[CODES.format(at)] = np.frombuffer(column, dtype=np.int32)
    for name, one in made.items():
        np.save(folder / f"{name}.npy", one, allow_pickle=False)
    return {"attributes": [{"name": name, "values": columns[name].written} for name in codes]}


def read_columns(files: PrivateFiles, info: CatalogueInfo, version: int, described: dict[str, Any]) -> Columns:
    """Return the columns in the files that `write_columns` wrote.

    Raises:
        ValueError, KeyError, TypeError: they are not there, or not what they should be.
    """
    arrays: dict[str, Any] = {name: files.array(f"{name}.npy") for name in (*ARRAYS, *FURTHER)}
    attributes = {}
    for at, one in enumerate(described["attributes"]):
        codes = files.array(f"{CODES.format(at)}.npy")
        values = [value if isinstance(value, str) else list(map(int, value)) for value in one["values"]]
        attributes[str(one["name"])] = values, codes
    records = np.frombuffer(files[RECORDS], dtype=np.uint8)
    arrays[HUBS] = files.array(f"{HUBS}.npy") if f"{HUBS}.npy" in files else None
    columns = Columns(info, version, records=records, attributes=attributes, **arrays)
    count = len(columns)
    shapes = {"images": (count, info.dim), "texts": (count, info.dim), "record_at": (count + 1,), "ids": (count,)}
    more = {"title_of": (count,), "carried": (count,), "further": (len(columns.further_of), info.dim), HUBS: (count,)}
    for name, shape in (shapes | more).items():
        if arrays[name] is not None and arrays[name].shape != shape:
            raise ValueError(f"{name} is {arrays[name].shape}, not {shape}")
    return columns


@contextmanager
def _growing(folder: Path, name: str, dim: int) -> Iterator[Callable[[Vectors], object]]:
    """Yield what appends rows (n, D) to an array's file. It is written, not mapped: a full disk is an error then."""
    rows = 0

    def head() -> None:
        # As long for any number of rows: NumPy leaves room for the number to grow.
        described = {"descr": "<f4", "fortran_order": False, "shape": (rows, dim)}
        np.lib.format.write_array_header_1_0(file, described)

    def append(vectors: Vectors) -> None:
        nonlocal rows
        file.write(np.ascontiguousarray(vectors, dtype="<f4").data)
        rows += len(vectors)

    with (folder / f"{name}.npy").open("wb") as file:
        head()
        yield append
        file.seek(0)
        head()


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def _found(text: str, hashes: npt.NDArray[np.uint64], numbers: Integers) -> list[int]:
    """Return the numbers of the hash of `text`: nearly always one, or none."""
    wanted = np.uint64(_hash(text))
    start = int(np.searchsorted(hashes, wanted))
    end = start
    while end < len(hashes) and hashes[end] == wanted:
        end += 1
    return [int(one) for one in numbers[start:end]]
