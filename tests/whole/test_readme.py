"""What the README and the pages in docs/ promise: files, commands, settings and figures exist, what is shown runs."""

from __future__ import annotations

import json
import re
import shutil
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.settings import settings_table
from tests.benchmarks.contention import table
from tests.benchmarks.performance import page as performance
from tests.benchmarks.results import SECTIONS, rendered
from tests.benchmarks.scaling import page as scaling
from tests.load.page import page as reliability
from tests.tools.limits import with_table
from tests.tools.readme import ELSEWHERE, kitchen, photos_of, run, same, steps, written
from tests.tools.root import ROOT
from training.demo import draw_catalogue
from training.indexing import build_catalogue
from vitrine.cli import cli

README = (ROOT / "README.md").read_text(encoding="utf-8")
FIRST = ("README.md", "docs/asking.md", "docs/own-photos.md")
"""Pages that make what later ones use."""
PAGES = {
    name: ROOT / name
    for name in dict.fromkeys([*FIRST, *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))])
}


@pytest.fixture(scope="module")
def demo(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what `vitrine demo` makes, with 150 products and a model that has never seen them."""
    folder = tmp_path_factory.mktemp("demo")
    draw_catalogue(folder / "data", 150)
    shutil.copytree(exported, folder / "checkpoint")
    build_catalogue(folder / "checkpoint", folder / "data", folder / "catalogue", device="cpu")
    return folder


@pytest.mark.timeout(900)
def test_what_the_pages_show_runs_and_answers_as_shown(demo: Path, tmp_path: Path) -> None:
    """In one folder, one page after the other, as somebody reads them: later ones build on what the README made."""
    folder = tmp_path / "vitrine"
    with kitchen(folder, demo, photos_of(demo / "data", 60)) as address:
        for path in PAGES.values():
            for step, output in run(path.read_text(encoding="utf-8"), folder, address):
                shown = f"{path.name}: {step.code}\nshown:\n{step.answer}\nis:\n{written(output)}"
                assert step.answer is None or same(step, output), shown


def test_an_answer_of_another_shape_would_be_seen() -> None:
    page = "```console\ncurl x\n```\n\n```json\n%s\n```\n"
    (step,) = steps(page % '{"results": [{"id": "1", "score": 0.5}], "facets": {"a": {"x": 1}}, "v": [0.1, 0.2, …]}')
    assert same(
        step, '{"results": [{"id": "2", "score": 0.25}], "facets": {"a": {"y": 3, "z": 2}}, "v": [1.5, 2.5, 3.5]}'
    )
    (step,) = steps(page % '{"kept": {"kind": ["Dress"]}, "cutoff": null}')
    assert same(step, '{"kept": {}, "cutoff": 0.5}')
    assert not same(step, '{"cutoff": null}')
    (step,) = steps(page % '{"results": [{"id": "1", "score": 0.5}], "facets": {"a": {"x": 1}}, "v": [0.1, 0.2, …]}')
    for other in (
        '{"results": [], "facets": {"a": {"x": 1}}, "v": [0.1]}',
        '{"results": [{"id": 1, "score": 0.5}]}',
        "{}",
    ):
        assert not same(step, other)
    assert steps(page % "{}")[0].code == "curl x"
    assert same(
        steps("```console\nx\n```\n```text\nencoder 0123456789ab, 1,200 in 3 s\n```\n")[0],
        "encoder cd0123456789, 7 in 30 s\n",
    )
    assert not same(steps("```console\nx\n```\n```text\ndone: 3\n```\n")[0], "failed: 3\n")


def test_what_is_not_run_here_is_still_shown_somewhere() -> None:
    shown = [step.code for path in PAGES.values() for step in steps(path.read_text(encoding="utf-8"))]
    shown += [code for path in PAGES.values() for code in re.findall(r"`([^`\n]+)`", path.read_text(encoding="utf-8"))]
    for start in ELSEWHERE:
        assert any(code.startswith(start.strip()) for code in shown), f"{start!r} is excepted for nothing"


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str) -> None:
    targets = re.findall(r"\]\(([^)#][^)]*)\)", PAGES[name].read_text(encoding="utf-8"))
    files = [target.split("#")[0] for target in targets if "://" not in target]
    assert not [file for file in files if not (PAGES[name].parent / file).exists()]


def test_every_command_and_option_exists() -> None:
    lines: list[str] = []
    for path in PAGES.values():
        page = path.read_text(encoding="utf-8")
        lines += re.findall(r"^vitrine .*$", page, re.MULTILINE) + re.findall(r"`(vitrine [^`\n]*)`", page)
    assert len(lines) >= 30

    @cache
    def help_of(*command: str) -> tuple[int, str]:
        shown = CliRunner().invoke(cli, [*command, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
        return shown.exit_code, shown.output

    for line in dict.fromkeys(lines):
        words = line.split("#")[0].split()[1:]
        names = [word for word in words if not word.startswith("-")]
        command = names[:2] if names[:1] in (["data"], ["key"]) else names[:1]
        status, shown = help_of(*command)
        assert status == 0, line
        for option in (word for word in words if word.startswith("--")):
            assert option in shown, line


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"`make (\w+)", README)) <= targets | {"PYTHON"}


def test_the_settings_table_is_that_of_the_code() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    shown = page.split("<!-- settings -->\n")[1].split("\n<!-- /settings -->")[0]
    assert shown == settings_table(), "run `make docs`"


def test_the_table_of_limits_is_that_of_the_code() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    assert page == with_table(page), "run `make docs`"
    assert page.count("| `VITRINE_") > 5


def test_every_config_is_described() -> None:
    for path in (ROOT / "training" / "configs").glob("*.toml"):
        assert f"`{path.name}`" in PAGES["docs/training.md"].read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "page", ["docs/results.md", "docs/search.md", "README.md", "docs/paper.md", "docs/paper.fr.md"]
)
def test_the_tables_of_results_come_from_the_committed_figures(page: str) -> None:
    shown = (ROOT / page).read_text(encoding="utf-8")
    assert any(f"<!-- {section} -->" in shown for section in SECTIONS)
    assert shown == rendered(ROOT / page), "run `make docs`"


def test_the_table_of_contention_comes_from_the_committed_figures() -> None:
    figures = json.loads((ROOT / "docs" / "contention.json").read_text(encoding="utf-8"))
    assert (ROOT / "docs" / "contention.md").read_text(encoding="utf-8") == table(figures), "run `make docs`"


def test_the_page_on_reliability_comes_from_the_committed_figures() -> None:
    assert (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8") == reliability(), "run `make docs`"


def test_the_page_on_performance_comes_from_the_committed_figures() -> None:
    assert (ROOT / "docs" / "performance.md").read_text(encoding="utf-8") == performance(), "run `make docs`"
    assert (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8") == scaling(), "run `make docs`"
