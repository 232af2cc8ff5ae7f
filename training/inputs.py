"""What a step reads: pixels or a locked tower's features, captions as token ids or features. Knows no loss."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from common import ConfigError
from index import title_key
from models.dual_encoder import DualEncoder
from models.tokenizer import TextPreprocessor
from training.cache import image_features, pixels, text_features
from training.config import Recipe
from training.data import Dataset, Item

CAPTION_DRAWS = 4
"""Wordings of a title that are made and tokenised once; each epoch takes one of them."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a step reads for each of N products, in V wordings; wording 0 is the plain title."""

    image: np.ndarray
    """(N, H, W, 3) uint8, memory-mapped, or (N, F) float16 of a locked tower."""
    text: np.ndarray
    """(N, V, T) int64 padded with `pad_id`, or (N, V, F) float16 of a locked tower."""
    groups: np.ndarray
    """(N, V) int64, equal where texts are positives of each other: of one title, or the same attributes alone."""
    pad_id: int

    def batch(self, rows: np.ndarray, wording: np.ndarray | None = None) -> dict[str, Tensor]:
        """Return the model's inputs for `rows` (B,), named as its `forward` takes them; `wording` (B,), else title."""
        text = self.text[rows, 0 if wording is None else wording]
        tokens = text.dtype == np.int64
        if tokens:  # cut the padding that this batch does not need
            text = text[:, : max(1, int((text != self.pad_id).sum(1).max()))]
        return {
            "image" if self.image.ndim == 4 else "image_pooled": torch.from_numpy(self.image[rows]),
            "text" if tokens else "text_pooled": torch.from_numpy(text),
        }


def make_inputs(
    model: DualEncoder,
    text: TextPreprocessor,
    dataset: Dataset,
    recipe: Recipe,
    locked: tuple[str, ...],
    cache: Path,
    device: torch.device,
) -> tuple[Inputs, np.ndarray]:
    """Return the inputs of all N items while the towers in `locked` stand still, and whose pictures are usable (N,)."""
    if "image" in locked:
        image, usable = image_features(model, dataset, cache, device)
    else:
        image, usable = pixels(model, dataset, cache)
    wordings, groups = captions(dataset.items, recipe)
    flat = [wording for of_one in wordings for wording in of_one]
    words = text_features(model, text, flat, cache, device) if "text" in locked else text(flat)
    return Inputs(image, words.reshape(*groups.shape, words.shape[-1]), groups, text.pad_id), usable


def captions(items: Sequence[Item], recipe: Recipe) -> tuple[list[list[str]], np.ndarray]:
    """Return V wordings of each of N items, and which of them are positives of each other (N, V).

    Wording 0 is the title. Others have attributes behind it, where the title does not name them already, and belong to
    the title's group; or they are attributes alone, and belong to all of the same words.

    Raises:
        ConfigError: no item has an attribute of that name.
    """
    if not recipe.captions:
        wordings = [[item.title] for item in items]
        return wordings, _numbered([[title_key(title)] for (title,) in wordings])
    known = {name for item in items for name in item.attributes}
    if unknown := [name for name in recipe.captions if name not in known]:
        raise ConfigError(
            f"captions: the data set has no attribute {unknown[0]!r}; its attributes are {', '.join(sorted(known))}"
        )
    rng = np.random.default_rng([0, len(items)])  # not the run's seed: cached features serve every run
    shape = (len(items), CAPTION_DRAWS - 1)
    kept = rng.random((*shape, len(recipe.captions))) < recipe.caption_keep
    alone = rng.random(shape) < recipe.caption_alone
    count = rng.integers(1, 3, size=shape)
    place = rng.random((*shape, len(recipe.captions))).argsort(-1)  # a random order to take one or two from
    wordings, keys = [], []
    for row, item in enumerate(items):
        there = [item.attributes.get(name, "") for name in recipe.captions]
        texts, groups = [item.title], [title_key(item.title)]
        for draw in range(CAPTION_DRAWS - 1):
            chosen = place[row, draw] < count[row, draw] if alone[row, draw] else kept[row, draw]
            words = [word for word, use in zip(there, chosen, strict=True) if use and word]
            if alone[row, draw] and words:
                texts.append(" ".join(words))
                groups.append(f"\0{texts[-1]}")  # a title of the same words is another group
            else:
                new = (word for word in words if word.casefold() not in item.title.casefold())
                texts.append(" ".join([item.title, *new]))
                groups.append(groups[0])
        wordings.append(texts)
        keys.append(groups)
    return wordings, _numbered(keys)


def _numbered(keys: list[list[str]]) -> np.ndarray:
    numbers: dict[str, int] = {}
    return np.array([[numbers.setdefault(key, len(numbers)) for key in row] for row in keys], dtype=np.int64)


def prefetch(batches: Iterable[T]) -> Iterator[T]:
    """Yield `batches`, each made in a thread while the one before it is at work, so that the device never waits."""
    iterator = iter(batches)

    def take() -> T | None:
        return next(iterator, None)

    with ThreadPoolExecutor(1, thread_name_prefix="batch") as pool:
        waiting = pool.submit(take)
        while (batch := waiting.result()) is not None:
            waiting = pool.submit(take)
            yield batch


def to_device(batch: dict[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    """Return a batch on `device`; it moves to a GPU while that still computes."""
    if device.type != "cuda":
        return dict(batch)
    return {
        name: value if value.is_cuda else value.pin_memory().to(device, non_blocking=True)
        for name, value in batch.items()
    }
