"""Commands that make a checkpoint, or another form of one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
    needed_data,
)
from vitrine.places import ARTEFACTS, SHIPPED, find_checkpoint, own_checkpoint

CONFIG_HELP = f"TOML file, or the name of one that comes with Vitrine: {', '.join(config_names())}."


@cli.command(rich_help_panel=OWN, epilog="Example: `vitrine train own-products shop.csv --init minilm-dinov2`")
def train(
    config: Annotated[Path, typer.Argument(help=CONFIG_HELP, show_default=False)],
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

    Over several GPUs or machines: torchrun --nproc-per-node N -m training.train CONFIG --data DATA
    """
    from training.config import load_config
    from training.data import parse_mapping

    mapping = parse_mapping(columns or ())
    data = needed_data(given, data, f"train {config}")
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
        tell(
            f"{out}: encoder {metrics['encoder_id']}, {metrics['seconds']:,.0f} s, best epoch "
            f"{metrics['best_epoch'] + 1}. Next: vitrine index --checkpoint {out} --data {data}"
        )


@cli.command(rich_help_panel=MORE, epilog="Example: `vitrine pack artefacts/checkpoint --out packed --data shop.csv`")
def pack(
    checkpoint: Annotated[
        Path, typer.Argument(help="Checkpoint folder, as `vitrine train` writes it.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="Folder for the packed checkpoint.", show_default=False)],
    data: Annotated[
        Path | None, typer.Option(help="Also measure on this data set's validation titles what packing costs.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Take the place of another model in that folder.")] = False,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Copy a trained checkpoint with its weights in int8, at half the size, fit to be passed on."""
    from training.pack import pack as run
    from training.reports import cost_table

    figures = run(checkpoint, out, data=data, replace=replace, device=device)
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


@cli.command(rich_help_panel=MORE, epilog="Example: `vitrine export artefacts/checkpoint --data shop.csv`")
def export(
    checkpoint: OwnCheckpointArgument = None,
    data: Annotated[
        Path | None, typer.Option(help="Also measure on this data set's validation titles what it costs.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a checkpoint fast on a CPU: its towers in int8 for onnxruntime, beside the weights. Takes under a minute.

    From then on, whatever loads that checkpoint on a CPU uses them; `VITRINE_RUNTIME=torch` does not.
    """
    from models import export as run
    from models import load_encoder
    from training.data import open_dataset
    from training.reports import compare_encoders, cost_table

    checkpoint = own_checkpoint(checkpoint)
    dataset = None if data is None else open_dataset(data)  # before anything that takes time
    record = run(checkpoint)
    if dataset is not None:
        slow, fast = load_encoder(checkpoint, "cpu", "torch"), load_encoder(checkpoint, "cpu", "onnx")
        record["cost"] = compare_encoders(slow, fast, dataset, name="exported")
    if as_json:
        say(record, True)
        return
    towers = ", ".join(
        f"{name} in {found['precision']} ({found['bytes'] / 1e6:.0f} MB, cosine to float32 at least {found['cosine']})"
        for name, found in record["towers"].items()
    )
    tell(f"{checkpoint}: {towers}; {record['seconds']:.0f} s")
    if "cost" in record:
        say(cost_table(record["cost"]), False)
