"""Starting a service: settings, and artefacts that do not fit together."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.server import create_app
from app.settings import Settings
from common import ArtefactError, ConfigError
from tests.tools.shop import (
    DrawnEncoder,
)


def test_a_catalogue_of_another_encoder_is_refused_with_both_names(folder: Path) -> None:
    encoder = DrawnEncoder()
    encoder.encoder_id = "drawn-2"
    with pytest.raises(ArtefactError, match=r"drawn-1.*drawn-2"):
        create_app(Settings.read(catalogue=folder), encoder=encoder)


def test_a_catalogue_of_other_dimensions_is_refused(folder: Path) -> None:
    encoder = DrawnEncoder()
    encoder.dim = 64
    with pytest.raises(ArtefactError, match=r"128.*64"):
        create_app(Settings.read(catalogue=folder), encoder=encoder)


def test_a_missing_catalogue_is_told_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="vitrine index"):
        create_app(Settings.read(catalogue=tmp_path / "none"), encoder=DrawnEncoder())


def test_a_missing_checkpoint_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="none"):
        create_app(Settings.read(catalogue=folder, checkpoint=tmp_path / "none"))


def test_settings_come_from_the_environment_and_from_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITRINE_MAX_BATCH", "7")
    monkeypatch.setenv("VITRINE_PORT", "9000")
    settings = Settings.read(port=9001, device=None)
    assert (settings.max_batch, settings.port, settings.device) == (7, 9001, "auto")


def test_a_setting_that_does_not_fit_is_named_as_it_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITRINE_MAX_BATCH", "0")
    with pytest.raises(
        ConfigError, match=r"port is 70000: .*VITRINE_MAX_BATCH is '0'|VITRINE_MAX_BATCH is '0': .*port"
    ):
        Settings.read(port=70000)


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())
