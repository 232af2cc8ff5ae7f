"""How fast a step is at 112 and 224 px, which part of the device's peak that is, and where the rest goes.

Knows no run and no validation. Shapes: B batch, H W pixels.
"""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from common import write_json
from models import ModelConfig
from training.devices import peak_flops
from training.gpu.clock import finish
from training.gpu.data import Data, load_data
from training.gpu.packs import read_packs
from training.gpu.recipe import Recipe
from training.gpu.step import PHASES, Batch, Learner, features
from training.gpu.towers import Architecture, Weights
from training.gpu.train import device_name, device_of

SIDES = (112, 224)
"""Pixels along a picture's side."""
STEPS = 20
"""Timed steps of each kind."""
WARM_STEPS = 3
"""Steps before them, which compile."""
PROFILED_STEPS = 3
GOOD = 0.4
"""Below this part of the peak, it is measured where the time goes."""

KINDS = {
    "attention": r"flash|fmha|attention|softmax|sdpa",
    "matmul": r"gemm|cutlass|nvjet|cublas|xmma|matmul|linear|conv|mm\b",
    "optimiser": r"adam|multi_tensor|foreach|lerp",
    "data": r"grid_sampl|affine|random|distribution|index|gather|sort|flip",
    "copies": r"memcpy|memset|copy|_to\b",
}
"""Which kernels do what: the first expression that is found in a kernel's name. All others are elementwise."""


def measure_speed(
    packs: Path,
    out: Path,
    recipe: Recipe,
    *,
    seconds: float,
    steps: int = STEPS,
    limit: int | None = None,
    device: str = "auto",
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Time steps on the packs in a folder, and return the figures, which are also in the file `out`.

    Args:
        packs: the folder that `write_packs` wrote.
        out: a JSON file, written after each measurement.
        recipe: its batch and its augmentation are those of the steps.
        seconds: no measurement begins after this time.
        steps: timed steps of each kind.
        limit: take at most this many products; two batches are enough.
        device: "auto", "cpu", "cuda" or "cuda:N".
        say: called with a line for each measurement.

    Returns:
        `device`, `peak_tflops` by its data sheet (None where that is not known), `product_tflops` of one large matrix
        product, and under `runs` for each size of picture and share of patches: `samples_per_second`,
        `flops_per_sample` forward and backward, `tflops`, `mfu`, `peak_gib` and, where that is low, `breakdown`.

    Raises:
        ConfigError: the device does not exist here.
        ArtefactError: a pack is missing, too large or damaged.
    """
    began = time.monotonic()
    where = device_of(device)
    enough = 2 * recipe.batch_size
    content = read_packs(packs, min(limit or enough, enough))
    shape = Architecture.of(ModelConfig.model_validate(content.checkpoint["model"]))
    data = load_data(content, recipe, where)
    rows = data.learning[: recipe.batch_size]
    peak = peak_flops(device_name(where))
    figures: dict[str, Any] = {
        "device": device_name(where),
        "peak_tflops": peak and peak / 1e12,
        "product_tflops": _product_tflops(where),
        "batch": len(rows),
        "steps": steps,
        "runs": [],
    }
    slow: list[tuple[dict[str, Any], Learner]] = []
    for side, dropped in ((side, dropped) for dropped in sorted({recipe.patch_dropout, 0.0})[::-1] for side in SIDES):
        if time.monotonic() - began > seconds:
            say(f"{side} px, {dropped:.0%} of patches left out: no time")
            continue
        own = recipe.model_copy(update={"patch_dropout": dropped})
        learner = Learner(content.weights, shape.at(side), _resized(data, side, rows), own, where)
        run = _timed(learner, rows, steps, where)
        flops = step_flops(content.weights, shape.at(side), dropped, recipe.max_tokens)
        rate = run["samples_per_second"]
        run = {"side": side, "patch_dropout": dropped, **run, "flops_per_sample": flops, "tflops": rate * flops / 1e12}
        run["mfu"] = peak and rate * flops / peak
        figures["runs"].append(run)
        write_json(out, figures)
        of_peak = "" if run["mfu"] is None else f", {run['mfu']:.1%} of the peak"
        say(f"{side} px, {dropped:.0%} of patches left out: {rate:,.1f} pairs/s, {run['tflops']:.2f} TFLOP/s{of_peak}")
        if run["mfu"] is None or run["mfu"] < GOOD:
            slow.append((run, learner))
    for run, learner in slow:
        if time.monotonic() - began < seconds:
            run["breakdown"] = _breakdown(learner, rows, min(PROFILED_STEPS, steps), where)
            write_json(out, figures)
            kinds = ", ".join(f"{name} {part:.0%}" for name, part in run["breakdown"]["kinds"].items())
            say(f"{run['side']} px, {run['patch_dropout']:.0%} of patches left out: {kinds}")
    return figures


def step_flops(weights: Weights, shape: Architecture, patch_dropout: float, tokens: int) -> int:
    """Return the arithmetic of one pair, forward and backward, in FLOPs: matrix products, convolutions, attention."""
    meta = {name: torch.empty_like(value, device="meta", requires_grad=True) for name, value in weights.items()}
    kept = shape.kept(patch_dropout) if patch_dropout else None
    height, width = (size * shape.patch for size in shape.grid)
    batch = Batch(
        ids=torch.empty(1, tokens, dtype=torch.long, device="meta"),
        mask=torch.empty(1, tokens, dtype=torch.bool, device="meta"),
        groups=torch.empty(1, device="meta"),
        planes=torch.empty(1, 3, height, width, device="meta"),
        own=1.0,
        keep=None if kept is None else torch.empty(1, kept, dtype=torch.long, device="meta"),
        path=None,
    )
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        images, texts, _ = features(meta, shape, batch)
        (images * texts).sum().backward()  # type: ignore[no-untyped-call]
    return int(counter.get_total_flops())


def kind_of(kernel: str) -> str:
    """Return what a kernel or an operator of that name does: one of `KINDS`, or "elementwise"."""
    name = kernel.lower()
    return next((kind for kind, words in KINDS.items() if re.search(words, name)), "elementwise")


def _resized(data: Data, side: int, rows: Tensor) -> Data:
    """Return the data with pictures of another size; only those of `rows` are right."""
    if data.pixels.shape[1:3] == (side, side):
        return data
    planes = data.pixels[rows].permute(0, 3, 1, 2).float()
    planes = functional.interpolate(planes, (side, side), mode="bilinear", align_corners=False)
    pixels = torch.zeros(len(data.pixels), side, side, 3, dtype=torch.uint8, device=data.pixels.device)
    pixels[rows] = planes.round().to(torch.uint8).permute(0, 2, 3, 1)
    return dataclasses.replace(data, pixels=pixels)


def _timed(learner: Learner, rows: Tensor, steps: int, device: torch.device) -> dict[str, Any]:
    """Return the speed of `steps` steps, and the most memory that was taken on a GPU."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    for _ in range(min(WARM_STEPS, steps)):
        learner.step(rows, 0.0)
    finish(device)
    began = time.perf_counter()
    for _ in range(steps):
        learner.step(rows, 0.0)
    finish(device)
    taken = time.perf_counter() - began
    gib = round(torch.cuda.max_memory_allocated(device) / 2**30, 2) if device.type == "cuda" else None
    return {"samples_per_second": round(steps * len(rows) / taken, 1), "peak_gib": gib}


def _breakdown(learner: Learner, rows: Tensor, steps: int, device: torch.device) -> dict[str, Any]:
    """Return the shares of a few steps' time.

    `busy` is how much of the wall time kernels run (operators on a CPU). `kinds` divides that time by what the kernels
    do, `phases` by the part of the step, `longest` names the ten longest with their shares.
    """
    on_gpu = device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    finish(device)
    began = time.perf_counter()
    with profile(activities=activities) as profiled:
        for _ in range(steps):
            learner.step(rows, 0.0)
        finish(device)
    wall = (time.perf_counter() - began) * 1e6
    times: dict[str, float] = {}
    phases = dict.fromkeys(PHASES, 0.0)
    for event in profiled.key_averages():
        of_gpu = event.device_type.name == "CUDA"
        if event.key in phases:
            if not of_gpu:
                # On a CPU without what lies between operators, which `times` does not hold either.
                of_operators = event.cpu_time_total - event.self_cpu_time_total
                phases[event.key] += event.device_time_total if on_gpu else of_operators
        elif of_gpu == on_gpu:
            times[event.key] = event.self_device_time_total if on_gpu else event.self_cpu_time_total
    total = sum(times.values())
    # The kernels of the backward pass are launched by a thread of autograd's, outside of the phase of that name.
    phases["backward"] = total - sum(spent for phase, spent in phases.items() if phase != "backward")
    kinds = dict.fromkeys((*KINDS, "elementwise"), 0.0)
    for name, spent in times.items():
        kinds[kind_of(name)] += spent
    longest = sorted(times, key=lambda name: -times[name])[:10]
    return {
        "busy": round(total / wall, 4),
        "kinds": dict(_shares(kinds, total)),
        "phases": dict(_shares(phases, total)),
        "longest": {name[:120]: round(times[name] / total, 4) for name in longest},
    }


def _shares(times: dict[str, float], total: float) -> Iterator[tuple[str, float]]:
    return ((name, round(spent / total, 4)) for name, spent in times.items())


def _product_tflops(device: torch.device) -> float:
    """Return the speed of one large matrix product in bfloat16: what can be reached in practice."""
    size = 8192 if device.type == "cuda" else 512
    one = torch.randn(size, size, device=device, dtype=torch.bfloat16)
    repeats = 20
    for rounds in (1, repeats):
        finish(device)
        began = time.perf_counter()
        for _ in range(rounds):
            one @ one
        finish(device)
    return round(repeats * 2 * size**3 / (time.perf_counter() - began) / 1e12, 2)
