"""Which Vitrine this is: the command, and the option --version."""

from __future__ import annotations

import os
import platform
from typing import Annotated, Any

import typer

from vitrine.cli.app import ABOUT, MORE, cli, say, tell, warn
from vitrine.cli.options import Json
from vitrine.places import CATALOGUE_SETTING, CHECKPOINT_SETTING, shipped_checkpoint, version

USUAL = {CATALOGUE_SETTING, CHECKPOINT_SETTING, "VITRINE_KEY", "VITRINE_URL"}
"""Variables that are no misprint: without others, the settings need not be imported to find one."""


@cli.command("version", rich_help_panel=MORE, epilog="Example: `vitrine version --json`")
def show_version(as_json: Json = False) -> None:
    """Show the version, the commit, the model that comes along, and Python."""
    this, shipped, python = version(), shipped_checkpoint(), platform.python_version()
    name = None if shipped is None else shipped.name
    if as_json:
        encoder: dict[str, Any] | None = None
        if shipped is not None:
            from models import encoder_id

            encoder = {"name": name, "id": encoder_id(shipped)}
        found = {"version": this.number, "commit": this.commit, "encoder": encoder, "python": python}
        say({**found, "folder": str(this.folder)}, True)
        return
    commit = "" if this.commit is None else f" ({this.commit})"
    tell(f"vitrine {this.number}{commit}, model {name or 'none'}, Python {python}, {this.folder}")


def _show(given: bool) -> None:
    if given:
        show_version()
        raise typer.Exit


@cli.callback(help=ABOUT)
def options(
    ctx: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", "-V", help="Show the version and exit.", callback=_show, is_eager=True)
    ] = False,
) -> None:
    """Take the options that stand before a command, and tell of misspelt variables; `doctor` does so itself."""
    if ctx.invoked_subcommand != "doctor" and any(
        name.startswith("VITRINE_") and name not in USUAL for name in os.environ
    ):
        from app.settings import misspelt

        for line in misspelt():
            warn(line)
