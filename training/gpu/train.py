"""The run on one device, in the order in which it happens.

Shapes: B batch, N products.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from common import DataError, VitrineError
from models import ModelConfig, pick_device
from training.gallery import Figures, distinct, measure
from training.gpu.clock import Clock
from training.gpu.data import load_data
from training.gpu.packs import read_packs
from training.gpu.recipe import Recipe
from training.gpu.results import Results
from training.gpu.step import Learner
from training.gpu.towers import Architecture
from training.gpu.validate import encode

CLOCK_STEPS = 4
"""Steps from one wait for the device to the next: without it, the clock would run ahead of the queue of kernels."""
COMPILE_STEPS = 12
"""First steps of a run, which compile; the speed is that of the others."""
SOUP = 3
"""The weights of this many last validations are averaged at the end (model soups, arXiv 2203.05482)."""


def train_packs(
    packs: Path,
    out: Path,
    recipe: Recipe,
    *,
    seconds: float,
    steps: int | None = None,
    limit: int | None = None,
    device: str = "auto",
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Train on the packs in a folder for a time, and return the log, which is also in `out`.

    Args:
        packs: the folder that `write_packs` wrote.
        out: where results are written, each at once.
        recipe: how the weights are found.
        seconds: the run's time, without loading the data; the rates follow it.
        steps: end after this many, for a rehearsal.
        limit: take only this many products, for a rehearsal.
        device: "auto", "cpu", "cuda" or "cuda:N".
        say: called with a line for each thing that happened.

    Raises:
        ConfigError: the device does not exist here.
        ArtefactError: a pack is missing, too large or damaged.
        DataError: fewer than two products to learn from.
        VitrineError: the loss is not finite any more.
    """
    # ------------------------------------------------ data and weights, all of them on the device
    where = device_of(device)
    content = read_packs(packs, limit)
    shape = Architecture.of(ModelConfig.model_validate(content.checkpoint["model"]))
    data = load_data(content, recipe, where)
    batch = min(recipe.batch_size, len(data.learning))
    if batch < 2:
        raise DataError(f"{packs} has {batch} products to learn from; a batch needs at least 2")
    say(f"{len(data.pixels):,} products, {len(data.learning):,} to learn from, on {device_name(where)}")
    results = Results(out, content.checkpoint, content.tokenizer, recipe, seconds)
    log: dict[str, Any] = {"recipe": recipe.model_dump(mode="json"), "seconds": seconds, "device": device_name(where)}
    log["history"] = []
    learner = Learner(content.weights, shape, data, recipe, where)

    titles, first = distinct(data.groups[:, 0])

    def validated(weights: dict[str, Tensor]) -> Figures:
        return measure(*encode(weights, shape, data, first), titles, data.validation)

    # ------------------------------------------------ steps
    clock = Clock(where)
    epoch, losses, best, stopped = 0, [], -1.0, False
    last: deque[tuple[int, dict[str, Tensor]]] = deque(maxlen=SOUP)
    while not stopped:
        epoch += 1
        order = data.learning[torch.randperm(len(data.learning), device=where)]
        for rows in torch.split(order, batch)[: len(order) // batch]:
            if learner.steps % CLOCK_STEPS == 0:
                clock.wait()
            spent = clock.seconds() / seconds
            if stopped := spent >= 1:
                break
            losses.append(learner.step(rows, spent))
            if learner.steps == COMPILE_STEPS:
                clock.measure_from(learner.steps)
            if stopped := learner.steps == steps:
                break

        # -------------------------------------------- validation, log and best checkpoint
        if not losses or not (stopped or epoch % recipe.validate_epochs == 0):
            continue
        with clock.validation():
            mean = float(torch.stack(losses).mean())
            if not math.isfinite(mean):
                raise VitrineError(
                    f"the loss is {mean} at step {learner.steps}; {out} keeps the best checkpoint, if any"
                )
            figures = validated(learner.averages)
            losses = []
            log["samples_per_second"] = clock.speed(learner.steps, batch)
            scale = round(float(learner.averages["logit_scale"].exp()), 2)
            now = {"epoch": epoch, "step": learner.steps, "seconds": round(clock.seconds(), 1)}
            log["history"].append({**now, "loss": mean, "scale": scale, **figures})
            results.log(log)
            if (score := _score(figures)) >= best:
                best = score
                results.checkpoint(learner.averages, learner.steps)
            last.append((epoch, {name: value.clone() for name, value in learner.averages.items()}))
        say(f"epoch {epoch}, step {learner.steps}, {now['seconds']:.0f} s, loss {mean:.3f}, {_shown(figures)}")

    # ------------------------------------------------ the average of the last validations, kept if it is better
    if len(last) > 1:
        soup = {name: torch.stack([weights[name] for _, weights in last]).mean(0) for name in learner.averages}
        figures = validated(soup)
        kept = _score(figures) > best
        log["soup"] = {"epochs": [epoch for epoch, _ in last], "kept": kept, **figures}
        if kept:
            results.checkpoint(soup, learner.steps)
        results.log(log)
        say(f"average of the last {len(last)} validations: {'kept' if kept else 'not better'}, {_shown(figures)}")
    return log


def device_of(name: str) -> torch.device:
    """Return the device of that name, "auto" for the GPU if there is one; set up its arithmetic.

    Raises:
        ConfigError: the device does not exist here.
    """
    torch.set_float32_matmul_precision("high")
    return pick_device(name)


def device_name(device: torch.device) -> str:
    """Return the GPU's name, or the device's kind."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _score(figures: Figures) -> float:
    """Return what the best checkpoint has the most of."""
    hits = figures.get("hub_corrected", {})
    return hits.get("recall10", 0.0) + hits.get("mrr10", 0.0)


def _shown(figures: Figures) -> str:
    return ", ".join(f"{name} R@10 {of_one['recall10']:.3f}" for name, of_one in figures.items())
