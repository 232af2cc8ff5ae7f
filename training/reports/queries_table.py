"""The figures of judged queries as tables, for the terminal and as Markdown. Measures nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType

from training.reports.tables import NONE, Cell, Rows, markdown_lines, rich_table

PROTOCOL = "queries"
"""What the figures call themselves."""
_MEASURES = {"p10": "P@10", "ndcg10": "nDCG@10", "mrr10": "MRR@10", "success1": "first is right"}
_SHARES = {"no_answer": "no answer", "corrected": "corrected"}
MEAN = "mean of the kinds"
_RULES = (
    "Per cent, with 95 % intervals (bootstrap over the queries of a kind). P@10: right ones among the first ten, of as "
    "many as there can be. No answer: queries without a result at the automatic cutoff."
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
    modes: Mapping[str, Any] = result["modes"]
    first = next(iter(modes.values()))
    side_by_side: list[list[Cell]] = [
        [kind, figures["queries"], *(mode["kinds"][kind]["p10"] for mode in modes.values())]
        for kind, figures in first["kinds"].items()
        if "p10" in figures
    ]
    if side_by_side:
        side_by_side.append([MEAN, NONE, *(mode["mean"]["p10"] for mode in modes.values())])
    across = [
        *((f"{kind}: P@10, as a part of that of the clean English text", ("ratios", kind)) for kind in first["ratios"]),
        ("no answer where nothing is right", ("cutoff", "nothing")),
        ("right results that the automatic cutoff leaves out", ("cutoff", "lost")),
        ("queries changed that have no typo", ("changed",)),
    ]
    overall: list[list[Cell]] = [[name, *(_at(mode, path) for mode in modes.values())] for name, path in across]
    overall = [line for line in overall if any(cell != NONE for cell in line[1:])]
    tables = [Rows(["P@10", "queries", *modes], side_by_side), Rows(["of all", *modes], overall)]
    for name, mode in modes.items():
        lines: list[list[Cell]] = [
            [kind, *(figures.get(key, NONE) for key in (*_MEASURES, *_SHARES))]
            for kind, figures in mode["kinds"].items()
        ]
        tables.append(Rows([f"mode {name}", *_MEASURES.values(), *_SHARES.values()], lines))
    return [rows for rows in tables if rows.lines]


def queries_terminal(result: Mapping[str, Any]) -> RenderableType:
    """Return the figures for a rich console."""
    shown = [rich_table(rows) for rows in queries_tables(result)]
    return Group(f"[bold]{queries_headline(result)}[/bold]", *shown, _RULES)


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
