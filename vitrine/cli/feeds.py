"""Commands that bring a shop's feed here and there: its pictures into a folder, its products into a live service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from common import InputError, write_json
from vitrine.cli.app import data_cli, say, tell
from vitrine.cli.options import Json

SHOWN = 20
"""Pictures that failed, in the table; the JSON has all."""


@data_cli.command("mirror", epilog="Example: `vitrine data mirror https://shop.example/feed.xml --out artefacts/feed`")
def data_mirror(
    feed: Annotated[str, typer.Argument(help="The feed: a file, or its http(s) address.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder for the mirror; one that is there is brought up to date.")],
    contact: Annotated[
        str, typer.Option(help="Mail or URL that the requests name, for the operator of the other side.")
    ] = "",
    concurrency: Annotated[int, typer.Option(help="Requests at a time.", min=1, max=256)] = 16,
    per_host: Annotated[int, typer.Option(help="Requests at a time to one host.", min=1, max=64)] = 4,
    max_mb: Annotated[float, typer.Option(help="Largest picture, in megabytes.", min=0.001, max=67)] = 67,
    timeout: Annotated[float, typer.Option(help="Longest that one picture may take, in seconds.", min=0.1)] = 60,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Also ask hosts within the own network.")
    ] = False,
    ignore_robots: Annotated[
        bool, typer.Option("--ignore-robots", help="Ask for what robots.txt forbids; for a shop that is your own.")
    ] = False,
    proxy: Annotated[
        str | None,
        typer.Option(metavar="URL", help="HTTP proxy to ask through; the environment's is not used."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="End with 2 when a picture failed.")] = False,
    report: Annotated[Path | None, typer.Option(help="Also write the report to this JSON file.")] = None,
    as_json: Json = False,
) -> None:
    """Fetch the pictures that a feed names by address; the folder then opens as a data set.

    Stopped and started again, it goes on. A later run asks only for what has changed. What fails is told with its
    reason, and is no error unless --strict says so. Private addresses are refused, and robots.txt is honoured.
    """
    from training.mirror import MirrorOptions, mirror_feed
    from training.progress import bar

    @contextmanager
    def progress(total: int) -> Iterator[Callable[[], None]]:
        with bar("fetching pictures", total, "pictures") as advance:
            yield advance

    options = MirrorOptions(
        contact=contact,
        concurrency=concurrency,
        per_host=per_host,
        max_bytes=int(max_mb * 1e6),
        timeout_s=timeout,
        allow_private=allow_private,
        ignore_robots=ignore_robots,
        proxy=proxy,
    )
    found = mirror_feed(feed, out, options, progress=progress)
    if report is not None:
        write_json(report, found)
    if as_json:
        say(found, True)
    else:
        _say_mirror(found, out)
    if strict and found["failed"]:
        raise InputError(
            f"{found['failed']:,} of {found['addresses']:,} pictures were not fetched; the report has the reasons"
        )


def _say_mirror(found: dict[str, Any], out: Path) -> None:
    tell(
        f"{out}: {found['addresses']:,} pictures of {found['products']:,} products; "
        f"{found['fetched']:,} fetched ({found['bytes'] / 1e6:,.1f} MB), {found['unchanged']:,} unchanged, "
        f"{found['earlier']:,} from the run before, {found['failed']:,} failed, in {found['seconds']:,.0f} s. "
        f"Next: vitrine index --data {out}",
        highlight=False,
    )
    if found["pictures_by_file"]:
        tell(
            f"{found['pictures_by_file']:,} pictures are named as files and not by address; they are not in the mirror"
        )
    if not found["failures"]:
        return
    table = Table(title="pictures that were not fetched")
    for heading in ("address", "products", "reason"):
        table.add_column(heading, overflow="fold")
    for one in found["failures"][:SHOWN]:
        kept = "; the picture of an earlier run is kept" if one["earlier_picture_kept"] else ""
        table.add_row(escape(one["address"]), escape(", ".join(one["products"])), escape(one["reason"]) + kept)
    if len(found["failures"]) > SHOWN:
        table.add_row(f"{len(found['failures']) - SHOWN:,} more", "", "--report FILE or --json has all")
    say(table, False)
