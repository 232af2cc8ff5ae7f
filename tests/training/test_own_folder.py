"""No command overwrites files of the user's own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from common import ArtefactError, ConfigError, InputError
from models import export
from tests.tools.root import ROOT
from training.config import load_config
from training.data import refuse_others
from training.demo import prepare_demo
from training.reports import compare_runs
from training.resume import CARD_FILE, CARD_MARK, LOG_FILE, STATE_FILE, read_state

TINY = ROOT / "training" / "configs" / "tiny.toml"


def files_of(folder: Path) -> dict[str, str]:
    return {one.name: one.read_text() for one in folder.rglob("*") if one.is_file() and one.name[0] != "."}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with files of a user's own."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("README.md", "report.json", "metrics.json", "best.toml"):
        (folder / name).write_text("mine")
    return folder


@pytest.mark.parametrize("resume", [False, True])
def test_training_refuses_a_folder_with_other_files(project: Path, resume: bool) -> None:
    before = files_of(project)
    with pytest.raises(ConfigError, match=r"holds README\.md.* give --out a new or an empty folder"):
        read_state(project, load_config(TINY), resume)
    assert files_of(project) == before


def test_training_goes_on_in_a_folder_of_its_own_but_for_a_readme_of_the_users(tmp_path: Path) -> None:
    (tmp_path / LOG_FILE).write_text("{}\n")
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / CARD_FILE).write_text(f"---\n{CARD_MARK}\n---\n")
    assert read_state(tmp_path, load_config(TINY), True) is None
    (tmp_path / CARD_FILE).write_text("# My notes\n")
    (tmp_path / STATE_FILE).write_text("")
    with pytest.raises(ConfigError, match=r"holds README\.md"):
        read_state(tmp_path, load_config(TINY), True)


def test_comparison_refuses_a_folder_with_other_files(project: Path, shapes: Path) -> None:
    (project / "metrics.json").unlink()
    _, failed = compare_runs([TINY], shapes, runs=_renamed(project), cache=project / "cache")
    assert "holds README.md" in failed["tiny"]
    assert (project.parent / "runs" / "tiny" / "README.md").read_text() == "mine"


def _renamed(project: Path) -> Path:
    runs = project.parent / "runs"
    runs.mkdir()
    project.rename(runs / "tiny")
    return runs


def test_sweep_refuses_a_folder_with_other_files(project: Path, shapes: Path) -> None:
    pytest.importorskip("optuna")
    from training.sweep import run_sweep

    before = files_of(project)
    with pytest.raises(ConfigError, match="--out a new or an empty folder"):
        run_sweep(TINY, shapes, project, trials=1, cache=project / "cache")
    assert files_of(project) == before


def test_demo_refuses_a_folder_with_other_files(project: Path) -> None:
    before = files_of(project)
    for _ in range(2):
        with pytest.raises(ConfigError, match="--folder a new or an empty folder"):
            prepare_demo(project)
        assert files_of(project) == before
        (project / "data").mkdir(exist_ok=True)  # of the user's own, too


def test_export_leaves_a_folder_onnx_that_is_not_its_own(checkpoint: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(checkpoint, tmp_path / "checkpoint"))
    shutil.rmtree(folder / "onnx", ignore_errors=True)
    (folder / "onnx").mkdir()
    (folder / "onnx" / "model.onnx").write_text("mine")
    with pytest.raises(ArtefactError, match="move it elsewhere"):
        export(folder)
    assert (folder / "onnx" / "model.onnx").read_text() == "mine"


def test_hidden_files_and_those_of_the_system_do_not_count(tmp_path: Path) -> None:
    refuse_others(tmp_path / "none", (), "--out")
    for name in (".git", ".DS_Store", "lost+found"):
        (tmp_path / name).mkdir()
    refuse_others(tmp_path, (), "--out")
    (tmp_path / "one.txt").write_text("")
    refuse_others(tmp_path, ("one.txt",), "--out")
    with pytest.raises(InputError, match=r"one\.txt"):
        refuse_others(tmp_path, (), "--out")
    with pytest.raises(InputError, match="is a file"):
        refuse_others(tmp_path / "one.txt", (), "--out")
