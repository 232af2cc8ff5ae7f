"""How fast encoding and search stay while another process holds a core, by how OpenMP threads wait.

    python -m tests.benchmarks.contention CHECKPOINT --out docs/contention.json

Each way of waiting runs in a process of its own, first alone and then beside a busy neighbour; figures are medians in
milliseconds, and what counts are the ratios within one run.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WAYS = {
    "spinning (OpenMP's default)": {"OMP_WAIT_POLICY": "ACTIVE"},
    "passive (ours)": {"OMP_WAIT_POLICY": "PASSIVE"},
    "one thread": {"OMP_NUM_THREADS": "1"},
}
SECONDS = 3.0
"""Each figure is the median of what fits into this time, but at least three calls."""


def measure(checkpoint: str) -> dict[str, float]:
    """Return milliseconds per call, in this process as it is set up."""
    import numpy as np

    from index import CatalogueInfo, Product, SearchIndex, Snapshot, SplitRule, Want
    from models import load_encoder

    encoder = load_encoder(checkpoint, "cpu")
    height, width = encoder.config.image.preprocess.size
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (16, height, width, 3), dtype=np.uint8)
    vectors = rng.standard_normal((40_000, encoder.dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    info = CatalogueInfo(encoder.encoder_id, encoder.dim, "random", SplitRule(), "")
    products = [Product(str(number), f"title {number}") for number in range(len(vectors))]
    index = SearchIndex(Snapshot(info, 0, products, vectors, vectors))
    texts = [f"red dress for women {number}" for number in range(32)]
    calls: dict[str, Callable[[], object]] = {
        "text, 1": lambda: encoder.encode_text(texts[:1]),
        "text, 32": lambda: encoder.encode_text(texts),
        "image, 1": lambda: encoder.encode_pixels(pixels[:1]),
        "image, 16": lambda: encoder.encode_pixels(pixels),
        "search 40,000, 1": lambda: index.images(vectors[:1], [Want()]),
        "search 40,000, 32": lambda: index.images(vectors[:32], [Want()] * 32),
    }
    figures = {}
    for name, call in calls.items():
        call()
        times: list[float] = []
        end = time.perf_counter() + SECONDS
        while len(times) < 3 or time.perf_counter() < end:
            start = time.perf_counter()
            call()
            times.append(1000 * (time.perf_counter() - start))
        figures[name] = round(statistics.median(times), 3)
    return figures


def burn() -> None:
    """Hold a core."""
    while True:
        pass


def main() -> None:
    """Measure every way of waiting, alone and beside a neighbour, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        sys.stdout.write(json.dumps(measure(arguments.checkpoint)))
        return
    result: dict[str, Any] = {"cores": os.cpu_count(), "python": platform.python_version(), "ms": {}}
    for way, variables in WAYS.items():
        environment = {k: v for k, v in os.environ.items() if not k.startswith("OMP_")} | variables
        command = [sys.executable, "-m", "tests.benchmarks.contention", arguments.checkpoint, "--out", "-", "--child"]
        for company in ("alone", "beside a busy neighbour"):
            neighbour = multiprocessing.Process(target=burn, daemon=True)
            if company != "alone":
                neighbour.start()
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            if neighbour.is_alive():
                neighbour.kill()
            result["ms"].setdefault(way, {})[company] = json.loads(done.stdout)
            sys.stderr.write(f"{way}, {company}: {done.stdout}\n")
    from common import write_json

    write_json(arguments.out, result)


if __name__ == "__main__":
    main()
