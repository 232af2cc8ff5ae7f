"""What a run takes, told before it starts: arithmetic, memory and time. Knows no step and no run folder.

One batch of two sizes goes through the model as fake tensors, which have shapes and no values: what autograd would keep
is counted, and nothing is computed.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from models import TOWERS, DualEncoder, TowerName
from training.config import Recipe
from training.devices import PEAK_FLOPS, peak_flops, product_flops
from training.setup import Setup

SMALL = 5_000_000
"""A model of fewer parameters needs no warning."""
TOKENS = 16
"""Tokens of a text, about as many as a product's title has."""
SIZES = (2, 4)
"""Pairs in the two batches; the difference is what a pair takes."""
OF_PEAK = 0.3
"""Part of a data sheet's arithmetic that training is taken to reach on a GPU. Small towers reach less: 10 % was
measured for the shipped model with half of the patches, 17 % with all of them (docs/training-gpu.json)."""
OF_PRODUCT = 0.5
"""Part of the speed of one large matrix product that training reaches on a CPU."""
CONTEXT = 0.6 * 2**30
"""Bytes of a process with torch and its libraries, on the device or in memory."""
TAKEN_ON_CPU = 1.35
"""Bytes that a process takes on a CPU for each byte that autograd keeps: 1.17 to 1.33 were measured with
`minilm-dinov2` in batches of 64 to 256. On a GPU it was not measured and is taken as 1."""
ADVISED_HOURS = 6.0
"""A longer run on a CPU gets the advice to use a GPU."""
REFERENCE = "H100"


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run takes on one device. Bytes and FLOPs."""

    parameters: int
    flops: int
    """Of one pair in a step: forward, backward, and forward once more with gradient caching."""
    weights: int
    """Bytes of weights, gradients, optimiser and average."""
    activations: int
    """Bytes that a step takes for the backward pass of one chunk, and for the batch's pictures."""
    total_flops: float
    """Of the whole run over `pairs`, validations included."""

    @property
    def memory(self) -> float:
        """Return the most bytes that are taken at a time."""
        return CONTEXT + self.weights + self.activations


def estimate(setup: Setup, pairs: int, others: int = 0) -> Estimate:
    """Return what a run takes.

    Args:
        setup: its model, recipe and device.
        pairs: that it learns from in an epoch.
        others: pairs that each validation encodes.
    """
    recipe, model = setup.recipe, setup.model
    chunk = recipe.chunk_size or recipe.batch_size
    traces = [_traced(setup, size) for size in SIZES]
    each = (traces[1].kept - traces[0].kept) // (SIZES[1] - SIZES[0])
    fixed = traces[0].kept - SIZES[0] * each  # autocast's copies of the weights
    forward, both = traces[1].forward // SIZES[1], traces[1].both // SIZES[1]
    flops = both + (forward if chunk < recipe.batch_size else 0)
    learned = sum(value.numel() for name, value in model.named_parameters() if not _locked(name, recipe))
    parameters = sum(value.numel() for value in model.parameters())
    # In float32: weights, gradients, AdamW's two averages, the average of the weights. The optimiser's own step needs
    # less than the activations that are free by then.
    weights = 4 * (parameters + 3 * learned + (parameters if recipe.ema else 0))
    height, width = model.config.image.preprocess.size
    pictures = 0 if "image" in recipe.locked else recipe.batch_size * 3 * height * width * (1 + 4 * _copies(recipe))
    learning = recipe.epochs - recipe.locked_epochs
    validations = sum(recipe.validates_after(epoch) for epoch in range(recipe.epochs))
    encoding, whole = _encoding_flops(setup, recipe.locked), _encoding_flops(setup, ())
    once = whole if recipe.locked_epochs else whole - encoding  # features of towers that are locked, of all products
    total = float(pairs * learning * flops + validations * others * encoding + max(pairs, others) * once)
    taken = TAKEN_ON_CPU if setup.device.type == "cpu" else 1.0
    return Estimate(parameters, flops, weights, round(taken * (fixed + chunk * each) + pictures), total)


def told(setup: Setup) -> str | None:
    """Return in one or two lines what a run takes; none if it is small, or if no tower learns."""
    recipe = setup.recipe
    if set(recipe.locked) == set(TOWERS) or sum(value.numel() for value in setup.model.parameters()) < SMALL:
        return None
    pairs, validated = (int((setup.splits == split).sum()) for split in ("train", "validation"))
    others = len(setup.splits) - validated
    found = estimate(setup, pairs, validated + min(recipe.gallery or others, others) if validated else 0)
    gib = 2**30
    line = (
        f"estimate: {found.parameters / 1e6:,.0f}M parameters, {found.flops / 1e9:,.1f} GFLOP a pair in training, "
        f"{found.memory / gib:.1f} GiB of memory ({found.weights / gib:.1f} for weights and optimiser, "
        f"{found.activations / gib:.1f} for a step); about "
    )
    if setup.device.type == "cuda":
        name = torch.cuda.get_device_name(setup.device)
        speed = _gpu_speed(name, setup.device)
        there = torch.cuda.get_device_properties(setup.device).total_memory
        line += f"{_duration(found.total_flops / speed)} on this {name}"
        if found.memory > there:
            line += f"; its memory is {there / gib:.1f} GiB: take a smaller chunk_size, at a little more time"
        return line
    here = found.total_flops / (OF_PRODUCT * product_flops(setup.device, _dtype(setup)))
    on_gpu = _duration(found.total_flops / (OF_PEAK * PEAK_FLOPS[REFERENCE]))
    line += f"{_duration(here)} on this CPU, {on_gpu} on an {REFERENCE}"
    if here > 3600 * ADVISED_HOURS:
        line += (
            "\nno GPU can be used here: run this on a machine with one, or train minilm-dinov2, which is meant for "
            "CPUs, or interrupt this run as often as you like and go on with --resume"
        )
    return line


@dataclass(frozen=True, slots=True)
class _Trace:
    """What one batch takes: the bytes that autograd keeps, and FLOPs."""

    kept: int
    forward: int
    both: int
    """Forward and backward."""


def _traced(setup: Setup, size: int) -> _Trace:
    """Return what a batch of `size` pairs takes."""
    recipe = setup.recipe
    kept: dict[int, Any] = {}
    with FakeTensorMode(), torch.autocast("cpu", torch.bfloat16, enabled=setup.fast):
        model = _fake(setup.model).train()
        # Its parts stay in training. The model itself would sort texts by length, and fake tensors have no values.
        model.training = False
        own = {value.untyped_storage()._cdata for value in model.parameters()}
        for name, value in model.named_parameters():
            value.requires_grad_(not _locked(name, recipe))

        def keep(value: Tensor) -> Tensor:
            storage = value.untyped_storage()
            if storage._cdata not in own:
                kept[storage._cdata] = storage
            return value

        inputs = _inputs(setup, size, recipe.locked)
        with FlopCounterMode(display=False) as training:
            with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
                features = model(**inputs)
                loss = (features["image_features"] @ features["text_features"].T).sum()
            forward = training.get_total_flops()
            loss.backward()
        bytes_kept = sum(storage.nbytes() for storage in kept.values())
        return _Trace(bytes_kept, forward, training.get_total_flops())


def _encoding_flops(setup: Setup, locked: tuple[TowerName, ...]) -> int:
    """Return the arithmetic of one pair in a validation, where no patch is left out, beside the towers in `locked`."""
    with FakeTensorMode(), torch.no_grad(), FlopCounterMode(display=False) as counter:
        _fake(setup.model).eval()(**_inputs(setup, 1, locked))
        return int(counter.get_total_flops())


def _inputs(setup: Setup, size: int, locked: tuple[TowerName, ...]) -> dict[str, Tensor]:
    """Return the model's inputs of `size` pairs: pixels and token ids, or the features of towers in `locked`."""
    model = setup.model
    height, width = model.config.image.preprocess.size
    inputs = {
        "image": torch.zeros(size, height, width, 3, dtype=torch.uint8),
        "text": torch.full((size, TOKENS), setup.text.pad_id + 1),
    }
    widths = {"image": model.image_width, "text": model.text_width}
    features = {f"{tower}_pooled": torch.zeros(size, widths[tower]) for tower in locked}
    return features | {tower: rows for tower, rows in inputs.items() if tower not in locked}


def _fake(model: DualEncoder) -> DualEncoder:
    """Return a copy of a model whose tensors are fake ones on the CPU; no value is copied."""
    memo: dict[int, Any] = {}
    for value in (*model.parameters(), *model.buffers()):
        fake = torch.empty(value.shape, dtype=value.dtype)
        memo[id(value)] = torch.nn.Parameter(fake) if isinstance(value, torch.nn.Parameter) else fake
    return copy.deepcopy(model, memo)


def _locked(name: str, recipe: Recipe) -> bool:
    return name.split("_tower.")[0] in recipe.locked


def _copies(recipe: Recipe) -> int:
    """Return how many copies of a batch's pictures in float32 exist at a time while they are changed at random."""
    return 3 if recipe.augment != type(recipe.augment)() else 0


def _dtype(setup: Setup) -> torch.dtype:
    return torch.bfloat16 if setup.fast else torch.float32


def _gpu_speed(name: str, device: torch.device) -> float:
    """Return the FLOP/s that training reaches on a GPU."""
    peak = peak_flops(name)
    return OF_PEAK * peak if peak is not None else OF_PRODUCT * product_flops(device, torch.bfloat16)


def _duration(seconds: float) -> str:
    for unit, name in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return "less than two minutes"
