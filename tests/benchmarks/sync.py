"""What `vitrine sync` sends, and how long it takes, for a night in which one product of a hundred changed.

    python -m tests.benchmarks.sync --catalogue CATALOGUE --checkpoint CHECKPOINT --out docs/performance/sync.json

The catalogue is copied and served by the real service. Its products are the feed, as JSON lines beside picture files.
The first sync finds nothing to do, the second one what changed: attributes, titles, pictures, products that are new and
that are gone. Beside them, some products are sent whole, as a shop does that cannot know what is live.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from common import write_json
from index import Catalogue
from tests.benchmarks.performance import machine, machine_line, table
from tests.load.running import SHIPPED, Service, say, serving, work_folder
from training.data import Item, open_dataset
from training.sync.compare import line, pictures_of
from vitrine.client import Client
from vitrine.client.syncing import Live

CHANGED = 0.01
"""Part of the products that changed over night."""
KINDS = {"attributes": 0.6, "title": 0.2, "picture": 0.1, "new": 0.05, "gone": 0.05}
"""What changed of them."""
WHOLE = 500
"""Products that are sent whole."""

Row = dict[str, Any]


def export(catalogue: Path, folder: Path) -> list[Row]:
    """Write the pictures of a catalogue into `folder`, and return the rows of a feed."""
    rows: list[Row] = []
    with Catalogue.open(catalogue) as opened:
        for number, product in enumerate(opened.snapshot().products):
            (folder / f"{number}.jpg").write_bytes(opened.image(product.id))
            rows.append({"id": product.id, "image": f"{number}.jpg", "title": product.title, **product.attributes})
    return rows


def next_night(rows: Sequence[Row], folder: Path, seed: int = 0) -> tuple[list[Row], dict[str, int]]:
    """Return the feed of the next night and how many rows changed in which way."""
    draw = random.Random(seed)
    found = [dict(row) for row in rows]
    count = max(len(KINDS), round(CHANGED * len(rows)))
    places = draw.sample(range(len(rows)), count)
    made = dict.fromkeys(KINDS, 0)
    gone: set[int] = set()
    for number, place in enumerate(places):
        share, kind = 0.0, "gone"
        for name, part in KINDS.items():
            share += part
            if number < share * count:
                kind = name
                break
        made[kind] += 1
        row = found[place]
        if kind == "attributes":
            row["price"] = 10 + number / 4
        elif kind == "title":
            row["title"] += " reduced"
        elif kind == "gone":
            gone.add(place)
        else:
            with Image.open(folder / row["image"]) as image:
                file = io.BytesIO()
                ImageOps.mirror(image.convert("RGB")).save(file, "JPEG", quality=90)
            name = f"night-{number}.jpg"
            (folder / name).write_bytes(file.getvalue())
            if kind == "new":
                found.append({**row, "id": f"new-{number}", "image": name})
            else:
                row["image"] = name
    return [row for place, row in enumerate(found) if place not in gone], made


def write_feed(rows: Sequence[Row], folder: Path) -> Path:
    """Write rows as JSON lines and return the file."""
    path = folder / "shop.jsonl"
    path.write_text("".join(json.dumps(row, default=list) + "\n" for row in rows), encoding="utf-8")
    return path


def synced(feed: Path, service: Service, work: Path) -> dict[str, Any]:
    """Sync a feed by the command, and return its report with the seconds of the whole process."""
    key = work / "key"
    key.write_text(service.secret)
    command = [sys.executable, "-m", "vitrine", "sync", str(feed), "--url", service.url, "--key-file", str(key)]
    begun = time.perf_counter()
    done = subprocess.run([*command, "--json"], stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return {**found, "process_seconds": round(time.perf_counter() - begun, 1)}


def sent_whole(items: Sequence[Item], service: Service) -> dict[str, Any]:
    """Send products whole, each with another attribute so that there is something to write."""
    with Client(service.url, key=service.secret) as client:
        caller = Live(client.send)
        begun = time.perf_counter()
        for at in range(0, len(items), 100):
            made = [line(item, pictures_of(item)[0]) for item in items[at : at + 100]]
            caller.write([{**one, "attributes": {**one["attributes"], "sent": "whole"}} for one in made])
        seconds = time.perf_counter() - begun
    return {"products": len(items), "bytes_sent": caller.sent, "seconds": round(seconds, 1)}


def measured(catalogue: Path, checkpoint: Path) -> dict[str, Any]:
    """Return the figures of both syncs."""
    with work_folder() as work:
        copy = Path(shutil.copytree(catalogue, work / "catalogue", symlinks=True))
        folder = work / "feed"
        folder.mkdir()
        rows = export(copy, folder)
        options = {"VITRINE_RATE_LIMIT": ""}
        with serving(checkpoint, copy, work / "log", 1, **options) as service:
            nothing = synced(write_feed(rows, folder), service, work)
            say(f"nothing changed: {nothing['process_seconds']} s")
            night, changed = next_night(rows, folder)
            some = synced(write_feed(night, folder), service, work)
            say(f"some changed: {some['process_seconds']} s")
            whole = sent_whole(open_dataset(folder).items[:WHOLE], service)
    names = ("created", "replaced", "unchanged", "deleted", "failed", "pictures")
    kept = (*names, "bytes_sent", "bytes_received", "seconds", "process_seconds")
    return {
        "products": len(rows),
        "changed": changed,
        "nothing": {name: nothing[name] for name in kept},
        "some": {name: some[name] for name in kept},
        "whole": whole,
    }


def markdown(result: dict[str, Any]) -> str:
    """Return the section of the page."""
    some, whole, nothing = result["some"], result["whole"], result["nothing"]
    bytes_whole = whole["bytes_sent"] / whole["products"] * result["products"]
    seconds_whole = whole["seconds"] / whole["products"] * result["products"]
    changed = ", ".join(f"{count:,} {kind}" for kind, count in result["changed"].items())
    rows = [
        ["nothing changed", *_cells(nothing)],
        ["1 % changed", *_cells(some)],
        ["all sent whole, from a sample", f"{bytes_whole / 1e6:,.1f}", "–", f"{seconds_whole:,.0f}"],
    ]
    return f"""
## A nightly sync

`vitrine sync` of a feed of {result["products"]:,} products, of which {sum(result["changed"].values()):,} changed
({changed}). It lists what is live, compares titles, attributes and digests of pictures, and sends what differs:
{bytes_whole / max(some["bytes_sent"], 1):,.0f} times fewer bytes than the whole feed.

{table(["sync", "MB sent", "MB received", "seconds"], rows)}

The time of a sync counts the reading of the feed and of every picture; the service encodes what was sent. The last row
is {whole["products"]:,} products sent whole, times the size of the feed.

{machine_line(result["machine"])}
"""


def _cells(found: dict[str, Any]) -> list[str]:
    return [
        f"{found['bytes_sent'] / 1e6:,.2f}",
        f"{found['bytes_received'] / 1e6:,.1f}",
        f"{found['process_seconds']:,.0f}",
    ]


def main() -> None:
    """Measure, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catalogue", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, default=SHIPPED)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    result = measured(given.catalogue, given.checkpoint)
    write_json(given.out, {**result, "machine": machine("httpx")})


if __name__ == "__main__":
    main()
