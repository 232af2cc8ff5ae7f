"""Names of pictures as other systems write them: the file that is meant is found, and none outside."""

from __future__ import annotations

import base64
import json
import unicodedata
import zipfile
from pathlib import Path

import pytest

from common import DataError
from tests.training.dirty import counts, picture
from tests.training.shops import opened, problems, shop, titles
from training.data import Problem, open_dataset
from training.data.pictures import PICTURE_SUFFIXES

NFD = unicodedata.normalize("NFD", "Größe")
FOUND = {  # the cell, the file
    "composed": ("Größe.jpg", f"{NFD}.jpg"),
    "decomposed": (f"{NFD}.jpg", "Größe.jpg"),
    "folder": ("Größe/a.jpg", f"{NFD}/a.jpg"),
    "case": ("A.JPG", "a.jpg"),
    "case of a folder": ("Images/A.jpg", "images/a.jpg"),
    "folder missing": ("a.jpg", "images/a.jpg"),
    "another folder": ("a.jpg", "Bilder/a.jpg"),
    "folder too much": ("images/a.jpg", "a.jpg"),
    "escapes": ("Gr%C3%B6%C3%9Fe%201.jpg", "Größe 1.jpg"),
    "suffix missing": ("a", "a.jpeg"),
    "suffix and case": ("PHOTO", "photo.png"),
    "another computer": ("C:\\shop\\images\\a.jpg", "images/a.jpg"),
    "another root": ("/home/me/shop/images/a.jpg", "images/a.jpg"),
    "version": ("a.jpg?v=123", "a.jpg"),
}
EXACT = {
    "plain": ("a.jpg", "a.jpg"),
    "shop's root": ("/media/a.jpg", "media/a.jpg"),
    "no suffix": ("12345", "12345"),
    "backslashes": ("images\\sub\\a.jpg", "images/sub/a.jpg"),
    "dots": ("./images/../a.jpg", "a.jpg"),
    "percent": ("50%.jpg", "50%.jpg"),
    "escape in the name": ("a%20b.jpg", "a%20b.jpg"),
    "comma": ("a, b.jpg", "a, b.jpg"),
    "semicolon": ("a;b.jpg", "a;b.jpg"),
    "spaces": ("a  b.jpg", "a  b.jpg"),
}


@pytest.mark.parametrize("case", FOUND | EXACT)
@pytest.mark.parametrize("packed", [False, True])
def test_a_picture_is_found_by_the_name_that_the_table_has(tmp_path: Path, case: str, packed: bool) -> None:
    cell, name = (FOUND | EXACT)[case]
    table = f'id,image,text\n1,"{cell}",Red\n'
    path = shop(tmp_path / "shop", {"p.csv": table}, pictures=(name,))
    if packed:
        path = tmp_path / "shop.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("shop/p.csv", table)
            archive.writestr(f"shop/{name}", picture(0))
    dataset = open_dataset(path)
    assert dataset.items[0].read() == picture(0)
    assert counts(dataset.report) == ({Problem.NAMED_OTHERWISE: (1, "1")} if case in FOUND else {})


def test_an_exact_name_wins_and_an_ambiguous_one_is_none(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"p.csv": "id,image,text\n1,a.jpg,A\n2,A.jpg,B\n3,a.JPG,C\n"}
    dataset = opened(tmp_path, files, pictures=("a.jpg", "A.jpg"))
    assert titles(dataset) == {"1": "A", "2": "B"}
    assert [item.read() for item in dataset.items] == [picture(0), picture(1)]
    assert problems(dataset) == {Problem.NO_IMAGE: (1, "3")}


@pytest.mark.parametrize(
    "cell", ["a.jpg, b.jpg", "a.jpg|b.jpg", "a.jpg;b.jpg", "a.jpg b.jpg", '["a.jpg", "b.jpg"]', "['a.jpg', 'b.jpg']"]
)
def test_several_pictures_of_a_cell_are_all_read(tmp_path: Path, cell: str) -> None:
    table = json.dumps([{"id": 1, "image": cell, "text": "Red"}, {"id": 2, "image": ["b.jpg", "a.jpg"], "text": "B"}])
    dataset = opened(tmp_path, {"p.json": table})
    assert [(item.read(), *(read() for read in item.more)) for item in dataset.items] == [
        (picture(0), picture(1)),
        (picture(1), picture(0)),
    ]
    assert not counts(dataset.report)


def test_a_missing_further_picture_costs_only_itself(tmp_path: Path) -> None:
    dataset = opened(tmp_path, {"p.csv": "id,image,text\n1,none.jpg|b.jpg|a.jpg|a.jpg,Red\n"})
    assert [dataset.items[0].read(), *(read() for read in dataset.items[0].more)] == [picture(1), picture(0)]
    assert problems(dataset) == {Problem.FURTHER: (1, "1")}


def test_further_pictures_are_in_the_fingerprint_and_at_most_twenty(tmp_path: Path) -> None:
    names = [f"{n}.jpg" for n in range(22)]
    prints = []
    for n, cell in enumerate(["0.jpg", "0.jpg|1.jpg", "0.jpg|2.jpg", "|".join(names)]):
        dataset = opened(tmp_path, {"p.csv": f"id,image,text\n1,{cell},Red\n"}, pictures=names if n == 0 else ())
        prints.append(dataset.fingerprint)
    assert len(set(prints)) == 4
    assert len(dataset.items[0].more) == 19
    assert problems(dataset) == {Problem.TOO_MANY: (1, "1")}


def test_kaggle_pictures_may_have_any_suffix_that_is_read(tmp_path: Path) -> None:
    suffixes = ["", *sorted(PICTURE_SUFFIXES), ".JPG"]
    rows = "".join(f"{n},Shirts,Shirt {n}\n" for n in range(len(suffixes)))
    files: dict[str, str | bytes] = {"styles.csv": f"id,articleType,productDisplayName\n{rows}"}
    dataset = opened(tmp_path, files, pictures=[f"images/{n}{suffix}" for n, suffix in enumerate(suffixes)])
    assert len(dataset.items) == len(suffixes)
    assert not counts(dataset.report)


def test_zeros_that_a_spreadsheet_took_from_an_id_are_no_hindrance(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"styles.csv": "id,articleType,productDisplayName\n1,Shirts,A\n2,Shirts,B\n"}
    dataset = opened(tmp_path, files, pictures=("images/0001.jpg", "images/02.jpg", "images/002.jpg"))
    assert titles(dataset) == {"1": "A"}
    assert problems(dataset) == {Problem.NO_IMAGE: (1, "2"), Problem.NAMED_OTHERWISE: (1, "1")}


def test_a_picture_may_be_in_the_table(tmp_path: Path) -> None:
    uri = f"data:image/jpeg;base64,{base64.encodebytes(picture(3)).decode()}"
    dataset = opened(tmp_path, {"p.jsonl": json.dumps({"id": "1", "title": "Red", "image": uri}) + "\n"})
    assert dataset.items[0].read() == picture(3)


def test_names_of_a_zip_from_a_mac_are_utf8(tmp_path: Path) -> None:
    """macOS writes names in UTF-8 without the flag that says so."""
    path = tmp_path / "shop.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("p.csv", "id,image,text\n1,Größe.jpg,Red\n")
        archive.writestr("Gr__x_e.jpg", picture(1))
    path.write_bytes(path.read_bytes().replace(b"Gr__x_e.jpg", "Größe.jpg".encode()))
    assert titles(open_dataset(path)) == {"1": "Red"}


def test_a_password_is_named(tmp_path: Path) -> None:
    plain = tmp_path / "plain.zip"
    with zipfile.ZipFile(plain, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("styles.csv", "id,articleType,productDisplayName\n1,Shirts,A\n2,Shirts,B\n")
        archive.writestr("images/1.jpg", picture(1))
        archive.writestr("images/2.jpg", picture(2))

    def locked(name: str, members: tuple[bytes, ...]) -> Path:
        """Set the flag of encryption on members, as every program for zip archives does."""
        data = bytearray(plain.read_bytes())
        for signature, flag, start in ((b"PK\x03\x04", 6, 30), (b"PK\x01\x02", 8, 46)):
            at = data.find(signature)
            while at >= 0:
                if data[at + start :].startswith(members):
                    data[at + flag] |= 1
                at = data.find(signature, at + 4)
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    for members, said in (
        ((b"styles", b"images"), "styles.csv in .* has a password; unpack the archive with it"),
        ((b"images",), r"image behind a password: 2\); the archive has a password: unpack it with that"),
    ):
        with pytest.raises(DataError, match=said) as caught:
            open_dataset(locked("locked.zip", members))
        assert "again" not in str(caught.value)
    dataset = open_dataset(locked("one.zip", (b"images/2",)))
    assert titles(dataset) == {"1": "A"}
    assert counts(dataset.report) == {Problem.PASSWORD: (1, "2")}
