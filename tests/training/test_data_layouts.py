"""Layouts of data sets: one dirty archive in each of them, what does not open, fingerprints, and the real archive."""

from __future__ import annotations

import json
import os
import time
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common import DataError
from tests.tools.root import ROOT
from tests.training.dirty import (
    DECODED,
    HEADER,
    IMAGES,
    OPENED,
    STYLES,
    TITLES,
    counts,
    picture,
    row,
    table,
    write_folder,
    write_zip,
)
from training.data import Problem, decode_pictures, inspect, open_dataset

REAL = Path(os.environ.get("VITRINE_TEST_DATA") or ROOT.parent / "shared" / "data" / "fashion-product-images-small.zip")


@pytest.mark.parametrize("layout", ["folder", "folder in a folder", "styles.csv", "zip", "zip nested", "zip twice"])
def test_a_dirty_kaggle_archive_is_repaired_or_skipped_and_counted(tmp_path: Path, layout: str) -> None:
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


def test_what_fits_no_layout_is_refused_with_the_nearest_fix(tmp_path: Path) -> None:
    def message(path: Path) -> str:
        with pytest.raises(DataError) as caught:
            open_dataset(path)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    (tmp_path / "empty").mkdir()
    assert "is empty; accepted are" in message(tmp_path / "empty")
    assert "styles.csv and images/<id>.jpg" in message(tmp_path / "empty")
    assert f"did you mean {tmp_path / 'empty'}?" in message(tmp_path / "emtpy")

    (tmp_path / "p").mkdir()
    named = tmp_path / "p" / "products.csv"
    named.write_text("number,shape,colour\n1,round,red\n")
    assert "number, shape, colour; title and image are missing: say" in message(named)
    assert "rename" not in message(named)
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
    assert "(image is a URL: 1)" in message(tmp_path / "urls.parquet")
    pq.write_table(pa.table({"n": [1], "image": [b""]}), tmp_path / "labels.parquet")
    assert "title is missing" in message(tmp_path / "labels.parquet")


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


@pytest.mark.skipif(not REAL.exists(), reason=f"no data set at {REAL}; set VITRINE_TEST_DATA to the Kaggle .zip")
def test_the_real_archive_opens_and_decodes_whole() -> None:
    started = time.process_time()
    dataset = open_dataset(REAL)
    assert time.process_time() - started < 10
    report = dataset.report
    assert (report.rows, report.images, len(dataset.items)) == (40_974, 40_632, 40_632)
    assert counts(report)[Problem.NO_IMAGE][0] == 342
    assert sum(1 for _ in decode_pictures(dataset, lambda image: None)) == 40_632
    assert report.usable == 40_632
    by_id = {item.id: item for item in dataset.items}
    assert by_id["7491"].title == "Nike Women's EM Tempo 3.5\" Pink Short"
    assert by_id["15970"].attributes["baseColour"] == "Navy Blue"
    assert not any(item.title == "NA" for item in dataset.items)
