"""The README promises files, commands, settings and figures: they exist and are what the code says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.settings import settings_table
from tests.benchmarks.contention import table
from tests.benchmarks.results import rendered
from tests.load.page import page as reliability
from vitrine import cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_map_names_every_source_file_and_no_other() -> None:
    named = set(re.findall(r"^\| `([\w/]+\.py)` \|", README, re.MULTILINE))
    sources = {"vitrine.py", "common.py"}
    for package in ("models", "index", "training", "app"):
        sources |= {
            str(path.relative_to(ROOT)) for path in (ROOT / package).rglob("*.py") if path.name != "__init__.py"
        }
    assert named == sources


def test_every_link_leads_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#][^)]*)\)", README)
    missing = [target for target in targets if "://" not in target and not (ROOT / target).exists()]
    assert not missing


def test_every_command_and_option_exists() -> None:
    lines = re.findall(r"^vitrine .*$", README, re.MULTILINE) + re.findall(r"`(vitrine [^`\n]*)`", README)
    assert len(lines) >= 8
    for line in lines:
        words = line.split("#")[0].split()[1:]
        names = [word for word in words if not word.startswith("-")]
        command = names[:2] if names[0] in ("data", "key") else names[:1]
        shown = CliRunner().invoke(cli, [*command, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
        assert shown.exit_code == 0, line
        for option in (word for word in words if word.startswith("--")):
            assert option in shown.output, line


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"`make (\w+)", README)) <= targets | {"PYTHON"}


def test_the_settings_table_is_that_of_the_code() -> None:
    shown = README.split("<!-- settings -->\n")[1].split("\n<!-- /settings -->")[0]
    assert shown == settings_table(), "run `make docs`"


def test_every_config_is_described() -> None:
    for path in (ROOT / "training" / "configs").glob("*.toml"):
        assert f"`{path.name}`" in README


@pytest.mark.parametrize("page", ["docs/results.md", "README.md"])
def test_the_tables_of_results_come_from_the_committed_figures(page: str) -> None:
    shown = (ROOT / page).read_text(encoding="utf-8")
    assert "<!-- goals -->" in shown
    assert shown == rendered(ROOT / page), "run `make docs`"


def test_the_table_of_contention_comes_from_the_committed_figures() -> None:
    figures = json.loads((ROOT / "docs" / "contention.json").read_text(encoding="utf-8"))
    assert (ROOT / "docs" / "contention.md").read_text(encoding="utf-8") == table(figures), "run `make docs`"


def test_the_page_on_reliability_comes_from_the_committed_figures() -> None:
    assert (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8") == reliability(), "run `make docs`"
