"""The road as a user walks it: the command line in processes of its own, and the service it starts."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from typer.main import get_command
from typer.testing import CliRunner

from common import ArtefactError
from index import Catalogue
from tests.conftest import draw_shape
from tests.tools.root import ROOT
from vitrine.cli import cli

VITRINE = [sys.executable, "-m", "vitrine"]


def run(*words: str | Path, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", "HF_HUB_OFFLINE": "1"}
    command = [*VITRINE, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder or ROOT, env=environment, timeout=240)


def refused(*words: str | Path, folder: Path | None = None) -> str:
    """Run a command that must fail as a user's mistake does, and return its one line."""
    done = run(*words, folder=folder)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    return lines[0]


def test_the_whole_road(shapes: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    info = run("data", "info", shapes, "--report", report)
    assert info.returncode == 0, info.stderr
    assert "120 usable products" in info.stdout
    assert json.loads(report.read_text())["usable"] == 120

    config = tmp_path / "run.toml"
    config.write_text('preset = "tiny"\n[train]\nepochs = 6\nbatch_size = 16\nlearning_rate = 3e-3\n')
    trained = run("train", config, "--data", shapes, folder=tmp_path)
    assert trained.returncode == 0, trained.stderr
    assert "epoch   6" in trained.stderr
    assert "vitrine index" in trained.stdout
    again = run("train", config, "--data", shapes, "--resume", "--json", folder=tmp_path)
    assert json.loads(again.stdout)["best_epoch"] >= 0

    indexed = run("index", "--data", shapes, "--json", folder=tmp_path)
    assert indexed.returncode == 0, indexed.stderr
    assert json.loads(indexed.stdout)["products"] == 120

    found = run("search", "red ball", "-k", "5", "--json", folder=tmp_path)
    assert found.returncode == 0, found.stderr
    results = json.loads(found.stdout)["results"]
    assert len(results) == 5
    assert results[0]["score"] >= results[-1]["score"]
    picture = run("search", "--image", shapes.parent / "0.png", "-k", "1", "--json", folder=tmp_path)
    assert json.loads(picture.stdout)["results"][0]["score"] > 0.99

    evaluated = run("evaluate", "--split", "all", "--out", tmp_path / "all.json", folder=tmp_path)
    assert evaluated.returncode == 0, evaluated.stderr
    assert "60 titles → images" in evaluated.stdout
    assert json.loads((tmp_path / "all.json").read_text())["gallery"] == 120
    table = run("evaluate", "--from", tmp_path / "all.json", "--out", tmp_path / "all.md")
    assert table.returncode == 0, table.stderr
    assert "| image → text |" in (tmp_path / "all.md").read_text()


@pytest.fixture(scope="module")
def served(exported: Path, catalogue: Path) -> Iterator[tuple[httpx.Client, subprocess.Popen[str]]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [*VITRINE, "serve", "--checkpoint", exported, "--catalogue", catalogue, "--port", str(port)]
    process = subprocess.Popen([str(word) for word in command], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            deadline = time.monotonic() + 200
            while True:
                assert process.poll() is None, process.stderr.read() if process.stderr else ""
                try:
                    if client.get("/readyz").status_code == 200:
                        break
                except httpx.TransportError:
                    pass
                assert time.monotonic() < deadline, "the service did not come up"
                time.sleep(0.1)
            yield client, process
    finally:
        process.kill()
        process.communicate()


def test_the_service_searches_by_text_picture_and_both(served: tuple[httpx.Client, object], shapes: Path) -> None:
    client, _ = served
    texts = client.post("/v1/search/images", json={"text": "moro red ball", "k": 8}).json()["results"]
    assert sum(hit["attributes"]["baseColour"] == "Red" for hit in texts) >= 6
    data = (shapes.parent / "0.png").read_bytes()
    hits = client.post("/v1/search/images", files={"image": data}, data={"k": "1"}).json()["results"]
    assert (hits[0]["id"], round(hits[0]["score"], 2)) == ("p0", 1.0)
    assert client.get(hits[0]["image_url"]).content == data
    described = client.post("/v1/search/descriptions", files={"image": data}, data={"k": "5"}).json()["results"]
    assert any("Red" in hit["description"] for hit in described)
    both = {"text": "blue", "k": "6", "weights": '{"text": 0.8, "image": 0.2}'}
    mixed = client.post("/v1/search/images", files={"image": data}, data=both).json()["results"]
    assert any(hit["attributes"]["baseColour"] == "Blue" for hit in mixed)


def test_the_service_measures_what_the_command_measures(served: tuple[httpx.Client, object], catalogue: Path) -> None:
    client, _ = served
    online = client.get("/v1/evaluation", params={"split": "test"}).json()
    offline = json.loads(run("evaluate", "--catalogue", catalogue, "--split", "test", "--json").stdout)
    assert online.pop("measured")["seconds"] > 0
    assert online.pop("attributes") == ["baseColour", "articleType", "title frequency"]
    assert online == offline


def test_a_picture_that_is_none_fails_alone(served: tuple[httpx.Client, object]) -> None:
    client, _ = served
    assert client.post("/v1/search/images", files={"image": b"no picture"}).status_code == 422
    file = io.BytesIO()
    Image.new("RGB", (1, 1)).save(file, "PNG")
    assert client.post("/v1/search/images", files={"image": file.getvalue()}).status_code == 200
    assert client.get("/readyz").status_code == 200


def test_the_service_stops_when_told(served: tuple[httpx.Client, subprocess.Popen[str]]) -> None:
    _, process = served
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) in (0, -signal.SIGTERM)


def test_mistakes_are_one_line_and_exit_code_2(tmp_path: Path, shapes: Path, catalogue: Path) -> None:
    config = tmp_path / "run.toml"
    config.write_text('preset = "tiny"\n[train]\nepochz = 3\n')
    assert "train.epochz is no field" in refused("train", config, "--data", shapes, "--out", tmp_path / "out")
    assert "nothing-there" in refused("data", "info", tmp_path / "nothing-there")
    assert "config.json" in refused("index", "--data", shapes, folder=tmp_path)
    assert "no-such-tower" in refused(
        "train",
        ROOT / "training/configs/minilm-dinov2-locked.toml",
        "--data",
        shapes,
        "--out",
        tmp_path / "out",
        "--text-tower",
        "./no-such-tower",
    )
    assert not (tmp_path / "out" / "config.json").exists()
    assert "there is no split 'dev'" in refused("evaluate", "--catalogue", catalogue, "--split", "dev")
    assert "give a text or --image" in refused("search")
    assert "vitrine train" in refused("serve", "--catalogue", tmp_path / "none", "--checkpoint", tmp_path / "none")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_training_run_keeps_its_place(shapes: Path, tmp_path: Path, number: signal.Signals) -> None:
    config = tmp_path / "run.toml"
    config.write_text('preset = "tiny"\n[train]\nepochs = 400\nbatch_size = 16\nprecision = "float32"\n')
    command = [*VITRINE, "train", config, "--data", shapes, "--out", tmp_path / "out", "--cache", tmp_path / "cache"]
    with subprocess.Popen([str(word) for word in command], cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        log = tmp_path / "out" / "log.jsonl"
        deadline = time.monotonic() + 200
        while not (log.exists() and len(log.read_bytes().splitlines()) >= 12):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "--resume" in errors.splitlines()[-1]
    steps = len(log.read_text().splitlines())
    assert (tmp_path / "out" / "state.pt").exists()
    shorter = run("train", config, "--data", shapes, "--out", tmp_path / "out", "--cache", tmp_path / "cache")
    assert "--resume" in shorter.stderr
    with subprocess.Popen([*map(str, command), "--resume"], cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        assert any(f"going on after step {steps}" in line for line in lines)
        process.kill()


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "artefacts").write_text("a file where a folder is needed")
    assert "artefacts" in refused("demo", "--no-serve", folder=tmp_path)


def test_a_catalogue_of_another_encoder_is_refused_with_both_names(
    checkpoint: Path, catalogue: Path, shapes: Path, tmp_path: Path
) -> None:
    config = tmp_path / "run.toml"
    config.write_text('preset = "tiny"\n[train]\nepochs = 1\nbatch_size = 16\nseed = 5\n')
    assert run("train", config, "--data", shapes, "--out", tmp_path / "other", "--cache", tmp_path).returncode == 0
    line = refused("search", "red", "--checkpoint", tmp_path / "other", "--catalogue", catalogue)
    with Catalogue.open(catalogue) as opened:
        assert opened.info.encoder_id in line
    other = json.loads((tmp_path / "other" / "metrics.json").read_text())["encoder_id"]
    assert other in line


def test_the_checkpoint_that_comes_along_searches_a_catalogue_without_training(
    checkpoint: Path, shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shipped, own = Path("checkpoints/minilm-dinov2"), Path("artefacts/checkpoint")

    def say(*words: str | Path) -> Any:
        done = CliRunner().invoke(cli, [*map(str, words), "--json"], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    def search() -> int:
        return len(say("search", "red ball", "-k", "3")["results"])

    packed = say("pack", checkpoint, "--out", shipped)
    assert say("index", "--data", shapes)["encoder_id"] == packed["encoder_id"]
    assert search() == 3
    # A checkpoint of one's own comes first for a new catalogue, and takes no part in one that it did not make.
    shutil.copytree(checkpoint, own)
    assert search() == 3
    assert say("index", "--data", shapes)["encoder_id"] == packed["packed_from"]
    assert search() == 3
    # A damaged one is named where it is needed.
    (own / "model.safetensors").unlink()
    with pytest.raises(ArtefactError, match=r"artefacts/checkpoint holds no model.safetensors"):
        search()
    shutil.rmtree(own)
    own.mkdir()  # as in the first minutes of a training run
    with pytest.raises(ArtefactError, match=f"{packed['packed_from']}.*{packed['encoder_id']}"):
        search()
    assert say("index", "--data", shapes)["encoder_id"] == packed["encoder_id"]


def test_without_any_checkpoint_the_first_place_looked_at_is_named(shapes: Path, tmp_path: Path) -> None:
    for words in (("index", "--data", shapes), ("search", "red")):
        assert "artefacts/checkpoint holds no config.json" in refused(*words, folder=tmp_path)


def test_dirt_is_reported_and_stops_nothing(checkpoint: Path, tmp_path: Path) -> None:
    draw_shape("Red", "Ball").save(tmp_path / "a.png")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff no jpeg")
    (tmp_path / "p.csv").write_text(
        "id,image,text\n1,a.png,Red Ball\n2,broken.jpg,Blue Box\n3,none.png,Green\n1,a.png,Twice\n"
    )
    done = run("index", "--checkpoint", checkpoint, "--data", tmp_path / "p.csv", "--out", tmp_path / "c", "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["products"] == 1
    assert sum(problem["count"] for problem in figures["data"]["problems"].values()) == 3


def test_help_teaches_every_command() -> None:
    shown = run("--help")
    commands = set(re.findall(r"^│ (\w+)  ", shown.stdout, re.MULTILINE))
    assert commands >= {"data", "train", "index", "evaluate", "search", "serve", "demo", "pack", "doctor", "key"}
    assert shown.stdout.index("─ Start here ─") < shown.stdout.index("─ Your own products ─")
    for command in commands:
        text = CliRunner().invoke(cli, [command, "--help"], env={"COLUMNS": "200"}).stdout
        assert "Usage:" in text
        assert len(text) > 200


def commands() -> Iterator[tuple[list[str], Any]]:
    """Yield every command: the words that call it, and what it is."""
    for name, command in get_command(cli).commands.items():  # type: ignore[attr-defined]
        for below, one in getattr(command, "commands", {"": command}).items():
            yield [word for word in (name, below) if word], one


@pytest.mark.parametrize(("words", "command"), [pytest.param(w, c, id=" ".join(w)) for w, c in commands()])
def test_every_command_has_an_example_that_fits_it_and_json(words: list[str], command: Any) -> None:
    example = shlex.split(re.fullmatch(r"Example: `vitrine (.*)`", command.epilog).group(1))  # type: ignore[union-attr]
    assert example[: len(words)] == words
    command.make_context(" ".join(words), example[len(words) :])  # refuses what it does not know
    options = {option for parameter in command.params for option in parameter.opts}
    assert "--json" in options or words == ["serve"], "a service logs as JSON instead: VITRINE_LOG_FORMAT=json"
    helps = " ".join(getattr(parameter, "help", None) or "" for parameter in command.params)
    assert r"\[" not in helps, "help is Markdown, in which a bracket needs no backslash: it would be shown"


def test_settings_as_json_say_what_holds_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITRINE_MAX_BATCH", "8")
    said = json.loads(CliRunner().invoke(cli, ["settings", "--json"]).stdout)["settings"]
    batch = next(one for one in said if one["variable"] == "VITRINE_MAX_BATCH")
    assert (batch["default"], batch["value"], bool(batch["meaning"])) == (32, 8, True)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completes_commands_and_options(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shellingham.detect_shell", lambda: (shell, shell))  # the tests may run below no shell at all

    def completed(line: str) -> str:
        asked = {
            "_VITRINE_COMPLETE": f"complete_{shell}",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(line.split()) - 1),
            "_TYPER_COMPLETE_ARGS": line,
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        }
        program = "import sys; sys.argv[0] = 'vitrine'; import vitrine; vitrine.main()"
        environment = {**os.environ, **asked, "PYTHONPATH": str(ROOT)}
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
        return done.stdout

    assert "evaluate" in completed("vitrine eva")
    assert "--split" in completed("vitrine evaluate --sp")
    assert "create" in completed("vitrine key cr")
    script = CliRunner().invoke(cli, ["--show-completion", shell], prog_name="vitrine")
    assert script.exit_code == 0
    assert "_VITRINE_COMPLETE" in script.stdout
