"""The model card: what a checkpoint is, in words, from its config, metrics and report. Knows no torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel

from training.config import RunConfig
from training.reports.files import CURVES, FIGURES, FOLDER, RECALL, SHEET, SLICES, TEMPERATURE
from training.reports.tables import Cell, Rows, markdown_lines

PICTURES = {
    CURVES: "Training loss, validation figures and learning rate over the epochs",
    RECALL: "Recall at k = 1 to 100 in both directions",
    TEMPERATURE: "Temperature over the steps; confidence against how often the first answer is right",
    SHEET: "Titles drawn at random with the first pictures they find; green: the same title",
}
"""The pictures of the report that the card shows, with their captions."""

_MEASURES = {"recall1": "R@1", "recall10": "R@10", "mrr10": "MRR@10"}


def card_text(config: RunConfig, metrics: dict[str, Any], report: dict[str, Any] | None = None) -> str:
    """Return the README of a checkpoint folder, in Markdown, in the form of a Hugging Face model card.

    Args:
        config: the run.
        metrics: what `training.train.train` returns.
        report: what `write_report` returned; none: the card has no figures and pictures.
    """
    best: dict[str, Any] = next((entry for entry in metrics["history"] if entry["epoch"] == metrics["best_epoch"]), {})
    parts = [
        f"---\n{_front_matter(config, metrics, best)}\n---",
        f"# {config.preset}",
        "A dual encoder for image–text retrieval over a product catalogue: a text and a picture of the same product "
        f"get unit vectors that are near one another. Encoder id `{metrics['encoder_id']}`.",
        _model_table(config, metrics),
        "## Intended use",
        "Finding products of a catalogue by a text, by a picture, or by both; finding the descriptions that fit a "
        "picture; finding like products. It was made for catalogues of the kind named under *Data*: measure it on your "
        "own titles before you rely on it elsewhere (`vitrine index --data PATH`, then `vitrine evaluate`).",
        "## How to use",
        '```python\nfrom vitrine import load_encoder\n\nencoder = load_encoder("path/to/this/folder")\n'
        f'encoder.encode_text(["red dress"])  # (1, {config.model.projection.dim}) float32, unit rows\n```',
        "`vitrine index --checkpoint FOLDER --data PATH` encodes a catalogue, `vitrine serve` searches it.",
        "## Limits",
        _limits(config, report),
        "## Data",
        _data(config, metrics),
        "## Recipe",
        _recipe(config, metrics),
        "## Figures",
        *_figures(metrics, best, report),
    ]
    return "\n\n".join(parts) + "\n"


def _front_matter(config: RunConfig, metrics: dict[str, Any], best: dict[str, Any]) -> str:
    """Return the card's YAML: what the hub's search and leaderboards read (https://hf.co/docs/hub/model-cards)."""
    from huggingface_hub import EvalResult, ModelCardData

    sources = [config.model.text.source, config.model.image.source]
    results = [
        EvalResult(
            task_type="text-to-image-retrieval",
            dataset_type=metrics["data"],
            dataset_name=f"{metrics['data']}, validation titles",
            metric_type="mrr" if name == "mrr10" else "recall",
            metric_name=label,
            metric_value=best[name],
        )
        for name, label in _MEASURES.items()
        if name in best
    ]
    data = ModelCardData(
        license="apache-2.0",
        library_name="vitrine",
        pipeline_tag="feature-extraction",
        tags=["image-text-retrieval", "dual-encoder", "clip", "product-search"],
        metrics=["recall", "mrr"],
        # A hub id is owner/name; a local folder means nothing elsewhere.
        base_model=[source for source in sources if source and source.count("/") == 1 and source[0] not in "./~"]
        or None,
        model_name=config.preset if results else None,
        eval_results=results or None,
    )
    return data.to_yaml().strip()


def _model_table(config: RunConfig, metrics: dict[str, Any]) -> str:
    text, image = config.model.text, config.model.image
    height, width = image.preprocess.size
    rows = [
        ["text tower", f"{_name(text.source)} ({text.architecture['model_type']}, {text.pooling} pooling)"],
        [
            "image tower",
            f"{_name(image.source)} ({image.architecture['model_type']}, {image.pooling} pooling, {height}x{width} px)",
        ],
        ["shared space", f"{config.model.projection.dim} dimensions, unit length"],
        ["locked towers", ", ".join(sorted(config.train.locked)) or "none"],
        [
            "parameters",
            f"{metrics['parameters']['total']:,}, of which {metrics['parameters']['learned']:,} learned",
        ],
    ]
    return _table(["", ""], rows)


def _limits(config: RunConfig, report: dict[str, Any] | None) -> str:
    height, width = config.model.image.preprocess.size
    lines = [
        f"- Pictures are scaled to {height}x{width} px: what is smaller, such as small print, is not seen.",
        "- It knows the language, the brands and the kinds of product of its training titles, and repeats their "
        "habits, such as which products are called men's or women's.",
        "- It ranks; a first answer there always is, right or not, and a cosine is no probability.",
        "- It is not made to tell people apart, and pictures of people must not be searched with it for that.",
    ]
    if report:
        there, back = (100 * report["calibration"][way]["ece"] for way in ("text_to_image", "image_to_text"))
        lines[2] += (
            " Nor is its softmax over the validation gallery: as a probability of being right that is off by "
            f"{there:.1f} points (text → image) and {back:.1f} points (image → text), on average."
        )
    return "\n".join(lines)


def _data(config: RunConfig, metrics: dict[str, Any]) -> str:
    split = config.split
    return (
        f"{metrics['data']}: {metrics['pairs']['train']:,} pairs of title and picture to learn from, "
        f"{metrics['pairs']['validation']:,} to validate on. Titles were dealt out by the rule train {split.train}, "
        f"validation {split.validation}, test {split.test}, seed {split.seed}; no title stands on two sides."
    )


def _recipe(config: RunConfig, metrics: dict[str, Any]) -> str:
    """Return the fields that differ from the defaults, and how long the run took."""
    took = (
        f"{len(metrics['history'])} epochs of batch {config.train.batch_size} in {metrics['seconds']:,.0f} s on "
        f"{metrics['device']}; the weights are those of epoch {metrics['best_epoch'] + 1}."
    )
    if metrics.get("init"):
        took += f" It went on from encoder `{metrics['init']}`, which an earlier run had trained."
    changed = [[f"`{name}`", _shown(value), _shown(default)] for name, value, default in _changed(config.train)]
    if not changed:
        return f"{took} The recipe is that of the defaults (`training/config.py`)."
    return f"{took}\n\n{_table(['field', 'value', 'default'], changed)}"


def _changed(settings: BaseModel, prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield (name, value, default) of every field that differs from its default, within groups of fields too."""
    for name, field in type(settings).model_fields.items():
        value, default = getattr(settings, name), field.get_default(call_default_factory=True)
        if isinstance(value, BaseModel):
            yield from _changed(value, f"{prefix}{name}.")
        elif value != default:
            yield f"{prefix}{name}", value, default


def _figures(metrics: dict[str, Any], best: dict[str, Any], report: dict[str, Any] | None) -> Iterator[str]:
    if metrics["pairs"]["validation"] < 2:
        yield "None: the split left no titles to validate on, so there is no report."
        return
    if "hub_mrr10" in best:  # an earlier version's figures are of another gallery
        yield (
            f"Validation: text to image, once per title, titles never trained on, among {metrics['gallery']:,} "
            "pictures, with those that were trained on: "
            + ", ".join(f"{label} {best[name]:.3f}" for name, label in _MEASURES.items())
            + "; with hubs corrected (docs/results.md) "
            + ", ".join(f"{label} {best[f'hub_{name}']:.3f}" for name, label in _MEASURES.items())
            + ". A larger gallery is harder: figures of other galleries do not compare."
        )
    if not report:
        return
    yield (
        f"All {report['queries']:,} validation products ask, and are the gallery; right is a product of the same "
        "title. Per cent, with 95 % intervals."
    )
    yield _table(
        ["query", "top-1", "top-10", "top-100", "MRR@10"],
        [
            [name, *(report["retrieval"][direction]["same_title"][key] for key in _TOP)]
            for direction, name in {"text_to_image": "text → image", "image_to_text": "image → text"}.items()
        ],
    )
    yield "By kind of title; each title asks once, recall is found / all of it:"
    yield _table(
        ["", "titles", *_MEASURES.values()],
        [
            [f"{by}: {_plain(row['value'])}", row["queries"], *(row[key] for key in _MEASURES)]
            for by, rows in report["slices"].items()
            for row in rows
        ],
    )
    for file, what in PICTURES.items():
        yield f"![{what}]({FOLDER}/{file})"
        yield f"*{what}.*"
    data = (f"{FOLDER}/{file}" for file in (FIGURES, SLICES))
    yield f"The figures as data: {', '.join(f'[{path}]({path})' for path in data)}."


_TOP = ("top1", "top10", "top100", "mrr10")


def _table(headings: list[str], lines: Sequence[Sequence[Cell]]) -> str:
    return "\n".join(markdown_lines(Rows(headings, [list(line) for line in lines]), digits=1))


def _plain(text: str) -> str:
    """Keep a value of the data set from breaking a table."""
    return " ".join(text.split()).replace("|", "\\|")


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value)


def _name(source: str | None) -> str:
    return f"`{source.rstrip('/').rsplit('/', 1)[-1]}`" if source else "from scratch"
