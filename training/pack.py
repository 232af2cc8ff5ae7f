"""From a trained checkpoint to one of half its size, for others to use. Knows no training loop.

`models` owns how weights are packed. This module is not there, because it measures on a data set and copies the run's
model card and report.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from common import ArtefactError, ConfigError, atomic_folder
from models import CONFIG_FILE, TOKENIZER_FILE, WEIGHTS_FILE, encoder_id, load_checkpoint, load_encoder, save_checkpoint
from training.data import open_dataset
from training.reports import FOLDER as REPORT
from training.reports import SHEET, compare_encoders, cost_markdown
from training.resume import CARD_FILE


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

    `out` appears when it is complete, or not at all. Model card and report are copied too, without the report's sheet
    of products: those pictures belong to the data set.

    Args:
        checkpoint: as `vitrine train` writes it.
        out: a new folder, or one that holds the same model; with `replace` also one that holds another model.
        data: a data set whose validation titles are searched with the packed checkpoint and with the original.
        replace: whether another model in `out` is deleted.
        device: where that is measured.
        console: where to report progress; standard error when not given.

    Returns:
        As JSON data `encoder_id`, `packed_from`, `bytes` (`before` and `after`, of weights, config and tokenizer),
        `files` (name -> bytes), `seconds` (of packing alone), and with `data` the `cost`, as
        `compare_encoders` gives it.

    Raises:
        ArtefactError: the checkpoint cannot be used, or `out` holds something else.
        ConfigError: it is packed already, or `out` is the checkpoint itself.
        DataError: the data set cannot be read, or has no product for validation.
    """
    checkpoint, out = checkpoint.resolve(), out.resolve()
    if out == checkpoint:
        raise ConfigError(f"{out} would take its own place; give --out another folder")
    dataset = None if data is None else open_dataset(data)  # before anything that takes time
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
        if dataset is not None:
            figures["cost"] = compare_encoders(
                load_encoder(checkpoint, device, "torch"), load_encoder(beside, device, "torch"), dataset, console
            )
        (beside / CARD_FILE).write_text(_card(checkpoint, figures), encoding="utf-8")
        figures["files"] = {
            str(path.relative_to(beside)): path.stat().st_size for path in sorted(beside.rglob("*")) if path.is_file()
        }
    return figures


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
        text += f"\n{cost_markdown(figures['cost'])}"
    return text
