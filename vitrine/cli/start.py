"""The commands of "Start here": the demo, a search without a service, the service, a look at the machine."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Annotated

import typer

from vitrine.cli.app import OWN, START, cli, say, tell
from vitrine.cli.options import (
    CatalogueOption,
    CheckpointOption,
    Device,
    HostOption,
    Json,
    OptionalDevice,
    PortOption,
    pair,
    refuse,
)
from vitrine.cli.output import Listing, coloured, in_terminal
from vitrine.places import ARTEFACTS, CATALOGUE_SETTING, DEMO, SHIPPED, checkpoints, find_catalogue, setting
from vitrine.ready_demo import ready_demo

OPEN_TRIES = 600
"""How often a service that starts is asked whether it answers, before no page is opened."""


@cli.command(rich_help_panel=START, epilog="Example: `vitrine demo --no-serve`")
def demo(
    folder: Annotated[Path, typer.Option(help="Where the demo's artefacts go; what is there is used again.")] = DEMO,
    serve_it: Annotated[bool, typer.Option("--serve/--no-serve", help="Serve the demo when it is ready.")] = True,
    host: HostOption = None,
    port: PortOption = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Draw a catalogue, train on it, index, evaluate and serve it: offline, in about two minutes on two cores."""
    if not serve_it:
        refuse({"--host": host, "--port": port}, "--no-serve serves nothing")
    _make_demo(folder, device, as_json)
    if serve_it:
        serve(folder / "checkpoint", str(folder / "catalogue"), host, port, device)


def _make_demo(folder: Path, device: str, as_json: bool = False) -> None:
    from training.demo import prepare_demo
    from training.reports import terminal_table

    report = prepare_demo(folder, device=device)
    if as_json:
        say(report, True)
        return
    say(terminal_table(report["evaluation"]), False)
    found = report["found"]
    tell(
        f"Asked for {found['titles']} titles it had never seen, the first picture had the right type and colour in "
        f"{found['both']:.0%} ({found['type']:.0%} type, {found['colour']:.0%} colour). "
        f"Ready in {report['seconds']:.0f} s."
    )
    tell(
        f"This model is tiny and knows drawn products only. For photos there is the shipped one, {SHIPPED}: MiniLM-L6 "
        "and DINOv2-small at 112 px, small enough for two CPU cores and 60 MB. With a GPU: vitrine train bert-vit DATA."
    )


@cli.command(rich_help_panel=OWN, epilog="Example: `vitrine serve --port 8001 --workers 2`")
def serve(
    checkpoint: CheckpointOption = None,
    catalogue: CatalogueOption = None,
    host: HostOption = None,
    port: PortOption = None,
    device: OptionalDevice = None,
    workers: Annotated[int | None, typer.Option(help="Processes that serve. [default: 1]")] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    or_demo: Annotated[
        bool, typer.Option("--or-demo", help="Without a catalogue, make the demo and serve it.")
    ] = False,
) -> None:
    """Serve the search over HTTP, with a page at /. Every setting can also come from VITRINE_* in the environment."""
    from app import Settings
    from app import serve as run
    from index import open_catalogue

    if or_demo and (catalogue or setting(CATALOGUE_SETTING)) is None and not (ARTEFACTS / "catalogue").exists():
        ready = ready_demo(DEMO)
        if ready is None:
            _make_demo(DEMO, device or "auto")
        elif ready != DEMO:
            checkpoint, catalogue = checkpoint or ready / "checkpoint", str(ready / "catalogue")
    checkpoint, place = pair(checkpoint, catalogue)
    settings = Settings.read(
        checkpoint=checkpoint, catalogue=place, host=host, port=port, device=device, workers=workers
    )
    model = checkpoint.name

    def listening(url: str) -> None:
        url += settings.root_path
        if in_terminal():
            with open_catalogue(place) as opened:
                what = f"{opened.info.source}, {len(opened):,} products, model {model}"
            tell(f"{coloured('vitrine', 'green', bold=True)}  {what}")
            tell(f"{'':>9}{coloured(url, 'cyan')}  (Ctrl-C stops it; the log follows)")
        if open_page:
            Thread(target=_open, args=(url,), daemon=True).start()

    run(settings, ready=listening if open_page or in_terminal() else None)


def _open(url: str) -> None:
    """Open a page in the browser once the service answers."""
    import httpx

    for _ in range(OPEN_TRIES):
        with suppress(httpx.TransportError):
            if httpx.get(f"{url}/healthz", timeout=1, trust_env=False).is_success:
                typer.launch(url)
                return
        time.sleep(0.2)


@cli.command(rich_help_panel=START, epilog="Example: `vitrine doctor --json`")
def doctor(as_json: Json = False) -> None:
    """Look at this machine and at what would be served, and say what to do about each finding.

    Ends with 1 when something is in the way of the service; a note is not.
    """
    from app.doctor import examine, report

    found = examine(checkpoints(), find_catalogue(None) or ARTEFACTS / "catalogue")
    summary = report(found)
    if as_json:
        say(summary, True)
    else:
        colours = {"ok": "green", "note": "yellow", "problem": "red"}
        if not in_terminal():
            rows = [(one.state, one.check, one.found, one.fix) for one in found]
            say(Listing(("state", "check", "found", "fix"), rows), False)
        for one in found if in_terminal() else ():
            tell(f"{coloured(one.state.rjust(7), colours[one.state])}  {one.check:<11}{one.found}")
            if one.fix:
                tell(f"{'':>20}→ {one.fix}")
    if not summary["ok"]:
        raise typer.Exit(1)
