"""The long run of the shipped model, drawn: training loss and validations by epoch.

    python -m tests.benchmarks.long_run docs/training-gpu.json --out docs/screenshots/long-run.png

Draws what `python -m training.gpu run` recorded; measures nothing.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from common import atomic_file

RANKINGS = {"cos": "by cosine", "hub": "corrected for hubs", "own": "the split's own products, by cosine"}
"""Key of the history -> how its figures were ranked."""
COLOURS = {"cos": "#2166ac", "hub": "#1a9850", "own": "#767676"}
MEASURES = ("R@1", "R@10", "MRR@10")


def drawn(history: list[dict[str, Any]]) -> Figure:
    """Return the loss, R@10 and MRR@10 over the epochs; `history` has an entry for each validation."""
    figure = Figure(figsize=(12, 3.8), dpi=110, layout="constrained")
    loss, *figures = figure.subplots(1, 3)
    epochs = [entry["epoch"] for entry in history]
    loss.plot(epochs, [entry["loss"] for entry in history], "o-", color="#d6721f", markersize=3)
    loss.set_title("training loss", loc="left")
    for axes, measure in zip(figures, ("R@10", "MRR@10"), strict=True):
        for key, name in RANKINGS.items():
            values = [entry[key][MEASURES.index(measure)] for entry in history]
            axes.plot(epochs, values, "o-", color=COLOURS[key], markersize=3, label=name)
        axes.set_title(f"validation {measure}", loc="left")
        axes.set_ylim(0, 1)
    figures[0].legend(frameon=False, fontsize=8, loc="lower right")
    for axes in (loss, *figures):
        axes.set_xlabel("epoch")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#d9d9d9", linewidth=0.6)
    return figure


def main() -> None:
    """Draw a file's main run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("record", type=Path, help="JSON with the history of the run under main")
    parser.add_argument("--out", type=Path, required=True, help="the picture, .png")
    given = parser.parse_args()
    history = json.loads(given.record.read_text(encoding="utf-8"))["main"]["history"]
    with atomic_file(given.out) as beside:
        drawn(history).savefig(beside, format="png")


if __name__ == "__main__":
    main()
