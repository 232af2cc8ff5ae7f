"""Data sets: one deliberately dirty archive in every layout, decoding in threads, and the real archive where it is."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from common import DataError, ImageError
from models.images import decode_image
from tests.tools.root import ROOT
from training.data import Dataset, Item, decode_pictures, inspect, open_dataset
from training.data.dataset import MAX_IMAGE_BYTES, Problem, Report

HEADER = "id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,productDisplayName"
REAL = Path(os.environ.get("VITRINE_TEST_DATA") or ROOT.parent / "shared" / "data" / "fashion-product-images-small.zip")
TOO_LARGE = b"\0" * (MAX_IMAGE_BYTES + 1)


def picture(seed: int = 0, mode: str = "RGB", kind: str = "JPEG", orientation: int = 0) -> bytes:
    rng = np.random.default_rng(seed)
    image = Image.fromarray(rng.integers(0, 256, (8, 6, 3), dtype=np.uint8)).convert(mode)
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    out = io.BytesIO()
    image.save(out, kind, exif=exif)
    return out.getvalue()


def row(id_: object, title: str, attributes: str = "Men,Apparel,Topwear,Shirts,Navy Blue,Fall,2011,Casual") -> str:
    return f"{id_},{attributes},{title}"


# ------------------------------------------------------------------------------------ Kaggle: every kind of dirt

STYLES: list[str | bytes] = [
    HEADER,
    row(1, "Turtle Check Men Navy Blue Shirt"),
    row(2, "Blue shirt, slim, for men"),
    '7491,Women,Apparel,Bottomwear,Shorts,Pink,Summer,2011,Sports,"Nike Women\'s EM Tempo 3.5"" Pink Short"',
    row(4, 'Frame 3.5" x 7" of wood'),
    row(5, '"Opened and never closed'),
    row(6, 'The row behind it, of 5"'),
    row(7, '"Quoted, with a comma"'),
    row(8, "Has no image"),
    "9,Men,Apparel",
    row(10, ""),
    row(11, "NA", "NA,,,,,,,"),
    row(1, "The same id again"),
    row(12, "Truncated"),
    row(13, "Grey"),
    row(14, "CMYK"),
    row(15, "Palette"),
    row(16, "Alpha"),
    row(17, "Rotated"),
    b"18,Men,Apparel,Topwear,Shirts,NA,Fall,2011,,Caf\xe9 shirt",
    row(19, "An empty file"),
    row(20, "A bomb"),
    row("", "No id"),
    "",
    row(21, '"Two lines\nof one title"'),
    row(22, '"Inner 3.5" quotes, not doubled"'),
    row(23, "  Spaces   all over  "),
]
IMAGES: dict[str, bytes] = {
    **{f"{n}.jpg": picture(n) for n in (1, 2, 7491, 4, 5, 6, 7, 9, 10, 11, 18, 21, 22, 23)},
    "12.jpg": picture(12)[:-200],
    "13.jpg": picture(13, "L"),
    "14.jpg": picture(14, "CMYK"),
    "15.jpg": picture(15, "P", "PNG"),
    "16.png": picture(16, "RGBA", "PNG"),
    "17.jpg": picture(17, orientation=6),
    "19.jpg": b"",
    "20.jpg": TOO_LARGE,
    "999.jpg": picture(999),
    ".DS_Store": b"none of our business",
    "Thumbs.db": b"neither",
}
TITLES = {
    "1": "Turtle Check Men Navy Blue Shirt",
    "2": "Blue shirt, slim, for men",
    "7491": "Nike Women's EM Tempo 3.5\" Pink Short",
    "4": 'Frame 3.5" x 7" of wood',
    "5": '"Opened and never closed',
    "6": 'The row behind it, of 5"',
    "7": "Quoted, with a comma",
    "10": "Men Navy Blue Shirts",
    "12": "Truncated",
    "13": "Grey",
    "14": "CMYK",
    "15": "Palette",
    "16": "Alpha",
    "17": "Rotated",
    "18": "Caf\ufffd shirt",
    "19": "An empty file",
    "21": "Two lines of one title",
    "22": 'Inner 3.5" quotes, not doubled',
    "23": "Spaces all over",
}
OPENED = {
    Problem.NO_IMAGE: (1, "8"),
    Problem.NO_ROW: (2, "9.jpg, 999.jpg"),
    Problem.OVERSIZED: (1, "20"),
    Problem.SHORT: (1, "line 10"),
    Problem.NO_ID: (1, "line 23"),
    Problem.DUPLICATE: (1, "1"),
    Problem.NO_TITLE: (1, "11"),
    Problem.TITLE_MADE: (1, "10"),
    Problem.COMMAS: (3, "2, 6, 22"),
    Problem.QUOTES: (2, "5, 22"),
    Problem.ENCODING: (1, "18"),
}
DECODED = {
    Problem.UNDECODABLE: (2, "12, 19"),
    Problem.CONVERTED: (4, "13, 14, 15, 16"),
    Problem.ROTATED: (1, "17"),
}


def table(rows: list[str | bytes], newline: bytes = b"\n") -> bytes:
    return newline.join(r.encode() if isinstance(r, str) else r for r in rows) + newline


def write_folder(folder: Path, rows: list[str | bytes], images: Mapping[str, bytes]) -> Path:
    (folder / "images").mkdir(parents=True)
    (folder / "styles.csv").write_bytes(table(rows))
    for name, data in images.items():
        with (folder / "images" / name).open("wb") as file:
            if data is TOO_LARGE:
                file.truncate(len(data))  # takes no room on the disk
            else:
                file.write(data)
    return folder


def write_zip(path: Path, rows: list[str | bytes], images: Mapping[str, bytes], base: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in images.items():
            archive.writestr(f"{base}images/{name}", data)
            archive.writestr(f"__MACOSX/{base}images/._{name}", b"resource fork")
        archive.writestr(f"{base}styles.csv", table(rows, b"\r\n"))
    return path


def counts(report: Report) -> dict[Problem, tuple[int, str]]:
    by_what = {what: (count, examples) for what, count, _, examples in report.table()}
    return {p: by_what[p.what] for p in Problem if p.what in by_what}


@pytest.mark.parametrize("layout", ["folder", "folder in a folder", "styles.csv", "zip", "zip nested", "zip twice"])
def test_a_dirty_kaggle_archive_is_mended_or_skipped_and_counted(tmp_path: Path, layout: str) -> None:
    path = tmp_path / "shop"
    if layout == "folder":
        write_folder(path, STYLES, IMAGES)
    elif layout == "folder in a folder":
        write_folder(path / "myntradataset", STYLES, IMAGES)
    elif layout == "styles.csv":
        path = write_folder(path, STYLES, IMAGES) / "styles.csv"
    elif layout == "zip":
        path = write_zip(tmp_path / "shop.zip", STYLES, IMAGES)
    else:
        path = write_zip(tmp_path / "shop.zip", STYLES, IMAGES, base="myntradataset/")
    if layout == "zip twice":  # the archive of the large data set holds everything a second time, one folder down
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("styles.csv", table([HEADER, row(5, "The outer table"), row(12, "counts")]))
            archive.writestr("images/5.jpg", picture(5))
        assert [item.title for item in open_dataset(path).items] == ["The outer table"]
        return

    dataset = open_dataset(path)

    assert {item.id: item.title for item in dataset.items} == TITLES
    assert counts(dataset.report) == OPENED
    report = inspect(dataset)
    assert counts(report) == OPENED | DECODED
    assert (report.rows, report.usable) == (len(STYLES) - 2, len(TITLES) - 2)
    by_id = {item.id: item for item in dataset.items}
    assert by_id["18"].attributes == {
        "gender": "Men",
        "masterCategory": "Apparel",
        "subCategory": "Topwear",
        "articleType": "Shirts",
        "season": "Fall",
        "year": "2011",
    }
    assert by_id["4"].read() == IMAGES["4.jpg"]
    assert dataset.name == "shop"


def test_the_report_is_json_and_safe_to_print(tmp_path: Path) -> None:
    rows: list[str | bytes] = [HEADER, row(1, "One"), row("\x1b[31mred\x07", "No image")]
    report = open_dataset(write_folder(tmp_path / "shop", rows, {"1.jpg": picture()})).report
    value = json.loads(json.dumps(report.to_json()))
    assert (value["rows"], value["images"], value["usable"]) == (2, 1, 1)
    assert value["problems"]["no_image"] == {
        "problem": "row without an image",
        "done": "skipped",
        "count": 1,
        "examples": ["\ufffd[31mred\ufffd"],
    }


def test_examples_are_few_however_many_problems(tmp_path: Path) -> None:
    rows: list[str | bytes] = [HEADER, row(0, "Has one"), *(row(n, "Has none") for n in range(1, 500))]
    report = open_dataset(write_folder(tmp_path / "shop", rows, {"0.jpg": picture()})).report
    assert counts(report) == {Problem.NO_IMAGE: (499, "1, 2, 3, 4, 5")}


def test_names_in_a_zip_never_become_paths(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "evil.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("styles.csv", table([HEADER, row(1, "Good"), row("../../2", "Up"), row("/etc/3", "Root")]))
        for name in ("images/1.jpg", "images/../../2.jpg", "/etc/3.jpg", "../styles.csv"):
            archive.writestr(name, picture(1))
    before = sorted(tmp_path.rglob("*"))
    dataset = open_dataset(path)
    assert inspect(dataset).usable == 1
    assert [item.id for item in dataset.items] == ["1"]
    assert sorted(tmp_path.rglob("*")) == before


def test_a_damaged_member_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "shop.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("styles.csv", table([HEADER, *(row(n, f"Shirt {n}") for n in (1, 2, 3))]))
        for n in (1, 2, 3):
            archive.writestr(f"images/{n}.jpg", picture(n))
    data = bytearray(path.read_bytes())
    data[data.index(picture(2)) + 100] ^= 0xFF  # the checksum no longer fits
    path.write_bytes(data)
    dataset = open_dataset(path)
    with pytest.raises(DataError, match=r"images/2\.jpg in .*shop\.zip cannot be unpacked"):
        dataset.items[1].read()
    assert counts(inspect(dataset)) == {Problem.UNDECODABLE: (1, "2")}


def test_links_out_of_the_images_folder_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(picture())
    folder = write_folder(tmp_path / "shop", [HEADER, row(1, "One"), row(2, "Two")], {"1.jpg": picture(1)})
    (folder / "images" / "2.jpg").symlink_to(secret)
    dataset = open_dataset(folder)
    assert [item.id for item in dataset.items] == ["1"]
    assert counts(dataset.report) == {Problem.OUTSIDE: (1, "2")}


# ------------------------------------------------------------------------------------------------- any CSV table


def test_a_dirty_csv_is_mended_or_skipped_and_counted(tmp_path: Path) -> None:
    (tmp_path / "outside.jpg").write_bytes(picture())
    shop = tmp_path / "shop"
    (shop / "images" / "deep").mkdir(parents=True)
    for name in ("a.jpg", "b.jpg", "deep/c.jpg", "two  spaces.jpg", "orphan.jpg", "cut.jpg"):
        (shop / "images" / name).write_bytes(picture(len(name)))
    (shop / "images" / "cut.jpg").write_bytes(picture()[:-150])
    (shop / "images" / "notes.txt").write_text("no picture, so not one without a row")
    (shop / "images" / "link.jpg").symlink_to(tmp_path / "outside.jpg")
    (shop / "images" / "inner.jpg").symlink_to(shop / "images" / "a.jpg")
    (shop / "up").symlink_to(tmp_path)
    (shop / "images" / "circle.jpg").symlink_to(shop / "images" / "circle.jpg")
    with (shop / "images" / "bomb.jpg").open("wb") as file:
        file.truncate(MAX_IMAGE_BYTES + 1)
    (shop / "products.csv").write_bytes(
        table(
            [
                "ID,Image,text,colour,size,category",
                'a,images/a.jpg,Red shirt,red,"M, L",Shirts',
                "b,images\\b.jpg,Shirt, red and blue,red,M,Shirts",
                "c,./images/deep/../deep/c.jpg,Short of attributes",
                "d,images/two  spaces.jpg,N/A,blue,,Hats",
                "e,https://example.com/e.jpg,A URL,red,M,Shirts",
                f"f,{tmp_path}/outside.jpg,Absolute,red,M,Shirts",
                "g,../outside.jpg,Up,red,M,Shirts",
                "h,images/../../outside.jpg,Up later,red,M,Shirts",
                "i,images/link.jpg,A link out,red,M,Shirts",
                "j,up/outside.jpg,A linked folder,red,M,Shirts",
                "k,C:\\outside.jpg,A drive,red,M,Shirts",
                "l,\\\\server\\share\\x.jpg,A share,red,M,Shirts",
                "m,images/none.jpg,No such image,red,M,Shirts",
                "n,,No image at all,red,M,Shirts",
                "o,images,A folder,red,M,Shirts",
                "p,images/circle.jpg,A circle,red,M,Shirts",
                "q,images/bomb.jpg,A bomb,red,M,Shirts",
                "r,images/deep/../inner.jpg,A link inside,red,M,Shirts",
                "s,images/a.jpg",
                "t,images/a.jpg,,red,M,",
                "a,images/a.jpg,Twice,red,M,Shirts",
                b"u,images/a.jpg,Na\xefve,red,M,Shirts",
                'v,images/a.jpg,"Not closed,red,M,Shirts',
                "w,images/cut.jpg,Cut,red,M,Shirts",
                'x,images/a.jpg,"A comma, and ""quotes""",red,M,Shirts',
                "y,images/a.jpg\0,A NUL,red,M,Shirts",
                "z,images/a\0/a.jpg,Another,red,M,Shirts",
            ]
        )
    )
    for path in (shop / "products.csv", shop):
        dataset = open_dataset(path)
        assert {item.id: item.title for item in dataset.items} == {
            "a": "Red shirt",
            "b": "Shirt, red and blue",
            "c": "Short of attributes",
            "d": "blue Hats",
            "r": "A link inside",
            "u": "Na\ufffdve",
            "v": '"Not closed',
            "w": "Cut",
            "x": 'A comma, and "quotes"',
        }
        assert counts(dataset.report) == {
            Problem.NO_IMAGE: (6, "m, n, o, p, y"),
            Problem.NO_ROW: (1, "images/orphan.jpg"),
            Problem.URL: (1, "e"),
            Problem.OUTSIDE: (7, "f, g, h, i, j"),
            Problem.OVERSIZED: (1, "q"),
            Problem.SHORT: (1, "line 20"),
            Problem.DUPLICATE: (1, "a"),
            Problem.NO_TITLE: (1, "t"),
            Problem.TITLE_MADE: (1, "d"),
            Problem.COMMAS: (1, "b"),
            Problem.PADDED: (1, "c"),
            Problem.QUOTES: (1, "v"),
            Problem.ENCODING: (1, "u"),
        }
        by_id = {item.id: item for item in dataset.items}
        assert by_id["a"].attributes == {"colour": "red", "size": "M, L", "category": "Shirts"}
        assert by_id["d"].attributes == {"colour": "blue", "category": "Hats"}
        assert by_id["r"].read() == by_id["a"].read()
        assert counts(inspect(dataset))[Problem.UNDECODABLE] == (1, "w")


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=20)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6), quoting=st.sampled_from([0, 1]))
def test_a_well_formed_csv_reads_as_the_csv_module_reads_it(rows: list[tuple[str, str]], quoting: int) -> None:
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL if quoting else csv.QUOTE_MINIMAL, lineterminator="\n")
    writer.writerow(["id", "image", "text", "note"])
    writer.writerows([(n, "a.png", f"T{text}", f"N{note}") for n, (text, note) in enumerate(rows)])
    expected = [
        (id_, " ".join(text.split()), " ".join(note.split()))
        for id_, _, text, note in list(csv.reader(io.StringIO(out.getvalue(), newline="")))[1:]
    ]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a.png").write_bytes(picture())
        (Path(folder) / "t.csv").write_text(out.getvalue(), encoding="utf-8", newline="")
        items = open_dataset(Path(folder) / "t.csv").items
        assert [(i.id, i.title, i.attributes.get("note", "")) for i in items if i.title != "NA"] == [
            (id_, title, "" if note.casefold() in ("na", "nan", "null", "none", "n/a") else note)
            for id_, title, note in expected
            if title != "NA"
        ]


@settings(max_examples=100, deadline=None)
@given(body=st.one_of(st.binary(max_size=300), st.text('",\n\\ aé1\r.jpg', max_size=300).map(str.encode)))
def test_no_bytes_whatever_stop_a_run(body: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a.png").write_bytes(picture())
        (Path(folder) / "t.csv").write_bytes(b"id,image,text\n1,a.png,First\n" + body)
        dataset = open_dataset(Path(folder) / "t.csv")
        assert dataset.items[0].title == "First"
        assert inspect(dataset).usable >= 1


def test_tables_from_spreadsheets_open_too(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture())
    text = 'id,image,text\r\n1,a.png,"Größe ""M"""\r\n'
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        (tmp_path / "t.csv").write_text(text, encoding=encoding, newline="")
        dataset = open_dataset(tmp_path / "t.csv")
        assert [item.title for item in dataset.items] == ['Größe "M"']
        assert not dataset.report.counts


# ------------------------------------------------------------------------------------------------------- parquet


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


def test_a_dirty_parquet_file_is_mended_or_skipped_and_counted(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "part.parquet", IDS, PICTURES, PARQUET_TITLES)
    dataset = open_dataset(path)
    assert [(item.id, item.title) for item in dataset.items] == [("1", "One"), ("2", "Two"), ("6", "Broken")]
    assert dataset.items[0].attributes == {"gender": "Men", "articleType": "Shirts", "year": "2011"}
    assert dataset.items[1].attributes == {"gender": "Men", "year": "2011"}
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


def test_a_folder_of_shards_is_read_in_order_and_misses_what_it_misses(tmp_path: Path) -> None:
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
    deadline = time.monotonic() + 5  # Arrow's threads give memory back a moment later
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
    assert [item.title for item in dataset.items] == ["Caf\ufffd", "Fine", "Hats"]
    assert counts(inspect(dataset)) == {Problem.ENCODING: (1, "a"), Problem.TITLE_MADE: (1, "c")}


# -------------------------------------------------------------------------------------------- what does not open


def test_what_fits_no_layout_is_told_with_the_nearest_fix(tmp_path: Path) -> None:
    def message(path: Path) -> str:
        with pytest.raises(DataError) as caught:
            open_dataset(path)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    (tmp_path / "empty").mkdir()
    assert "holds nothing" in message(tmp_path / "empty")
    assert "styles.csv and images/<id>.jpg" in message(tmp_path / "empty")
    assert f"did you mean {tmp_path / 'empty'}?" in message(tmp_path / "emtpy")

    (tmp_path / "p").mkdir()
    named = tmp_path / "p" / "products.csv"
    named.write_text("product_id,img,title,colour\n1,a.jpg,A,red\n")
    assert "rename 'product_id' to 'id' and 'img' to 'image' and 'title' to 'text'" in message(named)
    named.write_text("id;image;text\n1;a.jpg;A\n")
    assert "separate the columns by commas" in message(named)
    named.write_text("")
    assert "(none)" in message(named)
    named.write_bytes(b"id,image,text\n1,none.jpg,A\n")
    assert "1 rows and 0 images but no usable pair (row without an image: 1)" in message(named)
    named.write_bytes(os.urandom(300_000).replace(b",", b"").replace(b"\n", b""))
    assert len(message(named)) < 2_000

    (tmp_path / "q").mkdir()
    archive = write_zip(tmp_path / "q" / "archive.zip", [HEADER, row(1, "One")], {"1.jpg": picture()})
    assert f"pass {archive}" in message(tmp_path / "q")
    (tmp_path / "cut.zip").write_bytes(archive.read_bytes()[:-100])
    assert "damaged or cut zip archive" in message(tmp_path / "cut.zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as other:
        other.writestr("readme.txt", "hello")
    assert "holds 1 files (readme.txt), but no styles.csv" in message(tmp_path / "other.zip")
    (tmp_path / "photo.jpg").write_bytes(picture())
    assert "neither zip nor parquet" in message(tmp_path / "photo.jpg")
    (tmp_path / "cut.parquet").write_bytes(b"PAR1 and no more")
    assert "cannot be read as parquet" in message(tmp_path / "cut.parquet")
    pq.write_table(pa.table({"id": [1], "image": ["http://x/y.jpg"], "text": ["A"]}), tmp_path / "urls.parquet")
    assert "not the bytes of pictures" in message(tmp_path / "urls.parquet")
    pq.write_table(pa.table({"label": [1], "image": [b""]}), tmp_path / "labels.parquet")
    assert "id and productDisplayName are missing" in message(tmp_path / "labels.parquet")


def test_the_fingerprint_knows_the_content(tmp_path: Path) -> None:
    rows: list[str | bytes] = [HEADER, row(1, "One"), row(2, "Two")]
    images = {"1.jpg": picture(1), "2.jpg": picture(2)}
    prints = [
        open_dataset(write_zip(tmp_path / f"{n}.zip", r, i, base)).fingerprint
        for n, (r, i, base) in enumerate(
            [
                (rows, images, ""),
                (rows, images, "nested/"),
                ([*rows[:2], row(2, "Too")], images, ""),
                ([*rows[:2], row(2, "Two").replace("Fall", "Summer")], images, ""),
                (rows, images | {"2.jpg": picture(3)}, ""),
            ]
        )
    ]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 4

    folder = write_folder(tmp_path / "folder", rows, images)
    first = open_dataset(folder).fingerprint
    assert open_dataset(folder).fingerprint == first
    (folder / "images" / "2.jpg").write_bytes(picture(2)[:-1] + b"\0")
    os.utime(folder / "images" / "2.jpg", (1, 1))
    assert open_dataset(folder).fingerprint != first


# ------------------------------------------------------------------------------------------------------ decoding


@pytest.fixture
def dirty(tmp_path: Path) -> Dataset:
    return open_dataset(write_zip(tmp_path / "shop.zip", STYLES, IMAGES))


def one_by_one(dataset: Dataset) -> Iterator[tuple[int, bytes, bytes]]:
    for index, item in enumerate(dataset.items):
        try:
            data = item.read()
            yield index, data, decode_image(data).tobytes()
        except (DataError, ImageError):
            continue


@pytest.mark.parametrize(("workers", "ahead"), [(1, 1), (2, 3), (4, 256)])
def test_decoding_in_threads_gives_what_a_plain_loop_gives(dirty: Dataset, workers: int, ahead: int) -> None:
    assert list(decode_pictures(dirty, Image.Image.tobytes, workers=workers, ahead=ahead)) == list(one_by_one(dirty))


def test_decoding_twice_counts_once(dirty: Dataset) -> None:
    for _ in range(3):
        assert sum(1 for _ in decode_pictures(dirty, lambda image: None)) == len(TITLES) - 2
    first = inspect(dirty).to_json()
    assert first["usable"] == len(TITLES) - 2
    assert first["problems"]["undecodable"]["count"] == 2
    assert inspect(dirty).to_json() == first


def counting(number: int, data: bytes, delay: float = 0.0) -> tuple[Dataset, list[int]]:
    reads: list[int] = []

    def read(n: int) -> bytes:
        reads.append(n)
        time.sleep(delay)
        return data

    items = [Item(str(n), "A title", {}, partial(read, n)) for n in range(number)]
    return Dataset("counting", Path(), "none", items, Report(usable=number), ""), reads


def decoding_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("decode")]


def test_no_more_than_ahead_pictures_are_in_flight() -> None:
    dataset, reads = counting(1_000, picture())
    pictures = decode_pictures(dataset, lambda image: None, workers=2, ahead=8)
    for taken in range(1, 4):
        next(pictures)
        time.sleep(0.05)
        assert len(reads) <= taken + 8
    pictures.close()


def test_closing_early_stops_the_threads_and_what_they_had_yet_to_do() -> None:
    dataset, reads = counting(1_000, picture(), delay=0.02)
    pictures = decode_pictures(dataset, lambda image: None, workers=2, ahead=100)
    next(pictures)
    pictures.close()
    assert decoding_threads() == []
    assert len(reads) < 50


def test_a_fault_of_the_transform_is_raised_not_taken_for_a_bad_picture() -> None:
    dataset, _ = counting(100, picture())

    def faulty(image: Image.Image) -> None:
        raise ValueError("a fault of the caller")

    with pytest.raises(ValueError, match="a fault of the caller"):
        list(decode_pictures(dataset, faulty))
    assert not dataset.report.counts
    assert decoding_threads() == []


def test_a_zip_is_read_from_many_threads_at_once(tmp_path: Path) -> None:
    images = {f"{n}.jpg": random.Random(n).randbytes(500) for n in range(200)}
    rows: list[str | bytes] = [HEADER, *(row(n, f"Shirt {n}") for n in range(200))]
    dataset = open_dataset(write_zip(tmp_path / "shop.zip", rows, images))
    wrong: list[str] = []

    def read_all(seed: int) -> None:
        items = random.Random(seed).sample(dataset.items, len(dataset.items))
        wrong.extend(item.id for item in items if item.read() != images[f"{item.id}.jpg"])

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=read_all, args=(seed,)) for seed in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []


def test_inspect_tells_how_far_it_is(dirty: Dataset) -> None:
    steps: list[tuple[int, int]] = []
    inspect(dirty, lambda done, total: steps.append((done, total)))
    assert steps == sorted(steps)
    assert steps[-1] == (len(TITLES), len(TITLES))


# ---------------------------------------------------------------------------------------------- the real archive


@pytest.mark.skipif(not REAL.exists(), reason=f"no data set at {REAL}; set VITRINE_TEST_DATA to the Kaggle .zip")
def test_the_real_archive_opens_and_decodes_whole() -> None:
    started = time.monotonic()
    dataset = open_dataset(REAL)
    assert time.monotonic() - started < 10
    report = dataset.report
    assert (report.rows, report.images, len(dataset.items)) == (40_974, 40_632, 40_632)
    assert counts(report)[Problem.NO_IMAGE][0] == 342
    assert sum(1 for _ in decode_pictures(dataset, lambda image: None)) == 40_632
    assert report.usable == 40_632
    by_id = {item.id: item for item in dataset.items}
    assert by_id["7491"].title == "Nike Women's EM Tempo 3.5\" Pink Short"
    assert by_id["15970"].attributes["baseColour"] == "Navy Blue"
    assert not any(item.title == "NA" for item in dataset.items)
