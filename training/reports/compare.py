"""The source paper's table beside ours: trains or collects runs and scores them by its protocol. Knows no catalogue.

The protocol: every picture of the data set asks for its text, among the texts of all pairs, trained on or not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table

from common import ArtefactError, ConfigError, InputError, VitrineError, write_json
from index import SplitRule, evaluate, title_key
from models.checkpoint import load_checkpoint
from models.checkpoint_folder import CONFIG_FILE, encoder_id, read_config
from models.encoder import torch_encoder
from models.presets import ModelConfig, Tower
from models.torch_backend import pick_device
from training.cache import pixels
from training.config import RunConfig, load_config
from training.data import Dataset, open_dataset
from training.progress import bar, report_console
from training.train import METRICS_FILE, train

SCORES_FILE = "compare.json"
"""In a run folder: its scores, for the encoder and the data set that they are of."""

CHUNK = 256
"""Pictures read from the cache at once."""

PAPER: tuple[dict[str, Any], ...] = (
    {"text": {"model_type": "bert"}, "image": {"model_type": "resnet"}, "top1": 0.0074, "top100": 0.3451},
    {"text": {"model_type": "bert"}, "image": {"model_type": "vit"}, "top1": 0.0087, "top100": 0.3711},
    {"text": {"model_type": "gpt2"}, "image": {"model_type": "vit"}, "top1": 0.0, "top100": 0.001},
)
"""The source paper's table: image → text over all pairs, trained and scored on the same pairs, 5 epochs of batch 64."""

_FAMILIES = {"bert": "BERT", "gpt2": "GPT-2", "resnet": "ResNet", "vit": "ViT", "dinov2": "DINOv2"}
_FIGURES = (
    ("strict_id", "top1", "top-1, the product"),
    ("strict_id", "top100", "top-100, the product"),
    ("same_title", "top1", "top-1, its title"),
    ("same_title", "top100", "top-100, its title"),
    ("titles", "recall10", "R@10, titles → images"),
)
_LAYERS_AND_WIDTH = (("num_hidden_layers", "n_layer"), ("hidden_size", "n_embd"))
_NOTHING = "–"
_NOTE = (
    "Per cent, with 95 % intervals; a tie counts against us. The paper's table does not tell how it takes products of "
    "equal titles; its figures stand under the stricter rule."
)


# ---------------------------------------------------------------------- running and collecting


@dataclass(frozen=True, slots=True)
class _Run:
    """One row to be: a finished run's folder, or a config that is trained into it."""

    folder: Path
    config: RunConfig | None = None

    @property
    def name(self) -> str:
        return self.folder.name


def compare(
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
        `{"source", "paper", "runs"}`, ready for JSON, and by their names what stopped the runs that are missing; one
        that fails keeps none of the others from finishing.

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
            rows.append(_row(run.folder, dataset, cache, device, console))
        except VitrineError as error:
            failed[run.name] = str(error) + _way_out(run, error)
    return {"source": dataset.name, "paper": list(PAPER), "runs": rows}, failed


def complaint(failed: dict[str, str]) -> str:
    """Return one line that says which runs are missing from a comparison, and why."""
    return "; ".join(f"{name}: {reason}" for name, reason in failed.items()) + " (all other runs are kept)"


def _run(path: Path, runs: Path) -> _Run:
    if path.suffix == ".toml":
        return _Run(runs / path.stem, load_config(path))
    if not (path / METRICS_FILE).is_file() or not (path / CONFIG_FILE).is_file():
        raise InputError(
            f"{path} is neither a config (.toml) nor the folder of a finished run ({CONFIG_FILE} and {METRICS_FILE}); "
            "give one of them"
        )
    return _Run(path.resolve())


def _refuse_another(folder: Path, config: RunConfig, dataset: Dataset) -> None:
    """Refuse a finished run that came from another config or data set; an unfinished one is checked when resumed.

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
    """Return whether a training record says what `ours` says; a field that it is too old to know may be missing."""
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
    """Return what else can be done about a tower that cannot be had."""
    config = run.config
    if not isinstance(error, ArtefactError) or config is None:
        return ""
    if config.model.text.source is None and config.model.image.source is None:
        return ""
    ways = ["a run that `vitrine train` made with them can be given instead of the config"]
    small = f"paper-small-{config.preset}.toml"
    if (Path(__file__).parents[1] / "configs" / small).exists():
        ways.append(f"training/configs/{small} is of the same family and needs no hub")
    return f"; {', or '.join(ways)}"


def _metrics(folder: Path) -> dict[str, Any]:
    try:
        metrics: dict[str, Any] = json.loads((folder / METRICS_FILE).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ArtefactError(f"{folder / METRICS_FILE} is damaged ({error}); train again") from error
    return metrics


# ---------------------------------------------------------------------- scoring


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


def _row(folder: Path, dataset: Dataset, cache: Path, device: str, console: Console) -> dict[str, Any]:
    """Return a finished run as a row of the table."""
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
        try:
            stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ArtefactError(f"{path} is damaged ({error}); delete it, and it is measured again") from error
        if of.items() <= stored.items():
            return stored
    images, texts, rows = encode_pairs(folder, dataset, cache, device, console)
    console.print(f"{folder.name}: scoring {len(rows):,} pairs")
    titles = [dataset.items[row].title for row in rows]
    distinct = {title_key(title) for title in titles}
    trained = None  # of a run on other data nobody knows which of these titles it has seen
    if _metrics(folder)["data"] == dataset.name:
        rule = SplitRule(**read_config(folder)[1]["split"])
        trained = sum(rule.of(title) == "train" for title in distinct)
    measured = evaluate(images, texts, titles, np.arange(len(rows)))
    parts = {**measured["image_to_text"], "titles": measured["titles"]}
    scores: dict[str, dict[str, Any]] = {}
    for part, name, _ in _FIGURES:
        scores.setdefault(part, {})[name] = parts[part][name]
    found = {**of, "pairs": len(rows), "titles": {"scored": len(distinct), "trained": trained}, "scores": scores}
    write_json(path, found)
    return found


def _tower(tower: Tower) -> dict[str, Any]:
    """Return a tower's family, and where it began: the name of its source, or None and its size."""
    began = {"model_type": tower.architecture["model_type"], "source": tower.source}
    if tower.source is not None:
        return began
    full = _full(tower)
    if "depths" in full:
        widths = full["hidden_sizes"]
        return {**began, "size": f"{sum(full['depths'])} blocks × {widths[0]}–{widths[-1]}"}
    layers, width = (full[new] if new in full else full[old] for new, old in _LAYERS_AND_WIDTH)
    return {**began, "size": f"{layers} layers × {width}"}


def _full(tower: Tower) -> dict[str, Any]:
    """Return a tower's architecture with its type's defaults filled in."""
    from transformers import AutoConfig

    fields = dict(tower.architecture)
    return dict(AutoConfig.for_model(fields.pop("model_type"), **fields).to_dict())


# ---------------------------------------------------------------------- showing


def read_comparison(path: Path) -> dict[str, Any]:
    """Read a comparison that was written as JSON.

    Raises:
        InputError: no such file, or other JSON.
    """
    try:
        result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        markdown(result)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError(f"{path} holds no comparison ({error}); give a file from `vitrine compare --out`") from error
    return result


def headline(result: dict[str, Any]) -> str:
    """Return one line that says what was measured, and on what terms."""
    runs = result["runs"]
    line = f"{result['source']}: {runs[0]['pairs']['scored']:,} pictures ask for their text among those of all pairs"
    return line + ("; trained and scored on the same pairs" if all(_on_the_same(run) for run in runs) else "")


def markdown(result: dict[str, Any]) -> str:
    """Return the paper's rows and ours as Markdown, those of a family together."""
    headings = ["run", "text tower", "image tower", "parameters", "pixels", "epochs × batch", "pairs", "trained on"]
    headings += ["time", *(name for _, _, name in _FIGURES)]
    text = [f"{headline(result)}. {_NOTE}", "", f"| {' | '.join(headings)} |", "|---" * 9 + "|---:" * 5 + "|"]
    for row in _in_order(result):
        cells = (f"**{value}** ({interval})" if interval else value for value, interval in _cells(row))
        text.append(f"| {' | '.join((*_facts(row), *cells))} |")
    return "\n".join(text) + "\n"


def terminal_table(result: dict[str, Any]) -> RenderableType:
    """Return the paper's rows and ours for a rich console: the figures, and how each came about."""
    figures, origins = (Table(box=box.SIMPLE, pad_edge=False) for _ in range(2))
    figures.add_column("run", overflow="fold")
    for _, _, name in _FIGURES:
        figures.add_column(name.replace(", ", "\n").replace(" → ", " →\n"), justify="right", no_wrap=True)
    for heading in ("run", "towers", "model", "training"):
        origins.add_column(heading, overflow="fold")
    for row in _in_order(result):
        cells = (f"[bold]{value}[/bold]\n{interval}" if interval else value for value, interval in _cells(row))
        name, text, image, parameters, size, epochs, pairs, trained_on, seconds = _facts(row)
        figures.add_row(name, *cells)
        origins.add_row(
            name, f"{text}\n{image}", f"{parameters}\n{size}", f"{epochs}, {pairs}\n{trained_on}\n{seconds}"
        )
    return Group(f"[bold]{headline(result)}[/bold]", figures, origins, _NOTE)


def _in_order(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield each of the paper's rows, followed by the runs of its family; then the other families."""
    runs = list(result["runs"])
    for row in result["paper"]:
        yield row
        beside = [run for run in runs if _family(run) == _family(row)]
        yield from beside
        runs = [run for run in runs if run not in beside]
    yield from runs


def _family(row: dict[str, Any]) -> tuple[str, str]:
    return row["text"]["model_type"], row["image"]["model_type"]


def _on_the_same(run: dict[str, Any]) -> bool:
    return bool(
        run["pairs"]["trained"] == run["pairs"]["scored"] and run["titles"]["trained"] == run["titles"]["scored"]
    )


def _facts(run: dict[str, Any]) -> list[str]:
    """Return what stands before a row's figures, the name first."""
    if "scores" not in run:
        text, image = (_FAMILIES[model_type] for model_type in _family(run))
        facts = [f"the paper: {text} + {image}", text, image, _NOTHING, "224×224 px", "5 × 64", "about 44,000 pairs"]
        return [*facts, "the same pairs", _NOTHING]
    pairs, titles = run["pairs"], run["titles"]
    if _on_the_same(run):
        trained_on = "the same pairs"
    elif titles["trained"] is None:
        trained_on = "other data"
    else:
        trained_on = f"{titles['trained'] / titles['scored']:.1%} of the titles"
    height, width = run["size"]
    return [
        run["name"],
        _began(run["text"]),
        _began(run["image"]),
        f"{run['parameters'] / 1e6:,.1f}M",
        f"{height}×{width} px",
        f"{run['epochs']} × {run['batch']}",
        f"{pairs['trained']:,} pairs",
        trained_on,
        f"{run['seconds']:,.0f} s, {run['device']}",
    ]


def _began(tower: dict[str, Any]) -> str:
    family = _FAMILIES.get(tower["model_type"], tower["model_type"])
    return f"{family}, {tower['source'] or 'from scratch, ' + tower['size']}"


def _cells(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each figure in per cent and its interval, empty where the paper gives none."""
    for part, name, _ in _FIGURES:
        if "scores" in row:
            figure = row["scores"][part][name]
            yield f"{100 * figure['value']:.2f}", f"{100 * figure['low']:.1f}–{100 * figure['high']:.1f}"
        else:
            yield (f"{100 * row[name]:.2f}" if part == "strict_id" else _NOTHING), ""
