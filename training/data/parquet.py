"""Parquet files, with or without embedded pictures, as on the Hugging Face hub: one table a file.

Holds at most two row groups of pictures in memory.
"""

from __future__ import annotations

import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from common import DataError
from training.data.dataset import MAX_IMAGE_BYTES, Problem
from training.data.encodings import guess
from training.data.pictures import Picture
from training.data.table import Cell, Record, Records, Table, distinct, twice, whole


def parquet_table(path: Path, data: bytes | None = None) -> Table:
    """Return a parquet file as a table: the one at `path`, or `data`, the content of the one that `path` names.

    A picture's cell is a text that stands for it in `pictures`.

    Raises:
        DataError: it cannot be read; when its records are read, too.
    """
    shard = _Shard(path, data)
    pictures: dict[str, Picture | Problem] = {}
    table = Table(str(path), "parquet", [name for name in shard.names if not name.startswith("__")], ())
    table.twice = twice(shard.given)
    table.pictures = pictures
    read = lru_cache(maxsize=1)(partial(_group, shard, pictures))  # the first group is looked at, and then read
    table.records = Records(lambda: _records(shard, read))
    if shard.hidden:
        table.notes.append(f"columns that pandas added are not read: {', '.join(shard.hidden)}")
    return table


def _group(shard: _Shard, pictures: dict[str, Picture | Problem], group: int) -> tuple[dict[str, list[Cell]], set[int]]:
    """Return the cells of a row group by column, and which rows are not UTF-8; its pictures are added to `pictures`."""
    older: set[int] = set()
    columns = {name: _cells(column, older) for name, column in shard.values(group).items()}
    for place, name in enumerate(shard.image_columns):
        columns[name] = shard.tokens(group, place, pictures)
    return columns, older


def _records(shard: _Shard, read: Callable[[int], tuple[dict[str, list[Cell]], set[int]]]) -> Iterator[Record]:
    """Yield the rows of a file; reads its pictures once for their stamps, a row group at a time."""
    try:
        for group in range(shard.groups):
            columns, older = read(group)
            rows = len(next(iter(columns.values()), []))
            for row in range(rows):
                cells = {name: value for name, values in columns.items() if (value := values[row]) is not None}
                yield Record(f"{shard.path.name} row group {group} row {row}", cells, _ENCODED if row in older else ())
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(shard.path, error) from error


_ENCODED = (Problem.ENCODING,)


def _unreadable(path: Path, error: Exception) -> DataError:
    return DataError(f"{path} cannot be read as parquet ({error}); download it again")


class _Shard:
    """One parquet file: its columns, and its pictures, of which at most two row groups are held.

    Reading in order loads each row group once; random access over many groups loads them repeatedly.
    """

    def __init__(self, path: Path, data: bytes | None) -> None:
        self.path = path
        try:
            # With its own buffer ahead of the decoder, Arrow keeps a second copy of what was read.
            self._file = pq.ParquetFile(path if data is None else pa.BufferReader(data), pre_buffer=False)
            schema = self._file.schema_arrow
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(path, error) from error
        self._lock = threading.Lock()
        self._held: OrderedDict[tuple[int, int], Any] = OrderedDict()
        self.groups: int = self._file.num_row_groups
        self.given = [str(name) for name in schema.names]
        self.names = distinct(self.given)
        self.hidden = [name for name in self.names if name.startswith("__")]
        # Leaves of the file by the column they belong to: read by place, since two columns may have one name.
        self._place = {name: place for place, name in enumerate(self.names) if name not in self.hidden}
        self._images: dict[str, str] = {}
        for name, place in self._place.items():
            kind = _picture_kind(schema.field(place))
            if kind and not (pa.types.is_binary(schema.field(place).type) and self._is_text(place)):
                self._images[name] = kind
        self.image_columns = list(self._images)

    def _is_text(self, place: int) -> bool:
        """Return whether a column of bytes holds text, as some programs write it."""
        if self.given.count(self.given[place]) > 1:
            return False
        batch = next(self._file.iter_batches(20, columns=[self.given[place]]), None)
        cells = [cell for cell in (batch.column(0).to_pylist() if batch is not None else ()) if cell]
        return bool(cells) and all(len(cell) < 10_000 and b"\0" not in cell and _is_utf8(cell) for cell in cells)

    def values(self, group: int) -> dict[str, Any]:
        """Return the columns of a row group that hold no pictures."""
        return {name: self._column(group, name) for name in self._place if name not in self._images}

    def _column(self, group: int, name: str) -> Any:
        place = self._place[name]
        if self.given.count(self.given[place]) == 1:
            return self._file.read_row_group(group, columns=[self.given[place]]).column(0)
        return self._file.read_row_group(group).column(place)

    def tokens(self, group: int, place: int, pictures: dict[str, Picture | Problem]) -> list[Cell]:
        """Return what stands for the pictures of a column in a row group, and add these to `pictures`."""
        name = self.image_columns[place]
        tokens: list[Cell] = []
        for row, cell in enumerate(self._pictures(group, place)):
            found: list[Cell] = []
            values = cell.as_py() if self._images[name] == "list" else [cell.as_py()]
            for number, value in enumerate(values or ()):
                data, path = (value.get("bytes"), value.get("path")) if isinstance(value, dict) else (value, None)
                if data is None:
                    found += [path] if path else []
                    continue
                token = f"{self.path.name} row group {group} row {row} {name} {number}"
                pictures[token] = (
                    Problem.OVERSIZED
                    if len(data) > MAX_IMAGE_BYTES
                    else Picture(partial(self.read, group, place, row, number), f"{len(data)}:{zlib.crc32(data):08x}")
                )
                found.append(token)
            tokens.append(found if len(found) > 1 else found[0] if found else None)
        return tokens

    def _pictures(self, group: int, place: int) -> Any:
        return self._column(group, self.image_columns[place])

    def read(self, group: int, place: int, row: int, number: int) -> bytes:
        """Return one picture; safe from any thread."""
        try:
            with self._lock:
                key = (group, place)
                if key not in self._held:
                    while len(self._held) > 1:
                        self._held.popitem(last=False)
                    self._held[key] = self._pictures(group, place)
                value = self._held[key][row].as_py()
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(self.path, error) from error
        one = value[number] if isinstance(value, list) else value
        data: bytes = one["bytes"] if isinstance(one, dict) else one
        return data


def _picture_kind(field: Any) -> str:
    """Return "one" or "list" where a column holds pictures: bytes, or structs of bytes and path; else ""."""
    kind, one = field.type, "one"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        kind, one = kind.value_type, "list"
    if pa.types.is_struct(kind):
        at = kind.get_field_index("bytes")
        if at < 0:
            return ""
        kind = kind.field(at).type
    return one if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) else ""


def _cells(column: Any, older: set[int]) -> list[Cell]:
    """Return a column as Python values; add the rows that are not UTF-8 to `older`."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_map(kind):
        return [None if cell is None else dict(cell) for cell in column.to_pylist()]
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        cells = column.to_pylist()
        return [None if cell is None else cell.decode(errors="vitrine-unreadable") for cell in cells]
    if pa.types.is_float32(kind) or pa.types.is_float16(kind):
        # The shortest number that is the same in 32 bits: 0.1, and not 0.10000000149011612.
        return [None if value is None else whole(float(str(value))) for value in column.to_numpy(zero_copy_only=False)]
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("us", kind.tz), safe=False)
    if pa.types.is_duration(kind) or pa.types.is_time(kind):
        column = pc.cast(column, pa.string())
    try:
        return [whole(value) for value in column.to_pylist()]
    except UnicodeDecodeError:
        cells = column.cast(pa.large_binary()).to_pylist()
        strange = {row: cell for row, cell in enumerate(cells) if cell is not None and not _is_utf8(cell)}
        older.update(strange)
        codec, _ = guess(list(strange.values()))
        return [
            None if cell is None else cell.decode(codec if row in strange else "utf-8", errors="vitrine-unreadable")
            for row, cell in enumerate(cells)
        ]


def _is_utf8(cell: bytes) -> bool:
    try:
        cell.decode()
    except UnicodeDecodeError:
        return False
    return True
