"""Commands that train many models: a sweep over values, and a comparison of runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from common import InputError, require
from vitrine.cli.app import MORE, cli, say, tell
from vitrine.cli.options import (
    CacheOption,
    DataArgument,
    DataOption,
    Device,
    Json,
    TowerOption,
    needed_data,
    write_figures,
)
from vitrine.places import ARTEFACTS


@cli.command(rich_help_panel=MORE, epilog="Example: `vitrine sweep tiny shop.csv --trials 20`")
def sweep(
    config: Annotated[
        Path,
        typer.Argument(
            metavar="CONFIG",
            help="A config, as for train; its table [sweep] says what is searched.",
            show_default=False,
        ),
    ],
    given: DataArgument = None,
    data: DataOption = None,
    trials: Annotated[int, typer.Option(help="How many trials in all, with those of earlier calls.", min=1)] = 20,
    out: Annotated[Path, typer.Option(help="The sweep's folder; what is there is gone on with.")] = ARTEFACTS / "sweep",
    text_tower: TowerOption = None,
    image_tower: TowerOption = None,
    cache: CacheOption = ARTEFACTS / "cache",
    device: Device = "auto",
    seed: Annotated[int, typer.Option(help="Of the values that are tried.", min=0)] = 0,
    as_json: Json = False,
) -> None:
    """Train a config again and again with other values, and keep those that validate best."""
    require("train", "torch", "transformers", "matplotlib", what="vitrine sweep")
    from training.sweep import BEST_FILE, PLOT_FILE, terminal_table
    from training.sweep import run_sweep as run

    data = needed_data(given, data, f"sweep {config}")
    result = run(
        config,
        data,
        out,
        trials=trials,
        cache=cache,
        text_tower=text_tower,
        image_tower=image_tower,
        device=device,
        seed=seed,
    )
    if as_json:
        say(result, True)
        return
    say(terminal_table(result), False)
    towers = {"--text-tower": text_tower, "--image-tower": image_tower}
    towers_given = "".join(f" {option} {source}" for option, source in towers.items() if source is not None)
    tell(f"{out / PLOT_FILE} shows them. Next: vitrine train {out / BEST_FILE} --data {data}{towers_given}")


@cli.command(
    rich_help_panel=MORE,
    epilog="Example: `vitrine compare paper-small-bert-vit --data shop.csv --out table.md`",
)
def compare(
    given: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="RUN_OR_CONFIG...",
            help="Configs to train, as for train; folders of finished runs.",
        ),
    ] = None,
    data: Annotated[Path | None, typer.Option(help="The data set; as for train.")] = None,
    out: Annotated[
        list[Path] | None, typer.Option(help="Also write it here: .json, or .md for a table; may be given twice.")
    ] = None,
    runs: Annotated[
        Path, typer.Option(help="Where configs are trained, or went on with, or found finished.")
    ] = ARTEFACTS / "compare",
    comparison: Annotated[
        Path | None, typer.Option("--from", help="Show the comparison of this JSON; train and measure nothing.")
    ] = None,
    cache: Annotated[Path, typer.Option(help="Where decoded pixels are kept.")] = ARTEFACTS / "cache",
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Train or collect several runs and show the source paper's table beside them: image to text, over all pairs."""
    from training.reports import comparison_markdown, comparison_table, complaint, read_comparison

    failed: dict[str, str] = {}
    if comparison is not None:
        if given or data is not None:
            raise InputError("--from shows what was measured before; give it without runs, configs and --data")
        result = read_comparison(comparison)
    elif not given or data is None:
        raise InputError("give configs or run folders, and --data PATH; or --from FILE.json")
    else:
        require("train", "torch", "transformers", "matplotlib", what="vitrine compare")
        from training.reports import compare_runs

        result, failed = compare_runs(given, data, runs=runs, cache=cache, device=device)
    if result["runs"]:
        for path in out or ():
            write_figures(path, result, comparison_markdown)
        say(result if as_json else comparison_table(result), as_json)
    if failed:
        raise InputError(complaint(failed))
