"""Parquet files with embedded pictures, as on the Hugging Face hub: one file or a set of numbered shards.

Holds at most two row groups of pictures in memory.
"""

from __future__ import annotations

import re
import threading
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from common import DataError
from training.data.dataset import MAX_IMAGE_BYTES, Dataset, Problem, Report
from training.data.pictures import Picture
from training.data.rows import Row, collect, finish
from training.data.tables import clean, find_columns


def open_parquet(path: Path, shards: Sequence[Path]) -> Dataset:
    """Read the rows of `shards`, the parquet files of the data set at `path`; a damaged shard is skipped and counted.

    Raises:
        DataError: no row is usable.
    """
    report = Report()
    failures: list[DataError] = []

    def rows() -> Iterator[tuple[Row, list[Picture | Problem]]]:
        for shard in shards:
            try:
                yield from _shard_rows(shard, report)
            except DataError as error:
                failures.append(error)
                report.count(Problem.BAD_SHARD, shard.name)

    if len(shards) > 1 or path.is_dir():
        for name in _missing_shards([shard.name for shard in shards]):
            report.count(Problem.BAD_SHARD, name)
    items, fingerprint = collect(rows(), report)
    if failures and not items:
        raise failures[0]
    return finish(path, "parquet", items, report, fingerprint, report.images)


def _missing_shards(names: Iterable[str]) -> list[str]:
    """Return the names missing from a numbered set (…-00000-of-00002…): the download was interrupted."""
    numbered: dict[tuple[str, int], set[int]] = {}
    for name in names:
        match = re.match(r"(.*)-(\d{5})-of-(\d{5})", name)
        if match:
            numbered.setdefault((match[1], int(match[3])), set()).add(int(match[2]))
    return [
        f"{prefix}-{number:05d}-of-{total:05d}"
        for (prefix, total), present in numbered.items()
        for number in range(total)
        if number not in present
    ]


def _shard_rows(path: Path, report: Report) -> Iterator[tuple[Row, list[Picture | Problem]]]:
    """Yield the rows of one parquet file; reads its pictures once for their stamps, a row group at a time."""
    try:
        shard = _Shard(path)
        for group in range(shard.groups):
            columns, replaced = shard.texts(group)
            for row, cell in enumerate(shard.pictures(group)):
                data: bytes | None = cell.as_py()
                picture: Picture | Problem = Problem.NO_IMAGE
                if data is not None:
                    report.images += 1
                    stamp = f"{len(data)}:{zlib.crc32(data):08x}"
                    picture = Picture(partial(shard.read, group, row), stamp)
                    if len(data) > MAX_IMAGE_BYTES:
                        picture = Problem.OVERSIZED
                cells = {name: clean(values[row]) for name, values in columns.items()}
                where = f"{path.name} row group {group} row {row}"
                id_, title = cells.pop(shard.id), cells.pop(shard.title)
                if row in replaced:
                    report.count(Problem.ENCODING, id_ or where)
                yield Row(where, id_, title, (), {name: value for name, value in cells.items() if value}), [picture]
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} cannot be read as parquet ({error}); download it again") from error


class _Shard:
    """One parquet file: its columns, and its pictures, of which at most two row groups are held.

    Reading in order loads each row group once; random access over many groups loads them repeatedly.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # With its own buffer ahead of the decoder, Arrow keeps a second copy of what was read.
        self._file = pq.ParquetFile(path, pre_buffer=False)
        self._lock = threading.Lock()
        self._held: OrderedDict[int, Any] = OrderedDict()
        self.groups: int = self._file.num_row_groups
        schema = self._file.schema_arrow
        names = [str(name) for name in schema.names]
        title = next((name for name in names if name.casefold() == "text"), "productDisplayName")
        at = find_columns(names, ["id", title, "image"], str(path))
        self.id, self.title, image = (names[at[name]] for name in ("id", title, "image"))
        kind = schema.field(image).type
        in_struct = pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0
        if not (in_struct or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
            raise DataError(
                f"the column {image} of {path} holds {kind}, not the bytes of pictures (plain, or as a struct of bytes "
                "and path); save the data set with its images embedded"
            )
        self._image = f"{image}.bytes" if in_struct else image
        self._texts = [f.name for f in schema if f.name in (self.id, self.title) or _is_attribute(f)]

    def texts(self, group: int) -> tuple[dict[str, list[str]], set[int]]:
        """Return the text columns of a row group, and the rows in which bytes that are not UTF-8 were replaced."""
        table = self._file.read_row_group(group, columns=self._texts)
        replaced: set[int] = set()
        return {name: _texts_of(table[name], replaced) for name in self._texts}, replaced

    def pictures(self, group: int) -> Any:
        """Return the pictures of a row group as an Arrow column of bytes, null where there is none."""
        column = self._file.read_row_group(group, columns=[self._image])[0]
        return pc.struct_field(column, "bytes") if pa.types.is_struct(column.type) else column

    def read(self, group: int, row: int) -> bytes:
        """Return one picture; safe from any thread."""
        try:
            with self._lock:
                if group not in self._held:
                    while len(self._held) > 1:
                        self._held.popitem(last=False)
                    self._held[group] = self.pictures(group)
                data: bytes = self._held[group][row].as_py()
                return data
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{self._path} cannot be read as parquet ({error}); download it again") from error


def _is_attribute(column: Any) -> bool:
    """Return whether a column holds text or numbers; "__" begins the columns that pandas adds."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    plain = pa.types.is_primitive(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)
    return plain and not column.name.startswith("__")


def _texts_of(column: Any, replaced: set[int]) -> list[str]:
    """Return a column as text, whole numbers without a fraction; add the rows that are not UTF-8 to `replaced`."""
    try:
        return [_text_of(value) for value in column.to_pylist()]
    except UnicodeDecodeError:
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        cells = column.cast(pa.large_binary()).to_pylist()
        texts = [(cell or b"").decode("utf-8", errors="replace") for cell in cells]
        replaced.update(row for row, text in enumerate(texts) if text.encode() != (cells[row] or b""))
        return texts


def _text_of(value: object) -> str:
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
