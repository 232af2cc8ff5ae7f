"""The figures of judged queries as tables, for the terminal and as Markdown. Measures nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType

from training.reports.tables import NONE, Cell, Rows, markdown_lines, rich_table

PROTOCOL = "queries"
"""What the figures call themselves."""
_MEASURES = {"p10": "P@10", "ndcg10": "nDCG@10", "mrr10": "MRR@10", "success1": "first is right"}
_SHARES = {"no_answer": "no answer", "lost": "lost", "corrected": "corrected"}
MEAN = "mean of the kinds"
_RULES = (
    "Per cent, with 95 % intervals (bootstrap over the queries of a kind). P@10: right ones among the first ten, of as "
    "many as there can be. No answer: queries without a result at the automatic cutoff. Lost: right results among the "
    "first ten that it leaves out."
)


def queries_headline(result: Mapping[str, Any]) -> str:
    """Return one line that says what was measured."""
    half = "" if result["half"] == "all" else f", half {result['half']}"
    return (
        f"{result['source']}: {result['queries']:,} judged queries{half}, {result['gallery']:,} products; "
        f"encoder {result['encoder_id']}"
    )


def queries_tables(result: Mapping[str, Any]) -> list[Rows]:
    """Return the figures as tables: P@10 of every mode side by side, what cuts across kinds, and each mode's own."""
    tables = [side_by_side(result), across_kinds(result)]
    for name, mode in result["modes"].items():
        lines: list[list[Cell]] = [
            [kind, *(figures.get(key, NONE) for key in (*_MEASURES, *_SHARES))]
            for kind, figures in mode["kinds"].items()
        ]
        tables.append(Rows([f"mode {name}", *_MEASURES.values(), *_SHARES.values()], lines))
    return [rows for rows in tables if rows.lines]


def side_by_side(result: Mapping[str, Any]) -> Rows:
    """Return P@10 of every kind, a column for each mode."""
    modes = result["modes"].values()
    lines: list[list[Cell]] = [
        [kind, figures["queries"], *(mode["kinds"][kind]["p10"] for mode in modes)]
        for kind, figures in next(iter(modes))["kinds"].items()
        if "p10" in figures
    ]
    if lines:
        lines.append([MEAN, NONE, *(mode["mean"]["p10"] for mode in modes)])
    return Rows(["P@10", "queries", *result["modes"]], lines)


def across_kinds(result: Mapping[str, Any]) -> Rows:
    """Return what is measured over kinds, or between two texts of a query, a column for each mode."""
    modes = result["modes"].values()
    ratios = list(dict.fromkeys(kind for mode in modes for kind in mode["ratios"]))
    places = [
        *((f"{kind}: part of P@10 of the clean English text", ("ratios", kind)) for kind in ratios),
        ("no answer where nothing is right", ("nothing",)),
        ("right results that the automatic cutoff leaves out, mean of the kinds", ("mean", "lost")),
        ("queries without a typo that were changed", ("changed",)),
    ]
    lines: list[list[Cell]] = [[name, *(_at(mode, place) for mode in modes)] for name, place in places]
    return Rows(["over kinds", *result["modes"]], [line for line in lines if any(cell != NONE for cell in line[1:])])


def queries_terminal(result: Mapping[str, Any]) -> RenderableType:
    """Return the figures for a rich console."""
    shown = [rich_table(rows) for rows in (side_by_side(result), across_kinds(result)) if rows.lines]
    rest = "The other measures, per kind: --out FILE.md"
    return Group(f"[bold]{queries_headline(result)}[/bold]", *shown, _RULES, rest)


def queries_markdown(result: Mapping[str, Any]) -> str:
    """Return the figures as Markdown."""
    text = [f"{queries_headline(result)}. {_RULES}"]
    for rows in queries_tables(result):
        text += ["", *markdown_lines(rows, 1)]
    return "\n".join(text) + "\n"


def _at(mode: Mapping[str, Any], path: tuple[str, ...]) -> Cell:
    """Return a figure by its place; nothing where it was not measured."""
    figure: Any = mode
    for key in path:
        figure = figure.get(key, {})
    return figure or NONE
