"""From a trained checkpoint to one of half its size, fit to be passed on, and what that costs. Knows no training loop.

Stands here and not in `models`, which owns how weights are packed, because it measures on a data set and takes the
run's model card and report along.
"""

from __future__ import annotations

import dataclasses
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from common import ArtefactError, ConfigError, DataError, atomic_folder
from index import SplitRule, evaluate
from models import Encoder, load_encoder
from models.checkpoint import load_checkpoint, save_checkpoint
from models.checkpoint_folder import CONFIG_FILE, TOKENIZER_FILE, WEIGHTS_FILE, encoder_id
from training.data import chunks, decode_pictures, open_dataset
from training.progress import bar, report_console
from training.reports import FOLDER as REPORT
from training.reports import SHEET

CARD_FILE = "README.md"
SAMPLE = 5000
"""Products that the cost is measured on, at most."""
CHUNK = 32
"""Pictures encoded at once."""
FIGURES = {"recall1": "R@1", "recall10": "R@10", "mrr10": "MRR@10"}


def pack(
    checkpoint: Path,
    out: Path,
    *,
    data: Path | None = None,
    replace: bool = False,
    device: str = "auto",
    console: Console | None = None,
) -> dict[str, Any]:
    """Write the checkpoint folder `checkpoint` to `out` with its weights in int8; return sizes and, with `data`, cost.

    `out` appears when it is whole, or not at all. Model card and report come along, but for the report's sheet of
    products: those pictures belong to the data set.

    Args:
        checkpoint: as `vitrine train` writes it.
        out: a new folder, or one that holds the same model; with `replace`, another model, which is then gone.
        data: a data set on whose validation titles the packed checkpoint is held against the original.
        replace: see `out`.
        device: where that is measured.
        console: where to report progress; standard error when not given.

    Returns:
        As JSON data `encoder_id`, `packed_from`, `bytes` (`before` and `after`, of weights, config and tokenizer),
        `files` (name -> bytes), `seconds` (of packing alone), and with `data` the `cost`, as
        `compare_encoders` gives it.

    Raises:
        ArtefactError: the checkpoint cannot be used, or `out` holds something else.
        ConfigError: it is packed already, or `out` is the checkpoint itself.
        DataError: the data set cannot be read, or has no product to validate on.
    """
    checkpoint, out = checkpoint.resolve(), out.resolve()
    if out == checkpoint:
        raise ConfigError(f"{out} would take its own place; give --out another folder")
    started = time.monotonic()
    original = load_checkpoint(checkpoint)
    if original.weights == "int8":
        raise ConfigError(f"{checkpoint} is packed already; give the checkpoint that it was made from, or copy it")
    with atomic_folder(out) as beside:
        save_checkpoint(beside, original.model, original.text, original.training, weights="int8")
        packed_id = encoder_id(beside)
        _check_place(out, packed_id, replace)
        _copy_report(checkpoint, beside)
        files = (WEIGHTS_FILE, CONFIG_FILE, TOKENIZER_FILE)
        figures: dict[str, Any] = {
            "encoder_id": packed_id,
            "packed_from": original.encoder_id,
            "bytes": {
                "before": sum((checkpoint / name).stat().st_size for name in files),
                "after": sum((beside / name).stat().st_size for name in files),
            },
            "seconds": round(time.monotonic() - started, 2),
        }
        if data is not None:
            figures["cost"] = compare_encoders(
                load_encoder(checkpoint, device, "torch"), load_encoder(beside, device, "torch"), data, console
            )
        (beside / CARD_FILE).write_text(_card(checkpoint, figures), encoding="utf-8")
        figures["files"] = {
            str(path.relative_to(beside)): path.stat().st_size for path in sorted(beside.rglob("*")) if path.is_file()
        }
    return figures


def compare_encoders(
    original: Encoder, other: Encoder, data: Path, console: Console | None = None, *, name: str = "packed"
) -> dict[str, Any]:
    """Measure on products of validation how far the vectors of `other` are from those of `original`, and what it does.

    Every product of validation is taken, up to `SAMPLE` drawn with a fixed seed; they are queries and gallery.

    Returns:
        As JSON data `data`, `products`, `cosine` (for `image` and `text`: `mean` and `min`), and `original` and
        `name`: text to image `recall1`, `recall10` and `mrr10`, each `{"value", "low", "high"}` as `index.evaluate`
        gives them once per title.

    Raises:
        DataError: the data set cannot be read, or has no product to validate on.
    """
    dataset = open_dataset(data)
    rule = SplitRule(**original.training["split"])
    rows = np.array([row for row, item in enumerate(dataset.items) if rule.of(item.title) == "validation"], dtype=int)
    if len(rows) > SAMPLE:
        rows = np.sort(np.random.default_rng(0).choice(rows, SAMPLE, replace=False))
    sample = dataclasses.replace(dataset, items=[dataset.items[row] for row in rows])
    encoders = {"original": original, name: other}
    parts: dict[str, list[np.ndarray]] = {which: [] for which in encoders}
    titles: list[str] = []
    with bar("comparing", len(rows), "images", console or report_console()) as advance:
        # One pass over the pictures: both are prepared alike.
        for chunk in chunks(decode_pictures(sample, original.prepare_image), CHUNK):
            titles += [sample.items[position].title for position, _, _ in chunk]
            for which, encoder in encoders.items():
                parts[which].append(encoder.encode_pixels([pixels for _, _, pixels in chunk]))
            advance(len(chunk))
    if not titles:
        raise DataError(f"{data} has no usable product among the titles for validation; measure with a larger data set")
    images = {which: np.concatenate(rows) for which, rows in parts.items()}  # (V, D) each
    texts = {which: encoder.encode_text(titles) for which, encoder in encoders.items()}
    figures: dict[str, Any] = {"data": dataset.name, "products": len(titles), "cosine": {}}
    for kind, vectors in (("image", images), ("text", texts)):
        cosines = (vectors["original"] * vectors[name]).sum(axis=1)
        figures["cosine"][kind] = {"mean": round(float(cosines.mean()), 6), "min": round(float(cosines.min()), 6)}
    for which in encoders:
        measured = evaluate(images[which], texts[which], titles, np.arange(len(titles)))["titles"]
        figures[which] = {key: measured[key] for key in FIGURES}
    return figures


def cost_table(measured: dict[str, Any]) -> Table:
    """Return what `compare_encoders` measured as a table for the terminal."""
    table = Table(
        title=f"{measured['data']}: {measured['products']:,} validation products, text to image once per title",
        caption=f"95 % intervals; {_cosines(measured['cosine'])}",
    )
    for heading in ("checkpoint", *FIGURES.values()):
        table.add_column(heading, justify="left" if heading == "checkpoint" else "right")
    for name, cells in _cost_lines(measured):
        table.add_row(name, *cells)
    return table


def _cosines(cosine: dict[str, dict[str, float]]) -> str:
    image, text = cosine["image"], cosine["text"]
    return (
        f"cosine to the original {image['mean']:.5f} for pictures (at least {image['min']:.5f}) "
        f"and {text['mean']:.5f} for titles (at least {text['min']:.5f})"
    )


def _cost_lines(measured: dict[str, Any]) -> list[tuple[str, list[str]]]:
    return [
        (name, ["{value:.3f} ({low:.3f}–{high:.3f})".format(**figures[key]) for key in FIGURES])
        for name, figures in measured.items()
        if isinstance(figures, dict) and FIGURES.keys() <= figures.keys()
    ]


def _check_place(out: Path, packed_id: str, replace: bool) -> None:
    """Refuse to put a checkpoint in the place of something else."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / CONFIG_FILE).is_file():
        raise ArtefactError(f"{out} exists and is no checkpoint; give --out a new folder: what is there would be lost")
    try:
        there = encoder_id(out)
    except (ArtefactError, FileNotFoundError):
        there = "a damaged one"
    if there != packed_id and not replace:
        raise ArtefactError(f"{out} holds another model ({there}, not {packed_id}); replace it with --replace")


def _copy_report(checkpoint: Path, out: Path) -> None:
    if (checkpoint / REPORT).is_dir():
        shutil.copytree(checkpoint / REPORT, out / REPORT, ignore=shutil.ignore_patterns(SHEET))


def _card(checkpoint: Path, figures: dict[str, Any]) -> str:
    """Return the original's model card under the new id, with what was done to it."""
    path = checkpoint / CARD_FILE
    # A run that was interrupted has no card yet.
    card = path.read_text(encoding="utf-8") if path.is_file() else f"# {checkpoint.name}\n"
    lines = [line for line in card.splitlines() if f"{REPORT}/{SHEET}" not in line]
    before, after = (f"{figures['bytes'][when] / 1e6:.1f} MB" for when in ("before", "after"))
    text = "\n".join(lines).replace(figures["packed_from"], figures["encoder_id"])
    text += (
        f"\n\n## Packed\n\nMade from encoder `{figures['packed_from']}`, which took {before} and whose figures stand "
        f"above, by `vitrine pack`: {after}.\nMatrices are stored as int8 with a scale for every few values, all else "
        "in half precision; once loaded, all of it is float32.\n"
    )
    if "cost" in figures:
        measured = figures["cost"]
        text += (
            f"\nOn {measured['products']:,} validation products of {measured['data']}, which are queries and gallery: "
            f"{_cosines(measured['cosine'])}.\nText to image, once per title, with 95 % intervals:\n\n"
            f"| checkpoint | {' | '.join(FIGURES.values())} |\n|---|---|---|---|\n"
        )
        for name, cells in _cost_lines(measured):
            text += f"| {name} | {' | '.join(cells)} |\n"
    return text
