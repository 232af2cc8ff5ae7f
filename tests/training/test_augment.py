"""Random changes to pictures, and patches that are left out."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from common import ConfigError
from models.towers import build_architecture
from tests.conftest import SMALL_ARCHITECTURES
from tests.training.small import VIT, batch_of, small, small_encoder
from training.augment import augment, augment_pixels, drop_patches, drop_paths, leave_out_words, mix
from training.config import Augmentation

RNG = np.random.default_rng(0)


def picture(colour: tuple[int, int, int], rows: int = 64) -> Tensor:
    """Return pictures (B, 24, 16, 3) of a coloured bar at the left, on white."""
    pixels = torch.full((rows, 24, 16, 3), 255, dtype=torch.uint8)
    pixels[:, 4:20, 3:6] = torch.tensor(colour, dtype=torch.uint8)
    return pixels


def test_nothing_changes_when_all_is_off() -> None:
    pixels = picture((200, 10, 10))
    assert augment_pixels(pixels, Augmentation(), RNG) == (pixels, 1.0)


def test_half_of_the_pictures_are_mirrored() -> None:
    torch.manual_seed(0)
    pixels = picture((200, 10, 10), rows=400)
    changed, _ = augment_pixels(pixels, Augmentation(flip=0.5), RNG)
    same = (changed == pixels).flatten(1).all(1)
    mirrored = (changed == pixels.flip(2)).flatten(1).all(1)
    assert bool((same ^ mirrored).all())
    assert 150 < int(mirrored.sum()) < 250


def test_a_changed_picture_keeps_ground_size_and_the_name_of_its_colour() -> None:
    torch.manual_seed(0)
    how = Augmentation(flip=0.5, crop=0.9, ratio=0.1, light=0.15)
    for colour in ((200, 30, 40), (30, 160, 60), (30, 60, 200)):
        pixels = picture(colour)
        changed, own = augment_pixels(pixels, how, RNG)
        assert own == 1
        assert changed.shape == pixels.shape
        assert changed.dtype == torch.uint8
        assert changed.is_contiguous()
        assert len({row.numpy().tobytes() for row in changed}) == len(pixels), "each picture changes in its own way"
        corners = changed[:, [0, 0, -1, -1], [0, -1, 0, -1]].int()
        assert int(corners.amin()) > 160, "what is uncovered continues the white ground"
        assert int((corners.amax(-1) - corners.amin(-1)).max()) <= 1, "white turns grey, not coloured"
        darkest = changed.int().sum(-1).flatten(1).argmin(1)
        found = changed.flatten(1, 2)[torch.arange(len(changed)), darkest].int()
        assert bool((found.argmax(-1) == int(np.argmax(colour))).all())


def test_each_change_changes_pictures() -> None:
    torch.manual_seed(0)
    pixels = torch.randint(0, 256, (8, 28, 28, 3), dtype=torch.uint8)
    planes = augment(pixels, Augmentation())
    torch.testing.assert_close(planes, pixels.permute(0, 3, 1, 2) / 255)
    for change in ({"crop": 0.5}, {"ratio": 0.3}, {"light": 0.2}, {"erase": 1.0}):
        changed = augment(pixels, Augmentation(**change))
        assert changed.shape == planes.shape
        assert 0 <= changed.min() <= changed.max() <= 1
        assert not torch.allclose(changed, planes)
    erased = (augment(pixels, Augmentation(erase=1.0)) != planes).any(1).float().mean((1, 2))
    assert 0.01 < float(erased.min()) < float(erased.max()) < 0.3


def test_a_mixed_picture_has_a_rectangle_of_its_partner() -> None:
    planes = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 3, 20, 20)
    for _ in range(5):
        mixed, own = mix(planes, RNG)
        assert float((mixed[0] == 0).float().mean()) == pytest.approx(own)
        assert float((mixed[0] == 3).float().mean()) == pytest.approx(1 - own)
    pixels = (planes * 50).to(torch.uint8).permute(0, 2, 3, 1)
    mixed, own = augment_pixels(pixels, Augmentation(mix=1.0), RNG)
    assert float((mixed[1] == 50).float().mean()) == pytest.approx(own)


def test_words_that_are_left_out_close_up_and_the_first_stays() -> None:
    torch.manual_seed(0)
    ids = torch.arange(1, 11).repeat(500, 1)
    ids[:, 7:] = 0
    left = leave_out_words(ids, 0.3, 0)
    assert left.shape == ids.shape
    assert bool((left[:, 0] == 1).all())
    kept = (left != 0).sum(1)
    assert 0.25 < 1 - float((kept - 1).float().mean()) / 6 < 0.35
    for row, count in zip(left, kept, strict=True):
        assert row[:count].tolist() == sorted(row[:count].tolist())
        assert bool((row[count:] == 0).all())


@pytest.mark.parametrize("kind", ["vit", "dinov2"])
def test_layers_are_passed_over_in_training_only(kind: str) -> None:
    architecture = {**SMALL_ARCHITECTURES["dinov2"], "num_hidden_layers": 3} if kind == "dinov2" else VIT
    config = small().model.image.model_copy(update={"architecture": architecture})
    torch.manual_seed(0)
    tower = build_architecture(config)
    planes = torch.randn(400, 3, 32, 32)
    names = [name for name, _ in tower.named_modules() if re.search(r"layers?\.\d+$", name)]
    states: dict[str, list[Tensor]] = {name: [] for name in names}

    def seen(name: str) -> Any:
        def keep(module: nn.Module, inputs: tuple[Tensor], output: Any) -> None:
            states[name].append((output[0] if isinstance(output, tuple) else output) - inputs[0])

        return keep

    drop_paths(tower, 0.6)
    for name in names:
        tower.get_submodule(name).register_forward_hook(seen(name))
    options = {"interpolate_pos_encoding": True} if kind == "vit" else {}
    with torch.no_grad():
        tower.train()(pixel_values=planes, **options)
        tower.eval()(pixel_values=planes, **options)
    over = [(states[name][0].flatten(1).abs().sum(1) == 0).float().mean().item() for name in names]
    assert over[0] == 0
    assert over[1:] == pytest.approx([0.3, 0.6], abs=0.07)
    assert all(bool(states[name][1].flatten(1).any(1).all()) for name in names)
    with pytest.raises(ConfigError, match="path_dropout needs"):
        drop_paths(torch.nn.Linear(2, 2), 0.5)


def test_patches_are_left_out_in_training_only() -> None:
    model = small_encoder()
    drop_patches(model.image_tower, 0.5)
    pixels = batch_of(4)["image"]
    seen: list[int] = []
    model.image_tower.get_submodule("layernorm").register_forward_hook(
        lambda module, inputs, output: seen.append(output.shape[1])
    )
    model.train()(image=pixels)
    one, two = (model.train()(image=pixels)["image_features"] for _ in range(2))
    assert not torch.allclose(one, two)
    model.eval()(image=pixels)
    assert seen == [9, 9, 9, 17]  # the class token and 8, or all 16, of the patches
    plain = small_encoder().eval()(image=pixels)["image_features"]
    torch.testing.assert_close(model.eval()(image=pixels)["image_features"], plain)
    with pytest.raises(ConfigError, match="patch_dropout needs"):
        drop_patches(torch.nn.Linear(2, 2), 0.5)
