"""One training step on the device: a batch of products, its losses, and the weights that move.

Knows no run, no clock and no validation. Shapes: B batch, N products, V wordings, T tokens, H W pixels, K kept patches,
L layers, D shared space.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.profiler import record_function

from models import MAX_LOGIT_SCALE
from training.gpu.augment import augment, mix
from training.gpu.data import Data
from training.gpu.optim import average, learns, optimiser, schedule
from training.gpu.recipe import Recipe
from training.gpu.towers import Architecture, Weights, pool_image, pool_text, project

WORDS = "words"
"""Name of the head that predicts a title's words; an attribute's head has the attribute's name behind `attribute.`."""

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
        self._heads = _heads(data, self.weights, recipe)
        self.averages = {name: value.detach().clone() for name, value in self.weights.items()}
        self._optimizer = optimiser({**self.weights, **self._heads}, recipe, shape)
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
        mask = ids != data.pad_id
        if recipe.word_dropout:
            mask = mask & (torch.rand(mask.shape, device=device) >= recipe.word_dropout)
            mask[:, 0] = True

        planes, own = data.normalised(augment(data.pixels[rows], recipe)), 1.0
        if self._rng.random() < recipe.mix:
            planes, own = mix(planes, self._rng)
        keep = None
        if recipe.patch_dropout:
            keep = torch.rand(size, shape.patches, device=device).argsort(1)[:, : shape.kept(recipe.patch_dropout)]
        path = _path_factors(shape.image_layers, size, recipe.path_dropout, device) if recipe.path_dropout else None
        return Batch(ids, mask, data.groups[rows, wording], planes, own, keep, path)

    def _losses(self, batch: Batch, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return the contrastive loss of a batch, and the weighted loss of the heads."""
        with torch.autocast(rows.device.type, torch.bfloat16):
            images, texts, pooled = features(self.weights, self._shape, batch, self._recipe.text_dropout)
            guesses = {name: _linear(self._heads, name, pooled) for name in _names(self._heads)}
        logits = self.weights["logit_scale"].exp() * images @ texts.T  # (B, B)
        return contrastive_loss(logits, batch.groups, batch.own), _heads_loss(guesses, self._data, rows, self._recipe)


def features(
    weights: Weights, shape: Architecture, batch: Batch, text_dropout: float = 0.0
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the vectors of a batch's pictures and texts (B, D), unit rows, and the pooled pictures (B, F)."""
    pooled = pool_image(weights, shape, batch.planes, batch.keep, batch.path)
    images = project(weights, "image_projection", pooled, shape.dropout)
    texts = pool_text(weights, shape, batch.ids, batch.mask, text_dropout)
    return images, project(weights, "text_projection", texts, shape.dropout), pooled


def contrastive_loss(logits: Tensor, groups: Tensor, own: float = 1.0) -> Tensor:
    """Return the symmetric cross-entropy of a batch's similarities, a scalar.

    Args:
        logits: scaled cosine of each picture and each text (B, B).
        groups: rows of one group (B,) are positives of each other and share the target equally (UniCL,
            arXiv 2204.03610).
        own: the share of each picture that is its own; the rest is of the picture in the reverse order's place.
    """
    target = (groups[:, None] == groups[None, :]).float()
    target = target / target.sum(1, keepdim=True)
    target = own * target + (1 - own) * target.flip(0)
    back = target.T / target.T.sum(1, keepdim=True)
    return (functional.cross_entropy(logits, target) + functional.cross_entropy(logits.T, back)) / 2


def _heads_loss(guesses: dict[str, Tensor], data: Data, rows: Tensor, recipe: Recipe) -> Tensor:
    """Return the weighted cross-entropies of the heads over the image tower, a scalar."""
    loss = torch.zeros((), device=rows.device)
    for name, (classes, _) in data.attributes.items():
        if f"attribute.{name}" in guesses:
            known, guess = classes[rows], guesses[f"attribute.{name}"].float()
            one = functional.cross_entropy(guess, known, ignore_index=-1, reduction="sum")
            one = one / (known >= 0).sum().clamp(min=1)  # a batch may have no product with the attribute
            loss = loss + recipe.head_weight / len(data.attributes) * one
    if WORDS in guesses:
        words = data.words[rows].float()
        words = words / words.sum(1, keepdim=True).clamp(min=1e-6)
        one = -(words * functional.log_softmax(guesses[WORDS].float(), 1)).sum(1).mean()
        loss = loss + recipe.word_weight * one
    return loss


def _heads(data: Data, weights: Weights, recipe: Recipe) -> dict[str, Tensor]:
    """Return random linear heads over the image tower's pooled features, by name; they are not in the checkpoint."""
    width, device = len(weights["image_projection.0.weight"]), data.pixels.device
    sizes = {f"attribute.{name}": count for name, (_, count) in data.attributes.items() if recipe.head_weight}
    if recipe.word_weight and data.words.shape[1]:
        sizes[WORDS] = data.words.shape[1]
    heads: dict[str, Tensor] = {}
    for name, size in sizes.items():
        for kind, value in nn.Linear(width, size, device=device).named_parameters():
            heads[f"{name}.{kind}"] = value
    return heads


def _names(heads: Weights) -> list[str]:
    return [name.removesuffix(".weight") for name in heads if name.endswith(".weight")]


def _linear(heads: Weights, name: str, pooled: Tensor) -> Tensor:
    return functional.linear(pooled, heads[f"{name}.weight"], heads[f"{name}.bias"])


def _path_factors(layers: int, batch: int, last: float, device: torch.device) -> Tensor:
    """Return 0 or the factor that keeps the mean, for both halves of each layer and each picture (L, 2, B)."""
    rate = last * torch.arange(layers, device=device).view(layers, 1, 1) / max(1, layers - 1)
    return (torch.rand(layers, 2, batch, device=device) >= rate).float() / (1 - rate)
