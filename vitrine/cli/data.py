"""Commands on a data set itself: look at it, get one from a hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from common import write_json
from training.data import HUB_DATASET
from vitrine.cli.app import data_cli, say, tell
from vitrine.cli.findings import say_findings
from vitrine.cli.options import Columns, Json, Strict
from vitrine.places import ARTEFACTS


@data_cli.command("info", epilog="Example: `vitrine data info shop.csv --report findings.json`")
def data_info(
    path: Annotated[Path, typer.Argument(metavar="DATA", help="The data set.", show_default=False)],
    report: Annotated[Path | None, typer.Option(help="Also write the findings to this JSON file.")] = None,
    columns: Columns = None,
    strict: Strict = False,
    as_json: Json = False,
) -> None:
    """Read a data set, decode every picture, and say what was found, repaired and skipped."""
    from training.data import inspect, open_dataset, parse_mapping
    from training.progress import bar

    dataset = open_dataset(path, parse_mapping(columns or ()))
    with bar("decoding pictures", len(dataset.items), "images") as advance:
        seen = 0

        def show(done: int, total: int) -> None:
            nonlocal seen
            if done > seen:
                advance(done - seen)
            seen = done

        found = inspect(dataset, show)
    figures = found.to_json()
    if report is not None:
        write_json(report, figures)
    if as_json:
        say(figures, True)
    else:
        title = f"{dataset.name} ({dataset.layout}): {found.rows:,} rows, {found.usable:,} usable products"
        say_findings(title, figures, columns=True)
    if strict:
        found.refuse(path)


@data_cli.command("download", epilog="Example: `vitrine data download --out artefacts/data`")
def data_download(
    out: Annotated[Path, typer.Option(help="Folder to download into.")] = ARTEFACTS / "data",
    repo: Annotated[str, typer.Option(help="Data set on the Hugging Face hub.")] = HUB_DATASET,
    as_json: Json = False,
) -> None:
    """Get *Fashion Product Images (Small)* from the Hugging Face hub (HF_ENDPOINT is respected)."""
    from training.data import download_dataset

    folder = download_dataset(out, repo)
    if as_json:
        files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.parquet"))
        say({"folder": str(folder), "repo": repo, "files": files}, True)
        return
    tell(f"{folder} is ready; look at it with: vitrine data info {folder}")
