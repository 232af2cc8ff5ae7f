"""What another form of a checkpoint costs: its vectors and its recall beside the original's. Knows no training loop.

The gallery is the whole catalogue. Among the products for validation alone, a form that loses two points of recall
against the whole gallery seems to lose nothing (issue 19).
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from common import DataError
from index import SplitRule, title_key
from index.metrics import paired_figures
from models import Encoder
from training.data import Dataset, chunks, decode_pictures
from training.gallery import query_values
from training.progress import bar, report_console

MOST = 50_000
"""Products of the gallery at the most; more are drawn from."""
CHUNK = 32
"""Pictures encoded at once."""
FIGURES = {"recall1": "R@1", "recall10": "R@10", "mrr10": "MRR@10"}
"""Which figures are compared, and their names in tables."""
RANKINGS = {"cosine": "cosine", "hub_corrected": "corrected for hubs"}
"""By what products are ranked (`training.gallery`), and its name in tables."""


def compare_encoders(
    original: Encoder, other: Encoder, dataset: Dataset, console: Console | None = None, *, name: str = "packed"
) -> dict[str, Any]:
    """Measure how far the vectors of `other` are from those of `original`, and how well both find validation products.

    Every distinct title for validation is a query. All products are the gallery, up to `MOST` drawn with a fixed seed.
    Two encoders encode about 50 pictures a second on two cores: 40,000 products take a quarter of an hour.

    Args:
        original: what `other` was made from; its split says which titles are for validation.
        other: the same model in another form.
        dataset: whose pictures and titles are encoded.
        console: where to report progress; standard error when not given.
        name: of `other` in the result.

    Returns:
        As JSON data `data`, `products`, `queries`, `vectors` (for `image` and `text` the cosine's `mean` and `min`),
        and for `original`, `name` and `difference` (other less original): ranking (`cosine`, `hub_corrected`) ->
        `recall1`, `recall10` and `mrr10`, each `{"value", "low", "high"}`; the difference has a paired interval.

    Raises:
        DataError: the data set has no product for validation.
    """
    rule = SplitRule(**original.training["split"])
    items = dataset.items
    if len(items) > MOST:
        rows = np.sort(np.random.default_rng(0).choice(len(items), MOST, replace=False))
        items = [items[row] for row in rows.tolist()]
    nothing = DataError(
        f"{dataset.name} has no usable product among the titles for validation; measure with a larger data set"
    )
    if not any(rule.of(item.title) == "validation" for item in items):
        raise nothing
    sample = dataclasses.replace(dataset, items=items)
    encoders = {"original": original, name: other}
    parts: dict[str, list[np.ndarray]] = {which: [] for which in encoders}
    titles: list[str] = []
    with bar("comparing", len(items), "images", console or report_console()) as advance:
        # One pass over the pictures: both are prepared alike.
        for chunk in chunks(decode_pictures(sample, original.read_image), CHUNK):
            titles += [items[position].title for position, _, _ in chunk]
            for which, encoder in encoders.items():
                parts[which].append(encoder.encode_pixels([pixels for _, _, pixels in chunk]))
            advance(len(chunk))
    chosen = torch.tensor([rule.of(title) == "validation" for title in titles], dtype=torch.bool)
    if not chosen.any():
        raise nothing
    wording: dict[str, str] = {}
    for title in titles:
        wording.setdefault(title_key(title), title)
    number_of = {key: number for number, key in enumerate(wording)}
    numbers = torch.tensor([number_of[title_key(title)] for title in titles])
    images = {which: np.concatenate(rows) for which, rows in parts.items()}  # (N, D) each
    texts = {which: encoder.encode_text(list(wording.values())) for which, encoder in encoders.items()}  # (T, D) each
    return {"data": dataset.name, **_cost(images, texts, numbers, chosen, name)}


def _cost(
    images: dict[str, np.ndarray], texts: dict[str, np.ndarray], numbers: torch.Tensor, chosen: torch.Tensor, name: str
) -> dict[str, Any]:
    """Return what vectors of N products and T distinct titles cost: those of `name` beside those of "original".

    Args:
        images: (N, D) of each side.
        texts: (T, D) of each side.
        numbers: (N,) of each product's title.
        chosen: (N,) bool, the products whose titles are queries.
        name: of the other side.
    """
    found = {
        which: query_values(torch.from_numpy(images[which]), torch.from_numpy(texts[which]), numbers, chosen)
        for which in images
    }
    figures: dict[str, Any] = {
        "products": len(numbers),
        "queries": int(torch.unique(numbers[chosen]).numel()),
        "vectors": {kind: _cosine(both["original"], both[name]) for kind, both in (("image", images), ("text", texts))},
        "original": {},
        name: {},
        "difference": {},
    }
    for ranking in RANKINGS:
        before, after = (
            {key: found[which][ranking][key].double().numpy() for key in FIGURES} for which in ("original", name)
        )
        for key, paired in paired_figures((before, after), np.ones(figures["queries"])).items():
            for which, side in (("original", "a"), (name, "b"), ("difference", "difference")):
                figures[which].setdefault(ranking, {})[key] = paired[side]
    return figures


def _cosine(original: np.ndarray, other: np.ndarray) -> dict[str, float]:
    cosines = (original * other).sum(axis=1)
    return {"mean": round(float(cosines.mean()), 6), "min": round(float(cosines.min()), 6)}


def cost_table(measured: dict[str, Any]) -> Table:
    """Return what `compare_encoders` measured as a table for the terminal."""
    table = Table(title=_title(measured), caption=f"95 % intervals; {_cosines(measured['vectors'])}")
    for heading in ("ranked by", "checkpoint", *FIGURES.values()):
        table.add_column(heading, justify="right" if heading in FIGURES.values() else "left")
    for row in _rows(measured):
        table.add_row(*row)
    return table


def cost_markdown(measured: dict[str, Any]) -> str:
    """Return what `compare_encoders` measured as a paragraph and a table for a model card or a page."""
    text = (
        f"{_title(measured)}.\nVectors: {_cosines(measured['vectors'])}. With 95 % intervals, paired for the "
        f"difference:\n\n| ranked by | checkpoint | {' | '.join(FIGURES.values())} |\n|---|---|---|---|---|\n"
    )
    return text + "".join(f"| {' | '.join(row)} |\n" for row in _rows(measured))


def _title(measured: dict[str, Any]) -> str:
    return (
        f"{measured['data']}: text to image with {measured['queries']:,} titles for validation among all "
        f"{measured['products']:,} products"
    )


def _cosines(cosine: dict[str, dict[str, float]]) -> str:
    image, text = cosine["image"], cosine["text"]
    return (
        f"cosine to the original {image['mean']:.5f} for pictures (at least {image['min']:.5f}) "
        f"and {text['mean']:.5f} for titles (at least {text['min']:.5f})"
    )


def _rows(measured: dict[str, Any]) -> list[list[str]]:
    """Return the cells of a table: of each ranking both checkpoints and their difference."""
    names = [name for name, found in measured.items() if isinstance(found, dict) and RANKINGS.keys() <= found.keys()]
    return [
        [label, name, *(_cell(measured[name][ranking][key], name == "difference") for key in FIGURES)]
        for ranking, label in RANKINGS.items()
        for name in names
    ]


def _cell(figure: dict[str, float], signed: bool) -> str:
    sign = "+" if signed else ""
    return f"{figure['value']:{sign}.3f} ({figure['low']:{sign}.3f} to {figure['high']:{sign}.3f})"
