"""Encoded parts of a data set on disk, beside the catalogue, so that an interrupted build continues from them.

    .CATALOGUE.ENCODER-RUNTIME-FINGERPRINT.parts/titles-000000000-000000128.parquet     a row per title or picture:
    .CATALOGUE.ENCODER-RUNTIME-FINGERPRINT.parts/pictures-000000000-000000128.parquet   its vector, or null

Knows no cluster and no encoder.
"""

from __future__ import annotations

import glob
import os
import shutil
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from common import DataError, VitrineError, atomic_file
from training.data import Dataset
from training.indexing.local import Encoded, Encoding, Read, Vector, all_pictures

PART = 128
"""Titles or pictures in a part: one unit of work of a process. A multiple of the batches that go through a tower on a
CPU, so that the batches are those of a single process."""

ABANDONED_AFTER_S = 7 * 24 * 3600.0
"""Age, in seconds, at which another run's parts are deleted: nobody is going to continue it."""

Kind = Literal["titles", "pictures"]


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive titles or pictures, from `start` up to `stop`."""

    kind: Kind
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def file(self) -> str:
        """The name of its file in the folder of parts."""
        return f"{self.kind}-{self.start:09d}-{self.stop:09d}.parquet"


class Parts:
    """The parts of one data set, encoded or still missing; `name` tells the encoder, its runtime and the data set.

    Args:
        out: the catalogue-to-be; the parts go beside it.
        name: of the folder of parts.
        dataset: what is encoded.
        titles: how many distinct titles it has.
        dim: D of the vectors.
        device: what encodes, for the report.
        size: titles or pictures in a part.
    """

    def __init__(self, out: Path, name: str, dataset: Dataset, titles: int, dim: int, device: str, size: int) -> None:
        self.device = device
        out = out.absolute()
        self._others = f".{glob.escape(out.name)}.*.parts"
        self._folder = out.with_name(f".{out.name}.{name}.parts")
        self._pictures_read = all_pictures(dataset)
        self._width = 4 * dim
        counts: dict[Kind, int] = {"titles": titles, "pictures": len(self._pictures_read)}
        self.total = sum(counts.values())
        """Titles and pictures in all parts."""
        self._parts = [
            Part(kind, start, min(start + size, count))
            for kind, count in counts.items()
            for start in range(0, count, size)
        ]

    def missing(self) -> list[Part]:
        """Return the parts that are not encoded yet."""
        there = set(os.listdir(self._folder)) if self._folder.is_dir() else set()
        return [part for part in self._parts if part.file not in there]

    def write(self, part: Part, rows: Any) -> None:
        """Store an encoded part: an Arrow array of vectors as bytes, null for what cannot be used."""
        import pyarrow as pa  # only a cluster needs it
        from pyarrow import parquet

        with atomic_file(self._folder / part.file) as beside:
            parquet.write_table(pa.table({"vector": rows.cast(pa.binary(self._width))}), beside)

    def encoding(self) -> Encoding:
        """Return the vectors of all parts, none of which may be missing."""
        return Encoding(self._titles(), self._pictures(), self.device)

    def remove(self) -> None:
        """Delete the parts, and those that abandoned runs left beside the same catalogue."""
        shutil.rmtree(self._folder, ignore_errors=True)
        for other in self._folder.parent.glob(self._others):
            if time.time() - other.stat().st_mtime > ABANDONED_AFTER_S:
                shutil.rmtree(other, ignore_errors=True)

    def _titles(self) -> Vector:
        rows = [row for part in self._parts if part.kind == "titles" for row in self._read(part)]
        return np.stack([np.frombuffer(row, dtype="<f4") for row in rows if row is not None])

    def _pictures(self) -> Generator[list[Encoded | None], None, None]:
        for part in self._parts:
            if part.kind == "pictures":
                reads = self._pictures_read[part.start : part.stop]
                rows = self._read(part)
                yield [self._encoded(read, row) for read, row in zip(reads, rows, strict=True)]

    def _read(self, part: Part) -> list[bytes | None]:
        import pyarrow as pa
        from pyarrow import parquet

        path = self._folder / part.file
        try:
            vectors = parquet.read_table(path)["vector"]
            rows: list[bytes | None] = vectors.cast(pa.binary(self._width)).to_pylist()
        except (OSError, pa.ArrowException, KeyError) as error:
            path.unlink(missing_ok=True)
            raise VitrineError(f"{path} was damaged ({error}) and is removed; start it again to encode it") from error
        return rows

    @staticmethod
    def _encoded(read: Read, row: bytes | None) -> Encoded | None:
        if row is None:
            return None
        try:
            return read(), np.frombuffer(row, dtype="<f4").astype(np.float32, copy=False)
        except (DataError, OSError):  # readable when it was encoded, but no longer
            return None
