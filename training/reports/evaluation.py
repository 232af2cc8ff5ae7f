"""The evaluation of a catalogue: as data, as tables for the terminal, and as Markdown. Measures with index.metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType

from common import InputError
from index import KAGL_ATTRIBUTES, Location, evaluate_kagl, evaluate_split, open_catalogue
from training.reports.against_table import PROTOCOL as AGAINST
from training.reports.against_table import against_markdown, against_tables, against_terminal
from training.reports.queries_table import PROTOCOL, queries_markdown, queries_terminal
from training.reports.tables import NONE, Cell, Rows, csv_text, markdown_lines, read_figures, rich_table

_DIRECTIONS = {"image_to_text": "image → text", "text_to_image": "text → image"}
_RIGHT = {"strict_id": "the product", "same_title": "its title"}
_PRODUCT_MEASURES = {"top1": "top-1", "top5": "top-5", "top10": "top-10", "top100": "top-100", "mrr10": "MRR@10"}
_TITLE_MEASURES = {"recall1": "R@1", "recall10": "R@10", "recall100": "R@100", "mrr10": "MRR@10"}
_PRECISIONS = {"p1": "P@1", "p10": "P@10"}
_DOCUMENTS = {"image": "ours: image", "image_and_text": "ours: image + title"}

PROTOCOLS = ("pairs", "kagl")

KAGL_ROWS = {
    # model: titles (R@1, R@10, MRR@10), then for masterCategory, subCategory, articleType, baseColour: (P@1, P@10).
    "Marqo-FashionSigLIP": ((0.179, 0.489, 0.293), (0.571, 0.686), (0.711, 0.687), (0.704, 0.629), (0.587, 0.502)),
    "Marqo-FashionCLIP": ((0.159, 0.446, 0.265), (0.714, 0.571), (0.667, 0.613), (0.725, 0.613), (0.500, 0.496)),
    "FashionCLIP 2.0": ((0.122, 0.404, 0.217), (0.714, 0.686), (0.600, 0.571), (0.634, 0.577), (0.413, 0.443)),
    "OpenFashionCLIP": ((0.091, 0.325, 0.170), (0.429, 0.557), (0.467, 0.491), (0.542, 0.489), (0.478, 0.465)),
    "ViT-B-16 laion2b": ((0.155, 0.435, 0.259), (0.571, 0.529), (0.622, 0.573), (0.683, 0.573), (0.500, 0.474)),
    "ViT-B-16-SigLIP": ((0.169, 0.468, 0.272), (0.714, 0.700), (0.689, 0.644), (0.669, 0.611), (0.500, 0.417)),
}
"""Published figures of other models: marqo-ai/marqo-FashionCLIP, LEADERBOARD.md of 2024-08-09, section KAGL."""

_KAGL_SOURCE = (
    "Rows without intervals: marqo-ai/marqo-FashionCLIP, LEADERBOARD.md (2024-08-09), section KAGL. Not quite the same "
    "task: those models are zero-shot and see full-size pictures, where Fashion Product Images (Small) has 60×80 px; "
    "2,000 sampled titles ask, 44,434 images are the gallery, and values ask against image + title. Ours was trained "
    "on the training split, which is in the gallery: titles of the test split it has never seen, but values are words "
    "of titles that it has, and it knows most of the pictures that answer them."
)
_KAGL_RULES = (
    "Per cent, with 95 % intervals; a tie counts against us. A title asks for all products of that title: recall is "
    "found / all, at most k / n for a title of n products. A value of an attribute asks for all products that have it: "
    "precision is found / k, at most n / k; against a product's image, or against 0.9 of its image vector + 0.1 of its "
    "title's."
)
_HUB_RULES = (
    "With hub correction: ranked as a search for the title ranks, by the cosine less the product's hubness, which is "
    "measured against the catalogue's own titles, those of the queries among them; the weight follows the number of "
    "words."
)


def evaluate_catalogue(place: Location, split: str = "test") -> dict[str, Any]:
    """Measure a catalogue with the products of `split` as queries, against all products as gallery.

    Args:
        place: a catalogue, as `vitrine index` writes it.
        split: "train", "validation", "test" or "all".

    Raises:
        InputError: an unknown split, or one without products.
        ArtefactError: no catalogue there.
    """
    with open_catalogue(place) as catalogue:
        return evaluate_split(catalogue.snapshot(), split)


def evaluate_catalogue_kagl(
    checkpoint: Path, place: Location, split: str = "test", *, device: str = "auto"
) -> dict[str, Any]:
    """Measure a catalogue by the KAGL protocol, which `index.evaluate_kagl` describes.

    Args:
        checkpoint: whose text tower encodes the values; the one that made the catalogue.
        place: a catalogue, as `vitrine index` writes it.
        split: "train", "validation", "test" or "all".
        device: "auto", "cpu", "cuda" or "cuda:N".

    Raises:
        InputError: an unknown split, or one without products.
        ArtefactError: no checkpoint or catalogue there, or a catalogue of another encoder.
    """
    from models import load_encoder

    encoder = load_encoder(checkpoint, device)
    with open_catalogue(place, encoder_id=encoder.encoder_id) as catalogue:
        return evaluate_kagl(catalogue.snapshot(), split, encoder.encode_text)


def read_result(path: Path) -> dict[str, Any]:
    """Read figures that were written as JSON.

    Raises:
        InputError: no such file, or other JSON.
    """
    return read_figures(path, markdown, "figures", "vitrine evaluate")


def tables(result: dict[str, Any]) -> list[Rows]:
    """Return the figures as tables, of products and titles as queries; for "kagl" beside those of other models."""
    if _is_kagl(result):
        return _kagl_tables(result)
    products: list[list[Cell]] = [
        [asked, meaning, *(result[direction][right][key] for key in _PRODUCT_MEASURES)]
        for direction, asked in _DIRECTIONS.items()
        for right, meaning in _RIGHT.items()
    ]
    titles = result["titles"]
    by_title: list[Cell] = [f"{titles['queries']:,} titles → images", "found / all of it"]
    by_title += [titles[key] for key in _TITLE_MEASURES]
    lines = [by_title]
    if corrected := result.get("titles_hub_corrected"):
        lines.append(["with hub correction", by_title[1], *(corrected[key] for key in _TITLE_MEASURES)])
    return [
        Rows(["query", "right is", *_PRODUCT_MEASURES.values()], products),
        Rows(["query, once per title", "right is", *_TITLE_MEASURES.values()], lines),
    ]


def slice_tables(result: dict[str, Any]) -> list[Rows]:
    """Return the figures of the titles by attribute, a table for each; none for "pairs"."""
    measures = {key: name for key, name in _TITLE_MEASURES.items() if key != "recall100"}
    return [
        Rows(
            [name, "titles", *measures.values()],
            [[line["value"], line["queries"], *(line[key] for key in measures)] for line in lines],
        )
        for name, lines in result.get("slices", {}).items()
    ]


def headline(result: dict[str, Any]) -> str:
    """Return one line that says what was measured."""
    asking = f"{result['titles']['queries']:,} titles" if _is_kagl(result) else f"{result['queries']:,} products"
    protocol = ", KAGL protocol" if _is_kagl(result) else ""
    return (
        f"{result['source']}, split {result['split']}{protocol}: {asking} ask, "
        f"{result['gallery']:,} are in the gallery; encoder {result['encoder_id']}"
    )


def terminal_table(result: dict[str, Any]) -> RenderableType:
    """Return the figures in per cent, with their 95 % intervals, for a rich console; without those per slice."""
    if result.get("protocol") == PROTOCOL:
        return queries_terminal(result)
    if result.get("protocol") == AGAINST:
        return against_terminal(result)
    parts: list[RenderableType] = [f"[bold]{headline(result)}[/bold]"]
    parts += [rich_table(rows) for rows in tables(result)]
    if _is_kagl(result):
        return Group(*parts, *_kagl_notes(result), "Apart by attribute and title frequency: --out FILE.md")
    return Group(*parts, "per cent, with 95 % intervals below; a tie counts against us")


def markdown(result: dict[str, Any]) -> str:
    """Return the figures in per cent, with their 95 % intervals, as Markdown."""
    if result.get("protocol") == PROTOCOL:
        return queries_markdown(result)
    if result.get("protocol") == AGAINST:
        return against_markdown(result)
    if _is_kagl(result):
        text = [headline(result) + ".", *(line for note in _kagl_notes(result) for line in ("", note))]
    else:
        text = [headline(result) + ". Per cent, with 95 % intervals; a tie counts against us."]
        text += ["", _HUB_RULES] if "titles_hub_corrected" in result else []
    for rows in [*tables(result), *slice_tables(result)]:
        text += ["", *markdown_lines(rows)]
    return "\n".join(text) + "\n"


def figures_csv(result: dict[str, Any]) -> str:
    """Return the figures as a table with separators: a line for each, with its interval, as parts of 1.

    Raises:
        InputError: figures of judged queries, which have no such table.
    """
    if result.get("protocol") == PROTOCOL:
        raise InputError("figures of judged queries have no table with separators; write them to .json or .md")
    if result.get("protocol") == AGAINST:
        return csv_text(against_tables(result))
    return csv_text([*tables(result), *slice_tables(result)])


def _is_kagl(result: dict[str, Any]) -> bool:
    return bool(result.get("protocol") == "kagl")


def _kagl_tables(result: dict[str, Any]) -> list[Rows]:
    titles, categories = result["titles"], result["categories"]
    others = KAGL_ROWS if _has_kagl_attributes(result) else {}
    by_title: list[list[Cell]] = [["ours", *(titles[key] for key in _TITLE_MEASURES)]]
    if corrected := result.get("titles_hub_corrected"):
        by_title.append(["ours, with hub correction", *(corrected[key] for key in _TITLE_MEASURES)])
    for model, ((recall1, recall10, mrr10), *_) in others.items():
        by_title.append([model, {"value": recall1}, {"value": recall10}, NONE, {"value": mrr10}])
    shown = [Rows(["a title asks", *_TITLE_MEASURES.values()], by_title)]
    if categories:
        for number, (key, name) in enumerate(_PRECISIONS.items()):
            by_value: list[list[Cell]] = [
                [meaning, *(figures[documents][key] for figures in categories.values())]
                for documents, meaning in _DOCUMENTS.items()
            ]
            by_value += [
                [model, *({"value": precisions[number]} for precisions in row)] for model, (_, *row) in others.items()
            ]
            shown.append(Rows([f"a value asks: {name}", *categories], by_value))
    return shown


def _kagl_notes(result: dict[str, Any]) -> list[str]:
    hubs = [_HUB_RULES] if "titles_hub_corrected" in result else []
    values = ", ".join(f"{figures['queries']:,} of {name}" for name, figures in result["categories"].items())
    return [
        _KAGL_RULES + (f" Values: {values}." if values else " The catalogue has none of the attributes."),
        *hubs,
        *([_KAGL_SOURCE] if _has_kagl_attributes(result) else []),
    ]


def _has_kagl_attributes(result: dict[str, Any]) -> bool:
    """Return whether the figures of other models compare with these: the catalogue has the same attributes."""
    return set(result["categories"]) == set(KAGL_ATTRIBUTES)
