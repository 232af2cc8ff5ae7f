"""How fast `vitrine index` is beside the towers alone, as a whole and while it encodes, and what bounds it.

    python -m tests.benchmarks.indexing --data DATA --checkpoint CHECKPOINT --out docs/performance/indexing.json

The encoder alone: `encode_pixels` on pictures that are in memory, scaled, at the best of several batches, called by one
thread; with the titles, each image's own share of `encode_text` is added. The command: a whole `vitrine index` of
the data set, with its start left out, its map and all else counted; and the part of it until the last picture is
encoded and written. A round takes three minutes on two cores. `--before FOLDER`: the source tree of an older version,
whose command runs in turn with this one's.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.performance import machine, machine_line, table

ROOT = Path(__file__).parents[2]
BATCHES = (16, 64, 256)
PICTURES = 1024
"""Pictures that the encoder alone is measured with."""


def alone(data: Path, checkpoint: Path) -> dict[str, Any]:
    """Return what the parts of indexing take on their own, milliseconds per image, in this process as it is set up."""
    from index import CatalogueInfo, CatalogueWriter, Entry, Product, SplitRule
    from models import decode_image, load_encoder
    from training.data import open_dataset

    encoder = load_encoder(checkpoint, "cpu")
    dataset = open_dataset(data)
    items = dataset.items[:PICTURES]
    figures: dict[str, Any] = {"runtime": encoder.runtime}

    def per_image(work: Callable[[], Any], count: int = len(items)) -> tuple[float, Any]:
        start = time.perf_counter()
        made = work()
        return round(1000 * (time.perf_counter() - start) / count, 4), made

    figures["read"], raw = per_image(lambda: [item.read() for item in items])
    figures["decode"], images = per_image(lambda: [decode_image(one) for one in raw])
    figures["scale"], pixels = per_image(lambda: np.stack([encoder.prepare_image(image) for image in images]))
    encoder.encode_pixels(pixels[:64])
    encoder.encode_text([item.title for item in items[:64]])
    titles = sorted({item.title for item in items}, key=len)
    towers: tuple[tuple[str, Callable[[Any], Any], Any], ...] = (
        ("encode", encoder.encode_pixels, pixels),
        ("text", encoder.encode_text, titles),
    )
    for name, encode, inputs in towers:
        figures[name] = {}
        for batch in BATCHES:
            parts = [inputs[at : at + batch] for at in range(0, len(inputs), batch)]
            figures[name][batch], _ = per_image(partial(list, map(encode, parts)), len(inputs))
    figures["distinct"] = len({item.title for item in dataset.items}) / len(dataset.items)
    rule = SplitRule(**encoder.training["split"])
    vector = np.full(encoder.dim, encoder.dim**-0.5, dtype=np.float32)
    with tempfile.TemporaryDirectory() as folder:

        def write() -> None:
            info = CatalogueInfo(encoder.encoder_id, encoder.dim, "benchmark", rule, "")
            with CatalogueWriter(Path(folder) / "catalogue", info) as writer:
                writer.add(
                    Entry(Product(one.id, one.title, one.attributes, rule.of(one.title)), picture, vector, vector)
                    for one, picture in zip(items, raw, strict=True)
                )

        figures["write"], _ = per_image(write)
    return figures


def command(tree: Path, data: Path, checkpoint: Path) -> dict[str, float]:
    """Return the figures of one `vitrine index` of a source tree; its time of the processor with its start."""
    before = _cpu_of_children()
    with tempfile.TemporaryDirectory() as folder:
        line = [sys.executable, "-m", "vitrine", "index", f"--data={data}", f"--checkpoint={checkpoint}", "--json"]
        line += [f"--out={folder}/catalogue", "--device=cpu"]
        done = subprocess.run(line, cwd=tree, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    names = ("products", "seconds", "encoding_seconds", "images_per_second")
    return {name: found[name] for name in names if name in found} | {"cpu_seconds": _cpu_of_children() - before}


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round(used.ru_utime + used.ru_stime, 1)


def measure(data: Path, checkpoint: Path, before: Path | None, rounds: int) -> dict[str, Any]:
    """Return the medians of all rounds, and what they came from."""
    trees = ({"before": before} if before is not None else {}) | {"now": ROOT}
    child = [sys.executable, "-m", "tests.benchmarks.indexing", "--child"]
    child += [f"--data={data}", f"--checkpoint={checkpoint}"]
    taken: dict[str, list[dict[str, Any]]] = {}
    for number in range(rounds):
        found = {"alone": json.loads(subprocess.check_output(child, cwd=ROOT))}
        found |= {name: command(tree, data, checkpoint) for name, tree in trees.items()}
        for name, one in found.items():
            sys.stderr.write(f"{number} {name}: {one}\n")
            taken.setdefault(name, []).append(one)
    alone_ms: dict[str, Any] = {}
    for name, value in taken["alone"][0].items():
        if isinstance(value, dict):
            alone_ms[name] = {
                batch: statistics.median(found[name][batch] for found in taken["alone"]) for batch in value
            }
        elif isinstance(value, float):
            alone_ms[name] = statistics.median(found[name] for found in taken["alone"])
    commands = {
        name: {figure: round(statistics.median(one[figure] for one in found), 1) for figure in found[0]}
        for name, found in taken.items()
        if name != "alone"
    }
    return {
        "machine": machine(),
        "runtime": taken["alone"][0]["runtime"],
        "rounds": rounds,
        "products": int(commands["now"]["products"]),
        "alone_ms": alone_ms,
        "images_per_second": {name: one["images_per_second"] for name, one in commands.items()},
        "command": commands,
    }


def markdown(result: dict[str, Any]) -> str:
    """Return the section of docs/performance.md."""
    ms, count, cores = result["alone_ms"], result["products"], result["machine"]["cores"]
    batch, image = min(ms["encode"].items(), key=lambda one: float(one[1]))
    text = min(ms["text"].values()) * ms["distinct"]
    rest = {name: ms[name] for name in ("read", "decode", "scale", "write")}
    both, beside = image + text, sum(rest.values()) / cores
    now = result["command"]["now"]
    spread = now["cpu_seconds"] / cores
    after = now["seconds"] - now["encoding_seconds"]
    whole_bound = both + beside + 1000 * after / count

    def row(name: str, each: float) -> tuple[str, ...]:
        return name, f"{1000 / each:,.0f}", f"{image / each:.2f}", f"{both / each:.2f}"

    rows = [
        (*row("image tower alone", image)[:3], ""),
        row("both towers alone, each title once", both),
        row("bound of encoding: reading, decoding, scaling and writing spread over the cores", both + beside),
        row("**encoding**, from the first title to the last picture written", 1000 * now["encoding_seconds"] / count),
        row("bound of the whole: the same, and what comes after encoding", whole_bound),
    ]
    rows += [
        row(f"**whole `vitrine index`**{'' if name == 'now' else f', {name}'}", 1000 * one["seconds"] / count)
        for name, one in result["command"].items()
    ]
    reached = both * count / 1000 / now["seconds"]
    lines = [
        "## Making a catalogue",
        "",
        "```console",
        "python -m tests.benchmarks.indexing --data PATH --checkpoint PATH --out docs/performance/indexing.json",
        "```",
        "",
        machine_line(result["machine"]),
        f"`vitrine index` of {count:,} products ({result['runtime']}), rounds: {result['rounds']}, compared with the "
        f"towers alone, which one thread calls with {batch} pictures at a time, scaled beforehand.",
        "",
        table(["", "images/s", "of the image tower alone", "of both towers alone"], rows),
        "",
        f"An image costs {image:.2f} ms of all cores in the image tower and {text:.2f} ms for its share of a title; on "
        f"one core it costs {', '.join(f'{value:.3f} ms to {name}' for name, value in rest.items())}.",
        "",
        f"The goal is .95 of both towers alone; the whole command reaches {reached:.2f}. What bounds it is the time of "
        f"the processor: the command takes {now['cpu_seconds']:,.0f} s of it, start included, which is "
        f"{spread:,.0f} s on {cores} cores, and it takes {now['seconds']:,.0f} s. Of these, the towers need "
        f"{both * count / 1000:,.0f} s, reading, decoding, scaling and writing {beside * count / 1000:,.0f} s. "
        f"{after:,.0f} s come after encoding: the commit, then the map in a process of its own, and beside it the "
        "search files and the calibration of scores, which asks 3,000 queries.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and write the figures, or show those of a file as a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--before", type=Path, help="source tree of an older version")
    parser.add_argument("--rounds", type=int, default=2, help="of everything, in turn; the figures are medians")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--from", dest="given", type=Path, help="show the figures of this JSON; measure nothing")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        sys.stdout.write(json.dumps(alone(given.data, given.checkpoint)))
        return
    if given.given:
        sys.stdout.write(markdown(json.loads(given.given.read_text(encoding="utf-8"))))
        return
    result = measure(given.data, given.checkpoint, given.before, given.rounds)
    from common import write_json

    write_json(given.out, result)
    sys.stdout.write(markdown(result))


if __name__ == "__main__":
    main()
