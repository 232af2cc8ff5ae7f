"""The report of a training run, beside its checkpoint: figures, plots, slices and a contact sheet.

Takes the validation products and their vectors as they are: knows no model and no training loop.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from common import atomic_folder, read_json, write_json
from index import Product, evaluate, title_slices
from training.data import Item
from training.reports import plots
from training.reports.contact_sheet import draw_contact_sheet
from training.reports.files import CURVES, FIGURES, FOLDER, RECALL, SHEET, SLICES, TEMPERATURE
from training.reports.plots import IMAGE_TO_TEXT, TEXT_TO_IMAGE
from training.reports.same_title import calibration, number_titles, same_title_ranks
from training.resume import LOG_FILE, METRICS_FILE

MAX_K = 100
"""Largest k at which recall@k is drawn."""


def write_report(
    folder: Path, items: Sequence[Item], image_vectors: np.ndarray, text_vectors: np.ndarray
) -> dict[str, Any]:
    """Write `folder`/report and return its figures; it replaces an earlier one when it is complete.

    Every product of validation is a query, and all of them are the gallery. An item whose picture cannot be read is a
    blank on the contact sheet.

    Args:
        folder: the checkpoint's, with its log and metrics.
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
    log = [json.loads(line) for line in (folder / LOG_FILE).read_text(encoding="utf-8").splitlines()]
    metrics = read_json(folder / METRICS_FILE, "train again")
    titles = [item.title for item in items]
    everyone = np.arange(len(items))
    groups = number_titles(titles)
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
        plots.curves(log, metrics["history"], metrics["best_epoch"]).savefig(beside / CURVES)
        plots.temperature(log, figures["calibration"]).savefig(beside / TEMPERATURE)
        plots.recall(figures).savefig(beside / RECALL)
        draw_contact_sheet(items, image_vectors, text_vectors).save(beside / SHEET, quality=80)
        write_json(beside / SLICES, figures["slices"])
        write_json(beside / FIGURES, figures)
    return figures
