"""Tables of the README and of pages in docs/, from the committed JSON beside them; the words between stay.

python -m tests.benchmarks.results README.md docs/results.md docs/search.md docs/pages.md docs/paper.md docs/paper.fr.md
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from common import atomic_file
from index.ranking import shipped_calibration
from tests.benchmarks import (
    ablation,
    beside,
    collages,
    export_cost,
    first_view,
    languages,
    paper,
    search_edits,
    search_parts,
    search_speed,
    tag,
    typing,
)
from training.reports import comparison_markdown, markdown, read_comparison, read_result

DOCS = Path(__file__).parents[2] / "docs"

GOALS = (
    ("held-out titles, R@10", "kagl-test", ("titles", "recall10"), 0.48),
    ("held-out titles, MRR@10", "kagl-test", ("titles", "mrr10"), 0.21),
    ("held-out titles, R@10, corrected for hubs", "kagl-test", ("titles_hub_corrected", "recall10"), 0.53),
    ("held-out titles, MRR@10, corrected for hubs", "kagl-test", ("titles_hub_corrected", "mrr10"), 0.31),
    ("all pairs, image → text, top-1 of its title", "evaluation-all", ("image_to_text", "same_title", "top1"), 0.60),
    (
        "all pairs, image → text, top-100 of its title",
        "evaluation-all",
        ("image_to_text", "same_title", "top100"),
        0.99,
    ),
)
"""What the project set out for: name, file, place in it, at least."""


def goals(folder: Path) -> str:
    """Return the goals beside what came out, and what the checkpoints before this one reached."""
    earlier = _json(folder, "earlier")["models"]
    head = ["figure", "goal", "measured", "95 % interval", *earlier]
    rows = []
    for name, file, place, least in GOALS:
        figure = _figure(_json(folder, file), place)
        low, high = 100 * figure["low"], 100 * figure["high"]
        measured = [f"{100 * least:.0f}", f"**{100 * figure['value']:.1f}**", f"{low:.1f}–{high:.1f}"]
        before = [_figure(model[file], place) for model in earlier.values()]
        rows.append([name, *measured, *(f"{100 * one['value']:.1f}" if one else "–" for one in before)])
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join([*(f"| {' | '.join(line)} |" for line in lines), "", "Per cent."])


def _figure(figures: Any, place: Sequence[str]) -> Any:
    """Return the figure at a place; None where it was not measured then."""
    for key in place:
        figures = (figures or {}).get(key)
    return figures


def throughput(folder: Path) -> str:
    """Return what `vitrine train --benchmark --json` printed, as a table."""
    lines = [
        "| config | device | batch | samples/s | on tensors in memory | ratio | GFLOP a pair | MFU |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, figures in _json(folder, "training-speed").items():
        mfu = f"{100 * figures['mfu']:.1f} %" if "mfu" in figures else "–"
        lines.append(
            f"| {name} | {figures['device']} | {figures['batch_size']} | {figures['samples_per_second']:,.0f} "
            f"| {figures['synthetic_samples_per_second']:,.0f} | {figures['ratio']:.3f} "
            f"| {figures['flops_per_sample'] / 1e9:,.1f} | {mfu} |"
        )
    return "\n".join(lines)


def relevance(_: Path) -> str:
    """Return what the shipped curves were measured to be worth: how often results of a relevance are right."""
    calibration = shipped_calibration()
    kinds = calibration.measured["kinds"]
    lines = [
        "| kind of query | queries | results | Brier score | calibration error | `auto` | right ones lost, % |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for kind, one in kinds.items():
        lines.append(
            f"| {kind} | {one['queries']:,} | {one['hits']:,} | {one['brier']:.3f} | {one['calibration_error']:.3f} "
            f"| {calibration.auto[kind]:.3f} | {100 * one['lost']:.1f} |"
        )
    lines += [
        "",
        f"| relevance | {' | '.join(f'{kind}: right, %' for kind in kinds)} |",
        "|---|" + "---:|" * len(kinds),
    ]
    for low in range(0, 100, 10):
        cells = [
            next(
                (f"{100 * part['right']:.0f}" for part in one["bins"] if low <= 100 * part["expected"] < low + 10), "–"
            )
            for one in kinds.values()
        ]
        lines.append(f"| .{low // 10}–{f'.{low // 10 + 1}' if low < 90 else '1'} | {' | '.join(cells)} |")
    return "\n".join(lines)


SECTIONS: dict[str, Callable[[Path], str]] = {
    "goals": goals,
    "beside": lambda folder: beside.table(_json(folder, "kagl-test"), _json(folder, "performance/peers")),
    "kagl": lambda folder: markdown(read_result(folder / "kagl-test.json")),
    "all": lambda folder: markdown(read_result(folder / "evaluation-all.json")),
    "paper": lambda folder: comparison_markdown(read_comparison(folder / "paper.json")),
    "paper-short": lambda folder: paper.table(_json(folder, "paper"), "en"),
    "paper-french": lambda folder: paper.table(_json(folder, "paper"), "fr"),
    "ablation": lambda folder: ablation.table(_json(folder, "ablation")),
    "throughput": throughput,
    "export": lambda folder: export_cost.table(_json(folder, "export-cost"), _json(folder, "earlier")["export-cost"]),
    "queries": lambda folder: markdown(read_result(folder / "search-queries.json")),
    "relevance": relevance,
    "parts": lambda folder: search_parts.table(_json(folder, "search-parts")),
    "collages": lambda folder: collages.table(_json(folder, "collages")),
    "first-view": lambda folder: first_view.table(_json(folder, "first-view")),
    "languages": lambda folder: languages.markdown(_json(folder, "languages")),
    "tag": lambda folder: tag.table(_json(folder, "search-tag")),
    "edits": lambda folder: search_edits.table(_json(folder, "search-edits")),
    "speed": lambda folder: search_speed.table(_json(folder, "search-speed")),
    "typing": lambda folder: typing.table(_json(folder, "search-typing")),
}


def rendered(page: Path) -> str:
    """Return the page with its sections written again: the text between `<!-- name -->` and `<!-- /name -->`."""
    text = page.read_text(encoding="utf-8")
    for name, make in SECTIONS.items():
        opening, closing = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        if opening in text:
            before, rest = text.split(opening, 1)
            text = f"{before}{opening}{make(DOCS).strip()}\n{closing}{rest.split(closing, 1)[1]}"
    return text


def _json(folder: Path, name: str) -> Any:
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", type=Path, nargs="+")
    for page in parser.parse_args().pages:
        made = rendered(page)
        with atomic_file(page) as new:
            new.write_text(made, encoding="utf-8")
