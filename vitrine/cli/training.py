"""Commands that make a checkpoint, or another form of one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from common import require
from training.config_files import config_names
from vitrine.cli.app import MORE, OWN, cli, say, tell
from vitrine.cli.options import (
    CacheOption,
    Columns,
    DataArgument,
    DataOption,
    Device,
    Json,
    OwnCheckpointArgument,
    TowerOption,
    data_of,
    needed_data,
    refuse,
)
from vitrine.cli.output import Listing
from vitrine.cli.values import completer
from vitrine.places import ARTEFACTS, SHIPPED, find_checkpoint, own_checkpoint

CONFIG_HELP = (
    "TOML file, or the name of one that comes with Vitrine, such as tiny; a wrong name lists them. [default: "
    "own-products, from the shipped checkpoint]"
)


OWN_PRODUCTS = "own-products"
"""The config of who names none."""
MeasuredData = Annotated[
    Path | None,
    typer.Argument(
        metavar="DATA",
        help="Also measure what it costs: with this data set's validation titles among all its products. Both forms "
        "encode them all: on two cores, 40,000 products take a quarter of an hour.",
        show_default=False,
    ),
]
FIGURES = {"recall1": "R@1", "recall10": "R@10", "mrr10": "MRR@10"}


@cli.command(rich_help_panel=OWN, epilog="Example: `vitrine train shop.csv`")
def train(
    config: Annotated[
        Path | None,
        typer.Argument(metavar="CONFIG", help=CONFIG_HELP, show_default=False, autocompletion=completer(config_names)),
    ] = None,
    given: DataArgument = None,
    data: DataOption = None,
    out: Annotated[Path, typer.Option(help="Run folder: the best checkpoint, log and metrics.")] = ARTEFACTS
    / "checkpoint",
    text_tower: TowerOption = None,
    image_tower: TowerOption = None,
    init: Annotated[
        Path | None,
        typer.Option(help=f"Checkpoint folder to start from; {SHIPPED}: the shipped one."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an interrupted run stopped.")] = False,
    cache: CacheOption = ARTEFACTS / "cache",
    device: Device = "auto",
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Also log for TensorBoard, into the run folder.")
    ] = False,
    benchmark: Annotated[
        bool, typer.Option("--benchmark", help="Train nothing: time the loop and whether its input keeps up.")
    ] = False,
    columns: Columns = None,
    as_json: Json = False,
) -> None:
    """Train a dual encoder; the best epoch's checkpoint stays in the run folder.

    Without a config, the shipped checkpoint learns a shop's own titles, in minutes. A run that starts from a checkpoint
    ends with the figures of both on the same titles, which it did not learn.

    Over several GPUs or machines: torchrun --nproc-per-node N -m training.train CONFIG --data DATA
    """
    from training.config import load_config
    from training.data import parse_mapping

    require("train", "torch", "transformers", "matplotlib", what="vitrine train")
    mapping = parse_mapping(columns or ())
    if config is not None and given is None and data is None and not _is_config(config):
        config, given = None, config  # a data set alone
    data = needed_data(given, data, "train" if config is None else f"train {config}")
    if benchmark:
        refuse({"--init": init, "--resume": resume, "--tensorboard": tensorboard}, "--benchmark trains nothing")
    if config is None:
        config, init = Path(OWN_PRODUCTS), init or Path(SHIPPED)
    parsed = load_config(config, text_tower=text_tower, image_tower=image_tower)
    if benchmark:
        from training.benchmark import benchmark as measure
        from training.benchmark import benchmark_table

        figures = measure(parsed, data, cache=cache, device=device, mapping=mapping)
        say(figures if as_json else benchmark_table(figures), as_json)
        return
    from training.train import train as run

    metrics = run(
        parsed,
        data,
        out,
        cache=cache,
        resume=resume,
        device=device,
        init=None if init is None else find_checkpoint(init),
        tensorboard=tensorboard,
        mapping=mapping,
    )
    if as_json:
        say(metrics, True)
    else:
        best = metrics["best_epoch"] + 1
        tell(f"{out}: encoder {metrics['encoder_id']}, {metrics['seconds']:,.0f} s, best epoch {best}")
        better = _say_gain(metrics)
        after = f"--checkpoint {out} " if better else ""
        tell(f"Next: vitrine index {after}{data}")


def _is_config(given: Path) -> bool:
    """Return whether an argument alone is meant as a config, by its name."""
    return given.suffix == ".toml" or given.name in config_names()


def _say_gain(metrics: dict[str, Any]) -> bool:
    """Show the figures of the checkpoint that a run began from beside its own; return whether its own are better."""
    before = metrics.get("before") or {}
    after = metrics["history"][metrics["best_epoch"]]
    if not before or "mrr10" not in after:
        return True
    columns = FIGURES | {f"hub_{key}": f"{label}, hubs corrected" for key, label in FIGURES.items()}
    rows = [
        (which, *(f"{100 * figures[key]:.1f}" for key in columns))
        for which, figures in (("before", before), ("after", after))
    ]
    title = (
        f"the titles of {metrics['pairs']['validation']:,} pairs, which were not learned, among "
        f"{metrics['gallery']:,} pictures: per cent"
    )
    say(Listing(("model", *columns.values()), rows, title, right=frozenset(columns.values())), False)
    better = bool(metrics["better"])
    if not better:
        tell(f"Not better: keep the old one, encoder {metrics['init']}.")
    return better


@cli.command(rich_help_panel=MORE, epilog="Example: `vitrine pack artefacts/checkpoint shop.csv --out packed`")
def pack(
    checkpoint: Annotated[
        Path,
        typer.Argument(
            metavar="CHECKPOINT", help="Checkpoint folder, as `vitrine train` writes it.", show_default=False
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the packed checkpoint.", show_default=False)],
    given: MeasuredData = None,
    data: DataOption = None,
    replace: Annotated[bool, typer.Option("--replace", help="Take the place of another model in that folder.")] = False,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Copy a trained checkpoint with its weights in int8, at half the size, fit to be passed on."""
    require("train", "torch", "transformers", what="vitrine pack")
    from training.pack import pack as run
    from training.reports import cost_table

    figures = run(checkpoint, out, data=data_of(given, data), replace=replace, device=device)
    if as_json:
        say(figures, True)
        return
    before, after = (figures["bytes"][when] / 1e6 for when in ("before", "after"))
    tell(
        f"{out}: encoder {figures['encoder_id']}, {after:.1f} MB instead of {before:.1f} MB, packed from encoder "
        f"{figures['packed_from']} in {figures['seconds']:.1f} s"
    )
    if "cost" in figures:
        say(cost_table(figures["cost"]), False)


@cli.command(rich_help_panel=MORE, epilog="Example: `vitrine export artefacts/checkpoint shop.csv`")
def export(
    checkpoint: OwnCheckpointArgument = None,
    given: MeasuredData = None,
    data: DataOption = None,
    as_json: Json = False,
) -> None:
    """Make a checkpoint fast on a CPU: its towers in int8 for onnxruntime, beside the weights. Takes under a minute.

    From then on, whatever loads that checkpoint on a CPU uses them; `VITRINE_RUNTIME=torch` does not.
    """
    require("train", "torch", "transformers", "onnx", "onnx_ir", "onnxscript", what="vitrine export")
    from models import export as run
    from models import load_encoder
    from training.data import open_dataset
    from training.reports import compare_encoders, cost_table

    checkpoint, data = own_checkpoint(checkpoint), data_of(given, data)
    dataset = None if data is None else open_dataset(data)  # before anything that takes time
    record = run(checkpoint)
    if dataset is not None:
        slow, fast = load_encoder(checkpoint, "cpu", "torch"), load_encoder(checkpoint, "cpu", "onnx")
        record["cost"] = compare_encoders(slow, fast, dataset, name="exported")
    if as_json:
        say(record, True)
        return
    towers = ", ".join(
        f"{name} in {found['precision']} ({found['bytes'] / 1e3:,.0f} kB, cosine to float32 at least {found['cosine']})"
        for name, found in record["towers"].items()
    )
    tell(f"{checkpoint}: {towers}; {record['seconds']:.0f} s")
    if "cost" in record:
        say(cost_table(record["cost"]), False)
