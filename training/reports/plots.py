"""The plots of a run: loss and validation curves, temperature and calibration, recall at k. Draws figures only."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from models import MAX_LOGIT_SCALE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TEXT_TO_IMAGE, IMAGE_TO_TEXT = "text_to_image", "image_to_text"
NAMES = {TEXT_TO_IMAGE: "text → image", IMAGE_TO_TEXT: "image → text"}
COLOURS = {TEXT_TO_IMAGE: "#2166ac", IMAGE_TO_TEXT: "#d6721f"}
ASIDE = {TEXT_TO_IMAGE: 0.985, IMAGE_TO_TEXT: 1.015}
"""Factors on k, so that the intervals of the two directions do not overlap."""
INK, GREY, PALE, GREEN, RED = "#222222", "#767676", "#d9d9d9", "#1a9850", "#d73027"
DPI = 110
LEGEND_ROOM = 24
"""Points between a plot and its title, for the legend."""
LARGEST_SCALE = math.exp(MAX_LOGIT_SCALE)


def _panels(count: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """Return a figure of `count` panels side by side; `size` in inches. Leaves matplotlib's global state alone."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(figsize=size, dpi=DPI, layout=ConstrainedLayoutEngine(wspace=0.05))
    return figure, list(np.atleast_1d(figure.subplots(1, count)))


def _titled(axes: Axes, title: str, across: str, pad: float = 8) -> None:
    """Give a plot its title, the name `across` of its x axis, and the colours and grid of all plots here."""
    axes.set_title(title, loc="left", fontsize=11, color=INK, pad=pad)
    axes.set_xlabel(across, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(colors=INK, labelsize=9)
    axes.grid(color=PALE, linewidth=0.6)
    axes.set_axisbelow(True)


def _legend_above(axes: Axes) -> None:
    """Put the legend in one line between title and plot, where no curve can be below it."""
    axes.legend(
        frameon=False,
        fontsize=9,
        ncols=3,
        loc="lower left",
        bbox_to_anchor=(-0.02, 0.98),
        columnspacing=1.2,
        handlelength=1.4,
    )


def _smooth(values: np.ndarray, window: int) -> np.ndarray:
    """Return the mean over `window` neighbours (fewer at the ends) of each of the values (S,)."""
    kernel = np.ones(min(window, len(values)))
    whole = np.convolve(values, kernel, mode="same") / np.convolve(np.ones(len(values)), kernel, mode="same")
    return np.asarray(whole)


def _in_epochs(log: list[dict[str, Any]]) -> np.ndarray:
    """Return (S,) how many epochs are done after each step."""
    epochs = np.array([line["epoch"] for line in log])
    _, first, number, size = np.unique(epochs, return_index=True, return_inverse=True, return_counts=True)
    return np.asarray(epochs + (np.arange(len(log)) - first[number] + 1) / size[number])


def curves(log: list[dict[str, Any]], history: list[dict[str, Any]], best_epoch: int) -> Figure:
    """Draw training loss, validation figures and learning rate over the epochs; one log line a step."""
    from matplotlib.ticker import MaxNLocator

    figure, (loss, validation, rate) = _panels(3, (13, 3.9))
    at = _in_epochs(log)
    middle = [entry["epoch"] + 0.5 for entry in history]

    values = np.array([line["loss"] for line in log])
    loss.plot(at, values, color=COLOURS[TEXT_TO_IMAGE], alpha=0.25, linewidth=0.7, label="step")
    window = max(1, len(values) // 50)
    loss.plot(at, _smooth(values, window), color=COLOURS[TEXT_TO_IMAGE], linewidth=1.6, label="smoothed")
    loss.plot(middle, [entry["loss"] for entry in history], "o", color=INK, markersize=3, label="epoch's mean")
    _titled(loss, "training loss", "epoch", LEGEND_ROOM)
    _legend_above(loss)

    for name, label, colour in (
        ("recall10", "R@10", COLOURS[TEXT_TO_IMAGE]),
        ("mrr10", "MRR@10", GREEN),
        ("hub_recall10", "R@10, hubs corrected", COLOURS[IMAGE_TO_TEXT]),
    ):
        points = [
            (entry["epoch"] + 1, 100 * entry[name], entry["epoch"] == best_epoch) for entry in history if name in entry
        ]
        chosen = next((value for _, value, is_best in points if is_best), float("nan"))
        validation.plot(
            [x for x, _, _ in points],
            [y for _, y, _ in points],
            "o-",
            color=colour,
            linewidth=1.6,
            markersize=3,
            label=f"{label}  {chosen:.1f}",
        )
    validation.axvline(best_epoch + 1, color=GREY, linestyle="--", linewidth=1)
    validation.set_ylim(bottom=0)
    validation.set_ylabel("per cent")
    title = f"validation, text → image; best: epoch {best_epoch + 1}"
    _titled(validation, title, "epoch", LEGEND_ROOM)
    _legend_above(validation)

    rate.plot(at, [line["learning_rate"] for line in log], color=INK, linewidth=1.4)
    rate.set_ylim(bottom=0)
    rate.yaxis.set_major_formatter(lambda value, _: f"{value:.3g}")
    _titled(rate, "learning rate", "epoch", LEGEND_ROOM)
    for axes in (loss, validation, rate):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        axes.set_xlim(left=0)
    return figure


def temperature(log: list[dict[str, Any]], calibrated: dict[str, Any]) -> Figure:
    """Draw the temperature over the steps, and confidence against accuracy in both directions."""
    figure, (over, *reliability) = _panels(3, (13, 4.1))
    steps = [line["step"] for line in log]
    scales = [line["logit_scale"] for line in log]
    over.plot(steps, scales, color=INK, linewidth=1.6)
    over.axhline(LARGEST_SCALE, color=RED, linestyle="--", linewidth=1)
    over.annotate(
        f"clamped at {LARGEST_SCALE:.0f}",
        (0.02, LARGEST_SCALE),
        xycoords=("axes fraction", "data"),
        va="bottom",
        fontsize=9,
        color=RED,
    )
    over.set_yscale("log")
    ticks = [t for t in (1, 2, 5, 10, 20, 50, 100) if t >= 0.8 * min(scales)]
    low = min(0.85 * min(scales), ticks[0])
    over.set_ylim(low, 1.25 * LARGEST_SCALE)
    over.set_yticks(ticks, [str(tick) for tick in ticks])
    over.minorticks_off()
    over.set_ylabel("logit scale")
    _titled(over, f"temperature: {calibrated['temperature']:.4f} at the best epoch", "step")
    other = over.twinx()  # the same curve on a second scale
    other.set_yscale("log")
    other.set_ylim(low, 1.25 * LARGEST_SCALE)
    other.set_yticks(ticks, [f"{1 / tick:.3g}" for tick in ticks])
    other.minorticks_off()
    other.set_ylabel("temperature = 1 / logit scale")
    other.spines[["top", "left"]].set_visible(False)
    other.tick_params(colors=INK, labelsize=9)

    for axes, direction in zip(reliability, NAMES, strict=True):
        _reliability(axes, direction, calibrated[direction])
    return figure


def _reliability(axes: Axes, direction: str, found: dict[str, Any]) -> None:
    sure = [100 * b["confidence"] for b in found["bins"]]
    right = [100 * b["accuracy"] for b in found["bins"]]
    end = min(100.0, 1.08 * max(*sure, *right, 1.0))
    axes.plot([0, end], [0, end], color=GREY, linestyle="--", linewidth=1, label="calibrated")
    axes.vlines(sure, sure, right, color=RED, alpha=0.5, linewidth=2, label="gap")
    axes.plot(
        sure,
        right,
        "o-",
        color=COLOURS[direction],
        linewidth=1.4,
        markersize=5,
        label="a tenth of the queries",
        clip_on=False,
    )
    axes.set_xlim(0, end)
    axes.set_ylim(0, end)
    axes.set_aspect("equal")
    axes.set_ylabel("first answer right, per cent")
    _titled(
        axes, f"{NAMES[direction]}: calibration error {100 * found['ece']:.1f} points", "probability given, per cent"
    )
    axes.legend(frameon=False, fontsize=9, loc="upper left")


def recall(figures: dict[str, Any]) -> Figure:
    """Draw same-title recall at k in both directions, with its intervals; `figures` as `write_report` returns them."""
    figure, (axes,) = _panels(1, (7.2, 4.8))
    for direction, values in figures["recall_at"].items():
        measured = figures["retrieval"][direction]["same_title"]
        at = [k for k in (1, 5, 10, 100) if k <= len(values)]
        label = f"{NAMES[direction]}: " + ", ".join(f"R@{k} {100 * values[k - 1]:.1f}" for k in at if k != 5)
        axes.plot(np.arange(1, len(values) + 1), 100 * np.array(values), color=COLOURS[direction], label=label)
        for k in at:
            interval = measured[f"top{k}"]
            x = k * ASIDE[direction]
            axes.plot([x, x], [100 * interval["low"], 100 * interval["high"]], color=COLOURS[direction], linewidth=2.5)
    ks = np.arange(1, len(values) + 1)
    axes.plot(ks, 100 * ks / figures["queries"], color=GREY, linestyle=":", label="chance, for its own product")
    axes.set_xscale("log")
    ticks = [k for k in (1, 2, 5, 10, 20, 50, 100) if k <= len(values)]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_ylim(0, 102)
    axes.set_ylabel("queries with their title in the first k, per cent")
    _titled(axes, f"same-title recall among {figures['queries']:,} validation products, 95 % intervals", "k")
    axes.legend(fontsize=9, loc="best", edgecolor=PALE)
    return figure
