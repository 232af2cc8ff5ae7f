"""Parquet files of others: types survive, pictures are read in any form, captions, missing ids, columns of one name."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.training.dirty import counts, picture
from tests.training.shops import shop, titles
from training.data import Dataset, Problem, open_dataset

STRUCTS = [{"bytes": picture(1), "path": "x.jpg"}, {"bytes": picture(2), "path": None}]


def written(folder: Path, columns: Any, name: str = "t.parquet") -> Dataset:
    shop(folder, {})
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), folder / name)
    return open_dataset(folder / name)


VALUES: dict[str, tuple[Any, Any]] = {
    "decimal": (pa.array([Decimal("19.99"), None]), 19.99),
    "wide decimal": (pa.array([Decimal("1.10"), None], pa.decimal256(40, 2)), 1.1),
    "float32": (pa.array([0.1, 2.5], pa.float32()), 0.1),
    "float16": (pa.array([0.5, 2.5], pa.float16()), 0.5),
    "whole float": (pa.array([2012.0, float("nan")]), 2012),
    "infinite": (pa.array([float("inf"), 1.0]), None),
    "date": (pa.array([dt.date(2026, 11, 26), None]), "2026-11-26"),
    "date64": (pa.array([dt.date(2026, 11, 26), None], pa.date64()), "2026-11-26"),
    "time": (pa.array([dt.datetime(2026, 11, 26, 1, 2, 3), None]), "2026-11-26T01:02:03"),
    "nanoseconds": (pa.array([1, 2], pa.timestamp("ns", "UTC")), "1970-01-01T00:00:00+00:00"),
    "truth": (pa.array([True, None]), True),
    "dictionary": (pa.array(["x", "y"]).dictionary_encode(), "x"),
    "list": (pa.array([["x", "y"], []]), ("x", "y")),
    "large list": (pa.array([["x"], ["y"]], pa.large_list(pa.string())), ("x",)),
    "large text": (pa.array(["x", "y"], pa.large_string()), "x"),
    "bytes of text": (pa.array([b"x", b"y"]), "x"),
    "bytes of fixed size": (pa.array([b"x", b"y"], pa.binary(1)), "x"),
    "large number": (pa.array([2**63 - 1, 1]), 2**63 - 1),
    "nothing": (pa.nulls(2, pa.string()), None),
}


@pytest.mark.parametrize("kind", VALUES)
def test_a_value_keeps_its_type(tmp_path: Path, kind: str) -> None:
    column, value = VALUES[kind]
    dataset = written(tmp_path, {"id": [1, 2], "image": STRUCTS, "text": ["Red", "Green"], "value": column})
    assert titles(dataset) == {"1": "Red", "2": "Green"}
    found = dataset.items[0].attributes.get("value")
    assert (found, type(found)) == (value, type(value))
    assert not counts(dataset.report)


def test_nested_values_are_told(tmp_path: Path) -> None:
    nested = {"struct": [{"a": 1}, {"a": 2}], "map": pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int64()))}
    dataset = written(tmp_path, {"id": [1, 2], "image": STRUCTS, "text": ["Red", "Green"], **nested})
    assert len(dataset.items) == 2
    assert Problem.NESTED in dataset.report.counts


PICTURES: dict[str, Any] = {
    "structs": STRUCTS,
    "bytes": [picture(1), picture(2)],
    "large bytes": pa.array([picture(1), picture(2)], pa.large_binary()),
    "lists": [[STRUCTS[0], STRUCTS[1]], [STRUCTS[1]]],
    "names": ["b.jpg", "c.jpg"],
    "names in structs": pa.array(
        [{"bytes": None, "path": "b.jpg"}, {"bytes": None, "path": "c.jpg"}],
        pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
    ),
}


@pytest.mark.parametrize("form", PICTURES)
def test_pictures_are_read_in_any_form(tmp_path: Path, form: str) -> None:
    shop(tmp_path, {}, pictures=("a.jpg", "b.jpg", "c.jpg"))
    dataset = written(tmp_path, {"id": [1, 2], "image": PICTURES[form], "text": ["Red", "Green"]})
    assert [item.read() for item in dataset.items] == [picture(1), picture(2)]
    assert [[read() for read in item.more] for item in dataset.items] == [[picture(2)] if form == "lists" else [], []]


def test_two_columns_of_pictures_are_both_read(tmp_path: Path) -> None:
    columns = {"id": [1, 2], "image": STRUCTS, "image2": STRUCTS[::-1], "text": ["Red", "Green"]}
    dataset = written(tmp_path, columns)
    assert [item.more[0]() for item in dataset.items] == [picture(2), picture(1)]


def test_of_captions_the_first_is_the_title_and_numbers_are_ids(tmp_path: Path) -> None:
    columns = {"image": STRUCTS, "captions": [["Red dress", "A dress"], ["Green"]]}
    dataset = written(tmp_path, columns)
    assert titles(dataset) == {"1": "Red dress", "2": "Green"}
    assert dataset.report.notes == ["there is no column with ids: each row has its number"]
    for shard in (0, 1):
        written(tmp_path / "data" / "default" / "train", columns, f"train-{shard:05d}-of-00002.parquet")
    dataset = open_dataset(tmp_path / "data")  # the hub has its shards two folders down
    assert [*titles(dataset)] == [f"train-{shard:05d}-of-00002-{row}" for shard in (0, 1) for row in (1, 2)]


def test_columns_of_one_name_are_both_kept(tmp_path: Path) -> None:
    names = ["id", "image", "text", "colour", "colour"]
    arrays = [pa.array(column) for column in ([1, 2], STRUCTS, ["R", "G"], ["dark", "dim"], ["light", "bright"])]
    dataset = written(tmp_path, pa.Table.from_arrays(arrays, names=names))
    assert dataset.items[1].attributes == {"colour": "dim", "colour 2": "bright"}
    assert counts(dataset.report) == {Problem.TWICE: (1, "colour 2")}


def test_ids_that_pandas_made_floats_are_whole(tmp_path: Path) -> None:
    dataset = written(tmp_path, {"id": [15970.0, None], "image": STRUCTS, "text": ["Red", "Green"]})
    assert titles(dataset) == {"15970": "Red"}
    assert counts(dataset.report) == {Problem.NO_ID: (1, "t.parquet row group 0 row 1")}


def test_the_number_zero_is_an_id(tmp_path: Path) -> None:
    dataset = written(tmp_path, {"id": [0, 1], "image": STRUCTS, "text": ["Red", "Green"]})
    assert titles(dataset) == {"0": "Red", "1": "Green"}
