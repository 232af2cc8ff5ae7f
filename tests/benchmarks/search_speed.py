"""What a search by words costs: beside a vector query over HTTP, and of index time in a large catalogue.

    python -m tests.benchmarks.search_speed --queries tests/data/queries --checkpoint CHECKPOINT \\
        --catalogue CATALOGUE --url http://localhost:8000 --copies 25 --out docs/search-speed.json

The service at the address serves the catalogue, with VITRINE_TEXT_CACHE=0: the encoder reads every text. One client
asks each query in every mode, in turn: figures are comparable within a run. For the large catalogue every product is
copied; the pictures of copies get noise, and the titles of half of them a word more.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import httpx
import numpy as np

from common import write_json
from index import IndexRequirements, Product, SearchIndex, SearchQuery, open_catalogue
from index.ann import AnnIndex, Indexed
from index.ann.choose import choose
from index.ann.columns import read_columns, write_columns
from index.ann.private_files import private_files
from index.metrics import read_queries
from index.metrics.judged import JudgedQuery
from index.records import Snapshot
from index.words import PostingLists
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
                    start = time.perf_counter()
                    answer = client.post("/v1/search/images", json={"text": text, "mode": mode, "k": 10})
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


def scanned(snapshot: Snapshot) -> tuple[SearchIndex, dict[str, Any]]:
    """Return the index of a catalogue that is scanned, and what its words cost."""
    start = time.perf_counter()
    index = SearchIndex(snapshot)
    return index, _words_cost(index, time.perf_counter() - start)


def large(snapshot: Snapshot, copies: int, folder: Path) -> tuple[SearchIndex, dict[str, Any]]:
    """Return the index of a catalogue with copies of every product, over files as `vitrine index` makes them."""
    rng = np.random.default_rng(0)

    def pieces() -> Iterator[tuple[list[Product], np.ndarray, None, None]]:
        for copy in range(copies):
            images = snapshot.image_vectors + NOISE * rng.standard_normal(snapshot.image_vectors.shape)
            images /= np.linalg.norm(images, axis=1, keepdims=True)
            products = [
                Product(
                    f"{one.id}-{copy}", f"{one.title} {copy}x{one.id[-2:]}" if copy % 2 else one.title, one.attributes
                )
                for one in snapshot.products
            ]
            yield products, np.stack([images.astype(np.float32), snapshot.text_vectors]), None, None

    described = write_columns(folder, pieces(), copies * len(snapshot.products), snapshot.info.dim)
    base = read_columns(private_files(sorted(folder.iterdir()), folder), snapshot.info, 0, described)
    lists = PostingLists()
    lists.append([base.product(row) for row in range(len(base))])
    lists.save(folder / "words.npz")
    start = time.perf_counter()
    with (folder / "words.npz").open("rb") as file:
        lists = PostingLists.load(file)
    loaded_s = time.perf_counter() - start
    titles = np.ascontiguousarray(base.texts[base.title_rows])
    ann: dict[Indexed, AnnIndex] = {}
    for side, vectors, other in (("images", base.images, titles), ("texts", titles, base.images)):
        found, _ = choose(vectors, other, None, IndexRequirements().recall)
        if isinstance(found, AnnIndex):
            ann[cast(Indexed, side)] = found
    index = SearchIndex.over(base, ann, lists)
    kinds = {side: one.choice.factory for side, one in ann.items()}
    return index, {
        **_words_cost(index, loaded_s),
        "index": ", ".join(f"{side}: {kinds.get(side, 'none')}" for side in ("images", "texts")),
    }


def _words_cost(index: SearchIndex, made_s: float) -> dict[str, Any]:
    lists = index._state.words.lists
    return {
        "products": len(index),
        "keys": len(lists.ids),
        "postings_mb": round(lists.bytes / 1e6, 1),
        "made_s": round(made_s, 1),
    }


def in_memory(index: SearchIndex, texts: Sequence[str], encode: Callable[[list[str]], Any]) -> dict[str, Any]:
    """Return milliseconds of index time, by mode."""
    figures: dict[str, Any] = {}
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
        "| products | candidates from | vector | hybrid | 95 % below | cutoff `auto` | postings, MB | ready in, s |",
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
    texts = [one.text for one in judged if not one.like][::3]
    with open_catalogue(given.catalogue) as catalogue:
        snapshot = catalogue.snapshot()
    encoder = load_encoder(given.checkpoint, "cpu")
    found: dict[str, Any] = {"products": len(snapshot.products), "http": over_http(texts, given.url)}
    index, cost = scanned(snapshot)
    found["in_memory"] = [{**cost, **in_memory(index, texts, encoder.encode_text)}]
    with tempfile.TemporaryDirectory() as folder:
        index, cost = large(snapshot, given.copies, Path(folder))
        found["in_memory"].append({**cost, **in_memory(index, texts, encoder.encode_text)})
    write_json(given.out, found)
    print(table(found))  # noqa: T201


if __name__ == "__main__":
    main()
