"""Commands on a data set and its catalogue: look at it, encode it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from common import InputError
from vitrine.cli.app import OWN, cli, say, tell
from vitrine.cli.findings import say_findings
from vitrine.cli.options import (
    LAYOUTS,
    Columns,
    DataOption,
    Device,
    DiscardEdits,
    Json,
    OwnCheckpointOption,
    PicturesOption,
    Strict,
    data_of,
    picture_place,
    refuse,
)
from vitrine.cli.output import Listing
from vitrine.places import ARTEFACTS, own_checkpoint, spoken


@cli.command(rich_help_panel=OWN, epilog="Example: `vitrine index shop.csv`")
def index(
    given: Annotated[
        Path | None,
        typer.Argument(
            metavar="DATA",
            help=f"{LAYOUTS} Without it, only the search files of the existing catalogue are rebuilt.",
            show_default=False,
        ),
    ] = None,
    data: DataOption = None,
    checkpoint: OwnCheckpointOption = None,
    out: Annotated[
        str, typer.Option(metavar="PLACE", help="Catalogue to write: a folder, or a postgresql:// URL.")
    ] = str(ARTEFACTS / "catalogue"),
    budget_mb: Annotated[
        float | None,
        typer.Option(
            help="Megabytes of memory that the search may take, besides files that are mapped. [default: any]"
        ),
    ] = None,
    recall: Annotated[float | None, typer.Option(help="Target recall@10. [default: 0.99]")] = None,
    device: Device = "auto",
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Encode on a Ray cluster: local, auto, or HOST:PORT; stopped and started again, it goes on. Needs "
            "`pip install 'vitrine[ray]'`.",
        ),
    ] = None,
    discard_edits: DiscardEdits = False,
    columns: Columns = None,
    strict: Strict = False,
    pictures: PicturesOption = None,
    as_json: Json = False,
) -> None:
    """Encode a data set's products into a catalogue that `vitrine serve` can search.

    Fewer than 100,000 products are scanned, which is exact. Of more, or with --budget-mb or --recall, the fastest type
    of index that fits is found by measuring them on the catalogue's own vectors.

    Edits of a catalogue that is there already are kept: products that callers added or changed stay as they are, and
    those that they deleted stay away, whatever the data set says.
    """
    from index import IndexRequirements, check_pictures, edits_to_keep, kept_text, make_index, parse_location

    data = data_of(given, data)
    place, where = parse_location(out), picture_place(pictures)
    check_pictures(place, where)
    keep = edits_to_keep(place, discard=discard_edits)  # before anything that takes time
    requirements = None
    if budget_mb is not None or recall is not None:
        requirements = IndexRequirements(budget_mb) if recall is None else IndexRequirements(budget_mb, recall)
    if not isinstance(place, Path) and (requirements or data is None):
        raise InputError(
            "a database searches with an index of its own: give --data PATH, without --budget-mb and --recall"
        )
    if data is None:
        encoding: dict[str, object] = {
            "--checkpoint": checkpoint,
            "--ray": ray,
            "--device": device,
            "--discard-edits": discard_edits,
        }
        encoding |= {"--map": columns, "--strict": strict, "--pictures": pictures}
        refuse(encoding, "no data set is given to be encoded; give DATA")
        assert isinstance(place, Path)  # noqa: S101 - checked above
        search = make_index(place, requirements)
        if search is None:
            raise InputError(
                f"{place} is small enough to be scanned, and needs nothing made; give --data PATH to encode a data "
                "set, or --budget-mb and --recall to choose an index all the same"
            )
        figures: dict[str, Any] = {"search": search}
    else:
        from training.data import parse_mapping
        from training.indexing import build_catalogue

        checkpoint = own_checkpoint(checkpoint)
        figures = build_catalogue(
            checkpoint,
            data,
            place,
            device=device,
            ray=ray,
            requirements=requirements,
            mapping=parse_mapping(columns or ()),
            keep=keep,
            strict=strict,
            pictures=where,
        )
        if not as_json:
            found = figures["data"]
            say_findings(f"{data}: {found['rows']:,} rows, {found['usable']:,} usable products", found)
            tell(
                f"{place}: {figures['products']:,} products encoded with {spoken(checkpoint)} in "
                f"{figures['seconds']:,.0f} s ({figures['images_per_second']:,.0f} images/s), "
                f"pictures skipped: {figures['skipped']:,}"
            )
            if kept := kept_text(figures["edits"]):
                tell(kept)
    if as_json:
        say(figures, True)
    elif figures["search"] is not None:
        _say_search(figures["search"])


def _say_search(search: dict[str, Any]) -> None:
    """Show which types of index were measured, and what was chosen."""
    from index import DEPTH

    numbers = ("recall@10", "of the other modality", f"recall@{DEPTH}", "ms", "exact scan, ms", "MB", "made in s")
    for side, chosen in search["chosen"].items():
        rows = []
        for one in search["measured"][side]:
            figures = [f"{one[name]:.4f}" for name in ("recall", "recall_other", "recall_deep")]
            figures += [f"{one['ms']:.2f}", f"{one['exact_ms']:.2f}"]
            figures += [f"{one['bytes'] / 1e6:.1f}", f"{one['build_s']:.0f}"]
            rows.append((one["kind"], *figures))
        say(Listing(("index", *numbers), rows, f"{side}, compared on a sample", right=frozenset(numbers)), False)
        least = min(chosen["recall"], chosen["recall_other"])
        short = "" if chosen["enough"] else f"; {search['wants']['recall']} was asked for: no type that fits reaches it"
        tell(
            f"{side}: {chosen['kind']} {chosen['factory']}, recall@10 {least:.4f} at the least, {chosen['ms']:.2f} ms "
            f"(exact scan {chosen['exact_ms']:.2f} ms), {chosen['bytes'] / 1e6:.1f} MB{short}"
        )
