"""The command line: the one package that knows both training and app.

Each command imports what it needs when it runs, so that `vitrine --help` answers at once.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from common import ArtefactError, InputError, VitrineError, atomic_file, write_json

if TYPE_CHECKING:
    from index import Location

ARTEFACTS = Path("artefacts")
DEMO = ARTEFACTS / "demo"
SHIPPED = Path("checkpoints/minilm-dinov2")
"""The checkpoint that comes with the repository; like the artefacts, below the folder that a command runs in."""

START, OWN, LAB, RUNNING = "Start here", "Your own products", "Experiments", "Running it"
"""The panels of `vitrine --help`."""
CHECKPOINTS = (ARTEFACTS / "checkpoint", SHIPPED, DEMO / "checkpoint")
"""Where a checkpoint is looked for, unless it is given."""

cli = typer.Typer(
    name="vitrine",
    help="Image-text retrieval for a product catalogue: train a dual encoder, index the products, serve the search.\n\n"
    "New here? `vitrine demo` does all of it on a drawn catalogue, offline, in about two minutes. "
    "Your own products: `vitrine data info PATH`, `vitrine index --data PATH`, `vitrine serve`. "
    "Something is wrong: `vitrine doctor`.",
    epilog="Every command has its own `--help` with an example. Results go to standard output, as JSON with `--json`; "
    "progress and errors go to standard error. Exit code 2 is a mistake in what was given, 1 any other failure.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_cli = typer.Typer(help="Look at a data set, or get one.", no_args_is_help=True)
cli.add_typer(data_cli, name="data", rich_help_panel=OWN)
key_cli = typer.Typer(help="Make, list and revoke the keys that the service asks for.", no_args_is_help=True)
cli.add_typer(key_cli, name="key", rich_help_panel=RUNNING)

Data = Annotated[
    Path,
    typer.Option(
        help="A Kaggle folder or .zip (styles.csv, images/), Hugging Face .parquet files, or a CSV (id, image, text)."
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output instead of a table.")]
KeysOption = Annotated[
    Path | None, typer.Option(help="File of the keys. [default: VITRINE_KEYS, else artefacts/keys.json]")
]
CheckpointOption = Annotated[
    Path | None,
    typer.Option(
        help="Checkpoint folder. [default: the one that made the catalogue, "
        f"of artefacts/checkpoint, {SHIPPED} and the demo's]"
    ),
]
CatalogueOption = Annotated[
    str | None,
    typer.Option(
        metavar="PLACE",
        help="Catalogue: a folder, or a postgresql:// URL. [default: artefacts/catalogue, else the demo's]",
    ),
]


def main() -> None:
    """Run the command line; a user's mistake is one line on standard error and exit code 2."""
    # Threads that spin at a barrier make torch collapse when another process takes a core; libgomp reads this once,
    # when torch is first imported. An operator's own choice stands.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Pillow warns of damaged EXIF blocks amid a progress bar; whether a picture can be used is in the report.
    warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
    try:
        cli()
    except InputError as error:
        _fail(str(error), 2)
    except VitrineError as error:
        _fail(str(error), 1)
    except OSError as error:
        if error.filename is None:
            raise
        _fail(f"{error.filename}: {error.strerror}; check the path, its rights and the space left on the disk", 2)


def _fail(message: str, code: int) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print("[bold red]error:[/] ", end="")
    Console(stderr=True, highlight=False, soft_wrap=True, markup=False).print(message)
    sys.exit(code)


def _say(value: Any, as_json: bool) -> None:
    """Print a table or other renderable, or plain data as JSON."""
    if as_json:
        sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    else:
        Console().print(value)


def _catalogue(given: str | None) -> Location:
    """Return the place given, else artefacts/catalogue, else the demo's when only that is there."""
    from index import parse_location

    if given is not None:
        return parse_location(given)
    own, drawn = ARTEFACTS / "catalogue", DEMO / "catalogue"
    return own if own.exists() or not drawn.exists() else drawn


def _checkpoints(*folders: Path) -> list[Path]:
    """Return those of `folders` that hold a checkpoint, sound or not; where none does, the first."""
    from models.checkpoint_folder import CONFIG_FILE

    return [folder for folder in folders if (folder / CONFIG_FILE).is_file()] or [folders[0]]


def _pair(checkpoint: Path | None, given: str | None) -> tuple[Path, Location]:
    """Return a checkpoint and a catalogue; unless given, the checkpoint is the one that made the catalogue.

    When none of those that are there did, the first is returned, and whoever opens the two names both encoders.
    """
    catalogue = _catalogue(given)
    if checkpoint is not None:
        return checkpoint, catalogue
    found = _checkpoints(*CHECKPOINTS)
    if len(found) == 1 or (isinstance(catalogue, Path) and not catalogue.exists()):
        return found[0], catalogue
    from index import open_catalogue
    from models.checkpoint_folder import encoder_id

    with open_catalogue(catalogue) as opened:
        wanted = opened.info.encoder_id
    for folder in found:
        with suppress(ArtefactError, FileNotFoundError):  # a damaged one made nothing that we could search
            if encoder_id(folder) == wanted:
                return folder, catalogue
    return found[0], catalogue


@cli.command(rich_help_panel=START, epilog="Example: `vitrine demo --no-serve`")
def demo(
    folder: Annotated[Path, typer.Option(help="Where the demo's artefacts go; what is there is used again.")] = DEMO,
    serve_it: Annotated[bool, typer.Option("--serve/--no-serve", help="Serve the demo when it is ready.")] = True,
    host: Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on. [default: 8000]")] = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Draw a catalogue, train on it, index, evaluate and serve it: offline, in about two minutes on two cores."""
    _make_demo(folder, device, as_json)
    if serve_it:
        serve(folder / "checkpoint", str(folder / "catalogue"), host, port, device)


def _make_demo(folder: Path, device: str, as_json: bool = False) -> None:
    from training.demo import prepare_demo
    from training.reports import terminal_table

    report = prepare_demo(folder, device=device)
    if as_json:
        _say(report, True)
        return
    console = Console(soft_wrap=True)
    console.print(terminal_table(report["evaluation"]))
    found = report["found"]
    console.print(
        f"Asked for {found['titles']} titles it had never seen, the first picture had the right type and colour in "
        f"{found['both']:.0%} ({found['type']:.0%} type, {found['colour']:.0%} colour). "
        f"Ready in {report['seconds']:.0f} s."
    )


@data_cli.command("info", epilog="Example: `vitrine data info shop.csv --report findings.json`")
def data_info(
    path: Annotated[Path, typer.Argument(help="The data set.", show_default=False)],
    report: Annotated[Path | None, typer.Option(help="Also write the findings to this JSON file.")] = None,
    as_json: Json = False,
) -> None:
    """Read a data set, decode every picture, and say what was found, repaired and skipped."""
    from training.data import inspect, open_dataset
    from training.progress import bar

    dataset = open_dataset(path)
    with bar("decoding pictures", len(dataset.items), "images") as advance:
        seen = 0

        def show(done: int, total: int) -> None:
            nonlocal seen
            if done > seen:
                advance(done - seen)
            seen = done

        found = inspect(dataset, show)
    if report is not None:
        write_json(report, found.to_json())
    if as_json:
        _say(found.to_json(), True)
        return
    title = f"{dataset.name} ({dataset.layout}): {found.rows:,} rows, {found.usable:,} usable products"
    rows = found.table()
    if not rows:
        _say(f"{title}; nothing had to be repaired or skipped", False)
        return
    table = Table(title=title)
    for heading in ("finding", "count", "what was done", "examples"):
        table.add_column(heading, justify="right" if heading == "count" else "left")
    for problem, count, done, examples in rows:
        table.add_row(problem, f"{count:,}", done, examples)
    _say(table, False)


@data_cli.command("download", epilog="Example: `vitrine data download --out artefacts/data`")
def data_download(
    out: Annotated[Path, typer.Option(help="Folder to download into.")] = ARTEFACTS / "data",
    repo: Annotated[
        str, typer.Option(help="Data set on the Hugging Face hub.")
    ] = "ashraq/fashion-product-images-small",
    as_json: Json = False,
) -> None:
    """Get *Fashion Product Images (Small)* from the Hugging Face hub (HF_ENDPOINT is respected)."""
    from training.data import download_dataset

    folder = download_dataset(out, repo)
    if as_json:
        files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.parquet"))
        _say({"folder": str(folder), "repo": repo, "files": files}, True)
        return
    Console(soft_wrap=True).print(f"{folder} is ready; look at it with: vitrine data info {folder}")


@cli.command(
    rich_help_panel=OWN,
    epilog="Example: `vitrine train training/configs/minilm-dinov2-finish.toml --init checkpoints/minilm-dinov2 "
    "--data shop.csv`",
)
def train(
    config: Annotated[Path, typer.Argument(help="TOML file; see training/configs.", show_default=False)],
    data: Data,
    out: Annotated[Path, typer.Option(help="Run folder: the best checkpoint, log and metrics.")] = ARTEFACTS
    / "checkpoint",
    text_tower: Annotated[str | None, typer.Option(help="Hub id or local folder instead of the config's.")] = None,
    image_tower: Annotated[str | None, typer.Option(help="Hub id or local folder instead of the config's.")] = None,
    init: Annotated[Path | None, typer.Option(help="Checkpoint folder to start from.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an interrupted run stopped.")] = False,
    cache: Annotated[Path, typer.Option(help="Where decoded pixels and locked features are kept.")] = ARTEFACTS
    / "cache",
    device: Device = "auto",
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Also log for TensorBoard, into the run folder.")
    ] = False,
    benchmark: Annotated[
        bool, typer.Option("--benchmark", help="Train nothing: time the loop and whether its input keeps up.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Train a dual encoder; the best epoch's checkpoint stays in the run folder.

    Over several GPUs or machines: torchrun --nproc-per-node N -m training.train CONFIG --data DATA
    """
    from training.config import load_config

    parsed = load_config(config, text_tower=text_tower, image_tower=image_tower)
    if benchmark:
        from training.benchmark import benchmark as measure
        from training.benchmark import benchmark_table

        figures = measure(parsed, data, cache=cache, device=device)
        _say(figures if as_json else benchmark_table(figures), as_json)
        return
    from training.train import train as run

    metrics = run(parsed, data, out, cache=cache, resume=resume, device=device, init=init, tensorboard=tensorboard)
    if as_json:
        _say(metrics, True)
    else:
        Console(soft_wrap=True).print(
            f"{out}: encoder {metrics['encoder_id']}, {metrics['seconds']:,.0f} s, best epoch "
            f"{metrics['best_epoch'] + 1}. Next: vitrine index --checkpoint {out} --data {data}"
        )


@cli.command(
    rich_help_panel=LAB, epilog="Example: `vitrine sweep training/configs/tiny.toml --data shop.csv --trials 20`"
)
def sweep(
    config: Annotated[
        Path, typer.Argument(help="TOML file; its table [sweep] says what is searched.", show_default=False)
    ],
    data: Data,
    trials: Annotated[int, typer.Option(help="How many trials in all, with those of earlier calls.", min=1)] = 20,
    out: Annotated[Path, typer.Option(help="The sweep's folder; what is there is gone on with.")] = ARTEFACTS / "sweep",
    text_tower: Annotated[str | None, typer.Option(help="Hub id or local folder instead of the config's.")] = None,
    image_tower: Annotated[str | None, typer.Option(help="Hub id or local folder instead of the config's.")] = None,
    cache: Annotated[Path, typer.Option(help="Where decoded pixels and locked features are kept.")] = ARTEFACTS
    / "cache",
    device: Device = "auto",
    seed: Annotated[int, typer.Option(help="Of the values that are tried.", min=0)] = 0,
    as_json: Json = False,
) -> None:
    """Train a config again and again with other values, and keep those with the best validation MRR."""
    from training.sweep import BEST_FILE, PLOT_FILE, terminal_table
    from training.sweep import run_sweep as run

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
        _say(result, True)
        return
    _say(terminal_table(result), False)
    towers = {"--text-tower": text_tower, "--image-tower": image_tower}
    given = "".join(f" {option} {source}" for option, source in towers.items() if source is not None)
    Console(soft_wrap=True).print(
        f"{out / PLOT_FILE} shows them. Next: vitrine train {out / BEST_FILE} --data {data}{given}"
    )


@cli.command(rich_help_panel=OWN, epilog="Example: `vitrine pack artefacts/checkpoint --out packed --data shop.csv`")
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
    from training.pack import cost_table
    from training.pack import pack as run

    figures = run(checkpoint, out, data=data, replace=replace, device=device)
    if as_json:
        _say(figures, True)
        return
    before, after = (figures["bytes"][when] / 1e6 for when in ("before", "after"))
    Console(soft_wrap=True).print(
        f"{out}: encoder {figures['encoder_id']}, {after:.1f} MB instead of {before:.1f} MB, packed from encoder "
        f"{figures['packed_from']} in {figures['seconds']:.1f} s"
    )
    if "cost" in figures:
        _say(cost_table(figures["cost"]), False)


@cli.command(rich_help_panel=OWN, epilog="Example: `vitrine export artefacts/checkpoint --data shop.csv`")
def export(
    checkpoint: Annotated[
        Path | None, typer.Argument(help=f"Checkpoint folder. [default: artefacts/checkpoint, else {SHIPPED}]")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Also measure on this data set's validation titles what it costs.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a checkpoint fast on a CPU: its towers in int8 for onnxruntime, beside the weights. Takes under a minute.

    From then on, whatever loads that checkpoint on a CPU uses them; `VITRINE_RUNTIME=torch` does not.
    """
    from models import load_encoder
    from models.onnx_export import export as run
    from training.pack import compare_encoders, cost_table

    checkpoint = checkpoint or _checkpoints(ARTEFACTS / "checkpoint", SHIPPED)[0]
    record = run(checkpoint)
    if data is not None:
        slow, fast = load_encoder(checkpoint, "cpu", "torch"), load_encoder(checkpoint, "cpu", "onnx")
        record["cost"] = compare_encoders(slow, fast, data, name="exported")
    if as_json:
        _say(record, True)
        return
    towers = ", ".join(
        f"{name} in {found['precision']} ({found['bytes'] / 1e6:.0f} MB, cosine to float32 at least {found['cosine']})"
        for name, found in record["towers"].items()
    )
    Console(soft_wrap=True).print(f"{checkpoint}: {towers}; {record['seconds']:.0f} s")
    if "cost" in record:
        _say(cost_table(record["cost"]), False)


@cli.command(
    rich_help_panel=OWN,
    epilog="Example: `vitrine index --data shop.csv`",
)
def index(
    data: Annotated[
        Path | None,
        typer.Option(
            help="A Kaggle folder or .zip (styles.csv, images/), Hugging Face .parquet files, or a CSV (id, image, "
            "text). Without it, only the search of the catalogue that is there is made anew."
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help=f"Checkpoint folder. [default: artefacts/checkpoint, else {SHIPPED}]")
    ] = None,
    out: Annotated[
        str, typer.Option(metavar="PLACE", help="Catalogue to write: a folder, or a postgresql:// URL.")
    ] = str(ARTEFACTS / "catalogue"),
    budget_mb: Annotated[
        float | None,
        typer.Option(
            help="Megabytes of memory that the search may take, besides files that are mapped. [default: any]"
        ),
    ] = None,
    recall: Annotated[
        float | None, typer.Option(help="Part of the ten best results that must be found. [default: 0.99]")
    ] = None,
    device: Device = "auto",
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Encode on a Ray cluster: local, auto, or HOST:PORT; stopped and started again, it goes on. Needs "
            "`pip install 'vitrine\\[ray]'`.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Encode a data set's products into a catalogue that `vitrine serve` can search.

    Fewer than 100,000 products are scanned, which is exact. Of more, or with --budget-mb or --recall, the fastest type
    of index that fits is found by measuring them on the catalogue's own vectors.
    """
    from index import IndexRequirements, make_index, parse_location

    place = parse_location(out)
    requirements = None
    if budget_mb is not None or recall is not None:
        requirements = IndexRequirements(budget_mb) if recall is None else IndexRequirements(budget_mb, recall)
    if not isinstance(place, Path) and (requirements or data is None):
        raise InputError(
            "a database searches with an index of its own: give --data PATH, without --budget-mb and --recall"
        )
    console = Console(soft_wrap=True, highlight=False)
    if data is None:
        if checkpoint is not None or ray is not None:
            raise InputError("--checkpoint and --ray encode a data set; give --data PATH with them")
        assert isinstance(place, Path)  # noqa: S101 - checked above
        search = make_index(place, requirements)
        figures: dict[str, Any] = {"search": search}
        if search is None:
            raise InputError(
                f"{place} is small enough to be scanned, and needs nothing made; give --data PATH to encode a data "
                "set, or --budget-mb and --recall to choose an index all the same"
            )
    else:
        from training.indexing import build_catalogue

        checkpoint = checkpoint or _checkpoints(ARTEFACTS / "checkpoint", SHIPPED)[0]
        figures = build_catalogue(checkpoint, data, place, device=device, ray=ray, requirements=requirements)
        if not as_json:
            console.print(
                f"{place}: {figures['products']:,} products encoded with {checkpoint} in {figures['seconds']:,.0f} s "
                f"({figures['images_per_second']:,.0f} images/s), {figures['skipped']:,} pictures skipped"
            )
    if as_json:
        _say(figures, True)
    elif figures["search"] is not None:
        _say_search(figures["search"])


def _say_search(search: dict[str, Any]) -> None:
    """Show which types of index were measured, and what was chosen."""
    from index import DEPTH

    for side, chosen in search["chosen"].items():
        table = Table(title=f"{side}, compared on a sample")
        for heading in (
            "index",
            "recall@10",
            "of the other modality",
            f"recall@{DEPTH}",
            "ms",
            "exact scan, ms",
            "MB",
            "made in s",
        ):
            table.add_column(heading, justify="left" if heading == "index" else "right")
        for one in search["measured"][side]:
            figures = [f"{one[name]:.4f}" for name in ("recall", "recall_other", "recall_deep")]
            figures += [
                f"{one['ms']:.2f}",
                f"{one['exact_ms']:.2f}",
                f"{one['bytes'] / 1e6:.1f}",
                f"{one['build_s']:.0f}",
            ]
            table.add_row(one["kind"], *figures)
        _say(table, False)
        least = min(chosen["recall"], chosen["recall_other"])
        short = "" if chosen["enough"] else f"; {search['wants']['recall']} was asked for: no type that fits reaches it"
        Console(soft_wrap=True, highlight=False).print(
            f"{side}: {chosen['kind']} {chosen['factory']}, recall@10 {least:.4f} at the least, {chosen['ms']:.2f} ms "
            f"(exact scan {chosen['exact_ms']:.2f} ms), {chosen['bytes'] / 1e6:.1f} MB{short}"
        )


@cli.command(rich_help_panel=OWN, epilog="Example: `vitrine evaluate --split test --out figures.md`")
def evaluate(
    catalogue: CatalogueOption = None,
    split: Annotated[str, typer.Option(help="Whose titles ask: train, validation, test or all.")] = "test",
    protocol: Annotated[
        str,
        typer.Option(
            help="pairs: products ask, in both directions; kagl: titles and categories ask, beside public figures, "
            "and the checkpoint encodes the categories."
        ),
    ] = "pairs",
    checkpoint: CheckpointOption = None,
    device: Device = "auto",
    out: Annotated[Path | None, typer.Option(help="Also write the figures here: .json, or .md for a table.")] = None,
    given: Annotated[
        Path | None, typer.Option("--from", help="Show the figures of this JSON; measure nothing.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure retrieval, with 95 % intervals, against all products of the catalogue."""
    from training.reports import (
        PROTOCOLS,
        evaluate_catalogue,
        evaluate_catalogue_kagl,
        markdown,
        read_result,
        terminal_table,
    )

    if protocol not in PROTOCOLS:
        raise InputError(f"there is no protocol {protocol!r}; choose one of {', '.join(PROTOCOLS)}")
    if given:
        result = read_result(given)
    elif protocol == "kagl":
        result = evaluate_catalogue_kagl(*_pair(checkpoint, catalogue), split, device=device)
    elif checkpoint is not None:
        raise InputError("--checkpoint is for --protocol kagl; the pairs are measured on the catalogue's own vectors")
    else:
        result = evaluate_catalogue(_catalogue(catalogue), split)
    if out is not None and out.suffix == ".md":
        with atomic_file(out) as beside:
            beside.write_text(markdown(result), encoding="utf-8")
    elif out is not None:
        write_json(out, result)
    _say(result if as_json else terminal_table(result), as_json)


@cli.command(
    rich_help_panel=LAB,
    epilog="Example: `vitrine compare training/configs/paper-small-bert-vit.toml --data shop.csv --out table.md`",
)
def compare(
    given: Annotated[
        list[Path] | None,
        typer.Argument(metavar="RUN_OR_CONFIG...", help="Configs (.toml) to train; folders of finished runs."),
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
    from training.reports import compare as table

    failed: dict[str, str] = {}
    if comparison is not None:
        if given or data is not None:
            raise InputError("--from shows what was measured before; give it without runs, configs and --data")
        result = table.read_comparison(comparison)
    elif not given or data is None:
        raise InputError("give configs or run folders, and --data PATH; or --from FILE.json")
    else:
        result, failed = table.compare(given, data, runs=runs, cache=cache, device=device)
    if result["runs"]:
        for path in out or ():
            if path.suffix == ".md":
                with atomic_file(path) as beside:
                    beside.write_text(table.markdown(result), encoding="utf-8")
            else:
                write_json(path, result)
        _say(result if as_json else table.terminal_table(result), as_json)
    if failed:
        raise InputError(table.complaint(failed))


@cli.command(rich_help_panel=START, epilog='Example: `vitrine search "red dress" -k 5`')
def search(
    text: Annotated[str | None, typer.Argument(help="What to look for.", show_default=False)] = None,
    image: Annotated[Path | None, typer.Option(help="A picture to look like, instead of a text.")] = None,
    k: Annotated[int, typer.Option("-k", help="How many results.", min=1, max=1000)] = 10,
    checkpoint: CheckpointOption = None,
    catalogue: CatalogueOption = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Find products for a text or a picture, without a service."""
    from index import SearchQuery, open_catalogue, open_search
    from models import load_encoder
    from models.images import decode_image

    if (text is None) == (image is None):
        raise InputError("give a text or --image PICTURE, one of the two")
    checkpoint, place = _pair(checkpoint, catalogue)
    encoder = load_encoder(checkpoint, device)
    if image is not None:
        try:
            picture = decode_image(image.read_bytes())
        except OSError as error:
            raise InputError(f"{image} cannot be read ({error.strerror}); give a picture file") from error
        query = encoder.encode_image([picture])
    else:
        query = encoder.encode_text([text or ""])
    with open_catalogue(place, encoder_id=encoder.encoder_id) as opened:
        hits = open_search(opened).search("images", query, [SearchQuery(k=k)])[0].hits
    if as_json:
        results = [
            {
                "id": h.product.id,
                "title": h.product.title,
                "score": round(h.score, 6),
                "attributes": dict(h.product.attributes),
            }
            for h in hits
        ]
        _say({"results": results}, True)
        return
    table = Table()
    for heading in ("score", "id", "title", "attributes"):
        table.add_column(heading)
    for hit in hits:
        product = hit.product
        table.add_row(f"{hit.score:.3f}", product.id, product.title, ", ".join(product.attributes.values()))
    _say(table, False)


@cli.command("copy", rich_help_panel=RUNNING, epilog="Example: `vitrine copy --to artefacts/second`")
def copy_catalogue(
    to: Annotated[
        str, typer.Option(metavar="PLACE", help="Where to: a folder, or a postgresql:// URL.", show_default=False)
    ],
    catalogue: CatalogueOption = None,
    if_empty: Annotated[bool, typer.Option("--if-empty", help="Leave a catalogue that is there already.")] = False,
    as_json: Json = False,
) -> None:
    """Copy a catalogue as it is, without encoding anything: from a folder into a database, or back.

    A catalogue that is there is replaced when the copy is whole. What is changed in either meanwhile is not taken over.
    """
    from index import copy_catalogue, parse_location

    source, target = _catalogue(catalogue), parse_location(to)
    count = copy_catalogue(source, target, if_empty=if_empty)
    if as_json:
        _say({"from": str(source), "to": str(target), "products": count}, True)
    elif count is None:
        Console(soft_wrap=True).print(f"{target} has a catalogue, which is left as it is")
    else:
        Console(soft_wrap=True).print(f"{target}: {count:,} products copied from {source}")


@cli.command("map", rich_help_panel=OWN, epilog="Example: `vitrine map --method umap`")
def map_products(
    catalogue: CatalogueOption = None,
    method: Annotated[
        str, typer.Option(help="pca, or umap, which needs `pip install 'vitrine\\[map]'`.", show_default=True)
    ] = "pca",
    as_json: Json = False,
) -> None:
    """Make the map of a catalogue anew: where its products stand in two dimensions, for the page at /map."""
    from index import METHODS, make_map

    known = next((one for one in METHODS if one == method), None)
    if known is None:
        raise InputError(f"there is no method {method!r}; choose one of {', '.join(METHODS)}")
    folder = _catalogue(catalogue)
    if not isinstance(folder, Path):
        raise InputError("a map is kept in a catalogue's folder; a catalogue in a database has none")
    count = make_map(folder, known)
    if as_json:
        _say({"catalogue": str(folder), "products": count, "method": known}, True)
    else:
        Console(soft_wrap=True).print(f"{folder}: {count:,} products on a map by {known}")


@cli.command(rich_help_panel=START, epilog="Example: `vitrine serve --port 8001 --workers 2`")
def serve(
    checkpoint: CheckpointOption = None,
    catalogue: CatalogueOption = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on. [default: 8000]")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:N. [default: auto]")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that serve. [default: 1]")] = None,
    or_demo: Annotated[
        bool, typer.Option("--or-demo", help="Without a catalogue, make the demo and serve it.")
    ] = False,
) -> None:
    """Serve the search over HTTP, with a page at /. Every setting can also come from VITRINE_* in the environment."""
    from app import Settings
    from app import serve as run

    checkpoint = checkpoint or _from_environment("VITRINE_CHECKPOINT")
    catalogue = catalogue or os.environ.get("VITRINE_CATALOGUE") or None
    if or_demo and catalogue is None and not (ARTEFACTS / "catalogue").exists():
        _make_demo(DEMO, device or "auto")
    checkpoint, place = _pair(checkpoint, catalogue)
    run(Settings.read(checkpoint=checkpoint, catalogue=place, host=host, port=port, device=device, workers=workers))


def _from_environment(name: str) -> Path | None:
    return Path(os.environ[name]) if os.environ.get(name) else None


@cli.command(rich_help_panel=RUNNING, epilog="Example: `vitrine settings --json`")
def settings(
    write: Annotated[Path | None, typer.Option(help="Put the table between the markers of this Markdown file.")] = None,
    as_json: Json = False,
) -> None:
    """Show every setting of the service as a Markdown table; with --json, also what each one is now."""
    from app.settings import settings_list, settings_table

    if as_json:
        _say({"settings": settings_list()}, True)
        return
    if write is None:
        sys.stdout.write(settings_table() + "\n")
        return
    start, end = "<!-- settings -->\n", "<!-- /settings -->"
    text = write.read_text(encoding="utf-8")
    if start not in text or end not in text:
        raise InputError(f"{write} has no lines {start.strip()} and {end}; put them where the table belongs")
    with atomic_file(write) as beside:
        beside.write_text(
            text.split(start)[0] + start + settings_table() + "\n" + end + text.split(end)[1], encoding="utf-8"
        )


@key_cli.command("create", epilog="Example: `vitrine key create shop --scope write`")
def key_create(
    name: Annotated[str, typer.Argument(help="What to call it; the log shows this name.", show_default=False)],
    scope: Annotated[str, typer.Option(help="What it may do: read, write (and read), or admin (everything).")],
    keys: KeysOption = None,
    as_json: Json = False,
) -> None:
    """Make a key and show it, this once: only its hash is kept."""
    from app.http import SCOPES, create_key

    known = next((one for one in SCOPES if one == scope), None)
    if known is None:
        raise InputError(f"there is no scope {scope!r}; choose one of {', '.join(SCOPES)}")
    path = _keys(keys)
    key, secret = create_key(path, name, known)
    if as_json:
        _say({"name": key.name, "scope": key.scope, "created": key.created, "key": secret, "file": str(path)}, True)
        return
    sys.stdout.write(
        f"{secret}\n\n"
        f"This is the key {key.name!r} ({key.scope}). It is shown only now; {path} has its hash. Send it so:\n\n"
        f"  curl -H 'Authorization: Bearer {secret}' http://127.0.0.1:8000/v1/evaluation\n"
    )


@key_cli.command("list", epilog="Example: `vitrine key list --json`")
def key_list(keys: KeysOption = None, as_json: Json = False) -> None:
    """Show the keys there are: names, scopes and last characters."""
    from app.http import read_keys

    found = read_keys(_keys(keys))
    if as_json:
        rows = [{"name": k.name, "scope": k.scope, "created": k.created, "last4": k.last4} for k in found]
        _say({"keys": rows}, True)
        return
    table = Table()
    for heading in ("name", "scope", "created", "ends in"):
        table.add_column(heading)
    for key in found:
        table.add_row(key.name, key.scope, key.created, key.last4)
    _say(table if found else "no keys; make one with `vitrine key create NAME --scope write`", False)


@key_cli.command("revoke", epilog="Example: `vitrine key revoke shop`")
def key_revoke(
    name: Annotated[str, typer.Argument(help="Its name.", show_default=False)],
    keys: KeysOption = None,
    as_json: Json = False,
) -> None:
    """Take a key back; a running service refuses it from its next request on."""
    from app.http import revoke_key

    key = revoke_key(_keys(keys), name)
    _say({"revoked": key.name} if as_json else f"the key {key.name!r} is revoked", as_json)


def _keys(given: Path | None) -> Path:
    from app import Settings

    return Settings.read(keys=given).keys


@cli.command(rich_help_panel=START, epilog="Example: `vitrine doctor --json`")
def doctor(as_json: Json = False) -> None:
    """Look at this machine and at what would be served, and say what to do about each finding.

    Ends with 1 when something is in the way of the service; a note is not.
    """
    from app.doctor import examine, report

    asked = [_from_environment("VITRINE_CHECKPOINT")]
    checkpoints = [folder for folder in (*asked, *CHECKPOINTS) if folder is not None]
    found = examine(checkpoints, _catalogue(os.environ.get("VITRINE_CATALOGUE") or None))
    said = report(found)
    if as_json:
        _say(said, True)
    else:
        marks = {"ok": "[green]     ok[/]", "note": "[yellow]   note[/]", "problem": "[bold red]problem[/]"}
        console = Console(soft_wrap=True, highlight=False)
        for one in found:
            console.print(f"{marks[one.state]}  {one.check:<11}{escape(one.found)}")
            if one.fix:
                console.print(f"{'':>20}→ {escape(one.fix)}")
    if not said["ok"]:
        raise typer.Exit(1)
