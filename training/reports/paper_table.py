"""The source paper's table beside ours, as Markdown and for the terminal. Shows a comparison; measures nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType

from training.reports.tables import NONE, Cell, Rows, markdown_lines, read_figures, rich_table

PAPER: tuple[dict[str, Any], ...] = (
    {"text": {"model_type": "bert"}, "image": {"model_type": "resnet"}, "top1": 0.0074, "top100": 0.3451},
    {"text": {"model_type": "bert"}, "image": {"model_type": "vit"}, "top1": 0.0087, "top100": 0.3711},
    {"text": {"model_type": "gpt2"}, "image": {"model_type": "vit"}, "top1": 0.0, "top100": 0.001},
)
"""The source paper's table: image → text over all pairs, trained and scored on the same pairs, 5 epochs of batch 64."""

SCORES = (
    ("strict_id", "top1", "top-1, the product"),
    ("strict_id", "top100", "top-100, the product"),
    ("same_title", "top1", "top-1, its title"),
    ("same_title", "top100", "top-100, its title"),
    ("titles", "recall10", "R@10, titles → images"),
)
"""What a run is scored by: the protocol, its figure, and the heading of its column."""

_FAMILIES = {"bert": "BERT", "gpt2": "GPT-2", "resnet": "ResNet", "vit": "ViT", "dinov2": "DINOv2"}
_NOTE = (
    "Per cent, with 95 % intervals; a tie counts against us. The paper's table does not tell how it takes products of "
    "equal titles; its figures stand under the stricter rule."
)


def read_comparison(path: Path) -> dict[str, Any]:
    """Read a comparison that was written as JSON.

    Raises:
        InputError: no such file, or other JSON.
    """
    return read_figures(path, comparison_markdown, "comparison", "vitrine compare")


def comparison_markdown(result: dict[str, Any]) -> str:
    """Return the paper's rows and ours as Markdown, those of a family together: the figures, then how they were made.

    Two tables: one of all columns is wider than a page.
    """
    facts = [
        "run",
        "text tower",
        "image tower",
        "parameters",
        "pixels",
        "epochs × batch",
        "pairs",
        "trained on",
        "time",
    ]
    figures = Rows(["run", *(name for _, _, name in SCORES)], [])
    runs = Rows(facts, [])
    for row in _in_order(result):
        made = _facts(row)
        figures.lines.append([made[0], *_cells(row)])
        runs.lines.append([*made])
    lines = [f"{headline(result)}. {_NOTE}", "", *markdown_lines(figures), "", *markdown_lines(runs)]
    return "\n".join(lines) + "\n"


def comparison_table(result: dict[str, Any]) -> RenderableType:
    """Return the paper's rows and ours for a rich console: the figures, and how each run was made."""
    headings = [name.replace(", ", "\n").replace(" → ", " →\n") for _, _, name in SCORES]
    figures = Rows(["run", *headings], [])
    runs = Rows(["run", "towers", "model", "training"], [])
    for row in _in_order(result):
        name, text, image, parameters, size, epochs, pairs, trained_on, seconds = _facts(row)
        training = f"{epochs}, {pairs}\n{trained_on}\n{seconds}"
        figures.lines.append([name, *_cells(row)])
        runs.lines.append([name, f"{text}\n{image}", f"{parameters}\n{size}", training])
    return Group(f"[bold]{headline(result)}[/bold]", rich_table(figures), rich_table(runs), _NOTE)


def headline(result: dict[str, Any]) -> str:
    """Return one line that says what was measured, and whether on the pairs of the training."""
    runs = result["runs"]
    line = f"{result['source']}: {runs[0]['pairs']['scored']:,} pictures ask for their text among those of all pairs"
    return line + ("; trained and scored on the same pairs" if all(_on_the_same(run) for run in runs) else "")


def _in_order(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield each of the paper's rows, followed by the runs of its family; then the other families."""
    runs = list(result["runs"])
    for row in result["paper"]:
        yield row
        beside = [run for run in runs if _family(run) == _family(row)]
        yield from beside
        runs = [run for run in runs if run not in beside]
    yield from runs


def _family(row: dict[str, Any]) -> tuple[str, str]:
    return row["text"]["model_type"], row["image"]["model_type"]


def _on_the_same(run: dict[str, Any]) -> bool:
    return bool(
        run["pairs"]["trained"] == run["pairs"]["scored"] and run["titles"]["trained"] == run["titles"]["scored"]
    )


def _facts(run: dict[str, Any]) -> list[str]:
    """Return the cells before a row's figures, the name first."""
    if "scores" not in run:
        text, image = (_FAMILIES[model_type] for model_type in _family(run))
        facts = [f"the paper: {text} + {image}", text, image, NONE, "224×224 px", "5 × 64", "about 44,000 pairs"]
        return [*facts, "the same pairs", NONE]
    pairs, titles = run["pairs"], run["titles"]
    if _on_the_same(run):
        trained_on = "the same pairs"
    elif titles["trained"] is None:
        trained_on = "other data"
    else:
        trained_on = f"{titles['trained'] / titles['scored']:.1%} of the titles"
    height, width = run["size"]
    return [
        run["name"],
        _origin(run["text"]),
        _origin(run["image"]),
        f"{run['parameters'] / 1e6:,.1f}M",
        f"{height}×{width} px",
        f"{run['epochs']} × {run['batch']}",
        f"{pairs['trained']:,} pairs",
        trained_on,
        f"{run['seconds']:,.0f} s, {run['device']}",
    ]


def _origin(tower: dict[str, Any]) -> str:
    family = _FAMILIES.get(tower["model_type"], tower["model_type"])
    return f"{family}, {tower['source'] or 'from scratch, ' + tower['size']}"


def _cells(row: dict[str, Any]) -> list[Cell]:
    """Return the figures of a row; the paper has those of the stricter rule only, without intervals."""
    if "scores" in row:
        return [row["scores"][part][name] for part, name, _ in SCORES]
    return [f"{100 * row[name]:.2f}" if part == "strict_id" else NONE for part, name, _ in SCORES]


def complaint(failed: dict[str, str]) -> str:
    """Return one line that says which runs are missing from the comparison, and why."""
    return "; ".join(f"{name}: {reason}" for name, reason in failed.items()) + " (all other runs are kept)"
