"""The parquet files of a data set, as a set of numbered shards; what reads one needs the extra `parquet`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from common import require
from training.data.table import Table


def shard_table(path: Path, data: bytes | None = None) -> Table:
    """Return a parquet file as `parquet.parquet_table` does.

    Raises:
        ConfigError: the extra `parquet` is not installed.
        DataError: the file cannot be read.
    """
    require("parquet", "pyarrow", what=f"{path.name}, a parquet file,")
    from training.data.parquet import parquet_table

    return parquet_table(path, data)


def missing_shards(names: Iterable[str]) -> list[str]:
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
