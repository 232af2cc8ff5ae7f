"""What a search by words costs: beside a vector query over HTTP, and of index time in a large catalogue.

    python -m tests.benchmarks.search_speed --queries tests/data/queries --checkpoint CHECKPOINT \\
        --catalogue CATALOGUE --url http://localhost:8000 --copies 25 --out docs/search-speed.json

The service at the address serves the catalogue. One client asks each query in every mode, in turn, each text for the
first time in its mode: figures are comparable within a run. For the large catalogue every product is copied; the
pictures of copies get noise, and their titles a word more.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from common import write_json
from index import Product, SearchIndex, SearchQuery, open_catalogue
from index.ann import AnnIndex
from index.ann.choose import choose
from index.metrics import read_queries
from index.metrics.judged import JudgedQuery
from index.records import Snapshot
from index.vectors.state import IndexState
from models import load_encoder

MODES = ("vector", "hybrid", "lexical")
ROUNDS = 3
NOISE = 0.02


def over_http(texts: Sequence[str], url: str) -> dict[str, Any]:
    """Return milliseconds of a query end to end and of its parts, by mode: medians over texts and rounds."""
    times: dict[str, list[float]] = {mode: [] for mode in MODES}
    parts: dict[str, dict[str, list[float]]] = {mode: {} for mode in MODES}
    with httpx.Client(base_url=url, timeout=60) as client:
        for turn in range(ROUNDS):
            for number, text in enumerate(texts):
                for mode in (MODES[(number + turn + step) % 3] for step in range(3)):
                    # A space more is another text to the cache of the encoder, and the same to its reader.
                    asked = {"text": text + " " * (3 * turn + MODES.index(mode)), "mode": mode, "k": 10}
                    start = time.perf_counter()
                    answer = client.post("/v1/search/images", json=asked)
                    times[mode].append(1000 * (time.perf_counter() - start))
                    answer.raise_for_status()
                    for name, spent in answer.json()["timing_ms"].items():
                        parts[mode].setdefault(name, []).append(spent)
    median = {mode: statistics.median(found) for mode, found in times.items()}
    return {
        "texts": len(texts),
        "modes": {
            mode: {
                "ms": round(median[mode], 3),
                "p95": round(float(np.quantile(times[mode], 0.95)), 3),
                "ratio": round(median[mode] / median["vector"], 3),
                **{name: round(statistics.median(found), 3) for name, found in parts[mode].items()},
            }
            for mode in MODES
        },
    }


def in_memory(
    snapshot: Snapshot, texts: Sequence[str], encode: Callable[[list[str]], Any], copies: int
) -> dict[str, Any]:
    """Return milliseconds of index time over a catalogue with copies of every product, and what its words cost."""
    rng = np.random.default_rng(0)
    products = [
        Product(f"{one.id}-{copy}", one.title if copy % 2 == 0 else f"{one.title} {copy}x{one.id[-2:]}", one.attributes)
        for copy in range(copies)
        for one in snapshot.products
    ]
    images = np.tile(snapshot.image_vectors, (copies, 1))
    images += NOISE * rng.standard_normal(images.shape, dtype=np.float32)
    images /= np.linalg.norm(images, axis=1, keepdims=True)
    start = time.perf_counter()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    state = IndexState.of(Snapshot(snapshot.info, 0, products, images, np.tile(snapshot.text_vectors, (copies, 1))))
    made_s = time.perf_counter() - start
    lists = state.words.lists
    figures: dict[str, Any] = {
        "products": len(products),
        "keys": len(lists.ids),
        "postings_mb": round(lists.bytes / 1e6, 1),
        "made_s": round(made_s, 1),
        "peak_mb": round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3),
    }
    if copies > 1:
        found, _ = choose(images, snapshot.text_vectors, None, 0.95)
        assert isinstance(found, AnnIndex)
        state.ann = {"images": found}
        figures["index"] = found.choice.factory
    index = SearchIndex(state)
    asked: dict[str, dict[str, list[float]]] = {}
    for text in texts:
        parsed = index.understand(text)
        vector = encode([parsed.english])
        queries = {
            "vector": SearchQuery(),
            "hybrid": SearchQuery(mode="hybrid", parsed=parsed),
            "hybrid, cutoff auto": SearchQuery(mode="hybrid", parsed=parsed, cutoff="auto"),
        }
        for name, query in queries.items():
            for turn in range(ROUNDS):
                start = time.perf_counter()
                index.search("images", vector, [query])
                if turn:  # the first brings the postings of frequent words into their dense form
                    asked.setdefault(name, {}).setdefault(text, []).append(1000 * (time.perf_counter() - start))
    for name, by_text in asked.items():
        each = [min(spent) for spent in by_text.values()]
        figures[name] = {"ms": round(statistics.median(each), 3), "p95": round(float(np.quantile(each, 0.95)), 3)}
    return figures


def table(found: dict[str, Any]) -> str:
    """Return the figures as Markdown."""
    http = found["http"]["modes"]
    lines = [
        f"{found['http']['texts']} queries, one client, {found['products']:,} products; milliseconds, medians.",
        "",
        "| mode | end to end | 95 % below | of the vector query | understand | encode | search |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {mode} | {one['ms']:.2f} | {one['p95']:.2f} | {one['ratio']:.2f} | {one['understand']:.2f} "
        f"| {one['encode']:.2f} | {one['search']:.2f} |"
        for mode, one in http.items()
    ]
    lines += [
        "",
        "| products | candidates from | vector | hybrid | 95 % below | cutoff `auto` | postings, MB | made in, s |",
        "|---:|---|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {one['products']:,} | {one.get('index', 'a scan')} | {one['vector']['ms']:.2f} | {one['hybrid']['ms']:.2f} "
        f"| {one['hybrid']['p95']:.2f} | {one['hybrid, cutoff auto']['ms']:.2f} | {one['postings_mb']:.1f} "
        f"| {one['made_s']:.1f} |"
        for one in found["in_memory"]
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("queries", "checkpoint", "catalogue", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--url", required=True)
    parser.add_argument("--copies", type=int, default=25)
    given = parser.parse_args()
    judged = [one for one in read_queries(given.queries) if isinstance(one, JudgedQuery) and one.half == "report"]
    texts = [one.text for one in judged][::3]
    with open_catalogue(given.catalogue) as catalogue:
        snapshot = catalogue.snapshot()
    encoder = load_encoder(given.checkpoint, "cpu")
    found = {"products": len(snapshot.products), "http": over_http(texts, given.url)}
    found["in_memory"] = [in_memory(snapshot, texts, encoder.encode_text, copies) for copies in (1, given.copies)]
    write_json(given.out, found)
    print(table(found))  # noqa: T201


if __name__ == "__main__":
    main()
