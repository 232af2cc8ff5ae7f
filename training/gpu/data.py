"""The whole data set as tensors on the device. Knows no step.

Shapes: N products, V wordings of each, T tokens, H W pixels.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from common import ArtefactError
from models import ModelConfig, TextPreprocessor, read_pixels
from training.attributes import attributes_there
from training.captions import captions
from training.data import Item, decoded, in_order
from training.gpu.packs import Packs
from training.gpu.recipe import Recipe
from training.heads import Targets


@dataclass(frozen=True, slots=True)
class Data:
    """What steps and validations read; every tensor is on the device."""

    pixels: Tensor
    """(N, H, W, 3) uint8."""
    ids: Tensor
    """(N, V, T) int64, token ids; wording 0 is the plain title."""
    groups: Tensor
    """(N, V) int64, equal where texts are positives of each other."""
    pad_id: int
    """The token that pads texts."""
    learning: Tensor
    """Numbers of the products that are learned from."""
    validation: Tensor
    """(N,) bool, the products whose titles validate."""
    targets: Targets
    """What heads predict."""
    mean: Tensor
    """(1, 3, 1, 1), of the model's preprocessing."""
    std: Tensor
    """The same."""

    def normalised(self, planes: Tensor) -> Tensor:
        """Return planes (B, 3, H, W) in [0, 1] as the image tower sees them."""
        return (planes - self.mean) / self.std


def load_data(packs: Packs, recipe: Recipe, device: torch.device) -> Data:
    """Decode and tokenise the packs' products, and copy them to `device`.

    Raises:
        ArtefactError: a picture is damaged.
    """
    preprocess = ModelConfig.model_validate(packs.checkpoint["model"]).image.preprocess
    items = packs.items
    there = recipe.model_copy(update={"captions": attributes_there(recipe.captions, items)})
    wordings, groups = captions(items, there, recipe.caption_draws)
    text = TextPreprocessor.from_json(packs.tokenizer, recipe.max_tokens)
    ids = text([" ".join(wording.split()) for of_one in wordings for wording in of_one])
    splits = np.array(packs.splits)
    return Data(
        pixels=torch.from_numpy(_pixels(items, preprocess.size)).to(device),
        ids=torch.from_numpy(ids.reshape(*groups.shape, -1)).to(device),
        groups=torch.from_numpy(groups).to(device),
        pad_id=text.pad_id,
        learning=torch.from_numpy(np.flatnonzero(splits == "train")).to(device),
        validation=torch.from_numpy(splits == "validation").to(device),
        targets=Targets.of(items, attributes_there(recipe.heads, items), recipe.word_count).to(device),
        mean=torch.tensor(preprocess.mean, device=device).view(1, 3, 1, 1),
        std=torch.tensor(preprocess.std, device=device).view(1, 3, 1, 1),
    )


def _pixels(items: Sequence[Item], size: tuple[int, int]) -> np.ndarray:
    """Return the pictures at the model's size (N, H, W, 3) uint8."""
    pixels = np.empty((len(items), *size, 3), np.uint8)
    workers = os.cpu_count() or 1
    outcomes = in_order(
        lambda item: decoded(item.read, lambda data: read_pixels(data, size)), items, workers, ahead=64 * workers
    )
    for row, outcome in enumerate(outcomes):
        if outcome is None:
            raise ArtefactError(f"the picture of {items[row].id} is damaged in the pack; copy both packs again")
        pixels[row] = outcome[1]
    return pixels
