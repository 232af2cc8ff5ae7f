"""What a training run looks like: curves, calibration, slices and a sheet of queries, beside the checkpoint.

Takes the validation products and their vectors as they are: knows no model and no training loop.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from common import ConfigError, InputError, atomic_folder, write_json
from index import Product, evaluate, ranks, title_key, title_slices
from models.images import decode_image
from training.data import Item

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FOLDER = "report"
CURVES, TEMPERATURE, RECALL, SHEET = "curves.png", "temperature.png", "recall.png", "queries.jpg"
SLICES, FIGURES = "slices.json", "report.json"

MAX_K = 100
"""How far down the ranking recall@k is drawn."""
BINS = 10
"""Groups of equal size, by confidence, in which confidence and outcome are compared."""
SHEET_QUERIES = 12
SHEET_HITS = 5
CLAMP = 100.0
"""The largest logit scale: CLIP's (arXiv 2103.00020, section 2.5), and ours."""

TEXT_TO_IMAGE, IMAGE_TO_TEXT = "text_to_image", "image_to_text"
NAMES = {TEXT_TO_IMAGE: "text → image", IMAGE_TO_TEXT: "image → text"}
COLOURS = {TEXT_TO_IMAGE: "#2166ac", IMAGE_TO_TEXT: "#d6721f"}
ASIDE = {TEXT_TO_IMAGE: 0.985, IMAGE_TO_TEXT: 1.015}
"""So that the intervals of both directions do not hide one another."""
INK, GREY, PALE, GREEN, RED = "#222222", "#767676", "#d9d9d9", "#1a9850", "#d73027"
DPI = 110
LEGEND_ROOM = 24
"""Points between a plot and its title, where the legend stands."""


def write_report(
    folder: Path, items: Sequence[Item], image_vectors: np.ndarray, text_vectors: np.ndarray
) -> dict[str, Any]:
    """Write `folder`/report and return its figures; whole or not at all, in the place of an earlier one.

    The products of validation ask one another: each is query and gallery. An item whose picture cannot be read is
    shown as a blank.

    Args:
        folder: the checkpoint's, with `log.jsonl` and `metrics.json`.
        items: V products of validation.
        image_vectors: (V, D) of unit length, the best checkpoint's.
        text_vectors: (V, D) likewise.

    Returns:
        As JSON data `queries` (V), `titles` among them, `retrieval` (as `index.evaluate` gives it), `recall_at` (per
        direction the same-title recall at k = 1, 2, ...), `calibration` (see `calibration`), `slices` (as
        `index.title_slices` gives them) and the names of the `files`. Empty, with no folder, when V < 2.
    """
    if len(items) < 2:
        return {}
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    titles = [item.title for item in items]
    everyone = np.arange(len(items))
    groups = _groups(titles)
    best = {
        TEXT_TO_IMAGE: same_title_ranks(text_vectors, image_vectors, groups),
        IMAGE_TO_TEXT: same_title_ranks(image_vectors, text_vectors, groups),
    }
    scale = next(line["logit_scale"] for line in reversed(log) if line["epoch"] == metrics["best_epoch"])
    figures: dict[str, Any] = {
        "queries": len(items),
        "titles": int(groups.max()) + 1,
        "retrieval": evaluate(image_vectors, text_vectors, titles, everyone),
        "recall_at": {
            direction: [round(float((rank <= k).mean()), 6) for k in range(1, min(MAX_K, len(items)) + 1)]
            for direction, rank in best.items()
        },
        "calibration": {
            "logit_scale": scale,
            "temperature": 1 / scale,
            TEXT_TO_IMAGE: calibration(text_vectors, image_vectors, groups, best[TEXT_TO_IMAGE] == 1, scale),
            IMAGE_TO_TEXT: calibration(image_vectors, text_vectors, groups, best[IMAGE_TO_TEXT] == 1, scale),
        },
        "slices": title_slices(
            image_vectors,
            text_vectors,
            [Product(item.id, item.title, item.attributes, "validation") for item in items],
            everyone,
        ),
        "files": [CURVES, TEMPERATURE, RECALL, SHEET, SLICES],
    }
    with atomic_folder(folder / FOLDER) as beside:
        _curves(log, metrics["history"], metrics["best_epoch"]).savefig(beside / CURVES)
        _temperature(log, figures["calibration"]).savefig(beside / TEMPERATURE)
        _recall(figures).savefig(beside / RECALL)
        contact_sheet(items, image_vectors, text_vectors).save(beside / SHEET, quality=80)
        write_json(beside / SLICES, figures["slices"])
        write_json(beside / FIGURES, figures)
    return figures


def tensorboard_writer(folder: Path) -> Callable[[str, float, int], None]:
    """Return how to add a scalar, called as (tag, value, step), to the TensorBoard log in `folder`.

    Every scalar is on disk when the call returns, so that a killed run loses none and nothing is left to close.

    Raises:
        ConfigError: the extra `tensorboard` is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ConfigError("--tensorboard needs TensorBoard; run pip install 'vitrine[tensorboard]'") from None
    writer: Any = SummaryWriter(str(folder))

    def write(tag: str, value: float, step: int) -> None:
        writer.add_scalar(tag, value, step)
        writer.flush()

    return write


# ---------------------------------------------------------------------- figures


def same_title_ranks(queries: np.ndarray, gallery: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return (V,) the 1-based rank of the best answer of each query's own group.

    Answers of that group are not in each other's way; a tie with another group's counts against us.

    Args:
        queries: (V, D).
        gallery: (V, D).
        groups: (V,) the number of each one's title, from 0.
    """
    members = np.split(np.argsort(groups, kind="stable"), np.cumsum(np.bincount(groups))[:-1])
    relevant = [members[group] for group in groups]
    indptr = np.concatenate([[0], np.cumsum([len(own) for own in relevant])])
    positions = ranks(queries, gallery, (indptr, np.concatenate(relevant)))
    return np.asarray(np.minimum.reduceat(positions, indptr[:-1]))


def calibration(
    queries: np.ndarray, gallery: np.ndarray, groups: np.ndarray, right: np.ndarray, scale: float
) -> dict[str, Any]:
    """Compare how sure the model is of its first answer with how often that answer is right.

    The confidence is the softmax probability, over all V answers, of the first answer's title: what its products
    have together, since the loss shares the target among the products of a title. Bins hold equally many queries
    (arXiv 1904.01685), as most confidences are small. The expected calibration error is the mean distance between
    confidence and fraction right over the bins, weighted by their size (arXiv 1706.04599).

    Args:
        queries: (V, D).
        gallery: (V, D).
        groups: (V,) the number of each one's title.
        right: (V,) whether the first answer has the query's title.
        scale: the inverse temperature.

    Returns:
        `{"ece", "confidence", "accuracy", "bins": [{"queries", "confidence", "accuracy"}]}`, all fractions.
    """
    confidence = np.empty(len(queries))
    for start in range(0, len(queries), 512):  # bounds the memory of the scores
        part = slice(start, start + 512)
        scores = scale * (queries[part] @ gallery.T).astype(np.float64)  # (b, V)
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        same = groups[None, :] == groups[scores.argmax(axis=1)][:, None]
        confidence[part] = (weights * same).sum(axis=1) / weights.sum(axis=1)
    bins = [
        {"queries": len(rows), "confidence": float(confidence[rows].mean()), "accuracy": float(right[rows].mean())}
        for rows in np.array_split(np.argsort(confidence, kind="stable"), min(BINS, len(confidence)))
    ]
    return {
        "ece": sum(b["queries"] * abs(b["confidence"] - b["accuracy"]) for b in bins) / len(confidence),
        "confidence": float(confidence.mean()),
        "accuracy": float(right.mean()),
        "bins": bins,
    }


def _groups(titles: Sequence[str]) -> np.ndarray:
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(title_key(title), len(numbers)) for title in titles])


# ---------------------------------------------------------------------- curves


def _panels(count: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """Return a figure of `count` panels side by side; `size` in inches. Leaves matplotlib's global state alone."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(figsize=size, dpi=DPI, layout=ConstrainedLayoutEngine(wspace=0.05))
    return figure, list(np.atleast_1d(figure.subplots(1, count)))


def _titled(axes: Axes, title: str, across: str, pad: float = 8) -> None:
    axes.set_title(title, loc="left", fontsize=11, color=INK, pad=pad)
    style(axes, across)


def style(axes: Axes, across: str) -> None:
    """Give a plot of ours its colours and grid, and its x axis the name `across`."""
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


def _curves(log: list[dict[str, Any]], history: list[dict[str, Any]], best_epoch: int) -> Figure:
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
        ("recall1", "R@1", COLOURS[IMAGE_TO_TEXT]),
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


def _temperature(log: list[dict[str, Any]], calibrated: dict[str, Any]) -> Figure:
    figure, (over, *reliability) = _panels(3, (13, 4.1))
    steps = [line["step"] for line in log]
    scales = [line["logit_scale"] for line in log]
    over.plot(steps, scales, color=INK, linewidth=1.6)
    over.axhline(CLAMP, color=RED, linestyle="--", linewidth=1)
    over.annotate(
        "clamped at 100", (0.02, CLAMP), xycoords=("axes fraction", "data"), va="bottom", fontsize=9, color=RED
    )
    over.set_yscale("log")
    ticks = [t for t in (1, 2, 5, 10, 20, 50, 100) if t >= 0.8 * min(scales)]
    low = min(0.85 * min(scales), ticks[0])
    over.set_ylim(low, 1.25 * CLAMP)
    over.set_yticks(ticks, [str(tick) for tick in ticks])
    over.minorticks_off()
    over.set_ylabel("logit scale")
    _titled(over, f"temperature: {calibrated['temperature']:.4f} at the best epoch", "step")
    other = over.twinx()  # the same line, read as temperature
    other.set_yscale("log")
    other.set_ylim(low, 1.25 * CLAMP)
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


def _recall(figures: dict[str, Any]) -> Figure:
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


# ---------------------------------------------------------------------- contact sheet

CELL = (120, 160)
"""Width and height of a picture on the sheet: twice that of the small fashion pictures."""
FRAME = 5
"""Width of a hit's frame, in pixels, around the picture."""
GAP = 12
TITLE_WIDTH = 230
MAX_LINES = 7
LINE = 20
HEAD = 64


def contact_sheet(
    items: Sequence[Item], image_vectors: np.ndarray, text_vectors: np.ndarray, seed: int = 0
) -> Image.Image:
    """Draw some titles, each with its own picture and the first pictures it finds among those of all V items.

    The titles are drawn at random, hits and misses as they come. A found picture of the same title has a green
    frame; below each is the cosine. See `cell` for where a picture stands.

    Args:
        items: V products.
        image_vectors: (V, D) of unit length.
        text_vectors: (V, D) of unit length.
        seed: of the draw.
    """
    groups = _groups([item.title for item in items])
    firsts = np.unique(groups, return_index=True)[1]
    queries = np.random.default_rng(seed).permutation(firsts)[:SHEET_QUERIES]
    hits = min(SHEET_HITS, len(items))
    right, bottom = cell(len(queries) - 1, SHEET_HITS)
    sheet = Image.new("RGB", (right + CELL[0] + FRAME + GAP, bottom + CELL[1] + FRAME + LINE + GAP), "white")
    draw = ImageDraw.Draw(sheet)
    large, small = ImageFont.load_default(size=16), ImageFont.load_default(size=14)

    found = 0
    for row, query in enumerate(queries):
        scores = image_vectors @ text_vectors[query]  # (V,)
        answers = np.argsort(-scores, kind="stable")[:hits]
        found += bool((groups[answers] == groups[query]).any())
        left, top = GAP, cell(row, 0)[1]
        if row:
            draw.line((GAP, top - FRAME - GAP // 2, sheet.width - GAP, top - FRAME - GAP // 2), fill=PALE)
        draw.multiline_text((left, top), _wrapped(items[query].title, large), fill=INK, font=large, spacing=5)
        for column, item in enumerate([query, *answers]):
            x, y = cell(row, column)
            box = (x, y, x + CELL[0] - 1, y + CELL[1] - 1)
            if column and groups[item] == groups[query]:
                draw.rectangle((box[0] - FRAME, box[1] - FRAME, box[2] + FRAME, box[3] + FRAME), fill=GREEN)
            draw.rectangle(box, fill="white")
            _paste(sheet, items[item], (x, y), small)
            if column:
                draw.text(
                    (x + CELL[0] // 2, y + CELL[1] + FRAME + 2), f"{scores[item]:.3f}", INK, font=small, anchor="ma"
                )
    draw.text(
        (GAP, GAP),
        f"{len(queries)} titles drawn at random, the first {hits} of {len(items):,} validation pictures: "
        f"{found} have one of their own title there (green). Below: cosine.",
        INK,
        font=large,
    )
    for column, label in enumerate(["its picture", *(str(n) for n in range(1, hits + 1))]):
        draw.text((cell(0, column)[0] + CELL[0] // 2, HEAD - 24), label, GREY, font=small, anchor="ma")
    return sheet


def cell(row: int, column: int) -> tuple[int, int]:
    """Return the left and upper edge of a picture on the sheet: column 0 is the query's own, then the answers."""
    apart = 2 * GAP if column else 0  # the query's own picture stands a little aside
    step = CELL[0] + 2 * FRAME + GAP
    return GAP + TITLE_WIDTH + column * step + apart, HEAD + FRAME + row * (CELL[1] + 2 * FRAME + LINE + GAP)


def _paste(
    sheet: Image.Image, item: Item, corner: tuple[int, int], font: ImageFont.FreeTypeFont | ImageFont.ImageFont
) -> None:
    """Put the item's picture into its cell, in its own aspect; a blank where it cannot be read."""
    try:
        picture = decode_image(item.read())
    except (InputError, OSError):
        draw = ImageDraw.Draw(sheet)
        draw.rectangle((*corner, corner[0] + CELL[0] - 1, corner[1] + CELL[1] - 1), fill="#eeeeee")
        draw.text((corner[0] + CELL[0] // 2, corner[1] + CELL[1] // 2), "no picture", GREY, font=font, anchor="mm")
        return
    factor = min(CELL[0] / picture.width, CELL[1] / picture.height)
    size = max(1, round(picture.width * factor)), max(1, round(picture.height * factor))
    shown = picture.resize(size, Image.Resampling.LANCZOS)
    sheet.paste(shown, (corner[0] + (CELL[0] - size[0]) // 2, corner[1] + (CELL[1] - size[1]) // 2))


def _wrapped(title: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """Break a title into lines that fit beside the pictures; what does not fit becomes an ellipsis."""
    width = TITLE_WIDTH - 2 * GAP
    lines = [""]
    for word in title.split():
        if lines[-1] and font.getlength(f"{lines[-1]} {word}") > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    if len(lines) > MAX_LINES:
        lines = [*lines[: MAX_LINES - 1], lines[MAX_LINES - 1] + " …"]
    for number, line in enumerate(lines):
        while font.getlength(line) > width:  # a word of its own line that is too long
            line = line.removesuffix("…")[:-1] + "…"
        lines[number] = line
    return "\n".join(lines)
