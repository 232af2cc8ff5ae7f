"""What the export costs: the exported towers beside torch, against the whole gallery.

    python -m tests.benchmarks.export_cost CHECKPOINT --data PATH --out docs/export-cost.json

Every picture and title is encoded by both: a quarter of an hour for 40,000 products on two cores. `docs/earlier.json`
has the figures of the export before format 4, of the same weights.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from common import write_json
from models import load_encoder
from training.data import open_dataset
from training.reports import compare_encoders

COLUMNS = (
    ("R@10, cosine", "cosine", "recall10"),
    ("R@1, corrected", "hub_corrected", "recall1"),
    ("R@10, corrected", "hub_corrected", "recall10"),
    ("MRR@10, corrected", "hub_corrected", "mrr10"),
)
"""Heading, ranking and figure."""


def measure(checkpoint: Path, data: Path) -> dict[str, Any]:
    """Return what `compare_encoders` measures, as JSON data."""
    slow, fast = load_encoder(checkpoint, "cpu", "torch"), load_encoder(checkpoint, "cpu", "onnx")
    return {"encoder_id": fast.encoder_id, **compare_encoders(slow, fast, open_dataset(data), name="exported")}


def table(cost: dict[str, Any], earlier: dict[str, Any]) -> str:
    """Return torch, the export, and the export before it as a table, in per cent, with the differences to torch."""
    rows = [
        _row("torch", cost, "original"),
        _row("exported", cost, "exported"),
        _row(f"exported before, encoder {earlier['encoder_id']}", earlier, "exported"),
    ]
    head = ["towers", "cosine of pictures, mean (least)", "of titles", *(name for name, _, _ in COLUMNS)]
    lines = [f"| {' | '.join(row)} |" for row in (head, ["---", *["---:"] * (len(head) - 1)], *rows)]
    asked = f"{cost['queries']:,} titles for validation among all {cost['products']:,} products of {cost['data']}"
    return "\n".join(
        [*lines, "", f"{asked}, per cent. In brackets: the difference to torch with its paired 95 % interval."]
    )


def _row(label: str, cost: dict[str, Any], which: str) -> list[str]:
    original = which == "original"
    vectors = ["", ""] if original else [_vectors(cost["vectors"][kind]) for kind in ("image", "text")]
    return [label, *vectors, *(_cell(cost, which, ranking, figure) for _, ranking, figure in COLUMNS)]


def _vectors(cosine: dict[str, float]) -> str:
    return f"{cosine['mean']:.4f} ({cosine['min']:.2f})"


def _cell(cost: dict[str, Any], which: str, ranking: str, figure: str) -> str:
    value = f"{100 * cost[which][ranking][figure]['value']:.1f}"
    if which == "original":
        return value
    off = cost["difference"][ranking][figure]
    return f"{value} ({100 * off['value']:+.1f}: {100 * off['low']:+.1f} to {100 * off['high']:+.1f})"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    write_json(given.out, measure(given.checkpoint, given.data))
