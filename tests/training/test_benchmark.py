"""The benchmark of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.small import small
from training.benchmark import benchmark
from training.devices import PEAK_FLOPS, peak_flops


def test_the_benchmark_times_the_real_loop(shapes: Path, tmp_path: Path) -> None:
    figures = benchmark(small(augment={"flip": 0.5}), shapes, cache=tmp_path / "cache", device="cpu", steps=3)
    assert figures["samples_per_second"] > 0
    assert figures["ratio"] == pytest.approx(
        figures["samples_per_second"] / figures["synthetic_samples_per_second"], rel=0.01
    )
    assert figures["flops_per_sample"] > 1e6
    rate = figures["flops_per_sample"] * figures["samples_per_second"]
    assert figures["flops_per_second"] == pytest.approx(rate, rel=0.01)
    assert figures["mfu"] == pytest.approx(rate / figures["peak_flops"], abs=2e-3)
    assert 0 < figures["mfu"] < 1, "a step of a small model is slower than matrix products alone"


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("NVIDIA A100-SXM4-80GB", "A100"),
        ("Tesla V100-SXM2-16GB", "V100"),
        ("Tesla T4", "T4"),
        ("NVIDIA L40S", "L40S"),
        ("NVIDIA A10", "A10"),
        ("NVIDIA GeForce RTX 4090", ""),
    ],
)
def test_a_gpu_is_known_by_its_name(name: str, known: str) -> None:
    assert peak_flops(name) == PEAK_FLOPS.get(known)
