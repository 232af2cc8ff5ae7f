"""What another form of a checkpoint costs: its vectors and its recall beside the original's. Knows no training loop."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from common import DataError
from index import SplitRule, evaluate
from models import Encoder
from training.data import Dataset, chunks, decode_pictures
from training.progress import bar, report_console

SAMPLE = 5000
"""Products that the cost is measured on, at most."""
CHUNK = 32
"""Pictures encoded at once."""
FIGURES = {"recall1": "R@1", "recall10": "R@10", "mrr10": "MRR@10"}
"""Which figures of `index.evaluate` are compared, and their names in tables."""


def compare_encoders(
    original: Encoder, other: Encoder, dataset: Dataset, console: Console | None = None, *, name: str = "packed"
) -> dict[str, Any]:
    """Measure on validation products how far the vectors of `other` are from those of `original`, and both's recall.

    Every validation product is taken, up to `SAMPLE` drawn with a fixed seed; they are queries and gallery.

    Args:
        original: what `other` was made from; its split says which titles are for validation.
        other: the same model in another form.
        dataset: whose pictures and titles are encoded.
        console: where to report progress; standard error when not given.
        name: of `other` in the result.

    Returns:
        As JSON data `data`, `products`, `cosine` (for `image` and `text`: `mean` and `min`), and `original` and
        `name`: text to image `recall1`, `recall10` and `mrr10`, each `{"value", "low", "high"}` as `index.evaluate`
        gives them once per title.

    Raises:
        DataError: the data set has no product for validation.
    """
    rule = SplitRule(**original.training["split"])
    rows = np.array([row for row, item in enumerate(dataset.items) if rule.of(item.title) == "validation"], dtype=int)
    if len(rows) > SAMPLE:
        rows = np.sort(np.random.default_rng(0).choice(rows, SAMPLE, replace=False))
    sample = dataclasses.replace(dataset, items=[dataset.items[row] for row in rows])
    encoders = {"original": original, name: other}
    parts: dict[str, list[np.ndarray]] = {which: [] for which in encoders}
    titles: list[str] = []
    with bar("comparing", len(rows), "images", console or report_console()) as advance:
        # One pass over the pictures: both are prepared alike.
        for chunk in chunks(decode_pictures(sample, original.read_image), CHUNK):
            titles += [sample.items[position].title for position, _, _ in chunk]
            for which, encoder in encoders.items():
                parts[which].append(encoder.encode_pixels([pixels for _, _, pixels in chunk]))
            advance(len(chunk))
    if not titles:
        raise DataError(
            f"{dataset.name} has no usable product among the titles for validation; measure with a larger data set"
        )
    images = {which: np.concatenate(rows) for which, rows in parts.items()}  # (V, D) each
    texts = {which: encoder.encode_text(titles) for which, encoder in encoders.items()}
    figures: dict[str, Any] = {"data": dataset.name, "products": len(titles), "cosine": {}}
    for kind, vectors in (("image", images), ("text", texts)):
        cosines = (vectors["original"] * vectors[name]).sum(axis=1)
        figures["cosine"][kind] = {"mean": round(float(cosines.mean()), 6), "min": round(float(cosines.min()), 6)}
    for which in encoders:
        measured = evaluate(images[which], texts[which], titles, np.arange(len(titles)))["titles"]
        figures[which] = {key: measured[key] for key in FIGURES}
    return figures


def cost_table(measured: dict[str, Any]) -> Table:
    """Return what `compare_encoders` measured as a table for the terminal."""
    table = Table(
        title=f"{measured['data']}: {measured['products']:,} validation products, text to image once per title",
        caption=f"95 % intervals; {_cosines(measured['cosine'])}",
    )
    for heading in ("checkpoint", *FIGURES.values()):
        table.add_column(heading, justify="left" if heading == "checkpoint" else "right")
    for name, cells in _rows(measured):
        table.add_row(name, *cells)
    return table


def cost_markdown(measured: dict[str, Any]) -> str:
    """Return what `compare_encoders` measured as a paragraph and a table for a model card."""
    text = (
        f"On {measured['products']:,} validation products of {measured['data']}, which are queries and gallery: "
        f"{_cosines(measured['cosine'])}.\nText to image, once per title, with 95 % intervals:\n\n"
        f"| checkpoint | {' | '.join(FIGURES.values())} |\n|---|---|---|---|\n"
    )
    return text + "".join(f"| {name} | {' | '.join(cells)} |\n" for name, cells in _rows(measured))


def _cosines(cosine: dict[str, dict[str, float]]) -> str:
    image, text = cosine["image"], cosine["text"]
    return (
        f"cosine to the original {image['mean']:.5f} for pictures (at least {image['min']:.5f}) "
        f"and {text['mean']:.5f} for titles (at least {text['min']:.5f})"
    )


def _rows(measured: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Return (name of the checkpoint, a cell for each of `FIGURES`) for both checkpoints."""
    return [
        (name, ["{value:.3f} ({low:.3f}–{high:.3f})".format(**figures[key]) for key in FIGURES])
        for name, figures in measured.items()
        if isinstance(figures, dict) and FIGURES.keys() <= figures.keys()
    ]
