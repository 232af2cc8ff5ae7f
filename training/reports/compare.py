"""The comparison with the source paper: trains or collects runs, and scores them by its protocol. Knows no catalogue.

The protocol: every picture of the data set is a query for its text, among the texts of all pairs, trained on or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from common import ArtefactError, ConfigError, InputError, UnreachableError, VitrineError, read_json, write_json
from index import SplitRule, evaluate, title_key
from models import (
    CONFIG_FILE,
    ModelConfig,
    Tower,
    encoder_id,
    load_checkpoint,
    pick_device,
    read_config,
    torch_encoder,
)
from training.cache import pixels
from training.config import RunConfig, load_config
from training.config_files import SUFFIX, config_names
from training.data import Dataset, open_dataset
from training.progress import bar, report_console
from training.reports.paper_table import PAPER, SCORES
from training.resume import METRICS_FILE
from training.train import train

SCORES_FILE = "compare.json"
"""In a run folder: its scores, with the encoder and the data set that they were measured with."""

CHUNK = 256
"""Pictures read from the cache at once."""

_LAYERS_AND_WIDTH = (("num_hidden_layers", "n_layer"), ("hidden_size", "n_embd"))


@dataclass(frozen=True, slots=True)
class _Run:
    """A row of the comparison: a finished run's folder, or a folder and the config to train into it."""

    folder: Path
    config: RunConfig | None = None

    @property
    def name(self) -> str:
        return self.folder.name


def compare_runs(
    given: Sequence[Path],
    data: Path,
    *,
    runs: Path,
    cache: Path,
    device: str = "auto",
    console: Console | None = None,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Train or collect each of `given` and score it on all pairs of the data set at `data`, by the paper's protocol.

    Args:
        given: configs (.toml), trained into `runs`/<name of the config>, resumed or reused when they are there already;
            and folders of finished runs.
        data: a data set that training.data can read.
        runs: where configs are trained.
        cache: where decoded pixels are kept.
        device: "auto", "cpu", "cuda" or "cuda:N".
        console: where to report; standard error when not given.

    Returns:
        `{"source", "paper", "runs"}`, ready for JSON, and for each run that failed, name -> reason. A
        run that fails does not stop the others.

    Raises:
        InputError: something given is neither config nor finished run, or two have one name; before anything runs.
        ConfigError: a config cannot be used, or the device does not exist here.
        DataError: the data set cannot be read.
    """
    console = console or report_console()
    wanted = [_run(path, runs) for path in given]
    names = [run.name for run in wanted]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"more than one run is called {', '.join(twice)}; rename a config or a run folder")
    pick_device(device)
    dataset = open_dataset(data)
    rows: list[dict[str, Any]] = []
    failed: dict[str, str] = {}
    for run in wanted:
        try:
            if run.config is not None:
                _refuse_another(run.folder, run.config, dataset)
                console.print(f"{run.name}:")
                train(run.config, data, run.folder, cache=cache, resume=True, device=device, console=console)
            rows.append(scored_run(run.folder, dataset, cache, device, console))
        except VitrineError as error:
            failed[run.name] = str(error) + _way_out(run, error)
    return {"source": dataset.name, "paper": list(PAPER), "runs": rows}, failed


def _run(path: Path, runs: Path) -> _Run:
    if path.suffix == SUFFIX or (str(path) in config_names() and not path.is_dir()):
        return _Run(runs / path.stem, load_config(path))
    if not (path / METRICS_FILE).is_file() or not (path / CONFIG_FILE).is_file():
        raise InputError(
            f"{path} is neither a config (.toml, or a name that comes with Vitrine) nor the folder of a finished run "
            f"({CONFIG_FILE} and {METRICS_FILE}); give one of them"
        )
    return _Run(path.resolve())


def _refuse_another(folder: Path, config: RunConfig, dataset: Dataset) -> None:
    """Refuse a finished run of another config or data set; an unfinished one is checked when it is resumed.

    Raises:
        ConfigError: it is not what `config` would give.
    """
    if not (folder / METRICS_FILE).is_file():
        return
    model, training = read_config(folder)[:2]
    asked = config.model_dump(mode="json", exclude={"model"})
    differ = [name for name in asked if not _covers(training.get(name), asked[name])]
    if not _same_model(model, config.model):
        differ.append("model")
    if _metrics(folder)["data"] != dataset.name:
        differ.append("data")
    if differ:
        raise ConfigError(
            f"{folder} is a finished run that differs in {', '.join(differ)}; delete it, or choose another --runs"
        )


def _covers(theirs: Any, ours: Any) -> bool:
    """Return whether a training record agrees with `ours`; it may lack fields that are newer than the record."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return all(_covers(theirs[name], ours[name]) for name in ours if name in theirs)
    return bool(theirs == ours)


def _same_model(theirs: ModelConfig, ours: ModelConfig) -> bool:
    plain = {"text": {"architecture", "source"}, "image": {"architecture", "source"}}
    if theirs.model_dump(exclude=plain) != ours.model_dump(exclude=plain):
        return False
    return _same_tower(theirs.text, ours.text) and _same_tower(theirs.image, ours.image)


def _same_tower(theirs: Tower, ours: Tower) -> bool:
    if theirs.source is None or ours.source is None:
        return theirs.source is ours.source and _full(theirs) == _full(ours)
    return Path(theirs.source).name == Path(ours.source).name  # a checkpoint keeps the name of a local folder only


def _way_out(run: _Run, error: VitrineError) -> str:
    """Return what the user can do when a pretrained tower is not available."""
    config = run.config
    if not isinstance(error, ArtefactError | UnreachableError) or config is None:
        return ""
    if config.model.text.source is None and config.model.image.source is None:
        return ""
    ways = ["a run that `vitrine train` made with them can be given instead of the config"]
    small = f"paper-small-{config.preset}"
    if small in config_names():
        ways.append(f"the config {small} is of the same family and needs no hub")
    return f"; {', or '.join(ways)}"


def _metrics(folder: Path) -> dict[str, Any]:
    return read_json(folder / METRICS_FILE, "train again")


def encode_pairs(
    checkpoint: Path, dataset: Dataset, cache: Path, device: str = "auto", console: Console | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Encode the picture and the title of every usable item, each distinct title once.

    Args:
        checkpoint: a checkpoint folder.
        dataset: what is encoded.
        cache: where decoded pixels are kept, the same that training reads.
        device: "auto", "cpu", "cuda" or "cuda:N".
        console: where to report; standard error when not given.

    Returns:
        Image vectors (P, D) and text vectors (P, D) of unit length, float32, and which items they are of (P,).

    Raises:
        ArtefactError: the checkpoint cannot be used.
        ConfigError: the device does not exist here.
    """
    loaded = load_checkpoint(checkpoint)
    stored, usable = pixels(loaded.model, dataset, cache)
    encoder = torch_encoder(loaded, pick_device(device))
    rows = np.flatnonzero(usable)
    images = np.empty((len(rows), encoder.dim), dtype=np.float32)
    with bar("encoding pictures", len(rows), "images", console) as advance:
        for start in range(0, len(rows), CHUNK):
            chunk = rows[start : start + CHUNK]
            images[start : start + CHUNK] = encoder.encode_pixels(stored[chunk])
            advance(len(chunk))
    distinct, which = np.unique([dataset.items[row].title for row in rows], return_inverse=True)
    texts = encoder.encode_text(distinct.tolist())[which]
    return images, texts, rows


def scored_run(folder: Path, dataset: Dataset, cache: Path, device: str, console: Console) -> dict[str, Any]:
    """Return a finished run as a row of the table, ready for JSON; its scores are kept in its folder.

    Args:
        folder: of the run.
        dataset: whose pairs are scored.
        cache: where decoded pixels are kept.
        device: "auto", "cpu", "cuda" or "cuda:N".
        console: where to report.

    Raises:
        ArtefactError: the run or its checkpoint cannot be used.
    """
    metrics = _metrics(folder)
    model, training = read_config(folder)[:2]
    found = _scored(folder, dataset, cache, device, console)
    return {
        "name": folder.name,
        "encoder_id": found["encoder_id"],
        "text": _tower(model.text),
        "image": _tower(model.image),
        "parameters": metrics["parameters"]["total"],
        "size": list(model.image.preprocess.size),
        "epochs": len(metrics["history"]),
        "batch": training["train"]["batch_size"],
        "pairs": {"trained": metrics["pairs"]["train"], "scored": found["pairs"]},
        "titles": found["titles"],
        "seconds": metrics["seconds"],
        "device": metrics["device"],
        "scores": found["scores"],
    }


def _scored(folder: Path, dataset: Dataset, cache: Path, device: str, console: Console) -> dict[str, Any]:
    """Return a run's scores: those in its folder when they are of this encoder and data set, else measured now."""
    path = folder / SCORES_FILE
    of = {"encoder_id": encoder_id(folder), "data": dataset.fingerprint}
    if path.is_file():
        stored = read_json(path, "delete it, and it is measured again")
        if of.items() <= stored.items():
            return stored
    images, texts, rows = encode_pairs(folder, dataset, cache, device, console)
    console.print(f"{folder.name}: scoring {len(rows):,} pairs")
    titles = [dataset.items[row].title for row in rows]
    distinct = {title_key(title) for title in titles}
    trained = None  # for a run on other data it is unknown which of these titles it has seen
    if _metrics(folder)["data"] == dataset.name:
        rule = SplitRule(**read_config(folder)[1]["split"])
        trained = sum(rule.of(title) == "train" for title in distinct)
    measured = evaluate(images, texts, titles, np.arange(len(rows)))
    parts = {**measured["image_to_text"], "titles": measured["titles"]}
    scores: dict[str, dict[str, Any]] = {}
    for part, name, _ in SCORES:
        scores.setdefault(part, {})[name] = parts[part][name]
    found = {**of, "pairs": len(rows), "titles": {"scored": len(distinct), "trained": trained}, "scores": scores}
    write_json(path, found)
    return found


def _tower(tower: Tower) -> dict[str, Any]:
    """Return a tower's family and origin: the name of its source, or None and its size."""
    origin = {"model_type": tower.architecture["model_type"], "source": tower.source}
    if tower.source is not None:
        return origin
    full = _full(tower)
    if "depths" in full:
        widths = full["hidden_sizes"]
        return {**origin, "size": f"{sum(full['depths'])} blocks × {widths[0]}–{widths[-1]}"}
    layers, width = (full[new] if new in full else full[old] for new, old in _LAYERS_AND_WIDTH)
    return {**origin, "size": f"{layers} layers × {width}"}


def _full(tower: Tower) -> dict[str, Any]:
    """Return a tower's architecture with its type's defaults filled in."""
    from transformers import AutoConfig

    fields = dict(tower.architecture)
    return dict(AutoConfig.for_model(fields.pop("model_type"), **fields).to_dict())
