"""`vitrine tag`: the attributes of photos and products as a table, here and by a service."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from index import open_catalogue
from tests.tools.shop import DrawnEncoder, draw, shop_open, write_catalogue
from vitrine.cli import cli


def tag(*words: object) -> Result:
    return CliRunner().invoke(cli, ["tag", *map(str, words)], env={"COLUMNS": "200"})


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, catalogue: Path) -> Path:
    """Return a folder with three pictures of products, in a folder each, and a file that is no picture."""
    folder = tmp_path_factory.mktemp("photos")
    with open_catalogue(catalogue) as opened:
        for product_id in list(opened.ids())[:3]:
            (folder / product_id).mkdir()
            (folder / product_id / "front.png").write_bytes(opened.image(product_id))
    (folder / "broken.jpg").write_bytes(b"no picture")
    (folder / "notes.md").write_text("not a picture", encoding="utf-8")
    return folder


@pytest.fixture
def here(exported: Path, catalogue: Path) -> list[object]:
    return ["--checkpoint", exported, "--catalogue", catalogue]


def test_photos_become_lines_of_a_table(photos: Path, here: list[object], tmp_path: Path) -> None:
    out = tmp_path / "tags.csv"
    done = tag(photos, "--out", out, *here)
    assert done.exit_code == 0, done.output
    assert "1 of 4 photos cannot be read: broken.jpg; they have no line" in done.stderr
    with out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [*rows[0]] == ["id", "attribute", "value", "confidence"]
    assert {Path(row["id"]).name for row in rows} == {"front.png"}
    assert len({row["id"] for row in rows}) == 3
    assert all(0 <= float(row["confidence"]) <= 1 for row in rows)

    sure = tag(photos, "--out", out, "--min", 0.9, *here)
    assert sure.exit_code == 0
    with out.open(newline="", encoding="utf-8") as file:
        assert all(float(row["confidence"]) >= 0.9 for row in csv.DictReader(file))


def test_a_photo_or_a_product_has_a_line_with_a_column_for_each_attribute(photos: Path, here: list[object]) -> None:
    (photo, *_) = sorted(photos.glob("*/front.png"))
    lines = tag(photo, "--wide", *here).stdout.splitlines()
    assert lines[0].startswith("id\t")
    assert lines[1].startswith("front.png\t")
    named = json.loads(tag("--id", photo.parent.name, "--json", *here).stdout)
    (result,) = named["results"]
    assert result["id"] == photo.parent.name
    assert {*result["tags"]} == {*lines[0].split("\t")[1:]}


def test_a_service_says_the_same(tmp_path: Path) -> None:
    folder = write_catalogue(tmp_path / "catalogue", DrawnEncoder())
    photos = tmp_path / "photos"
    photos.mkdir()
    for colour in ("red", "blue"):
        draw(colour, "bag").save(photos / f"{colour}.png")
    (photos / "broken.png").write_bytes(b"no picture")
    with shop_open(folder) as client:
        done = tag(photos, "--url", client.base_url, "--json")
        answer = client.post(
            "/v1/tag", files=[("image", (one, (photos / f"{one}.png").read_bytes())) for one in ("blue", "red")]
        )
        assert done.exit_code == 0, done.output
        found = json.loads(done.stdout)["results"]
        assert [one["id"] for one in found] == ["blue.png", "red.png"]
        assert [one["tags"] for one in found] == [one["tags"] for one in answer.json()["results"]]
        assert json.loads(tag("--id", "1000", "--url", client.base_url, "--json").stdout)["results"][0]["id"] == "1000"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give photos"),
        (["photos", "--id", "1"], "give photos"),
        (["--id", "1", "--url", "http://127.0.0.1:1", "--catalogue", "x"], "leave out --catalogue"),
        (["--id", "1", "--url", "http://127.0.0.1:1", "--device", "cpu"], "leave out --device"),
        (["--id", "1", "--key", "vtr_x"], "--key is for a service"),
        (["--id", "1", "--map", "id=Nr"], "leave out --map"),
        (["nowhere"], "nowhere"),
        (["broken.jpg", "torn.jpg"], "2 of 2 photos cannot be read: broken.jpg, torn.jpg; give pictures"),
    ],
)
def test_what_cannot_be_tagged_is_a_mistake_in_what_was_given(
    words: list[str], said: str, here: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("broken.jpg", "torn.jpg"):
        (tmp_path / name).write_bytes(b"no picture")
    done = tag(*words, *([] if words[:1] != ["broken.jpg"] else here))
    assert done.exit_code != 0
    assert said in str(done.exception)


def test_an_attribute_that_is_none_hears_which_was_meant(photos: Path, here: list[object]) -> None:
    done = tag(photos, "--attribute", "colr", *here)
    assert "'colr' is nothing that pictures tell" in str(done.exception)
