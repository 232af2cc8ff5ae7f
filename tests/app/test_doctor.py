"""`vitrine doctor`: what it sees of a machine and of artefacts, and that each finding says what to do."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.doctor import examine, free_memory, report, usable_cores
from app.findings import Finding
from app.http import create_key
from index import Catalogue
from models.checkpoint_folder import encoder_id
from vitrine.cli import cli


@pytest.fixture
def place(checkpoint: Path, catalogue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder to run in, with artefacts that belong together, on a free port and without a network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VITRINE_PORT", "0")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    shutil.copytree(checkpoint, tmp_path / "artefacts" / "checkpoint")
    shutil.copytree(catalogue, tmp_path / "artefacts" / "catalogue")
    return tmp_path


def look() -> dict[str, Finding]:
    found = examine([Path("artefacts/checkpoint"), Path("artefacts/other")], Path("artefacts/catalogue"))
    for one in found:
        assert bool(one.fix) == (one.state != "ok"), one
    return {one.check: one for one in found}


def test_a_whole_installation_has_no_problem_and_names_its_ids(place: Path, checkpoint: Path) -> None:
    found = look()
    assert {"python", "torch", "device", "threads", "memory", "disk", "hub", "checkpoint", "catalogue"} <= found.keys()
    assert not [one for one in found.values() if one.state == "problem"]
    name = encoder_id(checkpoint)
    assert "vitrine export" in (found["runtime"].fix or "")
    assert name in found["checkpoint"].found
    assert f"120 products of products, by encoder {name}" in found["catalogue"].found
    assert (found["keys"].state, found["hub"].state) == ("note", "note")
    create_key(Path("artefacts/keys.json"), "shop", "write")
    assert look()["keys"] == Finding("keys", "ok", "artefacts/keys.json: shop (write)")


def test_an_export_of_an_earlier_version_is_told_with_what_to_do(place: Path, exported: Path) -> None:
    folder = place / "artefacts" / "checkpoint"
    shutil.rmtree(folder)
    shutil.copytree(exported, folder)
    assert look()["runtime"].state == "ok"
    record = folder / "onnx" / "export.json"
    fields = json.loads(record.read_text(encoding="utf-8"))
    record.write_text(json.dumps({**fields, "format": 3}), encoding="utf-8")
    found = look()["runtime"]
    assert (found.state, "earlier version" in found.found) == ("note", True)
    assert "vitrine export" in (found.fix or "")
    record.write_text("{}", encoding="utf-8")
    assert look()["runtime"].state == "problem"


def test_nothing_made_yet_is_no_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    found = look()
    assert found["checkpoint"].state == found["catalogue"].state == "note"
    assert "vitrine demo" in found["catalogue"].fix


def test_artefacts_that_do_not_fit_are_problems(place: Path) -> None:
    weights = place / "artefacts" / "checkpoint" / "model.safetensors"
    with weights.open("ab") as file:
        file.write(b"more")
    assert "none of the checkpoints" in look()["catalogue"].found
    weights.unlink()
    assert look()["checkpoint"].state == "problem"
    (place / "artefacts" / "catalogue" / "catalogue.sqlite").unlink()
    found = look()["catalogue"]
    assert (found.state, "vitrine index" in found.fix) == ("problem", True)


def test_settings_and_the_rest_are_looked_at_together(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITRINE_MAX_BATCH", "none")
    found = look()
    assert "VITRINE_MAX_BATCH is 'none'" in found["settings"].found
    assert found["catalogue"].state == "ok"
    monkeypatch.delenv("VITRINE_MAX_BATCH")
    monkeypatch.setenv("VITRINE_DEVICE", "cuda:99")
    assert look()["device"].state == "problem"


def test_a_port_that_is_taken_and_a_hub_that_is_away_are_notes(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("VITRINE_PORT", str(port))
        found = look_without_hub(monkeypatch)
    assert found["port"].state == "note"
    assert "--port 0" in found["port"].fix
    assert found["hub"].state == "note"


def look_without_hub(monkeypatch: pytest.MonkeyPatch) -> dict[str, Finding]:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "*")
    return look()


def test_one_look_that_fails_hides_no_other(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> float:
        raise RuntimeError("no such thing")

    monkeypatch.setattr("app.doctor.usable_cores", broken)
    found = look()
    assert "no such thing" in found["threads"].found
    assert found["catalogue"].state == "ok"
    assert not report(list(found.values()))["ok"]


@pytest.mark.parametrize("threads", ["3", "3,1", " 3 , 2", ""])
def test_threads_are_told_as_openmp_reads_them(place: Path, monkeypatch: pytest.MonkeyPatch, threads: str) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    found = look()["threads"]
    assert found.state != "problem"
    assert not threads or found.found.startswith("3 threads on")


def test_what_a_control_group_allows_counts(tmp_path: Path) -> None:
    group = tmp_path / "sys/fs/cgroup"
    group.mkdir(parents=True)
    (tmp_path / "proc").mkdir()
    (group / "cpu.max").write_text("50000 100000\n")
    (tmp_path / "proc/meminfo").write_text("MemTotal: 9 kB\nMemAvailable: 4194304 kB\n")
    (group / "memory.max").write_text("2147483648\n")
    (group / "memory.current").write_text("1073741824\n")
    assert usable_cores(tmp_path) == 0.5
    assert free_memory(tmp_path) == 2**30
    (group / "memory.max").write_text("max\n")
    assert free_memory(tmp_path) == 4 * 2**30
    assert free_memory(tmp_path / "nothing") is None
    assert usable_cores(tmp_path / "nothing") >= 1


def test_the_command_says_it_in_lines_and_as_json(place: Path) -> None:
    lines = CliRunner().invoke(cli, ["doctor"])
    assert lines.exit_code == 0
    assert "\tto change products over HTTP: vitrine key create NAME --scope write\n" in lines.stdout
    drawn = CliRunner().invoke(cli, ["doctor"], env={"TTY_COMPATIBLE": "1", "NO_COLOR": "1"})
    assert "→ to change products over HTTP: vitrine key create NAME --scope write" in drawn.stdout
    said = json.loads(CliRunner().invoke(cli, ["doctor", "--json"]).stdout)
    assert said["ok"] is True
    with Catalogue.open(Path("artefacts/catalogue")) as opened:
        assert any(opened.info.encoder_id in one["found"] for one in said["findings"])
    (place / "artefacts" / "checkpoint" / "model.safetensors").unlink()
    broken = CliRunner().invoke(cli, ["doctor", "--json"])
    assert broken.exit_code == 1
    assert json.loads(broken.stdout)["ok"] is False
