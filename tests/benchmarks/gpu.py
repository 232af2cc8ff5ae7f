"""Texts and pictures per second through the encoder by batch size on one device, and which part of its peak that is.

    python -m tests.benchmarks.gpu CHECKPOINT --device cuda --out docs/performance/gpu.json

The peak is the device's own for dense arithmetic in the type that the towers compute in: that of its data sheet, or
what `--peak-tflops` says; where neither is known, no part of it is stated. Inputs start in the memory of the host, as
in the service.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from common import write_json
from tests.benchmarks.performance import machine, machine_line, table

SIZES = (1, 8, 32, 128, 256)
WORDS = 10
"""Words of a text, about as many as a product's title has."""
SECONDS = 2.0


def measure(
    folder: Path,
    device: str,
    peak_tflops: float | None = None,
    *,
    sizes: Sequence[int] = SIZES,
    seconds: float = SECONDS,
) -> dict[str, Any]:
    """Return as JSON data, per tower: FLOPs of an input, inputs per second by batch size, part of the peak."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from models import load_checkpoint, load_encoder
    from training.devices import peak_flops

    encoder = load_encoder(folder, device, "torch")
    where = torch.cuda.get_device_name(encoder.device) if encoder.device.startswith("cuda") else "CPU"
    known = peak_flops(where)
    peak_tflops = peak_tflops or (known and known / 1e12)
    checkpoint = load_checkpoint(folder)
    height, width = encoder.config.image.preprocess.size
    rng = np.random.default_rng(0)
    words = ["red", "blue", "cotton", "shirt", "men", "women", "shoes", "watch", "leather", "black"]
    texts = [" ".join(rng.choice(words, WORDS)) for _ in range(max(sizes))]
    pixels = rng.integers(0, 255, (max(sizes), height, width, 3), dtype=np.uint8)
    inputs = {"text": torch.from_numpy(checkpoint.text(texts[:1])), "image": torch.from_numpy(pixels[:1])}
    calls: dict[str, Callable[[int], object]] = {
        "text": lambda size: encoder.encode_text(texts[:size]),
        "image": lambda size: encoder.encode_pixels(pixels[:size]),
    }
    towers: dict[str, Any] = {}
    for tower, call in calls.items():
        with FlopCounterMode(display=False) as counter, torch.inference_mode():
            checkpoint.model(**{tower: inputs[tower]})
        flops = counter.get_total_flops()
        rates = {}
        for size in sizes:
            rate = size / _seconds(lambda size=size, call=call: call(size), seconds)  # type: ignore[misc]
            rates[str(size)] = {"per_second": round(rate, 1)}
            if peak_tflops:
                rates[str(size)]["of_peak"] = round(rate * flops / (peak_tflops * 1e12), 4)
        towers[tower] = {"flops": flops, "batches": rates}
    return {
        "machine": machine(),
        "device": where,
        "peak_tflops": peak_tflops,
        "memory_mb": _memory(encoder.device),
        "towers": towers,
    }


def _memory(device: str) -> float | None:
    """Return the most memory that was taken on a GPU, in MB."""
    import torch

    return round(torch.cuda.max_memory_allocated(device) / 1e6, 1) if device.startswith("cuda") else None


def _seconds(call: Callable[[], object], seconds: float) -> float:
    """Return seconds per call; what is returned by the encoder is on the host, so the device has finished."""
    call()
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(taken) < 3:
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def markdown(result: dict[str, Any]) -> str:
    """Return the section of docs/performance.md."""
    parts = [f"## The towers on {result['device']}", machine_line(result["machine"])]
    if result["memory_mb"]:
        parts.append(f"Most memory taken on the device: {result['memory_mb']:,.0f} MB.")
    for tower, found in result["towers"].items():
        rows = []
        for size, rate in found["batches"].items():
            row = [size, f"{rate['per_second']:,.0f}"]
            rows.append([*row, f"{rate['of_peak']:.1%}"] if result["peak_tflops"] else row)
        what = "texts" if tower == "text" else "pictures"
        head = [f"{what} at once ({found['flops'] / 1e9:.2g} GFLOP each)", f"{what}/s"]
        if result["peak_tflops"]:
            head.append(f"of {result['peak_tflops']:g} TFLOP/s")
        parts.append(table(head, rows))
    return "\n\n".join(parts)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--peak-tflops", type=float, default=None)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for each tower and size [default: %(default)s]")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="inputs at once [default: %(default)s]")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    figures = measure(
        arguments.checkpoint,
        arguments.device,
        arguments.peak_tflops,
        sizes=arguments.sizes,
        seconds=arguments.seconds,
    )
    write_json(arguments.out, figures)
    print(markdown(figures))  # noqa: T201
