"""The command that measures a catalogue, a search, or two encoders against each other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from common import InputError
from vitrine.cli.app import OWN, cli, say
from vitrine.cli.options import CatalogueOption, CheckpointOption, Device, Json, pair, refuse, write_figures
from vitrine.cli.values import HALVES, MODES, PROTOCOLS, SPLITS, one_of
from vitrine.places import catalogue as catalogue_place


@cli.command(rich_help_panel=OWN, epilog="Example: `vitrine evaluate --split test --out figures.md`")
def evaluate(
    here: Annotated[
        str | None, typer.Argument(metavar="PLACE", help="The catalogue, as --catalogue.", show_default=False)
    ] = None,
    catalogue: CatalogueOption = None,
    split: Annotated[
        str | None,
        one_of("split", SPLITS, help="Whose titles ask: train, validation, test or all. [default: test]"),
    ] = None,
    protocol: Annotated[
        str,
        one_of(
            "protocol",
            PROTOCOLS,
            help="pairs: products ask, in both directions; kagl: titles and categories ask, beside public figures, "
            "and the checkpoint encodes the categories.",
        ),
    ] = "pairs",
    checkpoint: CheckpointOption = None,
    queries: Annotated[
        Path | None, typer.Option(help="Judged queries ask instead: a file of JSON lines, or a folder of such files.")
    ] = None,
    mode: Annotated[
        str | None,
        one_of("mode", (*MODES, "all"), help="With --queries: hybrid, vector, lexical or all. [default: hybrid]"),
    ] = None,
    half: Annotated[
        str | None,
        one_of("half", HALVES, help="With --queries, those of one half: tune, report or all. [default: report]"),
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="With --queries: ask the service there, which serves the same catalogue.")
    ] = None,
    lexicons: Annotated[
        Path | None, typer.Option(help="With --queries: folder of the shop's own lexicons, such as fr.toml.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(metavar="CHECKPOINT", help="Measure the difference to this encoder, B, in pairs.")
    ] = None,
    against_catalogue: Annotated[
        str | None,
        typer.Option(metavar="PLACE", help="The same products by encoder B; without it, B encodes the pictures now."),
    ] = None,
    device: Device = "auto",
    out: Annotated[
        Path | None, typer.Option(help="Also write the figures here: .json, or a table: .md or .csv.")
    ] = None,
    given: Annotated[
        Path | None, typer.Option("--from", help="Show the figures of this JSON; measure nothing.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure retrieval, with 95 % intervals, against all products of the catalogue.

    Products and titles ask, or with --queries what customers type; `docs/search.md` says how such a file is written.
    With --against, two encoders are compared, and a file of plain queries, one a line, is searched by both.
    """
    from training.reports import (
        Own,
        evaluate_against,
        evaluate_catalogue,
        evaluate_catalogue_kagl,
        evaluate_queries,
        figures_csv,
        markdown,
        read_result,
        terminal_table,
    )

    if here is not None and catalogue not in (None, here):
        raise InputError(f"two catalogues are given, {here} and --catalogue {catalogue}; give one")
    catalogue = here or catalogue
    comparing = against is not None or against_catalogue is not None
    asking = {"--queries": queries, "--mode": mode, "--half": half, "--url": url, "--lexicons": lexicons}
    if given is not None:
        others = {"--against": against, "--against-catalogue": against_catalogue, "--checkpoint": checkpoint}
        refuse({"--catalogue": catalogue, "--split": split, **asking, **others}, "--from measures nothing")
    if comparing and queries is None:
        refuse({"--checkpoint": checkpoint}, "--against measures pairs on the catalogue's own vectors")
    if url is not None:
        refuse({"--checkpoint": checkpoint, "--device": device}, "--url asks a service, which has its own")
    if queries is not None and not comparing and out is not None and out.suffix == ".csv":
        raise InputError("figures of judged queries have no table with separators; write them to .json or .md")
    if queries is None and any(option is not None for option in (mode, half, url, lexicons)):
        raise InputError("--mode, --half, --url and --lexicons are for judged queries; give --queries FILE with them")
    if comparing and (protocol != "pairs" or any(option is not None for option in (mode, url, lexicons))):
        raise InputError("--against compares encoders on pairs; leave out --protocol, --mode, --url and --lexicons")
    if queries is not None and not comparing and (split is not None or protocol != "pairs"):
        raise InputError("--split and --protocol are for products and titles that ask; leave them out with --queries")
    if given:
        result = read_result(given)
    elif comparing:
        result = evaluate_against(
            catalogue_place(catalogue),
            against,
            None if against_catalogue is None else catalogue_place(against_catalogue),
            split or "test",
            own=None if queries is None else Own(queries, pair(checkpoint, catalogue)[0], half or "all"),
            device=device,
        )
    elif queries is not None:
        own, place = (checkpoint, catalogue_place(catalogue)) if url else pair(checkpoint, catalogue)
        result = evaluate_queries(
            queries,
            own,
            place,
            mode=mode or "hybrid",
            half=half or "report",
            url=url,
            lexicons=lexicons,
            device=device,
        )
    elif protocol == "kagl":
        result = evaluate_catalogue_kagl(*pair(checkpoint, catalogue), split or "test", device=device)
    else:
        measured = "pairs are measured on the catalogue's own vectors, and an encoder with --protocol kagl"
        refuse({"--checkpoint": checkpoint, "--device": device}, measured)
        result = evaluate_catalogue(catalogue_place(catalogue), split or "test")
    if out is not None:
        write_figures(out, result, markdown, figures_csv)
    say(result if as_json else terminal_table(result), as_json)
