"""The command that lays the products out on a map."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, cast

from vitrine.cli.app import MORE, cli, say, tell
from vitrine.cli.options import CatalogueOption, Json
from vitrine.cli.values import one_of
from vitrine.places import catalogue as catalogue_place

if TYPE_CHECKING:
    from index import Method


def _methods() -> Sequence[str]:
    from index import METHODS

    return METHODS


@cli.command("map", rich_help_panel=MORE, epilog="Example: `vitrine map --catalogue postgresql://shop@db/shop`")
def map_products(
    catalogue: CatalogueOption = None,
    method: Annotated[
        str,
        one_of(
            "method",
            _methods,
            help="tsne keeps similar products together; pca shows the two directions in which they differ most.",
            show_default=True,
        ),
    ] = "tsne",
    as_json: Json = False,
) -> None:
    """Rebuild the map: where the products are in two dimensions, for the page at /map.

    `vitrine index` makes one. Products that are on it already stay about where they are.
    """
    from index import make_map

    place = catalogue_place(catalogue)
    start = time.monotonic()
    count = make_map(place, cast("Method", method))
    seconds = time.monotonic() - start
    if as_json:
        say({"catalogue": str(place), "products": count, "method": method, "seconds": round(seconds, 1)}, True)
    else:
        tell(f"{place}: {count:,} products on a map by {method} in {seconds:.1f} s")
