"""How fast devices are at best. Knows no model and no data set."""

from __future__ import annotations

import time

import torch

PEAK_FLOPS = {
    "A100": 312e12,
    "H100": 989e12,
    "H200": 989e12,
    "L4": 121e12,
    "L40S": 362e12,
    "A10": 125e12,
    "T4": 65e12,
    "V100": 125e12,
}
"""Dense half-precision peak of GPUs in FLOP/s by a word in their name, from their makers' data sheets."""


def peak_flops(name: str) -> float | None:
    """Return the peak of the GPU of that name, such as "NVIDIA A100-SXM4-80GB"; none if it is not known."""
    words = name.replace("-", " ").split()[1:]
    return next((peak for word, peak in PEAK_FLOPS.items() if word in words), None)


def product_flops(device: torch.device, dtype: torch.dtype, rounds: int = 5) -> float:
    """Return the FLOP/s of a large matrix product on a device, in the fastest of `rounds`.

    CPUs have no figure that holds: it depends on threads, clock and instructions. So it is measured on the spot.
    """
    side = 4096 if device.type == "cuda" else 1024
    left, right = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        (left @ right)[0, 0].item()  # waits for the device
        taken.append(time.perf_counter() - started)
    return 2 * side**3 / min(taken)
