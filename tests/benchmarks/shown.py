"""What a page of results weighs, and what pictures as files beside the catalogue cost or save.

    python -m tests.benchmarks.shown --out docs/performance/shown.json

The page: 24 products with photos of 3 megapixels, as they are and as a browser asks for them; drawn, with grain. The
catalogue: pictures of several sizes, of random bytes, inside its SQLite file and as files beside it.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from common import write_json
from index import CatalogueInfo, CatalogueWriter, Entry, Pictures, Product, Put, SplitRule, open_catalogue
from tests.benchmarks.performance import machine, machine_line, table
from tests.tools.photos import jpeg, write_photos
from tests.tools.shop import shop_open

RESULTS = 24
SIZES = {"60 kB": 60_000, "120 kB": 120_000, "256 kB": 256_000, "1 MB": 1_000_000, "3 MB": 3_000_000}
MODES: tuple[Pictures, ...] = ("inside", "folder")
DIM = 16
BROWSER = "image/avif,image/webp,image/apng,image/*,*/*;q=0.8"


def _entry(number: int, size: int, seed: int = 0) -> Entry:
    vector = np.full(DIM, DIM**-0.5, dtype=np.float32)
    picture = np.random.default_rng([number, seed]).bytes(size)
    return Entry(Product(str(number), f"product {number}", {}, "test"), picture, vector, vector)


def _timed(work: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - begun)


def measure_mode(size: int, mode: Pictures, together: int) -> dict[str, float]:
    """Return what pictures of a size cost in one mode, of about `together` bytes in all: milliseconds and megabytes."""
    count = max(8, together // size)
    info = CatalogueInfo("drawn", DIM, "drawn", SplitRule(), "2026-01-01T00:00:00+00:00")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "catalogue"

        def build() -> None:
            with CatalogueWriter(place, info, pictures=mode) as writer:
                writer.add(_entry(number, size) for number in range(count))

        built = _timed(build) / count
        files = [one for one in place.rglob("*") if one.is_file() and not one.is_symlink()]
        with open_catalogue(place, writable=True) as catalogue:
            order = np.random.default_rng(0).permutation(count).tolist()
            reads = [_timed(lambda number=number: catalogue.image(str(number))) for number in order]  # type: ignore[misc]
            edits = [Put(_entry(number, size, 1)) for number in order[:20]]
            puts = [_timed(lambda edit=edit: catalogue.write([edit])) for edit in edits]  # type: ignore[misc]
            in_catalogue = sum(one.stat().st_size for one in files if FOLDER not in one.parts)
        return {
            "build ms": round(built, 3),
            "read ms": round(statistics.median(reads), 3),
            "put ms": round(statistics.median(puts), 3),
            "MB": round(sum(one.stat().st_size for one in files if one.exists()) / 1e6, 1),
            "MB of the SQLite file": round(in_catalogue / 1e6, 2),
            "pictures MB": round(count * size / 1e6, 1),
        }


FOLDER = "pictures"


def measure_page(width: int, height: int) -> dict[str, Any]:
    """Return the bytes of the pictures of a page of results, and how long they take: made, and kept."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        pictures = {f"p{number}": jpeg(number, width, height) for number in range(RESULTS)}
        write_photos(place / "catalogue", pictures)
        found: dict[str, Any] = {"originals kB": round(sum(map(len, pictures.values())) / 1000)}
        with shop_open(place / "catalogue", picture_cache=place / "cache") as client:

            def page(query: dict[str, int], accept: str) -> int:
                answers = [
                    client.get(f"/v1/products/{name}/image", params=query, headers={"accept": accept})
                    for name in pictures
                ]
                return sum(len(answer.raise_for_status().content) for answer in answers)

            page({"w": 160}, BROWSER)  # the processes that decode are started
            for name, asked, accept in (
                ("as they are", 0, BROWSER),
                ("320 wide, WebP", 320, BROWSER),
                ("320 wide, JPEG", 320, "image/jpeg"),
                ("640 wide, WebP", 640, BROWSER),
            ):
                query = {"w": asked} if asked else {}
                begun = time.perf_counter()
                size = page(query, accept)
                first = time.perf_counter() - begun
                again = _timed(lambda query=query, accept=accept: page(query, accept))  # type: ignore[misc]
                found[name] = {"kB": round(size / 1000), "ms": round(1000 * first), "ms again": round(again)}
    return found


def markdown(result: dict[str, Any]) -> str:
    """Return the section of the page."""
    page = result["page"]
    kinds = [name for name, one in page.items() if isinstance(one, dict)]
    of_page = [[name, *(f"{page[name][what]:,}" for what in ("kB", "ms", "ms again"))] for name in kinds]
    rows = [
        [
            size,
            *(f"{modes[mode][what]:g}" for what in ("read ms", "put ms", "build ms") for mode in MODES),
            *(f"{modes[mode]['MB'] / modes[mode]['pictures MB']:.3f}" for mode in MODES),
            f"{modes['folder']['MB of the SQLite file']:g}",
        ]
        for size, modes in result["modes"].items()
    ]
    heads = [f"{what}, {mode}" for what in ("read, ms", "put, ms", "build, ms each") for mode in MODES]
    heads += [f"bytes for each byte of pictures, {mode}" for mode in MODES]
    return (
        "## Pictures on a page, and in a catalogue\n\n"
        f"The pictures of a page of {RESULTS} results, with photos of {result['pixels']} pixels, one after another on"
        " one connection: all of their bytes, how long they take when they are made, and when they are kept.\n\n"
        f"{table(['pictures', 'kB', 'made, ms', 'kept, ms'], of_page)}\n\n"
        "Pictures inside the catalogue's SQLite file, and as files beside it (`--pictures`). Reading checks the digest"
        " in both. A put is on the disk when it returns.\n\n"
        f"{table(['picture', *heads, 'MB of the SQLite file, folder'], rows)}\n\n{machine_line(result['machine'])}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--together-mb", type=int, default=60, help="Of pictures in each catalogue.")
    parser.add_argument("--width", type=int, default=1500)
    parser.add_argument("--height", type=int, default=2000)
    arguments = parser.parse_args()
    found = {
        name: {mode: measure_mode(size, mode, arguments.together_mb * 1_000_000) for mode in MODES}
        for name, size in SIZES.items()
    }
    write_json(
        arguments.out,
        {
            "machine": machine(),
            "pixels": f"{arguments.width:,}×{arguments.height:,}",
            "page": measure_page(arguments.width, arguments.height),
            "modes": found,
        },
    )
