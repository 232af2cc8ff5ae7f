"""What the command line says of itself: help, examples, values that the shell completes, versions."""

from __future__ import annotations

import json
import platform
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from app.http import SCOPES
from index import MODES, SPLITS
from tests.tools.command import run
from tests.tools.root import ROOT
from training.reports import PROTOCOLS
from vitrine.cli import cli, values
from vitrine.cli.app import ORDER

ORDER_OF_WORK = ["data", "train", "index", "evaluate", "serve"]
MORE = {"pack", "export", "map", "calibrate"}
WIDTHS = ("80", "120")


def commands() -> Iterator[tuple[list[str], Any]]:
    """Yield every command: the words that call it, and what it is."""
    for name, command in get_command(cli).commands.items():  # type: ignore[attr-defined]
        for below, one in getattr(command, "commands", {"": command}).items():
            yield [word for word in (name, below) if word], one


def test_the_first_page_names_the_first_commands_and_all_others_in_the_order_of_the_work() -> None:
    shown = run("--help").stdout
    intro, _, lists = shown.partition("Options:")
    assert re.findall(r"^    vitrine (\w+)", intro, re.MULTILINE) == ["demo", "index", "search", "serve"]
    panels = {
        heading: re.findall(r"^  (\w+) ", below, re.MULTILINE)
        for heading, below in re.findall(r"^([A-Z][\w ,]+):\n((?:  .*\n)+)", lists, re.MULTILINE)
    }
    listed = [name for names in panels.values() for name in names]
    assert [name for name in listed if name in ORDER_OF_WORK] == ORDER_OF_WORK
    assert set(panels["More"]) >= MORE
    assert set(listed) == {words[0] for words, _ in commands()}
    assert not {name for name in listed if name not in ORDER}, "new commands get a place in ORDER"
    assert run().stdout == shown


@pytest.mark.parametrize("width", WIDTHS)
def test_every_help_fits_the_terminal_and_shows_no_marks_of_its_source(width: str) -> None:
    for words, _ in [*commands(), ([], None), (["data"], None), (["key"], None)]:
        shown = run(*words, "--help", env={"COLUMNS": width}).stdout
        assert shown.startswith("Usage: vitrine"), words
        assert r"\[" not in shown, words
        assert "[[" not in shown, words
        lines = [line for line in shown.splitlines() if not line.lstrip().startswith("vitrine ")]
        assert max(map(len, lines)) <= int(width), words


@pytest.mark.parametrize(("words", "command"), [pytest.param(w, c, id=" ".join(w)) for w, c in commands()])
def test_every_command_has_an_example_that_fits_it_and_json(words: list[str], command: Any) -> None:
    example = shlex.split(re.fullmatch(r"Example: `vitrine (.*)`", command.epilog).group(1))  # type: ignore[union-attr]
    assert example[: len(words)] == words
    command.make_context(" ".join(words), example[len(words) :])  # refuses what it does not know
    options = {option for parameter in command.params for option in parameter.opts}
    assert "--json" in options or words in (["serve"], ["mcp"]), "they log, or speak a protocol, instead"
    assert f"Example:\n  {' '.join(['vitrine', *words])}" in run(*words, "--help").stdout


def test_which_version_it_is() -> None:
    first = run("--version")
    assert (first.returncode, first.stdout) == (0, run("version").stdout)
    assert first.stdout == run("-V").stdout
    said = json.loads(run("version", "--json").stdout)
    assert said["python"] == platform.python_version() in first.stdout
    assert said["version"] in first.stdout
    assert said["encoder"]["name"] in first.stdout


def test_help_and_version_import_nothing_heavy() -> None:
    program = (
        "import sys; sys.argv = ['vitrine', *sys.argv[1:]]\nfrom vitrine.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'rich', 'fastapi', 'faiss', 'onnxruntime', 'transformers'}\n"
        "print(*sorted(heavy & set(sys.modules)))"
    )
    for words in (["--help"], ["--version"], ["key", "list", "--keys", "/no/such/file"], ["search", "--help"]):
        done = subprocess.run(
            [sys.executable, "-c", program, *words], capture_output=True, text=True, check=True, cwd=ROOT
        )
        assert done.stdout.splitlines()[-1] == "", words


def test_the_names_that_are_checked_are_those_of_the_packages() -> None:
    from index.metrics.judged import HALVES
    from index.sqlite import Pictures

    assert (*SPLITS, "all") == values.SPLITS
    assert (PROTOCOLS, MODES, SCOPES) == (values.PROTOCOLS, values.MODES, values.SCOPES)
    assert (*HALVES, "all") == values.HALVES
    assert set(values.PICTURE_PLACES) < set(get_args(Pictures))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completes_commands_options_and_values(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shellingham.detect_shell", lambda: (shell, shell))  # the tests may run below no shell at all

    def completed(line: str) -> str:
        asked = {
            "_VITRINE_COMPLETE": f"complete_{shell}",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(line.split(" ")) - 1),
            "_TYPER_COMPLETE_ARGS": line,
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        }
        return run(env=asked).stdout.replace("\\", "")  # zsh has a colon escaped

    assert "evaluate" in completed("vitrine eva")
    assert "--split" in completed("vitrine evaluate --sp")
    assert "create" in completed("vitrine key cr")
    for line, wanted in {
        "vitrine evaluate --split v": "validation",
        "vitrine evaluate --protocol k": "kagl",
        "vitrine key create shop --scope w": "write",
        "vitrine search red --mode lex": "lexical",
        "vitrine serve --device cu": "cuda:0",
        "vitrine train own": "own-products",
    }.items():
        assert wanted in completed(line), line
    script = CliRunner().invoke(cli, ["--show-completion", shell], prog_name="vitrine")
    assert script.exit_code == 0
    assert "_VITRINE_COMPLETE" in script.stdout


def test_the_shell_completes_the_attributes_of_the_catalogue(catalogue: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shellingham.detect_shell", lambda: ("bash", "bash"))
    asked = {"_VITRINE_COMPLETE": "complete_bash", "VITRINE_CATALOGUE": str(catalogue)}
    line = {"COMP_WORDS": "vitrine search red --filter base", "COMP_CWORD": "4"}
    assert "baseColour=" in run(env={**asked, **line}).stdout
    assert run(env={**asked, **line, "VITRINE_CATALOGUE": "/no/such/catalogue"}).stdout.strip() == ""


def test_settings_as_json_say_what_holds_now() -> None:
    said = json.loads(run("settings", "--json", env={"VITRINE_MAX_BATCH": "8", "VITRINE_PORT": ""}).stdout)["settings"]
    batch = next(one for one in said if one["variable"] == "VITRINE_MAX_BATCH")
    assert (batch["default"], batch["value"], bool(batch["meaning"])) == (32, 8, True)
