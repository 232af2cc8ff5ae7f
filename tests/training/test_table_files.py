"""Tables in workbooks, JSON and gzip, of data sets for training, and files that are no tables after all."""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common import DataError
from tests.training.dirty import counts, picture
from tests.training.shops import opened, problems, shop, titles
from training.data import Problem, open_dataset

TWO = {"1": "Red", "2": "Green"}


def workbook(folder: Path, fill: Callable[[Any], None], name: str = "p.xlsx") -> Path:
    shop(folder, {})
    book = openpyxl.Workbook()
    fill(book)
    book.save(folder / "book.xlsx")
    return (folder / "book.xlsx").rename(folder / name)


def test_a_workbook_keeps_the_types_of_its_cells(tmp_path: Path) -> None:
    def fill(book: Any) -> None:
        sheet = book.active
        sheet.append(["id", "image", "text", "price", "made", "seen", "share", "new", "stock", "fault"])
        sheet.append(
            [1, "a.jpg", "Größe", 19.99, dt.date(2026, 11, 26), dt.datetime(2026, 11, 26, 9, 30), 0.2, True, 7]
        )
        sheet.append([2.0, "b.jpg", " Green  x ", None, None, None, 0.125, False, 3.0, "#N/A"])
        sheet.cell(2, 7).number_format, sheet.cell(3, 7).number_format = "0%", "0.0%"

    for name in ("p.xlsx", "p.csv"):  # a workbook whose name says otherwise is one, too
        dataset = open_dataset(workbook(tmp_path / name, fill, name))
        assert titles(dataset) == {"1": "Größe", "2": "Green x"}
        assert dataset.items[0].attributes == {
            "price": 19.99,
            "made": "2026-11-26",
            "seen": "2026-11-26T09:30:00",
            "share": "20 %",
            "new": True,
            "stock": 7,
        }
        assert dataset.items[1].attributes == {"share": "12.5 %", "new": False, "stock": 3}
        assert not counts(dataset.report)


def test_ids_of_a_workbook_are_what_it_shows(tmp_path: Path) -> None:
    def fill(book: Any) -> None:
        book.active.append(["id", "image", "text"])
        book.active.append([42, "a.jpg", "A"])
        book.active.append([4006381333931, "b.jpg", "B"])
        book.active.append(["0043", "b.jpg", "C"])
        book.active.cell(2, 1).number_format = "00000"

    assert [*titles(open_dataset(workbook(tmp_path, fill)))] == ["00042", "4006381333931", "0043"]


def test_the_sheet_and_the_row_with_a_header_are_found(tmp_path: Path) -> None:
    def fill(book: Any) -> None:
        book.active.title = "Read me"
        book.active.append(["Our products"])
        hidden = book.create_sheet("Old")
        hidden.sheet_state = "hidden"
        hidden.append(["id", "image", "text"])
        sheet = book.create_sheet("Products")
        sheet["A1"] = "Catalogue 2026"
        sheet.merge_cells("A1:D1")
        sheet.append([])
        sheet.append(["id", "image", "text", "colour", "colour"])
        sheet.append([1, "a.jpg", "Red", "dark", "light"])
        sheet.append([None, None, None, None])
        sheet.append([2, "b.jpg", "Green"])

    dataset = open_dataset(workbook(tmp_path, fill))
    assert titles(dataset) == TWO
    assert dataset.items[0].attributes == {"colour": "dark", "colour 2": "light"}
    assert dataset.report.notes == [
        "sheet 'Products'",
        "sheet 'Read me' is not read",
        "sheet 'Old' is not read",
        "rows above the header that are passed over: 2",
    ]
    assert problems(dataset) == {Problem.TWICE: (1, "colour 2")}


OBJECTS = [{"id": 1, "image": "a.jpg", "text": "Red"}, {"id": 2, "image": "b.jpg", "text": "Green"}]
JSON = {
    "array": json.dumps(OBJECTS),
    "indented": json.dumps(OBJECTS, indent=2),
    "list in an object": json.dumps({"shop": {"name": "x"}, "pages": [1], "products": OBJECTS}),
    "by id": json.dumps({"1": {"image": "a.jpg", "text": "Red"}, "2": {"image": "b.jpg", "text": "Green"}}),
    "pandas columns": json.dumps({name: {str(n): one[name] for n, one in enumerate(OBJECTS)} for name in OBJECTS[0]}),
    "pandas split": json.dumps(
        {"columns": [*OBJECTS[0]], "index": [0, 1], "data": [[*one.values()] for one in OBJECTS]}
    ),
    "rows": json.dumps([[*OBJECTS[0]], *([*one.values()] for one in OBJECTS)]),
    "answer of a service": json.dumps({"data": {"products": OBJECTS, "page": {"next": 2}}}),
    "answer of GraphQL": json.dumps({"data": {"products": {"edges": [{"node": one} for one in OBJECTS]}}}),
    "lines": "\n\n".join(map(json.dumps, OBJECTS)),
}


@pytest.mark.parametrize("form", JSON)
def test_json_is_read_in_the_forms_that_programs_write(tmp_path: Path, form: str) -> None:
    for name, data in (("p.json", JSON[form].encode()), ("p.jsonl", JSON[form].encode("utf-16"))):
        dataset = opened(tmp_path / name, {name: data})
        assert titles(dataset) == TWO
        assert not counts(dataset.report)


def test_json_keeps_types_and_skips_what_is_empty(tmp_path: Path) -> None:
    line = {
        "price": 5.5,
        "stock": 3,
        "year": 2012.0,
        "new": True,
        "sizes": ["S", "M"],
        "none": None,
        "no": [],
        "blank": "",
    }
    rows = json.dumps({"id": 15970.0, "title": "Red", "image": "a.jpg", "attributes": line}) + '\n{"id": "2"\n[1]\n'
    dataset = opened(tmp_path, {"p.jsonl": rows + json.dumps({"id": 0, "title": "Zero", "image": "b.jpg"})})
    assert titles(dataset) == {"15970": "Red", "0": "Zero"}
    assert dataset.items[0].attributes == {"price": 5.5, "stock": 3, "year": 2012, "new": True, "sizes": ("S", "M")}
    assert problems(dataset) == {Problem.NOT_JSON: (2, "line 2, line 3")}


def test_half_characters_of_json_are_left_out_and_counted(tmp_path: Path) -> None:
    """JSON can hold half of a surrogate pair as an escape; no store can, and the whole build ended with it."""
    line = {"id": "1", "title": "Red \ud83d", "image": "a.jpg", "tags": ["new\ude00"], "odd\ud83d": "x", "fit": "slim"}
    dataset = opened(tmp_path, {"p.jsonl": json.dumps(line)})
    assert titles(dataset) == {"1": "Red"}
    assert dataset.items[0].attributes == {"tags": ("new",), "fit": "slim"}
    assert counts(dataset.report).keys() >= {Problem.LOST, Problem.BEYOND}


HF: dict[str, dict[str, str | bytes]] = {
    "csv": {"metadata.csv": "file_name,text\na.jpg,Red\nsub/b.jpg,Green\n"},
    "lines": {"metadata.jsonl": '{"file_name": "a.jpg", "text": "Red"}\n{"file_name": "sub/b.jpg", "text": "Green"}\n'},
    "folders": {"metadata.csv": "file_name,text\na.jpg,Red\n", "sub/metadata.csv": "file_name,text\nb.jpg,Green\n"},
}


@pytest.mark.parametrize("form", HF)
@pytest.mark.parametrize("packed", [False, True])
def test_an_image_folder_has_the_names_of_its_pictures_as_ids(tmp_path: Path, form: str, packed: bool) -> None:
    path = shop(tmp_path / "shop", HF[form] | {"README.md": "A card."}, pictures=("a.jpg", "sub/b.jpg"))
    if packed:
        with zipfile.ZipFile(tmp_path / "shop.zip", "w") as archive:
            for file in sorted(path.rglob("*.*")):
                archive.write(file, file.relative_to(path))
        path = tmp_path / "shop.zip"
    dataset = open_dataset(path)
    assert dataset.layout == "imagefolder"
    assert titles(dataset) == {"a.jpg": "Red", "sub/b.jpg": "Green"}
    assert not counts(dataset.report)
    assert dataset.report.notes == ["there is no column with ids: each row has the name of its picture"]


def test_a_zip_holds_any_table_with_its_pictures(tmp_path: Path) -> None:
    path = tmp_path / "shop.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("shop/p.csv", "id;image;text\n1;a.jpg;Red\n2;img/b.jpg;Green\n3;../../a.jpg;Up\n")
        for name in ("shop/a.jpg", "shop/img/b.jpg", "../a.jpg", "a.jpg"):
            archive.writestr(name, picture(1))
        archive.writestr("__MACOSX/shop/._p.csv", b"resource fork")
        archive.writestr("shop/.DS_Store", b"folder")
    dataset = open_dataset(path)
    assert titles(dataset) == TWO
    assert problems(dataset) == {Problem.OUTSIDE: (1, "3")}


@pytest.mark.parametrize("name", ["p.xlsx", "p.parquet", "p.jsonl", "p.csv.gz"])
def test_a_zip_holds_tables_of_any_format(tmp_path: Path, name: str) -> None:
    def fill(book: Any) -> None:
        for row in (["id", "image", "text"], [1, "a.jpg", "Red"], [2, "b.jpg", "Green"]):
            book.active.append(row)

    table = workbook(tmp_path / "shop", fill).read_bytes()
    if name == "p.parquet":
        pq.write_table(pa.Table.from_pylist(OBJECTS), tmp_path / name)
        table = (tmp_path / name).read_bytes()
    elif name != "p.xlsx":
        table = (
            JSON["lines"].encode()
            if name == "p.jsonl"
            else gzip.compress(b"id,image,text\n1,a.jpg,Red\n2,b.jpg,Green\n")
        )
    with zipfile.ZipFile(tmp_path / "shop.zip", "w") as archive:
        archive.writestr(name, table)
        for picture_name in ("a.jpg", "b.jpg"):
            archive.writestr(picture_name, picture())
    dataset = open_dataset(tmp_path / "shop.zip")
    assert titles(dataset) == TWO
    assert dataset.items[0].read() == picture()


def test_two_pictures_in_a_cell_that_begin_alike_are_two(tmp_path: Path) -> None:
    uris = [f"data:image/jpeg;base64,{base64.b64encode(picture(seed)).decode()}" for seed in (1, 2)]
    dataset = opened(tmp_path, {"p.json": json.dumps([{"id": 1, "title": "Red", "image": uris}])})
    assert [dataset.items[0].read(), *(read() for read in dataset.items[0].more)] == [picture(1), picture(2)]


def message(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        open_dataset(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_no_table_is_refused_with_advice_that_helps(tmp_path: Path) -> None:
    def written(name: str, data: bytes) -> Path:
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    assert "save it as .xlsx without a password" in message(
        written("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99))
    )
    for name, member, said in (
        ("a.ods", "mimetype", "OpenDocument spreadsheet (.ods); save it as .xlsx or .csv"),
        ("a.xlsb", "xl/workbook.bin", "binary Excel workbook (.xlsb); save it as .xlsx"),
        ("a.numbers", "Index/Document.iwa", "Numbers document; export it as .xlsx or .csv"),
    ):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(member, "application/vnd.oasis.opendocument.spreadsheet")
        assert said in message(tmp_path / name)
    assert "save it again as .xlsx" in message(written("cut.xlsx", b"PK\x03\x04 and no more"))
    assert "web page" in message(written("page.xls", b"<html><table><tr><td>id</td></tr></table></html>"))
    assert "asks to log in" in message(written("login.csv", b"\n<!DOCTYPE html><title>Log in</title>"))
    for name, data in (("a.7z", b"7z\xbc\xaf\x27\x1c"), ("a.rar", b"Rar!\x1a\x07"), ("a.tar.gz", gzip.compress(b"x"))):
        assert "unpack it and pass the folder" in message(written(name, data))
    assert "cut" in message(written("cut.csv.gz", gzip.compress(b"id,image,text\n" * 99)[:-12]))
    assert "separate the columns by" in message(written("one.csv", b"id^image^text\n1^a.jpg^Red\n"))
    assert "(a.jpg stands there)" in message(written("bare.csv", b"1,a.jpg,Red\n2,b.jpg,Green\n"))
    assert "it has no rows below" in message(written("empty.csv", b"id,image,text\n"))
    assert "not JSON (" in message(written("bad.json", b'[{"id": 1,'))
    assert "no JSON objects" in message(written("numbers.json", b"[1, 2, 3]"))
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as archive:
        archive.writestr("inner.zip", b"PK")
    assert "unpack inner.zip from it and pass that" in message(tmp_path / "outer.zip")


def test_a_gzip_bomb_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.data.readers.MAX_TABLE_BYTES", 10_000)
    (tmp_path / "p.csv.gz").write_bytes(gzip.compress(b"id,image,text\n" + bytes(1_000_000)))
    assert "unpacks to more than 10,000 bytes: split the table" in message(tmp_path / "p.csv.gz")
