"""Which weights learn how fast, and how the rates follow the clock. Knows no data set."""

from __future__ import annotations

import math
import re
from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from training.gpu.recipe import Recipe
from training.gpu.towers import Architecture

_LAYER = re.compile(r"\.layer\.(\d+)\.")
LEAST = 1e-4
"""The rate never falls below this fraction of its peak."""


def learns(name: str) -> bool:
    """Return whether a weight learns; DINOv2's mask token is used in its pretraining only."""
    return not name.endswith("mask_token")


def optimiser(weights: dict[str, Tensor], recipe: Recipe, shape: Architecture) -> torch.optim.Optimizer:
    """Return AdamW over all weights that learn; each of its groups has a field `peak`, its highest rate.

    The top layer of a tower learns at `tower_learning_rate`, each layer below is slower by the factor `layer_decay`,
    and the embeddings are the slowest. Everything else learns at `learning_rate`.
    """
    groups: dict[tuple[float, float], list[Tensor]] = {}
    for name, value in weights.items():
        if learns(name):
            groups.setdefault((_rate(name, recipe, shape), _decay(name, value, recipe)), []).append(value)
    options: list[dict[str, Any]] = [
        {"params": values, "lr": rate, "peak": rate, "weight_decay": decay} for (rate, decay), values in groups.items()
    ]
    fused = next(iter(weights.values())).is_cuda
    return torch.optim.AdamW(options, betas=(0.9, recipe.beta2), fused=fused)


def schedule(spent: float, warmup: float) -> float:
    """Return the rate as a fraction of its peak when the fraction `spent` of the run's time is over.

    A linear rise, then a cosine to 0. The clock decides and not the step, so that a run ends in time with low rates
    however fast the device is.
    """
    rise = max(spent, 1e-3) / warmup if spent < warmup else 1.0
    fall = 0.5 * (1 + math.cos(math.pi * (spent - warmup) / (1 - warmup))) if spent >= warmup else 1.0
    return max(rise * fall, LEAST)


def average(averages: dict[str, Tensor], weights: dict[str, Tensor], decay: float, step: int) -> None:
    """Move the averages towards the weights, faster in the first steps, when the weights change most."""
    decay = min(decay, (1 + step) / (10 + step))
    move = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    move(list(averages.values()), [weights[name] for name in averages], step)


def _rate(name: str, recipe: Recipe, shape: Architecture) -> float:
    layers = {"text_tower": shape.text_layers, "image_tower": shape.image_layers}.get(name.split(".")[0])
    if layers is None:
        return recipe.learning_rate
    found = _LAYER.search(name)
    depth = int(found.group(1)) + 1 if found else 0 if "embed" in name else layers
    return recipe.tower_learning_rate * recipe.layer_decay ** (layers - depth)


def _decay(name: str, value: Tensor, recipe: Recipe) -> float:
    embedding = "embeddings.weight" in name or "position" in name
    return recipe.weight_decay if value.ndim >= 2 and not embedding else 0.0
