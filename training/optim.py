"""Which parameters learn, how fast, and their average: parameter groups, schedule, EMA. Knows no data set."""

from __future__ import annotations

import math
import re
from typing import Any

from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from common import ConfigError
from models import TOWERS, DualEncoder
from training.config import Recipe

_LAYER = re.compile(r"\.(?:layer|layers|h|stages)\.(\d+)\.")
"""Where Hugging Face's towers number their layers, in a parameter's name."""


def set_learning(model: DualEncoder, recipe: Recipe, locked: tuple[str, ...]) -> None:
    """Let all parameters learn except those of `locked` towers and of the image tower's frozen layers.

    Raises:
        ConfigError: more frozen layers than the image tower has.
    """
    layers = _layers(model.image_tower)
    if recipe.frozen_layers > layers:
        raise ConfigError(f"frozen_layers is {recipe.frozen_layers}, but the image tower has {layers} layers")
    for name, parameter in model.named_parameters():
        tower = _tower(name)
        frozen = tower == "image" and recipe.frozen_layers > 0 and _depth(name, layers) <= recipe.frozen_layers
        parameter.requires_grad_(tower not in locked and not frozen)


def parameter_groups(model: DualEncoder, recipe: Recipe, heads: nn.Module | None = None) -> list[dict[str, Any]]:
    """Return AdamW's groups: all parameters that learn at some time of the run, by rate and weight decay.

    The top layer of a pretrained tower learns at `tower_learning_rate`. Each layer below is slower by the factor
    `layer_decay` (arXiv 2212.06138), and the embeddings are the slowest. Everything else learns at `learning_rate`.

    Returns:
        Groups with two fields of our own: `peak`, the highest rate, and `tower`, whether the group waits until
        `locked_epochs` are over.
    """
    set_learning(model, recipe, recipe.locked)
    layers: dict[str, int] = {tower: _layers(model.get_submodule(f"{tower}_tower")) for tower in TOWERS}
    groups: dict[tuple[bool, float, float], list[nn.Parameter]] = {}
    for parameter in heads.parameters() if heads is not None else ():
        decay = recipe.weight_decay if parameter.ndim >= 2 else 0.0
        groups.setdefault((False, recipe.learning_rate, decay), []).append(parameter)
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        tower = _tower(name)
        rate = recipe.learning_rate
        if tower and getattr(model.config, tower).source is not None:
            rate = recipe.tower_learning_rate * recipe.layer_decay ** (layers[tower] - _depth(name, layers[tower]))
        decay = recipe.weight_decay if parameter.ndim >= 2 else 0.0
        groups.setdefault((bool(tower), rate, decay), []).append(parameter)
    return [
        {"params": parameters, "lr": rate, "peak": rate, "weight_decay": decay, "tower": tower}
        for (tower, rate, decay), parameters in groups.items()
    ]


def _tower(name: str) -> str:
    return next((tower for tower in TOWERS if name.startswith(f"{tower}_tower.")), "")


def _layers(tower: nn.Module) -> int:
    """Return how many numbered layers a tower has."""
    return 1 + max(
        (int(m.group(1)) for name, _ in tower.named_parameters() if (m := _LAYER.search(f".{name}"))), default=-1
    )


def _depth(name: str, layers: int) -> int:
    """Return a tower parameter's place: 0 for embeddings, 1 for the first layer, `layers` for the last and above."""
    if found := _LAYER.search(name):
        return int(found.group(1)) + 1
    return 0 if "embed" in name or ".wte." in name or ".wpe." in name else layers


def schedule(step: int, total: int, warmup: float) -> float:
    """Return the learning rate at `step` as a fraction of its peak: a linear rise, then a cosine to 0."""
    rise = max(1, round(total * warmup))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, total - rise)))


def averaged(model: DualEncoder, decay: float) -> AveragedModel:
    """Return the exponential moving average of the weights; it starts as a copy of what the first step leaves."""
    average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    return AveragedModel(model, multi_avg_fn=average, use_buffers=False)
