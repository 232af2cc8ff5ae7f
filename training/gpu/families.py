"""The source paper's three families at 224 px from random weights, each trained and scored if its time is there.

The recipe is that of the paper's configs, by the loop of `vitrine train`; only the weights of the hub are missing.
"""

from __future__ import annotations

import csv
import io
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from common import VitrineError, write_json
from training.config import RunConfig, load_config
from training.config_files import CONFIGS
from training.data import Dataset, Item, open_dataset
from training.gpu.packs import read_packs
from training.reports import PAPER, scored_run
from training.train import train

FAMILIES = ("paper-bert-resnet", "paper-bert-vit", "paper-gpt2-vit")
"""Names of configs, the fastest first."""
SCORING = 1.5
"""Time that scoring a run takes, in epochs: one pass over all pairs without gradients, and their ranks."""


def train_families(
    packs: Path,
    out: Path,
    *,
    seconds: float,
    families: Sequence[str] = FAMILIES,
    limit: int | None = None,
    device: str = "auto",
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Train and score the families one after another, and return the comparison, which is also in the file `out`.

    Args:
        packs: the folder that `write_packs` wrote.
        out: a JSON file, written after each family; `vitrine compare` writes the same rows.
        seconds: a family whose first epochs show that it does not end in this time is given up.
        families: names of configs.
        limit: take only this many products, for a rehearsal.
        device: "auto", "cpu", "cuda" or "cuda:N".
        say: called with a line for each thing that happened.

    Returns:
        `source`, `paper` and `runs` as `compare_runs` does; `given_up`: name of a family -> why, and how long it takes.

    Raises:
        ArtefactError: a pack is missing, too large or damaged.
    """
    began = time.monotonic()
    content = read_packs(packs, limit)
    figures: dict[str, Any] = {"source": content.name, "paper": list(PAPER), "runs": [], "given_up": {}}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        data = place / f"{content.name}.zip"
        _write_dataset(content.items, data)
        dataset = open_dataset(data)
        for name in families:
            left = seconds - (time.monotonic() - began)
            try:
                figures["runs"].append(_row(name, dataset, place, left, device))
                scores = figures["runs"][-1]["scores"]["strict_id"]
                said = ", ".join(f"{score} {found['value']:.2%}" for score, found in scores.items())
            except VitrineError as error:
                figures["given_up"][name] = said = str(error)
            write_json(out, figures)
            say(f"{name}: {said}")
    return figures


def from_scratch(config: RunConfig) -> RunConfig:
    """Return a run whose towers have random weights in the shape of the config's architectures."""
    text, image = (tower.model_copy(update={"source": None}) for tower in (config.model.text, config.model.image))
    return config.model_copy(update={"model": config.model.model_copy(update={"text": text, "image": image})})


def _row(name: str, dataset: Dataset, place: Path, left: float, device: str) -> dict[str, Any]:
    """Train and score one family in `left` seconds, and return its row.

    Raises:
        VitrineError: it does not fit into them, or a step failed.
    """
    config = from_scratch(load_config(CONFIGS / f"{name}.toml"))
    options: dict[str, Any] = {"cache": place / "cache", "device": device}
    began = time.monotonic()
    ends: list[float] = []

    def check(entry: dict[str, Any]) -> None:
        """Give up after an epoch if the others and the scores do not fit."""
        ends.append(time.monotonic())
        # The first one also decodes pictures and settles, so it says nothing about the others.
        each = ends[-1] - ends[-2] if len(ends) > 1 else 0.0
        needed = ends[-1] - began + each * (config.train.epochs - len(ends) + SCORING)
        if needed > left:
            raise VitrineError(f"takes about {needed:,.0f} s and {left:,.0f} s are left; give it a call of its own")

    if left <= 0:
        raise VitrineError("no time is left; give it a call of its own")
    quiet = Console(quiet=True)
    train(config, dataset.path, place / name, console=quiet, on_epoch=check, report=False, **options)
    return scored_run(place / name, dataset, console=quiet, **options)


def _write_dataset(items: Sequence[Item], path: Path) -> None:
    """Write products as an archive of a table and pictures."""
    table = io.StringIO()
    rows = csv.writer(table)
    rows.writerow(["id", "title", "image"])
    rows.writerows([item.id, item.title, f"{number}.jpg"] for number, item in enumerate(items))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("products.csv", table.getvalue())
        for number, item in enumerate(items):
            archive.writestr(f"{number}.jpg", item.read())
