"""The whole data set as tensors on the device. Knows no step.

Shapes: N products, V wordings of each, T tokens, H W pixels, W words.
"""

from __future__ import annotations

import collections
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from common import ArtefactError
from index import texts_of, title_key
from models import ModelConfig, TextPreprocessor, read_pixels
from training.captions import captions
from training.data import Item, decoded, in_order
from training.gpu.packs import Packs
from training.gpu.recipe import Recipe

_WORD = re.compile(r"[a-z0-9]+")


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
    attributes: dict[str, tuple[Tensor, int]]
    """Attribute -> the class of each product (N,), -1 where it has none, and how many classes there are."""
    words: Tensor
    """(N, W) bfloat16, unit rows: the words of each title, weighted by rarity."""
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
    known = {name for item in items for name in item.attributes}
    there = recipe.model_copy(update={"captions": tuple(name for name in recipe.captions if name in known)})
    wordings, groups = captions(items, there, recipe.caption_draws)
    text = TextPreprocessor.from_json(packs.tokenizer, recipe.max_tokens)
    ids = text([" ".join(wording.split()) for of_one in wordings for wording in of_one])
    splits = np.array(packs.splits)
    attributes = {
        name: _classes([" ".join(texts_of(item.attributes.get(name, ""))) for item in items]) for name in recipe.heads
    }
    return Data(
        pixels=torch.from_numpy(_pixels(items, preprocess.size)).to(device),
        ids=torch.from_numpy(ids.reshape(*groups.shape, -1)).to(device),
        groups=torch.from_numpy(groups).to(device),
        pad_id=text.pad_id,
        learning=torch.from_numpy(np.flatnonzero(splits == "train")).to(device),
        validation=torch.from_numpy(splits == "validation").to(device),
        attributes={name: (classes.to(device), count) for name, (classes, count) in attributes.items() if count},
        words=rare_words([title_key(item.title) for item in items], recipe.word_count).to(device),
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


def _classes(values: Sequence[str]) -> tuple[Tensor, int]:
    """Return the class of each value, -1 for an empty one, and how many classes there are."""
    number = {value: place for place, value in enumerate(sorted(set(values) - {""}))}
    return torch.tensor([number.get(value, -1) for value in values]), len(number)


def rare_words(keys: Sequence[str], least: int) -> Tensor:
    """Return each title's words (N, W) as unit rows, weighted by the logarithm of their rarity among titles.

    Args:
        keys: the titles' keys; a title of several products counts once.
        least: a word of fewer titles is left out, because nothing can be learned about it.
    """
    words = {key: set(_WORD.findall(key)) for key in keys}
    titles = collections.Counter(word for of_one in words.values() for word in of_one)
    column = {word: place for place, word in enumerate(sorted(word for word in titles if titles[word] >= least))}
    rarity = torch.tensor([float(titles[word]) for word in column]).reciprocal().mul(len(words)).log()
    table = torch.zeros(len(keys), len(column))
    for row, key in enumerate(keys):
        table[row, [column[word] for word in words[key] if word in column]] = 1
    return functional.normalize(table * rarity, dim=1).bfloat16()
