"""Run configs: what is wrong is said as it was typed, and every committed config trains."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common import ConfigError
from models.encoder import load_encoder
from tests.conftest import small_model
from tests.tools.root import ROOT
from tests.training.small import small
from training.config import load_config, parse_config
from training.train import train

CONFIGS = sorted((ROOT / "training" / "configs").glob("*.toml"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "needs a preset"),
        ({"preset": "bert-vitt"}, "the presets are bert-vit"),
        ({"preset": "tiny", "train": {"epochz": 3}}, r"train.epochz is no field; .* epochs, batch_size"),
        ({"preset": "tiny", "train": {"epochs": 0}}, r"train.epochs: .* greater than or equal to 1; got 0"),
        ({"preset": "tiny", "train": {"locked": ["audio"]}}, r"train.locked.* 'image'.*; got 'audio'"),
        ({"preset": "tiny", "split": {"train": 0.5}}, r"split: .* together they must be 1"),
        ({"preset": "tiny", "split": {"dev": 0.5}}, r"split.dev is no field; .* train, validation, test, seed"),
        (
            {"preset": "tiny", "model": {"image": {"preprocess": {"sizes": 3}}}},
            r"model.image.preprocess.sizes is no field",
        ),
        ({"preset": "tiny", "model": {"text": {"architecture": {}}}}, "needs a model_type"),
    ],
)
def test_a_wrong_field_is_named_as_it_was_typed(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_config(fields)


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"locked_epochs": 2}, r"train: locked_epochs is 2 of 2 epochs"),
        ({"locked": ["image", "text"], "locked_epochs": 1}, "locked_epochs has no meaning"),
        ({"locked": ["image"], "patch_dropout": 0.5}, "patch_dropout has no meaning when the image tower is locked"),
        ({"locked": ["image"], "augment": {"flip": 0.5}}, "augment has no meaning"),
        ({"gallery_negatives": 5}, "gallery_negatives needs a locked image tower"),
        ({"locked": ["image"], "path_dropout": 0.1}, "path_dropout has no meaning when the image tower is locked"),
        ({"locked": ["image"], "heads": ["gender"]}, "heads has no meaning when the image tower is locked"),
        ({"locked": ["image"], "word_weight": 0.1}, "word_weight has no meaning when the image tower is locked"),
        ({"locked": ["text"], "word_dropout": 0.1}, "word_dropout has no meaning when the text tower is locked"),
        (
            {"augment": {"hue": 0.1}},
            r"train.augment.hue is no field; the fields there are flip, crop, ratio, light, erase, mix",
        ),
        ({"loss": "softmax"}, "train: loss is no field any more: .* delete that line"),
        ({"loss": "sigmoid"}, "train: loss is no field any more"),
    ],
)
def test_contradictory_fields_are_refused(recipe: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        small(**recipe)


def test_a_config_file_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no config"):
        load_config(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("preset = ")
    with pytest.raises(ConfigError, match="is no TOML file"):
        load_config(tmp_path / "bad.toml")


def test_local_towers_replace_the_presets_sources() -> None:
    config = load_config(ROOT / "training/configs/minilm-dinov2-locked.toml", text_tower="here", image_tower="there")
    assert (config.model.text.source, config.model.image.source) == ("here", "there")
    assert config.model.text.pooling == "mean"


def test_there_are_committed_configs() -> None:
    assert CONFIGS


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_committed_config_trains_a_step(path: Path, shapes: Path, tmp_path: Path) -> None:
    config = load_config(path)
    fields = json.loads(config.model_dump_json())
    if config.model.text.source is not None:
        fields["model"] = small_model(config.preset)
    staged = bool(fields["train"]["locked_epochs"])
    fields["train"] |= {"epochs": 1 + staged, "locked_epochs": int(staged), "batch_size": 64}
    fields["train"]["frozen_layers"] = min(1, fields["train"]["frozen_layers"])
    for attributes in ("captions", "heads"):
        if fields["train"][attributes]:
            fields["train"][attributes] = ["articleType", "baseColour"]
    options: dict[str, Any] = {"cache": tmp_path / "cache", "device": "cpu", "report": False}
    metrics = train(parse_config(fields), shapes, tmp_path / "out", **options)
    assert np.isfinite(metrics["history"][0]["loss"])
    assert load_encoder(tmp_path / "out", "cpu").encode_text(["red"]).shape == (1, 128)
