"""A part of tests.benchmarks.search: large catalogues drawn from the vectors of a real one, and their indexes."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import faiss
import numpy as np

from common import write_json
from index import Catalogue, CatalogueInfo, CatalogueWriter, Entry, Product
from index.ann import NOISE, Choice, Kind, build, factories, from_json, to_json

LEFT_OUT: dict[str, dict[Kind, str]] = {
    "10m": {
        "ivf": "as many bytes as the vectors, and no better than ivf-int8 with rescoring",
        "hnsw": "a graph over ten million rows takes this machine a quarter of an hour and more to build",
    }
}
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415478da63f8ffff3f0005fe02fe0d"
    "ef46b80000000049454e44ae426082"
)
"""A picture of one white pixel."""


def draw(base: np.ndarray, count: int, seed: int, out: Path) -> np.ndarray:
    """Return `count` vectors like those of `base` (N, D), from the file `out`, which is made when it is not there.

    Each is a row of `base` and a part of the difference of two others: noise that is spread as the vectors are.
    """
    if not out.exists():
        rng = np.random.default_rng(seed)
        part = out.with_suffix(".part.npy")
        drawn = np.lib.format.open_memmap(part, mode="w+", dtype=np.float32, shape=(count, base.shape[1]))
        for start in range(0, count, 100_000):
            rows = np.arange(start, min(start + 100_000, count))
            plus, minus = rng.integers(0, len(base), size=(2, len(rows)))
            some = base[rows % len(base)] + np.float32(NOISE) * (base[plus] - base[minus])
            drawn[rows] = some / np.linalg.norm(some, axis=1, keepdims=True)
        drawn.flush()
        part.rename(out)
    drawn = np.load(out, mmap_mode="r")
    return np.asarray(drawn)


def draw_catalogue(source: Path, count: int, work: Path) -> Path:
    """Return a catalogue of `count` products like those of `source`; titles carry the number of their copy.

    The attribute `draw` is a number below 1,000, so that a filter can leave any part of the products.
    """
    folder = work / "catalogue-1m"
    if folder.exists():
        return folder
    with Catalogue.open(source) as catalogue:
        snapshot = catalogue.snapshot()
    images = draw(snapshot.image_vectors, count, 1, work / "images-1m.npy")
    texts = draw(snapshot.text_vectors, len(snapshot.products), 2, work / "texts-noise.npy")
    rng = np.random.default_rng(3)
    draws = rng.integers(0, 1000, size=count)
    of_title: dict[str, np.ndarray] = {}
    info = CatalogueInfo(
        snapshot.info.encoder_id, snapshot.info.dim, "drawn", snapshot.info.split, snapshot.info.created
    )
    with CatalogueWriter(folder, info) as writer:
        for row in range(count):
            copy, at = divmod(row, len(snapshot.products))
            product = snapshot.products[at]
            if at == 0:
                of_title.clear()
            title = f"{product.title} {copy}" if copy else product.title
            text = of_title.get(title)
            if text is None:
                plus, minus = rng.integers(0, len(texts), size=2)
                text = snapshot.text_vectors[at] + np.float32(NOISE) * (texts[plus] - texts[minus]) * bool(copy)
                text = of_title[title] = (text / np.linalg.norm(text)).astype(np.float32)
            attributes = {**product.attributes, "draw": str(draws[row])}
            writer.add([Entry(Product(f"{row}", title, attributes, product.split), PICTURE, images[row], text)])
    return folder


def indexes(size: str, vectors: np.ndarray, work: Path) -> dict[Kind, tuple[Path, Choice]]:
    """Return file and description of an index of every type over `vectors`, made when it is not there."""
    found: dict[Kind, tuple[Path, Choice]] = {}
    count, dim = vectors.shape
    for kind, factory in factories(count, dim).items():
        if kind == "flat" or kind in LEFT_OUT.get(size, {}):
            continue
        file, said = work / f"{size}-{kind}.faiss", work / f"{size}-{kind}.json"
        if not said.exists():
            start = time.perf_counter()
            index = build(factory, vectors)
            took = round(time.perf_counter() - start, 1)
            faiss.write_index(index, str(file))
            choice = Choice(kind, factory, 128, 0, count, 0, 0, 0, 0, file.stat().st_size, took)
            write_json(said, to_json(choice))
            sys.stderr.write(f"{size} {kind}: built in {took} s, {file.stat().st_size / 1e6:.0f} MB\n")
        found[kind] = file, from_json(json.loads(said.read_text(encoding="utf-8")))
    return found
