"""The run on one device, in the order in which it happens.

Shapes: B batch, N products, V wordings, T tokens, H W pixels, K kept patches, L layers, D shared space.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from common import DataError, VitrineError
from models import MAX_LOGIT_SCALE, ModelConfig
from training.gallery import Figures, distinct, measure
from training.gpu.augment import augment, mix
from training.gpu.clock import Clock
from training.gpu.data import Data, load_data
from training.gpu.optim import average, learns, optimiser, schedule
from training.gpu.packs import read_packs
from training.gpu.recipe import Recipe
from training.gpu.results import Results
from training.gpu.towers import Architecture, Weights, pool_image, pool_text, project
from training.gpu.validate import encode

CLOCK_STEPS = 4
"""Steps from one wait for the device to the next: without it, the clock would run ahead of the queue of kernels."""
COMPILE_STEPS = 12
"""First steps of a run, which compile; the speed is that of the others."""
WORDS = "words"
"""Name of the head that predicts a title's words; an attribute's head has the attribute's name behind `attribute.`."""


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
        ArtefactError: a pack is missing, too large or damaged.
        DataError: fewer than two products to learn from.
        VitrineError: the loss is not finite any more.
    """
    # ------------------------------------------------ data and weights, all of them on the device
    where = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
    torch.set_float32_matmul_precision("high")
    content = read_packs(packs, limit)
    shape = Architecture.of(ModelConfig.model_validate(content.checkpoint["model"]))
    data = load_data(content, recipe, where)
    batch = min(recipe.batch_size, len(data.learning))
    if batch < 2:
        raise DataError(f"{packs} has {batch} products to learn from; a batch needs at least 2")
    say(f"{len(data.pixels):,} products, {len(data.learning):,} to learn from, on {where}")
    results = Results(out, content.checkpoint, content.tokenizer, recipe, seconds)
    log: dict[str, Any] = {"recipe": recipe.model_dump(mode="json"), "seconds": seconds, "device": _name(where)}
    log["history"] = []

    # ------------------------------------------------ what learns, its optimiser and its average
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    weights = {name: value.to(where).requires_grad_(learns(name)) for name, value in content.weights.items()}
    heads = _heads(data, weights, recipe)
    averages = {name: value.detach().clone() for name, value in weights.items()}
    optimizer = optimiser({**weights, **heads}, recipe, shape)
    learned = [value for group in optimizer.param_groups for value in group["params"]]

    # ------------------------------------------------ steps
    titles, first = distinct(data.groups[:, 0])
    clock = Clock(where)
    epoch, step, losses, best, stopped = 0, 0, [], -1.0, False
    while not stopped:
        epoch += 1
        order = data.learning[torch.randperm(len(data.learning), device=where)]
        for rows in torch.split(order, batch)[: len(order) // batch]:
            if step % CLOCK_STEPS == 0:
                clock.wait()
            spent = clock.seconds() / seconds
            if stopped := spent >= 1:
                break
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * schedule(spent, recipe.warmup)

            loss, extra = _losses(weights, heads, shape, data, rows, recipe, rng)
            optimizer.zero_grad(set_to_none=True)
            (loss + extra).backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(learned, recipe.clip_norm)
            optimizer.step()
            with torch.no_grad():
                weights["logit_scale"].clamp_(0, MAX_LOGIT_SCALE)
                average(averages, weights, recipe.ema, step)

            losses.append(loss.detach())
            step += 1
            if step == COMPILE_STEPS:
                clock.measure_from(step)
            if stopped := step == steps:
                break

        # -------------------------------------------- validation, log and best checkpoint
        if not losses or not (stopped or epoch % recipe.validate_epochs == 0):
            continue
        with clock.validation():
            mean = float(torch.stack(losses).mean())
            if not math.isfinite(mean):
                raise VitrineError(f"the loss is {mean} at step {step}; {out} keeps the best checkpoint, if any")
            figures = measure(*encode(averages, shape, data, first), titles, data.validation)
            losses = []
            log["samples_per_second"] = clock.speed(step, batch)
            scale = round(float(averages["logit_scale"].exp()), 2)
            seconds_now = round(clock.seconds(), 1)
            log["history"].append(
                {"epoch": epoch, "step": step, "seconds": seconds_now, "loss": mean, "scale": scale, **figures}
            )
            results.log(log)
            if (score := _score(figures)) >= best:
                best = score
                results.checkpoint(averages, step)
        say(f"epoch {epoch}, step {step}, {seconds_now:.0f} s, loss {mean:.3f}, {_shown(figures)}")
    return log


def _losses(
    weights: Weights,
    heads: Weights,
    shape: Architecture,
    data: Data,
    rows: Tensor,
    recipe: Recipe,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor]:
    """Return the contrastive loss of a batch of products, and the weighted loss of the heads."""
    device, size = rows.device, len(rows)
    wording = torch.randint(data.ids.shape[1], (size,), device=device)
    wording = torch.where(torch.rand(size, device=device) < recipe.title_share, 0, wording)
    ids, groups = data.ids[rows, wording], data.groups[rows, wording]
    mask = ids != data.pad_id
    if recipe.word_dropout:
        mask = mask & (torch.rand(mask.shape, device=device) >= recipe.word_dropout)
        mask[:, 0] = True

    planes, own = data.normalised(augment(data.pixels[rows], recipe)), 1.0
    if rng.random() < recipe.mix:
        planes, own = mix(planes, rng)
    keep = None
    if recipe.patch_dropout:
        patches = shape.grid[0] * shape.grid[1]
        kept = max(1, round(patches * (1 - recipe.patch_dropout)))
        keep = torch.rand(size, patches, device=device).argsort(1)[:, :kept]  # (B, K)
    path = _path_factors(shape.image_layers, size, recipe.path_dropout, device) if recipe.path_dropout else None

    with torch.autocast(device.type, torch.bfloat16):
        pooled = pool_image(weights, shape, planes, keep, path)
        images = project(weights, "image_projection", pooled, shape.dropout)
        texts = pool_text(weights, shape, ids, mask, recipe.text_dropout)
        texts = project(weights, "text_projection", texts, shape.dropout)
        guesses = {name: _linear(heads, name, pooled) for name in _names(heads)}
    logits = weights["logit_scale"].exp() * images @ texts.T  # (B, B)
    return contrastive_loss(logits, groups, own), _heads_loss(guesses, data, rows, recipe)


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


def _score(figures: Figures) -> float:
    """Return what the best checkpoint has the most of."""
    hits = figures.get("hub_corrected", {})
    return hits.get("recall10", 0.0) + hits.get("mrr10", 0.0)


def _shown(figures: Figures) -> str:
    return ", ".join(f"{name} R@10 {of_one['recall10']:.3f}" for name, of_one in figures.items())


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
