"""The figures of a catalogue, as data, as a table for the terminal and as Markdown. Measures with index.metrics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from rich.markup import escape
from rich.table import Table

from common import InputError
from index import SPLITS, Catalogue, evaluate

ALL = "all"

_DIRECTIONS = {"image_to_text": "image → text", "text_to_image": "text → image"}
_RIGHT = {"strict_id": "the product itself", "same_title": "any of the same title"}
_PRODUCT_MEASURES = {"top1": "top-1", "top5": "top-5", "top10": "top-10", "top100": "top-100", "mrr10": "MRR@10"}
_TITLE_MEASURES = {"recall1": "R@1", "recall10": "R@10", "recall100": "R@100", "mrr10": "MRR@10"}


def evaluate_catalogue(folder: Path, split: str = "test") -> dict[str, Any]:
    """Measure the catalogue in `folder` with the products of `split` as queries, against all products as gallery.

    Args:
        folder: a catalogue, as `vitrine index` writes it.
        split: "train", "validation", "test" or "all".

    Raises:
        InputError: an unknown split, or one without products.
        ArtefactError: no catalogue there.
    """
    if split not in (*SPLITS, ALL):
        raise InputError(f"there is no split {split!r}; choose one of {', '.join((*SPLITS, ALL))}")
    with Catalogue.open(folder) as catalogue:
        snapshot = catalogue.snapshot()
    queries = np.array([i for i, p in enumerate(snapshot.products) if split in (p.split, ALL)], dtype=np.int64)
    if not len(queries):
        raise InputError(f"the catalogue {folder} has no product in the split {split!r}; choose another with --split")
    titles = [product.title for product in snapshot.products]
    return {
        "split": split,
        "encoder_id": snapshot.info.encoder_id,
        "catalogue_version": snapshot.version,
        "source": snapshot.info.source,
        **evaluate(snapshot.image_vectors, snapshot.text_vectors, titles, queries),
    }


def read_result(path: Path) -> dict[str, Any]:
    """Read figures that were written as JSON.

    Raises:
        InputError: no such file, or other JSON.
    """
    try:
        result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        headline(result), rows(result)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} holds no figures ({error}); give a file from `vitrine evaluate --out`") from error
    return result


def rows(result: dict[str, Any]) -> list[tuple[str, str, dict[str, dict[str, float]]]]:
    """Return the lines of the table: what is asked, what is right, and the figures by their printed names."""
    lines = []
    for direction, asked in _DIRECTIONS.items():
        for right, meaning in _RIGHT.items():
            figures = result[direction][right]
            lines.append((asked, meaning, {name: figures[key] for key, name in _PRODUCT_MEASURES.items()}))
    titles = result["titles"]
    lines.append(
        (
            f"each of {titles['queries']:,} titles → images",
            "all of that title: found / all",
            {name: titles[key] for key, name in _TITLE_MEASURES.items()},
        )
    )
    return lines


def headline(result: dict[str, Any]) -> str:
    """Return one line that says what was measured."""
    return (
        f"{result['source']}, split {result['split']}: {result['queries']:,} products ask, "
        f"{result['gallery']:,} are in the gallery; encoder {result['encoder_id']}"
    )


def terminal_table(result: dict[str, Any]) -> Table:
    """Return the figures in per cent, with their 95 % intervals, for a rich console."""
    table = Table(title=headline(result), caption="per cent, with 95 % intervals; a tie counts against us")
    for heading in ("question", "right is", "figures"):
        table.add_column(heading)
    for asked, right, figures in rows(result):
        cells = (f"{name} [bold]{_percent(f)}[/bold] {escape(_interval(f))}" for name, f in figures.items())
        table.add_row(asked, right, "   ".join(cells))
    return table


def markdown(result: dict[str, Any]) -> str:
    """Return the figures in per cent, with their 95 % intervals, as Markdown."""
    lines = [headline(result) + ".", "", "| question | right is | figures, % [95 % interval] |", "|---|---|---|"]
    for asked, right, figures in rows(result):
        cells = (f"{name} **{_percent(f)}** {_interval(f)}" for name, f in figures.items())
        lines.append(f"| {asked} | {right} | {', '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _percent(figure: dict[str, float]) -> str:
    return f"{100 * figure['value']:.2f}"


def _interval(figure: dict[str, float]) -> str:
    return f"[{100 * figure['low']:.1f}–{100 * figure['high']:.1f}]"
