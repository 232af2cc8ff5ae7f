"""A folder of photos and nothing else is a data set, too: its files' names are the titles."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from common import DataError
from tests.conftest import draw_shape
from training.data import open_dataset, photos_of

NAMES = ("red_ball-1.png", "balls/Blue Ball.PNG", "balls/IMG.4711.jpg", "boxes/box.jpg", "boxes/box.png")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder of photos, two of one name, with files that are none."""
    folder = tmp_path / "photos"
    for number, name in enumerate(NAMES):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        draw_shape("Red", "Ball", number).save(path)
    (folder / ".hidden.png").write_bytes(b"half")
    (folder / "Thumbs.db").write_bytes(b"none")
    return folder


def zipped(folder: Path) -> Path:
    out = folder.with_suffix(".zip")
    with zipfile.ZipFile(out, "w") as archive:
        for path in sorted(folder.rglob("*.*")):
            archive.write(path, path.relative_to(folder.parent))
    return out


def test_a_folder_of_photos_is_read_with_the_names_of_files_and_folders(photos: Path) -> None:
    dataset = open_dataset(photos)
    assert [(item.id, item.title, item.attributes.get("folder")) for item in dataset.items] == [
        ("balls/Blue Ball", "Blue Ball", "balls"),
        ("balls/IMG.4711", "IMG 4711", "balls"),
        ("boxes/box.jpg", "box", "boxes"),
        ("boxes/box.png", "box", "boxes"),
        ("red_ball-1", "red ball 1", None),
    ]
    assert dataset.report.notes == ["no table is there: the names of the files are the titles"]
    assert dataset.report.usable == dataset.report.rows == 5


def test_photos_far_down_are_taken_once_and_hidden_ones_not(photos: Path) -> None:
    far = photos / "2024" / "autumn" / "shoes" / "new" / "far.png"
    far.parent.mkdir(parents=True)
    draw_shape("Red", "Ball", 1).save(far)
    (photos / ".thumbnails").mkdir()
    draw_shape("Red", "Ball", 2).save(photos / ".thumbnails" / "small.png")
    (photos / "balls" / "again").symlink_to(photos)
    for names in ([item.id for item in open_dataset(photos).items], [photo.name for photo in photos_of([photos])]):
        assert len(names) == 6, names
        assert any(name.startswith("2024/autumn/shoes/new/far") for name in names)


def test_a_name_that_is_not_utf_8_becomes_a_title(tmp_path: Path) -> None:
    """Such names come from old archives; half a character could not be stored, and ended the program."""
    path = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9_cr\xe8me.png")
    draw_shape("Red", "Ball", 1).save(path)
    (item,) = open_dataset(tmp_path).items
    assert (item.id, item.title) == ("café_crème", "café crème")
    assert item.read() == Path(path).read_bytes()
    assert [photo.name for photo in photos_of([tmp_path, Path(path)])] == ["café_crème.png"] * 2


def test_texts_for_people_beside_photos_are_no_tables(photos: Path) -> None:
    alone = [item.title for item in open_dataset(photos).items]
    (photos / "notes.txt").write_text("Taken on Monday, with the old lamp.\nThe ball is not ours.\n")
    (photos / "balls" / "todo.txt").write_text("again\n")
    assert [item.title for item in open_dataset(photos).items] == alone
    (photos / "shop.txt").write_text("id\timage\ttitle\n1\tred_ball-1.png\tBall\n")
    assert [item.title for item in open_dataset(photos).items] == ["Ball"]


def test_an_archive_of_photos_is_read_alike(photos: Path) -> None:
    assert [item.title for item in open_dataset(zipped(photos)).items] == [
        item.title for item in open_dataset(photos).items
    ]


def test_photos_that_have_a_table_elsewhere_are_not_taken_without_it(photos: Path) -> None:
    images = photos.rename(photos.with_name("images"))
    (images.parent / "styles.csv").write_text("id,productDisplayName\n1,Red ball\n")
    with pytest.raises(DataError, match=f"pass {images.parent}, which has a table of these pictures"):
        open_dataset(images)


def test_photos_beside_an_archive_are_not_taken_for_all_of_it(photos: Path) -> None:
    zipped(photos).rename(photos / "rest.zip")
    with pytest.raises(DataError, match=r"rest\.zip"):
        open_dataset(photos)
