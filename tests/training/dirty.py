"""A Kaggle archive with every kind of problem, and writers of small data sets."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from training.data import MAX_IMAGE_BYTES, Problem, Report

HEADER = "id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,productDisplayName"


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
    row(13, "Größe"),
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
    "13": "Größe",
    "14": "CMYK",
    "15": "Palette",
    "16": "Alpha",
    "17": "Rotated",
    "18": "Café shirt",
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
    return {p: (report.counts[p], ", ".join(report.examples[p])) for p in Problem if report.counts[p]}
