"""One training step on the device: a batch of products, its losses, and the weights that move.

Knows no run, no clock and no validation. Shapes: B batch, N products, V wordings, T tokens, H W pixels, K kept patches,
L layers, D shared space.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.profiler import record_function

from models import MAX_LOGIT_SCALE
from training.augment import augment, leave_out_words, mix
from training.gpu.data import Data
from training.gpu.optim import average, learns, optimiser, schedule
from training.gpu.recipe import Recipe
from training.gpu.towers import Architecture, Weights, pool_image, pool_text, project
from training.heads import Heads
from training.loss import contrastive_loss

PHASES = ("data", "forward", "backward", "optimiser")
"""The parts of a step, under these names in a profile."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What a step computes with."""

    ids: Tensor
    """(B, T) token ids."""
    mask: Tensor
    """(B, T) bool, which of them count."""
    groups: Tensor
    """(B,), equal where pairs are positives of each other."""
    planes: Tensor
    """(B, 3, H, W), normalised."""
    own: float
    """The share of each picture that is its own; the rest is of its partner."""
    keep: Tensor | None
    """(B, K) numbers of the patches that are looked at; none: all."""
    path: Tensor | None
    """(L, 2, B) factors of the image tower's layers; none: all 1."""


class Learner:
    """Takes steps; owns the weights, the heads, the optimiser and the moving average of the weights."""

    def __init__(self, weights: Weights, shape: Architecture, data: Data, recipe: Recipe, device: torch.device) -> None:
        """`weights` (name -> values, on any device) are copied to `device`; random draws follow the recipe's seed."""
        torch.manual_seed(recipe.seed)
        self._rng = np.random.default_rng(recipe.seed)
        self._shape, self._data, self._recipe = shape, data, recipe
        self.weights = {
            name: value.to(device, copy=True).requires_grad_(learns(name)) for name, value in weights.items()
        }
        width = len(self.weights["image_projection.0.weight"])
        heads = {"attribute_weight": recipe.head_weight, "word_weight": recipe.word_weight}
        self._heads = Heads(width, data.targets, **heads).to(device)
        self.averages = {name: value.detach().clone() for name, value in self.weights.items()}
        self._optimizer = optimiser({**self.weights, **dict(self._heads.named_parameters())}, recipe, shape)
        self._learned = [value for group in self._optimizer.param_groups for value in group["params"]]
        self.steps = 0

    def step(self, rows: Tensor, spent: float) -> Tensor:
        """Learn from the products `rows` (B,) when the fraction `spent` of the run is over; return their loss ()."""
        for group in self._optimizer.param_groups:
            group["lr"] = group["peak"] * schedule(spent, self._recipe.warmup)
        with record_function("data"):
            batch = self.batch(rows)
        with record_function("forward"):
            loss, extra = self._losses(batch, rows)
        with record_function("backward"):
            self._optimizer.zero_grad(set_to_none=True)
            (loss + extra).backward()  # type: ignore[no-untyped-call]
        with record_function("optimiser"):
            torch.nn.utils.clip_grad_norm_(self._learned, self._recipe.clip_norm)
            self._optimizer.step()
            with torch.no_grad():
                self.weights["logit_scale"].clamp_(0, MAX_LOGIT_SCALE)
                average(self.averages, self.weights, self._recipe.ema, self.steps)
        self.steps += 1
        return loss.detach()

    def batch(self, rows: Tensor) -> Batch:
        """Return the products `rows` (B,) with a random wording of each, and pictures changed at random."""
        data, recipe, shape = self._data, self._recipe, self._shape
        device, size = rows.device, len(rows)
        wording = torch.randint(data.ids.shape[1], (size,), device=device)
        wording = torch.where(torch.rand(size, device=device) < recipe.title_share, 0, wording)
        ids = data.ids[rows, wording]
        if recipe.word_dropout:
            ids = leave_out_words(ids, recipe.word_dropout, data.pad_id)

        planes, own = data.normalised(augment(data.pixels[rows], recipe)), 1.0
        if self._rng.random() < recipe.mix:
            planes, own = mix(planes, self._rng)
        keep = None
        if recipe.patch_dropout:
            keep = torch.rand(size, shape.patches, device=device).argsort(1)[:, : shape.kept(recipe.patch_dropout)]
        path = _path_factors(shape.image_layers, size, recipe.path_dropout, device) if recipe.path_dropout else None
        return Batch(ids, ids != data.pad_id, data.groups[rows, wording], planes, own, keep, path)

    def _losses(self, batch: Batch, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return the contrastive loss of a batch, and the weighted loss of the heads."""
        with torch.autocast(rows.device.type, torch.bfloat16):
            images, texts, pooled = features(self.weights, self._shape, batch, self._recipe.text_dropout)
            extra = self._heads(pooled, rows, batch.own)
        scale = self.weights["logit_scale"].exp()
        return contrastive_loss(images, texts, scale, batch.groups, own=batch.own), extra


def features(
    weights: Weights, shape: Architecture, batch: Batch, text_dropout: float = 0.0
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the vectors of a batch's pictures and texts (B, D), unit rows, and the pooled pictures (B, F)."""
    pooled = pool_image(weights, shape, batch.planes, batch.keep, batch.path)
    images = project(weights, "image_projection", pooled, shape.dropout)
    texts = pool_text(weights, shape, batch.ids, batch.mask, text_dropout)
    return images, project(weights, "text_projection", texts, shape.dropout), pooled


def _path_factors(layers: int, batch: int, last: float, device: torch.device) -> Tensor:
    """Return 0 or the factor that keeps the mean, for both halves of each layer and each picture (L, 2, B)."""
    rate = last * torch.arange(layers, device=device).view(layers, 1, 1) / max(1, layers - 1)
    return (torch.rand(layers, 2, batch, device=device) >= rate).float() / (1 - rate)
