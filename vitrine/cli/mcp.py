"""The command that lets language models search the catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from common import InputError, require
from vitrine.cli.app import RUNNING, cli, warn
from vitrine.cli.options import CatalogueOption, CheckpointOption, pair
from vitrine.places import setting


@cli.command(rich_help_panel=RUNNING, epilog="Example: `vitrine mcp --url http://127.0.0.1:8000`")
def mcp(
    url: Annotated[
        str | None, typer.Option(help="Ask the service at this address. [default: VITRINE_URL, else the catalogue]")
    ] = None,
    key_file: Annotated[Path | None, typer.Option(help="File that holds a key. [default: VITRINE_KEY]")] = None,
    catalogue: CatalogueOption = None,
    checkpoint: CheckpointOption = None,
    write: Annotated[
        bool, typer.Option("--write", help="Also let products be changed; the service asks for a key that may write.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(help="Serve over HTTP on 127.0.0.1, at /mcp, in place of standard input.", min=1, max=65535),
    ] = None,
) -> None:
    """Let language models search the catalogue: a server of the Model Context Protocol.

    An assistant starts it and talks to it over standard input and output. Its tools are search, similar, product,
    facets and suggest; they only read. Needs `pip install 'vitrine[mcp]'`.
    """
    require("mcp", "mcp", what="vitrine mcp")
    from vitrine.client import Client, key_of_file
    from vitrine.mcp import Source, run

    address = url or setting("VITRINE_URL")
    if address is None:
        if write or key_file is not None:
            raise InputError(
                "a catalogue that is opened here is only read; give --url with the address of a running service, and "
                "a key that may write in VITRINE_KEY or with --key-file"
            )
        folder, place = pair(checkpoint, catalogue)
        run(Source(catalogue=place, checkpoint=folder), port=port)
        return
    if catalogue is not None or checkpoint is not None:
        raise InputError("--url asks a running service, which has its own catalogue; leave out the one or the other")
    key = None if key_file is None else key_of_file(key_file)
    Client(address, key=key).close()  # an address or a key that is none is told before an assistant waits
    if write and key is None and not (setting("VITRINE_KEY") or setting("VITRINE_API_KEY")):
        warn("there is no key, so the service will refuse changes; give one in VITRINE_KEY or with --key-file")
    run(Source(address, key), write=write, port=port)
