"""The parts of a run on a GPU, each against a slow obvious one."""

from __future__ import annotations

import pytest
import torch

from training.gpu.optim import average, optimiser, schedule
from training.gpu.recipe import Recipe
from training.gpu.towers import Architecture

SHAPE = Architecture(
    text_heads=2,
    text_layers=6,
    text_epsilon=1e-12,
    image_heads=2,
    image_layers=12,
    image_epsilon=1e-6,
    patch=14,
    grid=(8, 8),
    dropout=0.4,
)


def test_rates_follow_the_clock() -> None:
    assert schedule(0, 0.1) == pytest.approx(0.01)
    assert schedule(0.05, 0.1) == pytest.approx(0.5)
    assert schedule(0.1, 0.1) == pytest.approx(1)
    assert schedule(0.55, 0.1) == pytest.approx(0.5)
    assert schedule(1, 0.1) == pytest.approx(1e-4)


def test_lower_layers_learn_more_slowly_and_embeddings_do_not_decay() -> None:
    names = {
        "logit_scale": (1e-3, 0.0),
        "text_projection.1.weight": (1e-3, 0.1),
        "text_tower.embeddings.word_embeddings.weight": (5e-4 * 0.8**6, 0.0),
        "text_tower.encoder.layer.5.output.dense.weight": (5e-4, 0.1),
        "image_tower.embeddings.position_embeddings": (5e-4 * 0.8**12, 0.0),
        "image_tower.encoder.layer.0.mlp.fc1.weight": (5e-4 * 0.8**11, 0.1),
        "image_tower.layernorm.weight": (5e-4, 0.0),
    }
    weights = {
        name: torch.zeros(2, 2) if decay or "embed" in name else torch.zeros(2) for name, (_, decay) in names.items()
    }
    weights["image_tower.embeddings.mask_token"] = torch.zeros(1, 2)
    groups = optimiser(weights, Recipe(), SHAPE).param_groups
    assert sum(len(group["params"]) for group in groups) == len(names)
    for name, expected in names.items():
        (group,) = (one for one in groups if any(value is weights[name] for value in one["params"]))
        assert (group["peak"], group["weight_decay"]) == pytest.approx(expected), name


def test_the_average_moves_faster_at_first() -> None:
    averages, weights = {"a": torch.zeros(2)}, {"a": torch.ones(2), "b": torch.ones(1)}
    average(averages, weights, 0.998, 0)
    torch.testing.assert_close(averages["a"], torch.full((2,), 0.9))
    average(averages, weights, 0.998, 10**6)
    torch.testing.assert_close(averages["a"], torch.full((2,), 0.9 + 0.1 * 0.002))
