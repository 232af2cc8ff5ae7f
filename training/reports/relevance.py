"""The reliability diagram of a catalogue's scores: relevance that was promised against results that were right."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from common import atomic_file
from training.reports.plots import GREY, INK, RED

ACROSS = 4
"""Panels beside one another."""


def reliability_diagram(measured: Mapping[str, Any]) -> Figure:
    """Return the diagram of what was measured of each kind of query, on queries that the curves were not made of.

    `measured` is that of a `Calibration`. The size of a point is the number of results.
    """
    kinds = {kind: one for kind, one in measured["kinds"].items() if len(one["bins"]) > 1}
    rows = max(1, -(-len(kinds) // ACROSS))
    figure = Figure((3.2 * ACROSS, 3.5 * rows), layout="constrained")
    panels = figure.subplots(rows, ACROSS, squeeze=False).ravel()
    for axes in panels[len(kinds) :]:
        axes.set_visible(False)
    for axes, (kind, one) in zip(panels, kinds.items(), strict=False):
        promised = [100 * part["expected"] for part in one["bins"]]
        right = [100 * part["right"] for part in one["bins"]]
        most = max(part["hits"] for part in one["bins"])
        axes.plot([0, 100], [0, 100], color=GREY, linestyle="--", linewidth=1)
        axes.vlines(promised, promised, right, color=RED, alpha=0.5, linewidth=2)
        sizes = [12 + 120 * part["hits"] / most for part in one["bins"]]
        axes.scatter(promised, right, s=sizes, color=INK, zorder=3, clip_on=False)
        axes.set_xlim(0, 100)
        axes.set_ylim(0, 100)
        axes.set_aspect("equal")
        axes.set_title(f"{kind}: error {100 * one['calibration_error']:.1f} points", fontsize=10, loc="left")
        axes.set_xlabel("relevance, per cent", fontsize=9)
        axes.set_ylabel("results that are right, per cent", fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def save_reliability(measured: Mapping[str, Any], path: Path) -> None:
    """Write the diagram as a picture; the ending of the name says of which kind, such as .png or .svg."""
    with atomic_file(path) as beside:
        reliability_diagram(measured).savefig(beside, format=path.suffix.lstrip(".") or "png", dpi=110)
