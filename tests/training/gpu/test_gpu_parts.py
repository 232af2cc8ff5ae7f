"""The parts of a run on a GPU, each against a slow obvious one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from training.gpu.augment import augment, mix
from training.gpu.data import rare_words
from training.gpu.optim import average, optimiser, schedule
from training.gpu.recipe import Recipe
from training.gpu.step import contrastive_loss
from training.gpu.towers import Architecture
from training.loss import contrastive_loss as product_loss

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
STILL = Recipe(crop=1, ratio=0, light=0, erase=0)


def test_the_loss_is_the_products_and_mixes_targets() -> None:
    torch.manual_seed(1)
    images, texts = (functional.normalize(torch.randn(6, 4), dim=1) for _ in range(2))
    groups = torch.tensor([0, 1, 0, 2, 3, 1])
    logits = 10 * images @ texts.T
    ours = contrastive_loss(logits, groups)
    theirs = product_loss(images, texts, torch.tensor(10.0), groups)
    torch.testing.assert_close(ours, theirs)
    # A picture that is wholly its partner is a batch in which pictures have changed places.
    torch.testing.assert_close(
        contrastive_loss(logits, torch.arange(6), 0.0), contrastive_loss(logits.flip(0), torch.arange(6))
    )
    assert contrastive_loss(logits, groups, 0.5) > 0


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


def test_pictures_stay_without_changes_and_change_with_them() -> None:
    torch.manual_seed(0)
    pixels = torch.randint(0, 256, (8, 28, 28, 3), dtype=torch.uint8)
    planes = pixels.permute(0, 3, 1, 2).float() / 255
    still = augment(pixels, STILL)
    for before, after in zip(planes, still, strict=True):  # half of them are mirrored
        assert torch.allclose(before, after, atol=1e-4) or torch.allclose(before.flip(2), after, atol=1e-4)
    for change in ({"crop": 0.5}, {"light": 0.2}, {"erase": 1.0}):
        changed = augment(pixels, STILL.model_copy(update=change))
        assert changed.shape == planes.shape
        assert 0 <= changed.min() <= changed.max() <= 1
        assert not torch.allclose(changed, still)


def test_a_mixed_picture_has_a_rectangle_of_its_partner() -> None:
    planes = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 3, 20, 20)
    rng = np.random.default_rng(0)
    for _ in range(5):
        mixed, own = mix(planes, rng)
        assert float((mixed[0] == 0).float().mean()) == pytest.approx(own)
        assert float((mixed[0] == 3).float().mean()) == pytest.approx(1 - own)


def test_rare_words_weigh_more_and_a_title_of_several_products_counts_once() -> None:
    keys = ["red ball", "red ball", "red box", "red stripe", "blue ball", "odd"]
    words = rare_words(keys, 2).float()  # ball, red: of 2 and 3 of 5 titles
    assert words.shape == (6, 2)
    assert torch.equal(words[0], words[1])
    assert words[0, 0] > words[0, 1] > 0
    assert words[5].abs().sum() == 0
