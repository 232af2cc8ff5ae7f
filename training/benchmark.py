"""How fast a run would train, and whether its input pipeline keeps up. Keeps nothing of what is learned."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from itertools import chain, count
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from common import DataError
from training.bank import PictureBank
from training.config import RunConfig
from training.devices import peak_flops, product_flops
from training.distributed import World
from training.inputs import batches, prefetch, to_device
from training.progress import bar, report_console
from training.setup import make_plan, prepare
from training.trainer import Trainer

ROUNDS = 3
"""Real and synthetic steps alternate this often, so that noise on the machine disturbs both alike."""

Batch = tuple[dict[str, Tensor], Tensor, Tensor]


def benchmark(
    config: RunConfig,
    data: Path,
    *,
    cache: Path,
    device: str = "auto",
    steps: int = 12,
    mapping: Mapping[str, str] | None = None,
    console: Console | None = None,
) -> dict[str, Any]:
    """Time the real loop, and the same steps on tensors that are already on the device.

    Args:
        config: the run; its steps after `locked_epochs` are timed.
        data: the data set.
        cache: as for training.
        device: as for training.
        steps: how many of each kind are timed.
        mapping: columns of roles whose names do not tell, see `training.data.open_dataset`.
        console: where to report; standard error when not given.

    Returns:
        `samples_per_second`, `synthetic_samples_per_second`, their `ratio`, `device`, `batch_size`, `steps`.
        `flops_per_sample` counts one pair forward and backward, `flops_per_second` those of the real loop (without
        what gradient caching and the optimiser add). `mfu` is that as a fraction of `peak_flops`: a GPU's from its
        data sheet, where it is known, and a CPU's in matrix products of the same precision, measured here.

    Raises:
        DataError: fewer pairs than one batch.
    """
    setup = prepare(config, data, device, mapping=mapping)
    recipe = config.train
    inputs, usable = setup.inputs(recipe.locked, cache)
    plan = make_plan(setup, usable)
    size, rows = recipe.batch_size, plan.learning
    if len(rows) < size:
        raise DataError(f"{data} has {len(rows)} pairs to learn from; one batch of this config takes {size}")
    # So long a run is still warming up: the weights hardly move, and the loss stays finite.
    trainer = Trainer(setup, total_steps=10**9, locked_steps=0, world=World(), bank=PictureBank.of(setup, inputs, plan))
    trainer.lock(recipe.locked)

    def real() -> Iterator[Batch]:
        """Yield the batches of one epoch after another, without end."""
        return chain.from_iterable(batches(inputs, rows, size, seed=recipe.seed, epoch=epoch) for epoch in count())

    number = 0

    def run(source: Iterator[Batch], steps: int) -> float:
        """Take `steps` steps; return their seconds."""
        nonlocal number
        _finish(setup.device)
        started = time.perf_counter()
        for _ in range(steps):
            trainer.step(*next(source), number)
            number += 1
            advance(size)
        _finish(setup.device)
        return time.perf_counter() - started

    each = max(1, steps // ROUNDS)
    taken = {"real": 0.0, "synthetic": 0.0}
    with bar("benchmark", (2 * each * ROUNDS + 2) * size, "samples", console or report_console()) as advance:
        stream = prefetch(real())
        batch, groups, products = next(stream)
        first = (to_device(batch, setup.device), groups, products)
        run(iter([first, first]), 2)  # allocations, kernels and caches settle
        for _ in range(ROUNDS):
            taken["real"] += run(stream, each)
            taken["synthetic"] += run(iter([first] * each), each)

    counter = FlopCounterMode(display=False)
    with counter:
        trainer.step(*first, number)
    flops = counter.get_total_flops() / size
    samples = {kind: each * ROUNDS * size / seconds for kind, seconds in taken.items()}
    name = torch.cuda.get_device_name(setup.device) if setup.device.type == "cuda" else "cpu"
    on_cpu = setup.device.type == "cpu"
    dtype = torch.bfloat16 if setup.fast else torch.float32
    peak = product_flops(setup.device, dtype, rounds=100) if on_cpu else peak_flops(name)
    figures: dict[str, Any] = {
        "samples_per_second": round(samples["real"], 1),
        "synthetic_samples_per_second": round(samples["synthetic"], 1),
        "ratio": round(samples["real"] / samples["synthetic"], 3),
        "device": name,
        "batch_size": size,
        "steps": each * ROUNDS,
        "flops_per_sample": round(flops),
        "flops_per_second": round(flops * samples["real"]),
    }
    if peak is not None:
        figures["peak_flops"] = round(peak)
        figures["mfu"] = round(flops * samples["real"] / peak, 3)
    return figures


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def benchmark_table(figures: dict[str, Any]) -> Table:
    """Return the figures for a rich console."""
    table = Table(
        title=f"batches of {figures['batch_size']} on {figures['device']}, {figures['steps']} steps of each kind"
    )
    for heading in ("figure", "value", "goal"):
        table.add_column(heading, justify="left" if heading == "figure" else "right")
    table.add_row("real loop, samples/s", f"{figures['samples_per_second']:,.1f}", "")
    table.add_row("the same on tensors at hand, samples/s", f"{figures['synthetic_samples_per_second']:,.1f}", "")
    table.add_row("ratio", f"{figures['ratio']:.3f}", "≥ .95")
    table.add_row("arithmetic per sample, GFLOP", f"{figures['flops_per_sample'] / 1e9:,.1f}", "")
    table.add_row("arithmetic, GFLOP/s", f"{figures['flops_per_second'] / 1e9:,.0f}", "")
    if "mfu" in figures:
        table.add_row("the device at best, GFLOP/s", f"{figures['peak_flops'] / 1e9:,.0f}", "")
        table.add_row("model FLOP utilisation", f"{figures['mfu']:.1%}", "≥ 40 %")
    return table
