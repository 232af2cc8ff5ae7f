"""How fast encoding, search and training stay while another process holds a core, by how OpenMP threads wait.

    python -m tests.benchmarks.contention CHECKPOINT --out docs/contention.json
    python -m tests.benchmarks.contention docs/contention.json --out docs/contention.md

Each way of waiting runs in a process of its own, alone and beside a busy neighbour, in turn, for several rounds.
Figures are milliseconds, the median over rounds of each round's median; what counts are the ratios within one run.
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
    "libgomp's default": {},
    "100,000 spins": {"GOMP_SPINCOUNT": "100000"},
    "1,000 spins": {"GOMP_SPINCOUNT": "1000"},
    "passive": {"OMP_WAIT_POLICY": "PASSIVE"},
    "one thread": {"OMP_NUM_THREADS": "1"},
}
ROUNDS = 3
SECONDS = 1.0
"""A round's figure is the median of what fits into this time, but at least three calls."""


def measure(checkpoint: str) -> dict[str, float]:
    """Return milliseconds per call, in this process as it is set up."""
    import numpy as np
    import torch

    from index import CatalogueInfo, Product, SearchIndex, SearchQuery, Snapshot, SplitRule
    from models import PRESETS, DualEncoder, build_tower, load_encoder
    from training.loss import contrastive_loss

    encoder = load_encoder(checkpoint, "cpu")
    height, width = encoder.config.image.preprocess.size
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (16, height, width, 3), dtype=np.uint8)
    vectors = rng.standard_normal((40_000, encoder.dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    info = CatalogueInfo(encoder.encoder_id, encoder.dim, "random", SplitRule(), "")
    products = [Product(str(number), f"title {number}") for number in range(len(vectors))]
    index = SearchIndex(Snapshot(info, 0, products, vectors, vectors))
    model = DualEncoder(PRESETS["tiny"], build_tower(PRESETS["tiny"].text), build_tower(PRESETS["tiny"].image), 0)
    batch = {
        "image": torch.from_numpy(rng.integers(0, 255, (64, 64, 48, 3), dtype=np.uint8)),
        "text": torch.from_numpy(rng.integers(1, 1000, (64, 12))),
    }

    def step() -> None:
        contrastive_loss(**model(**batch)).backward()  # type: ignore[no-untyped-call]
        model.zero_grad()

    texts = [f"red dress for women {number}" for number in range(32)]
    calls: dict[str, Callable[[], object]] = {
        "text, 1": lambda: encoder.encode_text(texts[:1]),
        "text, 32": lambda: encoder.encode_text(texts),
        "image, 1": lambda: encoder.encode_pixels(pixels[:1]),
        "image, 16": lambda: encoder.encode_pixels(pixels),
        "training step, tiny, 64": step,
        "search 40,000, 1": lambda: index.search("images", vectors[:1], [SearchQuery()]),
        "search 40,000, 32": lambda: index.search("images", vectors[:32], [SearchQuery()] * 32),
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


def table(result: dict[str, Any]) -> str:
    """Return the figures as Markdown."""
    names = list(next(iter(result["ms"].values()))["alone"])
    lines = [
        f"Milliseconds per call on {result['cores']} cores, alone → beside a process that occupies one of them.",
        "",
        f"| OpenMP threads wait by | {' | '.join(names)} |",
        "|---" + "|---:" * len(names) + "|",
    ]
    for way, figures in result["ms"].items():
        cells = [f"{figures['alone'][name]:.1f} → {figures['beside a busy neighbour'][name]:.1f}" for name in names]
        lines.append(f"| {way} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def burn() -> None:
    """Hold a core."""
    while True:
        pass


def main() -> None:
    """Measure every way of waiting, alone and beside a neighbour, and write the figures; or make a table of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", help="a checkpoint folder, or figures to make a table of")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        sys.stdout.write(json.dumps(measure(arguments.checkpoint)))
        return
    if arguments.checkpoint.endswith(".json"):
        figures = json.loads(Path(arguments.checkpoint).read_text(encoding="utf-8"))
        arguments.out.write_text(table(figures), encoding="utf-8")
        return
    command = [sys.executable, "-m", "tests.benchmarks.contention", arguments.checkpoint, "--out", "-", "--child"]
    rounds: dict[tuple[str, str], list[dict[str, float]]] = {}
    for _ in range(ROUNDS):
        for way, variables in WAYS.items():
            environment = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "GOMP_"))} | variables
            for company in ("alone", "beside a busy neighbour"):
                neighbour = multiprocessing.Process(target=burn, daemon=True)
                if company != "alone":
                    neighbour.start()
                done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
                if neighbour.is_alive():
                    neighbour.kill()
                rounds.setdefault((way, company), []).append(json.loads(done.stdout))
                sys.stderr.write(f"{way}, {company}: {done.stdout}\n")
    result: dict[str, Any] = {"cores": os.cpu_count(), "python": platform.python_version(), "ms": {}}
    for (way, company), runs in rounds.items():
        medians = {name: round(statistics.median(run[name] for run in runs), 2) for name in runs[0]}
        result["ms"].setdefault(way, {})[company] = medians
    from common import write_json

    write_json(arguments.out, result)


if __name__ == "__main__":
    main()
