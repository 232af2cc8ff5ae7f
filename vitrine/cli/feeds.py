"""Commands that bring a shop's feed here and there: its pictures into a folder, its products into a live service."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from common import InputError, VitrineError, write_json
from vitrine.cli.app import RUNNING, cli, data_cli, say, tell
from vitrine.cli.options import Columns, DataArgument, DataOption, Json, needed_data
from vitrine.cli.output import Listing

SHOWN = 20
"""Pictures that failed, in the table; the JSON has all."""
SYNC_RETRIES = 6
"""How often one call of a sync is made again while the service is busy: over a minute in all."""


@data_cli.command("mirror", epilog="Example: `vitrine data mirror https://shop.example/feed.xml --out artefacts/feed`")
def data_mirror(
    feed: Annotated[
        str, typer.Argument(metavar="FEED", help="The feed: a file, or its http(s) address.", show_default=False)
    ],
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
    columns: Columns = None,
    strict: Annotated[bool, typer.Option("--strict", help="End with 2 when a picture failed.")] = False,
    report: Annotated[Path | None, typer.Option(help="Also write the report to this JSON file.")] = None,
    as_json: Json = False,
) -> None:
    """Fetch the pictures that a feed names by address; the folder then opens as a data set.

    Stopped and started again, it goes on. A later run asks only for what has changed. What fails is told with its
    reason, and is no error unless --strict says so. Private addresses are refused, and robots.txt is honoured.
    """
    from training.data import parse_mapping
    from training.mirror import MirrorOptions, mirror_feed
    from training.progress import bar

    progress = partial(bar, "fetching pictures", unit="pictures")
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
    found = mirror_feed(feed, out, options, mapping=parse_mapping(columns or ()), progress=progress)
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


@cli.command(
    rich_help_panel=RUNNING,
    epilog="Example: `vitrine sync shop.csv --url http://127.0.0.1:8000 --dry-run`",
)
def sync(
    url: Annotated[str, typer.Option(help="Address of the live service.", show_default=False)],
    given: DataArgument = None,
    data: DataOption = None,
    key_file: Annotated[
        Path | None, typer.Option(help="File that holds a key that may write. [default: VITRINE_KEY]")
    ] = None,
    max_delete: Annotated[
        float,
        typer.Option(
            help="Share of the live products that may be taken out; with more, nothing is done.", min=0, max=1
        ),
    ] = 0.1,
    keep_missing: Annotated[
        bool, typer.Option("--keep-missing", help="Take out nothing that the data set lacks.")
    ] = False,
    columns: Columns = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done, with examples.")] = False,
    as_json: Json = False,
) -> None:
    """Make the products of a live service those of a data set, sending only what differs.

    Products that the data set lacks are taken out; those whose row cannot be used stay. Broken off, it goes on when it
    is run again. Ends with 1 when a product could not be written, and with 2 when nothing was sent.
    """
    from training.data import open_dataset, parse_mapping
    from training.progress import bar
    from vitrine.client import Client, key_of_file

    data = needed_data(given, data, f"sync --url {url}")
    client = Client(url, key=None if key_file is None else key_of_file(key_file), retries=SYNC_RETRIES)
    dataset = open_dataset(data, parse_mapping(columns or ()))
    progress = partial(bar, "comparing products", unit="products")
    with client:
        found = client.sync(
            dataset, max_delete=max_delete, keep_missing=keep_missing, dry_run=dry_run, progress=progress
        )
    if as_json:
        say(found, True)
    else:
        _say_sync(found, url)
    if found["failed"]:
        raise VitrineError(f"{found['failed']:,} products could not be written; the others are")


def _say_sync(found: dict[str, Any], url: str) -> None:
    done = "would be" if found["dry_run"] else "were"
    tell(
        f"{url}: of {found['products']:,} products {found['created']:,} {done} created and {found['replaced']:,} "
        f"replaced, with {found['pictures']:,} pictures; {found['unchanged']:,} are unchanged and {found['deleted']:,} "
        f"{done} deleted. {found['kept']:,} that the data set lacks and {found['unusable_rows_kept']:,} whose rows "
        f"cannot be used are kept. {found['bytes_sent'] / 1e6:,.1f} MB sent, in {found['seconds']:,.1f} s"
    )
    for what, ids in found["examples"].items():
        if what != "unchanged":
            tell(f"{what.replace('_', ' ')}, for example: {', '.join(ids)}")
    for one in found["errors"][:SHOWN]:
        tell(f"not written: {one['id']}: {one['message']}")


def _say_mirror(found: dict[str, Any], out: Path) -> None:
    tell(
        f"{out}: {found['addresses']:,} pictures of {found['products']:,} products; "
        f"{found['fetched']:,} fetched ({found['bytes'] / 1e6:,.1f} MB), {found['unchanged']:,} unchanged, "
        f"{found['earlier']:,} from the run before, {found['failed']:,} failed, in {found['seconds']:,.0f} s. "
        f"Next: vitrine index {out}"
    )
    if found["pictures_by_file"]:
        tell(
            f"{found['pictures_by_file']:,} pictures are named as files and not by address; they are not in the mirror"
        )
    if not found["failures"]:
        return
    rows = []
    for one in found["failures"][:SHOWN]:
        kept = "; the picture of an earlier run is kept" if one["earlier_picture_kept"] else ""
        rows.append((one["address"], ", ".join(one["products"]), one["reason"] + kept))
    if len(found["failures"]) > SHOWN:
        rows.append((f"{len(found['failures']) - SHOWN:,} more", "", "--report FILE or --json has all"))
    say(Listing(("address", "products", "reason"), rows, "pictures that were not fetched"), False)
