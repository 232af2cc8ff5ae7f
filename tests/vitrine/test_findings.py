"""The commands on data sets say what was found and what became of every column; --strict makes that an error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from common import DataError, InputError
from tests.training.shops import shop
from vitrine.cli import cli

ROWS = "id;image;text;colour;colour\n1;a.jpg;Größe [38];rot;hell\n2;none.jpg;Weiß;weiß;\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return shop(tmp_path / "shop", {"p.csv": ROWS.encode("cp1252")}) / "p.csv"


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, [*map(str, words)], env={"COLUMNS": "160"})


def test_data_info_tells_how_a_table_was_read(table: Path) -> None:
    report = table.with_name("report.json")
    done = run("data", "info", table, "--report", report)
    assert done.exit_code == 0
    for said in ("separated by semicolons", "read as Windows-1252", "colour 2", "row without an image", "title"):
        assert said in done.output
    found = json.loads(report.read_text())
    assert found["columns"]["text"] == "title"
    assert found["notes"] == ["separated by semicolons", "read as Windows-1252"]
    assert {*found["problems"]} == {"no_image", "no_row", "twice"}


def test_strict_makes_findings_an_error_that_lists_them(table: Path) -> None:
    refused = run("data", "info", table, "--strict")
    assert isinstance(refused.exception, DataError)
    for said in ("row without an image: 1 (2)", "column named twice: 1 (colour 2)", "leave out --strict"):
        assert said in str(refused.exception)
    table.write_text("id,image,text\n1,a.jpg,Red\n2,b.jpg,Green\n")
    assert run("data", "info", table, "--strict").exit_code == 0


def test_index_shows_the_findings_and_strict_leaves_no_catalogue(table: Path, checkpoint: Path) -> None:
    out = table.parent.parent / "catalogue"
    command = ["index", "--data", table, "--checkpoint", checkpoint, "--out", out, "--device", "cpu"]
    refused = run(*command, "--strict")
    assert isinstance(refused.exception, DataError)
    assert not out.exists()
    table.with_name("b.jpg").write_bytes(b"no picture")
    table.write_text("id,image,text\n1,a.jpg,Red\n2,b.jpg,Green\n")
    refused = run(*command, "--strict")
    assert "image that cannot be decoded: 1 (2 (10 bytes that are no image" in str(refused.exception)
    assert not out.exists()
    done = run(*command)
    assert done.exit_code == 0
    assert "image that cannot be decoded" in done.stdout
    few = run("evaluate", "--catalogue", out, "--split", "test")
    assert isinstance(few.exception, InputError)
    assert "(vitrine evaluate --split all)" in str(few.exception)
