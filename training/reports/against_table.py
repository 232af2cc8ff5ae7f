"""The comparison of two encoders as tables: for the terminal, and as Markdown. Measures nothing."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType

from training.reports.tables import Cell, Rows, markdown_lines, rich_table

PROTOCOL = "against"
_DIRECTIONS = {
    "titles": "title → its images",
    "image_to_text": "image → text",
    "text_to_image": "text → image",
    "queries": "own queries",
}
_RIGHT = {"found": "found / all", "strict_id": "the product", "same_title": "its title", "judged": "judged"}
_NOTES = (
    "Per cent with 95 % intervals, differences in points. Both encoders are measured on the same titles, and the "
    "interval of a difference is of pairs: it tells whether it is more than chance. The verdict is about the titles' "
    "recall@10; of many other lines, one in twenty lies beside zero by chance."
)


def against_tables(result: dict[str, Any]) -> list[Rows]:
    """Return the measures of both sides with their difference, those of judged queries, and the slices."""
    lines = [*result["measures"], *result.get("judged", {}).get("measures", [])]
    headings = ["query", "right is", "measure", "A", "B", "B − A"]
    found: list[list[Cell]] = [
        [_DIRECTIONS[line["direction"]], _RIGHT[line["right"]], line["measure"], *_cells(line)] for line in lines
    ]
    return [
        Rows(headings, found),
        *(
            Rows(
                [name, "titles", "A recall@10", "B recall@10", "B − A"],
                [[line["value"], line["queries"], *_cells(line)] for line in slices],
            )
            for name, slices in result["slices"].items()
        ),
    ]


def against_headline(result: dict[str, Any]) -> str:
    """Return one line that says what was compared."""
    return (
        f"{result['source']}, split {result['split']}: {result['titles']:,} titles of {result['queries']:,} products "
        f"ask, {result['gallery']:,} are in the gallery; A is encoder {result['a']['encoder_id']}, B is "
        f"{result['b']['encoder_id']}"
    )


def against_terminal(result: dict[str, Any]) -> RenderableType:
    """Return the comparison for a rich console, without the slices."""
    shown = rich_table(against_tables(result)[0])
    blind = f"{len(result['side_by_side']):,} queries can be judged blind at /evaluation/beside: --out FILE.json"
    return Group(f"[bold]{against_headline(result)}[/bold]", shown, f"[bold]{result['verdict']}[/bold]", _NOTES, blind)


def against_markdown(result: dict[str, Any]) -> str:
    """Return the comparison as Markdown."""
    text = [f"**{result['verdict']}**", "", against_headline(result) + ".", "", _NOTES]
    for rows in against_tables(result):
        text += ["", *markdown_lines(rows)]
    return "\n".join(text) + "\n"


def _cells(line: dict[str, Any]) -> list[Cell]:
    return [line["a"], line["b"], line["difference"]]
