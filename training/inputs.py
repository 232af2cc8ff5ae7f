"""What a step reads: pixels or a locked tower's features, captions as token ids or features. Knows no loss.

Shapes: N products, V wordings of each, B batch, T tokens, H W pixels, F a tower's features.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from models import DualEncoder, TextPreprocessor
from training.cache import image_features, pixels, text_features
from training.captions import captions
from training.config import Recipe
from training.data import Dataset

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
    """The token that pads texts."""

    def batch(self, rows: np.ndarray, wording: np.ndarray | None = None) -> dict[str, Tensor]:
        """Return the model's inputs for `rows` (B,), named as its `forward` takes them; `wording` (B,), else title."""
        return self.images(rows) | self.texts(rows, wording)

    def images(self, rows: np.ndarray) -> dict[str, Tensor]:
        """Return the image tower's part of `batch`."""
        return {"image" if self.image.ndim == 4 else "image_pooled": torch.from_numpy(self.image[rows])}

    def lengths(self, rows: np.ndarray) -> np.ndarray:
        """Return the tokens of each plain title of `rows` (R,), all equal where the text tower is locked."""
        if self.text.dtype != np.int64:
            return np.zeros(len(rows), dtype=np.int64)
        return np.asarray((self.text[rows, 0] != self.pad_id).sum(1))

    def texts(self, rows: np.ndarray, wording: np.ndarray | None = None) -> dict[str, Tensor]:
        """Return the text tower's part of `batch`."""
        text = self.text[rows, 0 if wording is None else wording]
        if text.dtype != np.int64:
            return {"text_pooled": torch.from_numpy(text)}
        # The padding that this batch does not need is cut.
        return {"text": torch.from_numpy(text[:, : max(1, int((text != self.pad_id).sum(1).max()))])}


def make_inputs(
    model: DualEncoder,
    text: TextPreprocessor,
    dataset: Dataset,
    recipe: Recipe,
    locked: tuple[str, ...],
    cache: Path,
    device: torch.device,
) -> tuple[Inputs, np.ndarray]:
    """Return the inputs of N items while the towers in `locked` do not learn, and flags of usable pictures (N,)."""
    if "image" in locked:
        image, usable = image_features(model, dataset, cache, device)
    else:
        image, usable = pixels(model, dataset, cache)
    wordings, groups = captions(dataset.items, recipe)
    flat = [wording for of_one in wordings for wording in of_one]
    words = text_features(model, text, flat, cache, device) if "text" in locked else text(flat)
    return Inputs(image, words.reshape(*groups.shape, words.shape[-1]), groups, text.pad_id), usable


def batches(
    inputs: Inputs, rows: np.ndarray, size: int, *, seed: int, epoch: int, start: int = 0, share: slice = slice(None)
) -> Iterator[tuple[dict[str, Tensor], Tensor, Tensor]]:
    """Yield the model's inputs, the groups (B,) and the products (B,) of an epoch's steps after the first `start` ones.

    The order and the wording of each title follow from seed and epoch: a resumed run needs no generator's state.

    Args:
        inputs: of all N products.
        rows: which of them are learned from.
        size: rows in a step, over all processes; a rest of fewer is left out.
        seed: the run's.
        epoch: counts from 0.
        start: steps of the epoch that were taken before.
        share: which rows of a step are this process's.
    """
    order = np.random.default_rng([seed, epoch]).permutation(rows)
    wording = np.random.default_rng([seed, epoch, 1]).integers(inputs.text.shape[1], size=len(inputs.text))
    for step in range(start, len(order) // size):
        chosen = order[step * size : (step + 1) * size][share]
        groups = torch.from_numpy(inputs.groups[chosen, wording[chosen]])
        yield inputs.batch(chosen, wording[chosen]), groups, torch.from_numpy(chosen)


def prefetch(batches: Iterable[T]) -> Iterator[T]:
    """Yield `batches`, each made in a thread while the caller works on the one before it: the device does not wait."""
    iterator = iter(batches)

    def take() -> T | None:
        return next(iterator, None)

    with ThreadPoolExecutor(1, thread_name_prefix="batch") as pool:
        waiting = pool.submit(take)
        while (batch := waiting.result()) is not None:
            waiting = pool.submit(take)
            yield batch


def to_device(batch: dict[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    """Return a batch on `device`; the copy to a GPU overlaps with what it computes at the moment."""
    if device.type != "cuda":
        return dict(batch)
    return {
        name: value if value.is_cuda else value.pin_memory().to(device, non_blocking=True)
        for name, value in batch.items()
    }
