"""Rates, averages, and what learns."""

from __future__ import annotations

import itertools

import pytest
import torch

from common import ConfigError
from tests.training.small import small, small_encoder
from training.optim import averaged, parameter_groups, schedule, set_learning


def test_the_learning_rate_rises_then_falls_to_zero() -> None:
    rates = [schedule(step, 100, 0.1) for step in range(100)]
    assert rates[:10] == pytest.approx([0.1 * n for n in range(1, 11)])
    assert all(later <= earlier for earlier, later in itertools.pairwise(rates[10:]))
    assert rates[-1] < 0.001


def test_lower_layers_learn_slower() -> None:
    config = small(layer_decay=0.5, tower_learning_rate=1e-3, learning_rate=1e-2).model_copy()
    model = small_encoder()
    sourced = {
        side: getattr(model.config, side).model_copy(update={"source": "somewhere"}) for side in ("text", "image")
    }
    model.config = model.config.model_copy(update=sourced)
    groups = parameter_groups(model, config.train)
    rate = {id(parameter): group["peak"] for group in groups for parameter in group["params"]}
    rates = {name: rate[id(parameter)] for name, parameter in model.named_parameters()}
    assert rates["logit_scale"] == rates["image_projection.weight"] == 1e-2
    image = [next(v for n, v in rates.items() if n.startswith("image_tower") and f".{k}." in n) for k in range(3)]
    assert image == pytest.approx([2.5e-4, 5e-4, 1e-3])
    assert rates["image_tower.embeddings.cls_token"] == pytest.approx(1.25e-4)
    assert rates["image_tower.layernorm.weight"] == 1e-3
    assert rates["text_tower.embeddings.word_embeddings.weight"] == pytest.approx(2.5e-4)
    assert {group["weight_decay"] for group in groups} == {0.0, config.train.weight_decay}


def test_frozen_layers_and_locked_towers_do_not_learn() -> None:
    model = small_encoder()
    set_learning(model, small(frozen_layers=2).train, ("text",))
    learning = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert not any(name.startswith("text_tower") for name in learning)
    towers = {name for name in learning if name.startswith("image_tower")}
    assert towers
    assert all(".2." in name or "layernorm" in name for name in towers)
    with pytest.raises(ConfigError, match="frozen_layers is 9, but the image tower has 3 layers"):
        set_learning(model, small(frozen_layers=9).train, ())


def test_the_average_follows_the_weights() -> None:
    model = small_encoder()
    average = averaged(model, 0.9)
    average.update_parameters(model)
    weight = model.get_parameter("image_projection.weight")
    expected = weight.detach().clone()
    for step in range(3):
        with torch.no_grad():
            weight.add_(step + 1)
        average.update_parameters(model)
        expected = 0.9 * expected + 0.1 * weight.detach()
    torch.testing.assert_close(average.module.get_parameter("image_projection.weight").detach(), expected)
