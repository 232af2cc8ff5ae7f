"""Towers as functions of named weights give what Hugging Face's modules give."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from common import ConfigError
from models import PRESETS, DualEncoder, ModelConfig, build_tower
from tests.conftest import SMALL_ARCHITECTURES
from training.gpu.towers import Architecture, pool_image, pool_text, project

SMALL: dict[str, Any] = {
    "text": {
        "architecture": {**SMALL_ARCHITECTURES["bert"], "num_hidden_layers": 2},
        "pooling": "mean",
    },
    "image": {
        "architecture": {**SMALL_ARCHITECTURES["dinov2"], "num_hidden_layers": 3, "image_size": 70},
        "pooling": "cls+mean",
        "preprocess": {"size": (112, 84), "mean": (0.4, 0.5, 0.6), "std": (0.2, 0.3, 0.4)},
    },
    "projection": {"dim": 8, "hidden": 24, "dropout": 0.4},
}


@pytest.fixture(scope="module")
def model() -> DualEncoder:
    """Return a random model of both kinds of towers; its small weights are enlarged, so that every one matters."""
    torch.manual_seed(0)
    config = ModelConfig.model_validate(SMALL)
    built = DualEncoder(config, build_tower(config.text), build_tower(config.image), pad_id=0).eval()
    with torch.no_grad():
        for name, value in built.named_parameters():
            if name != "logit_scale":
                value.add_(torch.randn_like(value) * 0.3)
    return built


def test_pictures_have_the_vectors_of_hugging_face(model: DualEncoder) -> None:
    pixels = torch.randint(0, 256, (3, 112, 84, 3), dtype=torch.uint8)
    weights, shape = dict(model.state_dict()), Architecture.of(model.config)
    assert shape.grid == (8, 6)
    preprocess = model.config.image.preprocess
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (preprocess.mean, preprocess.std))
    planes = (pixels.permute(0, 3, 1, 2).float() / 255 - mean) / std
    with torch.no_grad():
        pooled = pool_image(weights, shape, planes)
        torch.testing.assert_close(pooled, model.pool_image(pixels), rtol=1e-4, atol=1e-4)
        ours = project(weights, "image_projection", pooled)
        torch.testing.assert_close(ours, model(image=pixels)["image_features"], rtol=1e-4, atol=1e-4)

        everything = torch.stack([torch.randperm(48) for _ in range(3)])
        kept_all = pool_image(weights, shape, planes, everything, torch.ones(3, 2, 3))
        torch.testing.assert_close(kept_all, pooled, rtol=1e-4, atol=1e-4)
        some = pool_image(weights, shape, planes, everything[:, :10], torch.zeros(3, 2, 3))
        assert not torch.allclose(some, pooled)


def test_texts_have_the_vectors_of_hugging_face(model: DualEncoder) -> None:
    ids = torch.randint(3, 300, (4, 9))
    ids[0, 4:] = 0
    weights, shape = dict(model.state_dict()), Architecture.of(model.config)
    with torch.no_grad():
        pooled = pool_text(weights, shape, ids, ids != 0)
        torch.testing.assert_close(pooled, model.pool_text(ids), rtol=1e-4, atol=1e-4)
        ours = project(weights, "text_projection", pooled)
        torch.testing.assert_close(ours, model(text=ids)["text_features"], rtol=1e-4, atol=1e-4)


def test_other_towers_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"this model is bert \(cls\) beside vit \(cls\)"):
        Architecture.of(PRESETS["bert-vit"])
