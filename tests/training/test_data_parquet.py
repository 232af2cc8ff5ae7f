"""Parquet files with embedded pictures: problems, shards, memory and text that is not UTF-8."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tests.training.dirty import counts, picture
from training.data import Problem, inspect, open_dataset


def write_parquet(path: Path, ids: list[int | None], pictures: list[bytes | None], titles: list[str | None]) -> Path:
    structs = [{"bytes": data, "path": f"{n}.jpg"} for n, data in enumerate(pictures)]
    columns = {
        "id": pa.array(ids, pa.int64()),
        "gender": pa.array(["Men"] * len(ids)),
        "articleType": pa.array(["Shirts", None] * (len(ids) // 2) + ["Shirts"] * (len(ids) % 2)),
        "year": pa.array([2011.0] * (len(ids) - 1) + [float("nan")], pa.float64()),
        "productDisplayName": pa.array(titles, pa.string()),
        "image": pa.array(structs, pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        "tags": pa.array([["a", "list"]] * len(ids)),
        "__index_level_0__": pa.array(range(len(ids))),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, row_group_size=3)
    return path


IDS: list[int | None] = [1, 2, 2, 3, None, 5, 6, 7]
PICTURES: list[bytes | None] = [
    picture(1),
    picture(2),
    picture(3),
    None,
    picture(5),
    picture(6),
    b"no jpeg",
    picture(8),
]
PARQUET_TITLES: list[str | None] = ["One", "Two", "Again", "No image", "No id", None, "Broken", None]


def test_a_dirty_parquet_file_is_repaired_or_skipped_and_counted(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "part.parquet", IDS, PICTURES, PARQUET_TITLES)
    dataset = open_dataset(path)
    assert [(item.id, item.title) for item in dataset.items] == [("1", "One"), ("2", "Two"), ("6", "Broken")]
    assert dataset.items[0].attributes == {
        "gender": "Men",
        "articleType": "Shirts",
        "year": 2011,
        "tags": ("a", "list"),
    }
    assert dataset.items[1].attributes == {"gender": "Men", "year": 2011, "tags": ("a", "list")}
    assert [item.read() for item in reversed(dataset.items)] == [b"no jpeg", picture(2), picture(1)]
    report = inspect(dataset)
    assert (report.rows, report.images, report.usable) == (8, 7, 2)
    assert counts(report) == {
        Problem.NO_IMAGE: (1, "3"),
        Problem.UNDECODABLE: (1, "6"),
        Problem.NO_ID: (1, "part.parquet row group 1 row 1"),
        Problem.DUPLICATE: (1, "2"),
        Problem.NO_TITLE: (2, "5, 7"),
    }


def test_a_folder_of_shards_is_read_in_order_and_missing_shards_are_counted(tmp_path: Path) -> None:
    write_parquet(tmp_path / "data" / "train-00000-of-00004-ab.parquet", [1, 2], [picture(1), picture(2)], ["A", "B"])
    write_parquet(tmp_path / "data" / "train-00002-of-00004-cd.parquet", [2, 3], [picture(9), picture(3)], ["x", "C"])
    (tmp_path / "data" / "train-00001-of-00004-ef.parquet").write_bytes(b"PAR1 cut short")
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "old.parquet").write_bytes(b"not looked at")
    dataset = open_dataset(tmp_path)
    assert [(item.id, item.title, item.read()) for item in dataset.items] == [
        ("1", "A", picture(1)),
        ("2", "B", picture(2)),
        ("3", "C", picture(3)),
    ]
    assert counts(dataset.report) == {
        Problem.BAD_SHARD: (2, "train-00003-of-00004, train-00001-of-00004-ef.parquet"),
        Problem.DUPLICATE: (1, "2"),
    }


def test_of_a_parquet_file_only_a_few_row_groups_are_held(tmp_path: Path) -> None:
    size, groups = 100_000, 12
    pictures: list[bytes | None] = [random.Random(n).randbytes(size) for n in range(groups * 3)]
    ids: list[int | None] = list(range(len(pictures)))
    dataset = open_dataset(write_parquet(tmp_path / "t.parquet", ids, pictures, ["A"] * len(pictures)))
    before = pa.total_allocated_bytes()
    for n in [*range(len(pictures)), *reversed(range(len(pictures)))]:
        assert dataset.items[n].read() == pictures[n]
    deadline = time.monotonic() + 60  # Arrow's threads give memory back a moment later
    while (held := pa.total_allocated_bytes() - before) >= 3 * 3 * size and time.monotonic() < deadline:
        time.sleep(0.01)
    assert held < 3 * 3 * size


def test_parquet_text_that_is_not_utf8_and_plain_bytes_columns(tmp_path: Path) -> None:
    titles = pc.cast(
        pa.array([b"Caf\xe9", b"Fine", None], pa.binary()), options=pc.CastOptions(pa.string(), allow_invalid_utf8=True)
    )
    columns = {
        "id": pa.array(["a", "b", "c"]),
        "text": titles,
        "articleType": pa.array(["Shirts", "Hats", "Hats"]).dictionary_encode(),
        "image": pa.array([picture(1), picture(2), picture(3)], pa.large_binary()),
    }
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    dataset = open_dataset(tmp_path / "t.parquet")
    assert [item.title for item in dataset.items] == ["Café", "Fine", "Hats"]
    assert counts(inspect(dataset)) == {Problem.ENCODING: (1, "a"), Problem.TITLE_MADE: (1, "c")}
