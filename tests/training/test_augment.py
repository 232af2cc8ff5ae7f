"""Random changes to pictures, and patches that are left out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from common import ConfigError
from tests.training.small import batch_of, small_encoder
from training.augment import augment, drop_patches
from training.config import Augmentation


def picture(colour: tuple[int, int, int], rows: int = 64) -> Tensor:
    """Return pictures (B, 24, 16, 3) of a coloured bar at the left, on white."""
    pixels = torch.full((rows, 24, 16, 3), 255, dtype=torch.uint8)
    pixels[:, 4:20, 3:6] = torch.tensor(colour, dtype=torch.uint8)
    return pixels


def test_nothing_changes_when_all_is_off() -> None:
    pixels = picture((200, 10, 10))
    assert augment(pixels, Augmentation()) is pixels


def test_half_of_the_pictures_are_mirrored() -> None:
    torch.manual_seed(0)
    pixels = picture((200, 10, 10), rows=400)
    changed = augment(pixels, Augmentation(flip=0.5))
    same = (changed == pixels).flatten(1).all(1)
    mirrored = (changed == pixels.flip(2)).flatten(1).all(1)
    assert bool((same ^ mirrored).all())
    assert 150 < int(mirrored.sum()) < 250


def test_a_changed_picture_keeps_ground_size_and_the_name_of_its_colour() -> None:
    torch.manual_seed(0)
    how = Augmentation(flip=0.5, zoom=0.1, shift=0.1, light=0.15)
    for colour in ((200, 30, 40), (30, 160, 60), (30, 60, 200)):
        pixels = picture(colour)
        changed = augment(pixels, how)
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
