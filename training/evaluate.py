"""The figures of a catalogue, as data, as a table for the terminal and as Markdown. Measures with index.metrics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table

from common import InputError
from index import Catalogue, evaluate_split

_DIRECTIONS = {"image_to_text": "image → text", "text_to_image": "text → image"}
_RIGHT = {"strict_id": "the product", "same_title": "its title"}
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
    with Catalogue.open(folder) as catalogue:
        return evaluate_split(catalogue.snapshot(), split)


def read_result(path: Path) -> dict[str, Any]:
    """Read figures that were written as JSON.

    Raises:
        InputError: no such file, or other JSON.
    """
    try:
        result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        headline(result), tables(result)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} holds no figures ({error}); give a file from `vitrine evaluate --out`") from error
    return result


def tables(result: dict[str, Any]) -> list[tuple[list[str], list[list[str | dict[str, float]]]]]:
    """Return the figures as two tables of headings and lines: every product asks, and every title asks."""
    products: list[list[str | dict[str, float]]] = [
        [asked, meaning, *(result[direction][right][key] for key in _PRODUCT_MEASURES)]
        for direction, asked in _DIRECTIONS.items()
        for right, meaning in _RIGHT.items()
    ]
    titles = result["titles"]
    by_title: list[str | dict[str, float]] = [f"{titles['queries']:,} titles → images", "found / all of it"]
    by_title += [titles[key] for key in _TITLE_MEASURES]
    return [
        (["query", "right is", *_PRODUCT_MEASURES.values()], products),
        (["query, once per title", "right is", *_TITLE_MEASURES.values()], [by_title]),
    ]


def headline(result: dict[str, Any]) -> str:
    """Return one line that says what was measured."""
    return (
        f"{result['source']}, split {result['split']}: {result['queries']:,} products ask, "
        f"{result['gallery']:,} are in the gallery; encoder {result['encoder_id']}"
    )


def terminal_table(result: dict[str, Any]) -> RenderableType:
    """Return the figures in per cent, with their 95 % intervals, for a rich console."""
    parts: list[RenderableType] = [f"[bold]{headline(result)}[/bold]"]
    for headings, lines in tables(result):
        table = Table(box=box.SIMPLE, pad_edge=False)
        for number, heading in enumerate(headings):
            table.add_column(heading, justify="right" if number > 1 else "left", no_wrap=number > 1)
        for line in lines:
            table.add_row(*(c if isinstance(c, str) else f"[bold]{_percent(c)}[/bold]\n{_interval(c)}" for c in line))
        parts.append(table)
    return Group(*parts, "per cent, with 95 % intervals below; a tie counts against us")


def markdown(result: dict[str, Any]) -> str:
    """Return the figures in per cent, with their 95 % intervals, as Markdown."""
    text = [headline(result) + ". Per cent, with 95 % intervals; a tie counts against us."]
    for headings, lines in tables(result):
        text += ["", f"| {' | '.join(headings)} |", "|---" * 2 + "|---:" * (len(headings) - 2) + "|"]
        for line in lines:
            cells = (c if isinstance(c, str) else f"**{_percent(c)}** ({_interval(c)})" for c in line)
            text.append(f"| {' | '.join(cells)} |")
    return "\n".join(text) + "\n"


def _percent(figure: dict[str, float]) -> str:
    return f"{100 * figure['value']:.2f}"


def _interval(figure: dict[str, float]) -> str:
    return f"{100 * figure['low']:.1f}–{100 * figure['high']:.1f}"
