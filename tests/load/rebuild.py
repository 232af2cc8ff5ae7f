"""A part of tests.load.kill: replaces a catalogue again and again, as `vitrine index` does, until it is killed.

python -m tests.load.rebuild CHECKPOINT CATALOGUE
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from index import Catalogue, CatalogueWriter
from models import load_encoder
from tests.load.products import encoded


def rebuild(checkpoint: Path, folder: Path) -> None:
    """Replace the catalogue by one with the same products, built beside it, until killed; print a line for each."""
    encoder = load_encoder(checkpoint, "cpu")
    while True:
        with Catalogue.open(folder) as old:
            info = old.info
        # In this order: what is changed after the build began is carried over.
        with (
            CatalogueWriter(folder, info, lambda changed: encoded(encoder, changed)) as writer,
            Catalogue.open(folder) as before,
        ):
            writer.add(before.entry(product.id)[0] for product in before.snapshot().products)
        sys.stdout.write("replaced\n")
        sys.stdout.flush()
        time.sleep(0.3)


if __name__ == "__main__":
    rebuild(Path(sys.argv[1]), Path(sys.argv[2]))
