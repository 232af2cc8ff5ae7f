"""The source paper's table beside ours, short and in two languages: docs/paper.md and docs/paper.fr.md."""

from __future__ import annotations

from typing import Any

HEADINGS = {
    "en": ("towers", "the paper: top-1", "top-100", "here: top-1", "top-100", "its title, top-1", "top-100", "time"),
    "fr": (
        "tours",
        "l’article : 1er résultat",
        "100 premiers",
        "ici : 1er résultat",
        "100 premiers",
        "son titre, 1er résultat",
        "100 premiers",
        "durée",
    ),
}
NAMES = {"bert": "BERT", "gpt2": "GPT-2", "resnet": "ResNet", "vit": "ViT"}


def table(comparison: dict[str, Any], language: str) -> str:
    """Return a row for each family of the paper in Markdown, in per cent.

    Args:
        comparison: `docs/paper.json`, as `vitrine compare` writes it.
        language: a key of `HEADINGS`.
    """
    lines = [f"| {' | '.join(HEADINGS[language])} |", "|---|---:|---:|---:|---:|---:|---:|---:|"]
    for theirs in comparison["paper"]:
        family = (theirs["text"]["model_type"], theirs["image"]["model_type"])
        cells = [theirs["top1"], theirs["top100"]]
        ours = next(run for run in comparison["runs"] if _family(run) == family)
        for right in ("strict_id", "same_title"):
            cells += [ours["scores"][right][place]["value"] for place in ("top1", "top100")]
        figures = " | ".join(_percent(cell, language) for cell in cells)
        lines.append(f"| {NAMES[family[0]]} + {NAMES[family[1]]} | {figures} | {ours['seconds'] / 60:.0f} min |")
    return "\n".join(lines)


def _family(run: dict[str, Any]) -> tuple[str, str]:
    return run["text"]["model_type"], run["image"]["model_type"]


def _percent(share: float, language: str) -> str:
    text = f"{100 * share:.2f}"
    return text.replace(".", ",") if language == "fr" else text
