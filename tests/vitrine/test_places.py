"""Outside its clone: which checkpoint, config and catalogue a command means in a folder that has none of them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from common import ArtefactError, ConfigError, InputError
from tests.tools.root import ROOT
from training.config import load_config
from training.config_files import CONFIGS, config_names, find_config
from vitrine import shipped_checkpoint
from vitrine.cli import cli
from vitrine.places import catalogue, checkpoints, find_checkpoint, own_checkpoint, spoken, version

SHIPPED = ROOT / "checkpoints" / "minilm-dinov2"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, without settings."""
    monkeypatch.chdir(tmp_path)
    for name in ("VITRINE_CHECKPOINT", "VITRINE_CATALOGUE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def refused(*arguments: str) -> str:
    """Return the message of a command that stops at a mistake."""
    result = CliRunner().invoke(cli, [*arguments])
    assert isinstance(result.exception, InputError), result.output
    return str(result.exception)


def test_the_shipped_checkpoint_is_found_in_any_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shipped_checkpoint() == own_checkpoint(None) == SHIPPED
    assert find_checkpoint(Path("minilm-dinov2")) == find_checkpoint(Path("checkpoints/minilm-dinov2")) == SHIPPED
    assert spoken(SHIPPED) == "minilm-dinov2"
    assert spoken(Path("mine")) == "mine"
    monkeypatch.chdir(ROOT)
    assert shipped_checkpoint() == Path("checkpoints/minilm-dinov2")  # short, for messages


def test_a_setting_and_a_training_of_ones_own_come_before_the_shipped_checkpoint(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Path("artefacts/checkpoint")
    own.mkdir(parents=True)
    assert checkpoints() == [SHIPPED]  # an empty folder is none
    (own / "config.json").write_text("{}")
    assert checkpoints() == [own, SHIPPED]
    assert own_checkpoint(None) == own
    assert own_checkpoint(Path("given")) == Path("given")
    monkeypatch.setenv("VITRINE_CHECKPOINT", "/somewhere/else")
    assert checkpoints() == [own_checkpoint(None)] == [Path("/somewhere/else")]
    monkeypatch.setenv("VITRINE_CHECKPOINT", "")  # as a container passes one on that is not set
    assert own_checkpoint(None) == own


@pytest.mark.parametrize(
    "command", [["search", "red"], ["serve"], ["evaluate"], ["map"], ["calibrate"], ["copy", "--to", "a"]]
)
def test_without_a_catalogue_a_command_says_what_makes_one(command: list[str], elsewhere: Path) -> None:
    """They named artefacts/catalogue, which nobody had typed, after seconds of loading a model."""
    said = refused(*command)
    assert said.startswith("no catalogue here (looked for artefacts/catalogue and artefacts/demo/catalogue in ")
    assert str(elsewhere) in said
    assert "`vitrine demo`" in said
    assert "`vitrine index PHOTOS`" in said
    assert not list(elsewhere.iterdir())


def test_the_catalogue_is_the_one_that_is_named_else_the_setting_else_the_one_that_is_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("artefacts/demo/catalogue").mkdir(parents=True)
    assert catalogue(None) == Path("artefacts/demo/catalogue")
    Path("artefacts/catalogue").mkdir()
    assert catalogue(None) == Path("artefacts/catalogue")
    monkeypatch.setenv("VITRINE_CATALOGUE", "set")
    assert catalogue(None) == Path("set")
    assert catalogue("given") == Path("given")
    assert catalogue(None, from_setting=False) == Path("artefacts/catalogue")


def test_a_catalogue_that_is_named_and_missing_is_named_in_the_message() -> None:
    with pytest.raises(ArtefactError, match="no catalogue here"):
        catalogue(None)
    assert "mine" in refused("search", "red", "--catalogue", "mine")


@pytest.mark.parametrize(
    "command",
    [
        ["index", "none.csv"],
        ["train", "own-products", "none.csv"],
        ["sweep", "tiny", "none.csv"],
        ["compare", "tiny", "--data", "none.csv"],
        ["pack", "checkpoint", "--out", "out", "--data", "none.csv"],
        ["export", "checkpoint", "--data", "none.csv"],
        ["data", "info", "none.csv"],
    ],
    ids=lambda command: command[0],
)
def test_the_data_set_is_looked_at_before_anything_that_takes_time(
    command: list[str], elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loaded(*_: object, **__: object) -> None:
        raise AssertionError("a model is loaded")

    monkeypatch.setattr("models.encoder.load_encoder", loaded)
    monkeypatch.setattr("models.checkpoint.load_checkpoint", loaded)
    assert "none.csv" in refused(*command)
    assert not list(elsewhere.iterdir())


def test_configs_are_found_by_name_and_by_the_path_in_a_clone() -> None:
    names = config_names()
    assert {"own-products", "tiny", "minilm-dinov2-finish"} <= set(names)
    for name in names:
        assert find_config(name) == find_config(f"training/configs/{name}.toml") == CONFIGS / f"{name}.toml"
    assert load_config(Path("tiny")).preset == "tiny"
    Path("tiny.toml").write_text((CONFIGS / "tiny.toml").read_text())
    assert find_config("tiny.toml") == Path("tiny.toml")  # the user's own


@pytest.mark.parametrize("given", ["own-product", "configs/tiny.toml", "else/tiny", "none.toml", "."])
def test_a_config_that_is_not_there_is_answered_with_those_that_are(given: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(", ".join(config_names()))) as caught:
        find_config(given)
    assert ("did you mean 'own-products'?" in str(caught.value)) == (given == "own-product")


def test_the_version_is_that_of_the_project_and_of_the_commit() -> None:
    found = version()
    assert found.number == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert found.folder == ROOT
    assert found.commit is None or re.fullmatch(r"[0-9a-f]{12,40}(-dirty)?", found.commit)
