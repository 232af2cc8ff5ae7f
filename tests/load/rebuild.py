"""A part of tests.load.kill: replaces a catalogue again and again, as `vitrine index` does, until it is killed.

python -m tests.load.rebuild ORIGINAL CATALOGUE

The products of the data set are those of ORIGINAL, a catalogue that nobody edits. Vectors are its own: an encoder would
take most of the time, and have nothing to do.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from index.store import open_whole, write_catalogue


def rebuild(original: Path, folder: Path) -> None:
    """Replace the catalogue by one that is built from the original data, until killed; print a line for each."""
    with open_whole(original) as whole:
        info, entries = whole.info, [entry for entry, _ in whole.entries]
    while True:
        with write_catalogue(folder, info) as writer:
            writer.add(entries)
        sys.stdout.write(f"replaced {writer.kept.changed} {writer.kept.deleted}\n")
        sys.stdout.flush()
        time.sleep(0.3)


if __name__ == "__main__":
    rebuild(Path(sys.argv[1]), Path(sys.argv[2]))
