"""The command that lays the products out on a map."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from common import InputError
from vitrine.cli.app import MORE, cli, say, tell
from vitrine.cli.options import CatalogueOption, Json
from vitrine.places import catalogue as catalogue_place


@cli.command("map", rich_help_panel=MORE, epilog="Example: `vitrine map --catalogue postgresql://shop@db/shop`")
def map_products(
    catalogue: CatalogueOption = None,
    method: Annotated[
        str,
        typer.Option(
            help="tsne keeps similar products together; pca shows the two directions in which they differ most.",
            show_default=True,
        ),
    ] = "tsne",
    as_json: Json = False,
) -> None:
    """Rebuild the map: where the products are in two dimensions, for the page at /map.

    `vitrine index` makes one. Products that are on it already stay about where they are.
    """
    from index import METHODS, make_map

    known = next((one for one in METHODS if one == method), None)
    if known is None:
        raise InputError(f"there is no method {method!r}; choose one of {', '.join(METHODS)}")
    place = catalogue_place(catalogue)
    start = time.monotonic()
    count = make_map(place, known)
    seconds = time.monotonic() - start
    if as_json:
        say({"catalogue": str(place), "products": count, "method": known, "seconds": round(seconds, 1)}, True)
    else:
        tell(f"{place}: {count:,} products on a map by {known} in {seconds:.1f} s")
