"""Columns and feeds on the command line: --map, what became of every column, and --strict."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from common import DataError
from tests.training.dirty import picture
from tests.training.feeds import FEEDS
from training.data import open_dataset
from vitrine.cli import cli


def info(*words: object) -> dict[str, object]:
    done = CliRunner().invoke(cli, ["data", "info", *map(str, words), "--json"])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_a_user_says_which_column_is_what(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("Zeile;Was, kurz;Ansicht;Farbe\n7;Kleid;a.png;rot\n", encoding="utf-8")
    (tmp_path / "a.png").write_bytes(picture())
    with pytest.raises(DataError, match="--map title=COLUMN,image=COLUMN"):
        info(table)
    found = info(table, "--map", "title=Was, kurz,image=Ansicht", "--map", "id=Zeile")
    assert found["columns"] == {"Zeile": "id", "Was, kurz": "title", "Ansicht": "picture", "Farbe": "attribute"}
    with pytest.raises(DataError, match=r"no column 'Ansciht'; did you mean Ansicht\?"):
        info(table, "--map", "image=Ansciht")
    for command in (["index", "--data", str(table)], ["train", "training/configs/tiny.toml", "--data", str(table)]):
        done = CliRunner().invoke(cli, [*command, "--map", "titel=Was"])
        assert isinstance(done.exception, DataError)
        assert "did you mean 'title'?" in str(done.exception)


def test_a_shopify_export_with_its_pictures_opens_and_variants_are_no_fault(tmp_path: Path) -> None:
    text = (FEEDS / "shopify.csv").read_text(encoding="utf-8")
    text = re.sub(r"https://cdn\.shopify\.example/([\w-]+\.jpg)\?v=\d+", r"images/\1", text)
    (tmp_path / "export.csv").write_text(text, encoding="utf-8")
    (tmp_path / "images").mkdir()
    for number, name in enumerate(("dress-1", "dress-2", "dress-3", "dress-red", "dress-blue", "hat")):
        (tmp_path / "images" / f"{name}.jpg").write_bytes(picture(number))
    found = info(tmp_path / "export.csv", "--strict")
    assert (found["rows"], found["usable"]) == (4, 2)
    dress, hat = open_dataset(tmp_path).items
    assert [len(dress.more), len(hat.more)] == [4, 0]
    assert dress.more[0]() == (tmp_path / "images" / "dress-2.jpg").read_bytes()
    assert dress.attributes["Size"] == ("S", "M")


def test_a_feed_of_addresses_says_how_to_get_them() -> None:
    with pytest.raises(DataError, match=r"image is a URL: 2.*vitrine data mirror"):
        info(FEEDS / "google.xml")
