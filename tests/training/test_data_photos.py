"""Pictures as shops have them, in a data set: what is read of them, and what the report says of the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.picture_kinds import HEIF, prepare_decoder
from models.profiles import DISPLAY_P3, matrix_profile
from tests.tools.shop import draw, encoded
from training.data import Problem, inspect, open_dataset

PHOTO = draw("red", "dress").resize((300, 400))


def saved(kind: str, image: Image.Image = PHOTO, **options: Any) -> bytes:
    return encoded(image, kind, **options)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a table and a picture of every kind that is odd."""
    prepare_decoder(HEIF)
    folder = tmp_path_factory.mktemp("shop")
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8))
    pictures = {
        "plain.jpg": saved("JPEG"),
        "wrong-suffix.png": saved("JPEG"),
        "phone.heic": saved("HEIF"),
        "archive.jp2": saved("JPEG2000"),
        "p3.jpg": saved("JPEG", icc_profile=matrix_profile(DISPLAY_P3)),
        "no-end.jpg": saved("JPEG")[:-2],
        "cut.png": saved("PNG", noise)[:-3_000],
        "half.jpg": saved("JPEG", noise)[:9_000],
        "program.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n",
    }
    for name, data in pictures.items():
        (folder / name).write_bytes(data)
    rows = [f"{Path(name).stem},{name},A dress" for name in pictures]
    (folder / "products.csv").write_text("\n".join(["id,image,text", *rows]), encoding="utf-8")
    return folder


def test_the_report_says_what_was_odd_and_why_a_picture_is_left_out(shop: Path) -> None:
    dataset = open_dataset(shop)
    report = inspect(dataset)
    assert report.usable == 7
    assert report.examples[Problem.PROFILED] == ["p3"]
    assert report.examples[Problem.REPAIRED] == ["no-end", "cut"]
    assert report.examples[Problem.UNDECODABLE] == ["half", "program"]
    reasons = report.to_json()["problems"]["undecodable"]["reasons"]
    assert "truncated" in reasons["half"]
    assert reasons["program"].startswith("72 bytes that are no image we can read; send a JPEG, PNG")
    (row,) = (row for row in report.table() if row[0] == Problem.UNDECODABLE.what)
    assert "half (the image is damaged" in row[3]
    assert inspect(dataset).to_json() == report.to_json()
