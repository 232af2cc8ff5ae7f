"""The road as a user walks it: the commands one after the other, and the service that they start."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from typer.testing import CliRunner

import vitrine.places
from common import ArtefactError
from index import Catalogue
from tests.conftest import draw_shape
from tests.tools.command import refused, run
from tests.tools.root import ROOT
from vitrine.cli import cli

VITRINE = [sys.executable, "-m", "vitrine"]


def test_the_whole_road(shapes: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    info = run("data", "info", shapes, "--report", report)
    assert info.returncode == 0, info.stderr
    assert "120 usable products" in info.stdout
    assert json.loads(report.read_text())["usable"] == 120

    config = tmp_path / "run.toml"
    config.write_text('preset = "tiny"\n[train]\nepochs = 3\nbatch_size = 16\nlearning_rate = 3e-3\n')
    trained = run("train", config, shapes, folder=tmp_path)
    assert trained.returncode == 0, trained.stderr
    assert "epoch   3" in trained.stderr
    assert "vitrine index" in trained.stdout
    again = run("train", config, "--data", shapes, "--resume", "--json", folder=tmp_path)
    assert json.loads(again.stdout)["best_epoch"] >= 0

    indexed = run("index", shapes, "--json", folder=tmp_path)
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
    patient = {**os.environ, "VITRINE_DEADLINE_S": "60"}
    words = [str(word) for word in command]
    process = subprocess.Popen(words, cwd=ROOT, env=patient, stderr=subprocess.PIPE, text=True)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=200) as client:
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
    assert process.wait(timeout=60) in (0, -signal.SIGTERM)


def test_mistakes_are_one_line_and_exit_code_2(tmp_path: Path, shapes: Path, catalogue: Path) -> None:
    config = tmp_path / "run.toml"
    config.write_text('preset = "tiny"\n[train]\nepochz = 3\n')
    assert "train.epochz is no field" in refused("train", config, "--data", shapes, "--out", tmp_path / "out")
    assert "nothing-there" in refused("data", "info", tmp_path / "nothing-there")
    assert "no catalogue here" in refused("search", "red", folder=tmp_path)
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
    assert "there is nothing to search for" in refused("search")
    assert "vitrine train" in refused("serve", "--catalogue", tmp_path / "none", "--checkpoint", tmp_path / "none")


@contextmanager
def interrupted(log: Path, lines: int, number: signal.Signals) -> Iterator[None]:
    """Send a signal to this process once a file has so many lines; never after the block."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.01):
            if log.exists() and len(log.read_bytes().splitlines()) >= lines:
                os.kill(os.getpid(), number)
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_training_run_keeps_its_place(shapes: Path, tmp_path: Path, number: signal.Signals) -> None:
    config = tmp_path / "run.toml"
    config.write_text('preset = "tiny"\n[train]\nepochs = 4000\nbatch_size = 16\nprecision = "float32"\n')
    out = tmp_path / "out"
    command: list[str | Path] = ["train", config, shapes, "--out", out, "--cache", tmp_path / "cache"]
    with interrupted(out / "log.jsonl", 12, number):
        done = run(*command)
    assert done.returncode == 130
    assert "--resume" in done.stderr.splitlines()[-1]
    steps = len((out / "log.jsonl").read_text().splitlines())
    assert (out / "state.pt").exists()
    assert "--resume" in run(*command).stderr
    with interrupted(out / "log.jsonl", steps + 4, number):
        again = run(*command, "--resume")
    assert f"going on after step {steps}" in again.stderr


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
    monkeypatch.setattr(vitrine.places, "shipped_checkpoint", lambda: shipped)

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
