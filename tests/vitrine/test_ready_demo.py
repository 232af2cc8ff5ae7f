"""`vitrine serve --or-demo` where a demo was made before, as in the image."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.settings import misspelt
from vitrine.cli.app import cli
from vitrine.ready_demo import DEMO_SETTING, ready_demo


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder as the image has it, named by the environment; the working folder is empty."""
    folder = tmp_path / "image"
    for path, text in (("checkpoint/config.json", "{}"), ("catalogue/catalogue-1.sqlite", "products")):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    (folder / "catalogue" / "catalogue.sqlite").symlink_to("catalogue-1.sqlite")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv(DEMO_SETTING, str(folder))
    return folder


def served(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the checkpoint and the catalogue that `vitrine serve --or-demo` would serve."""
    found: dict[str, Any] = {}

    def serve(settings: Any, **_: Any) -> None:
        found.update(checkpoint=settings.checkpoint, catalogue=settings.catalogue)

    import app

    monkeypatch.setattr(app, "serve", serve, raising=False)
    monkeypatch.setattr(
        "vitrine.cli.start.pair", lambda checkpoint, catalogue: (checkpoint or Path("-"), Path(catalogue or "-"))
    )
    result = CliRunner().invoke(cli, ["serve", "--or-demo"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return found


def test_it_is_copied_once_and_what_was_changed_stays(made: Path) -> None:
    place = Path("artefacts/demo")
    assert ready_demo(place) == place
    assert (place / "catalogue" / "catalogue.sqlite").read_text(encoding="utf-8") == "products"
    (place / "catalogue" / "catalogue-1.sqlite").write_text("changed", encoding="utf-8")
    assert ready_demo(place) == place
    assert (place / "catalogue" / "catalogue.sqlite").read_text(encoding="utf-8") == "changed"
    assert (made / "catalogue" / "catalogue.sqlite").read_text(encoding="utf-8") == "products"
    assert not list(Path("artefacts").glob(".*"))


def test_what_cannot_be_copied_is_served_where_it_is(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of the artefacts may be a volume that is only read."""
    Path("artefacts").write_text("no folder", encoding="utf-8")
    assert ready_demo(Path("artefacts/demo")) == made
    found = served(monkeypatch)
    assert found == {"checkpoint": made / "checkpoint", "catalogue": made / "catalogue"}


@pytest.mark.parametrize("value", ["", "nowhere", "/"])
def test_where_there_is_none_it_is_made(made: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(DEMO_SETTING, value)
    assert ready_demo(Path("artefacts/demo")) is None
    assert not os.listdir()


def test_no_training_is_imported_for_it(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "training.demo", None)  # importing it fails
    served(monkeypatch)
    assert (Path("artefacts/demo/checkpoint") / "config.json").is_file()
    assert misspelt() == []
