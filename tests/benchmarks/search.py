"""How search scales on one machine: recall, time, memory and build time of every type of index, filters, start-up.

    python -m tests.benchmarks.search --catalogue artefacts/catalogue --out docs/performance/search.json --prepare
    python -m tests.benchmarks.search --catalogue artefacts/catalogue --out docs/performance/search.json

The first command draws the larger catalogues from the vectors of the one given and builds every index, which takes its
time and may share the machine; the second one only measures, and wants the machine for itself. Times are medians, and
what counts are their ratios to the exact scan of the same run. A size that is measured again replaces its figures.
"""

from __future__ import annotations

import argparse
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import faiss
import httpx
import numpy as np

from common import write_json
from index import (
    Catalogue,
    Filter,
    IndexRequirements,
    SearchIndex,
    SearchQuery,
    make_index,
)
from index.ann import (
    AnnIndex,
    Choice,
    Trial,
    load,
    milliseconds,
    open_files,
    queries_of,
    to_json,
    tuned,
)
from index.ann.private_files import private_files
from index.vectors.rows import RowVectors
from index.vectors.scan import top_k
from index.vectors.subset import RowSubset
from tests.benchmarks.drawn import LEFT_OUT, draw, draw_catalogue, indexes
from tests.benchmarks.performance import machine, machine_line

SIZES = {"44k": 0, "1m": 1_000_000, "10m": 10_000_000}
TARGET = 0.99
SHARES = {"0.1 %": 1, "1 %": 10, "10 %": 100, "50 %": 500}


def batches(call: Callable[[np.ndarray], object], queries: np.ndarray, rounds: int = 9) -> float:
    """Return the median time in milliseconds of `call` for 32 queries at a time."""
    return milliseconds(
        lambda number: call(queries[32 * int(number[0]) : 32 * int(number[0]) + 32]),
        np.arange(rounds, dtype=np.float32),
    )


def scan_all(vectors: np.ndarray, queries: np.ndarray, k: int) -> object:
    """Return the best k rows for each query, by the scan of the index in memory."""
    return top_k(RowVectors(vectors, vectors[:0]), queries, [k] * len(queries), RowSubset(None, len(vectors)))


def measure_types(size: str, vectors: np.ndarray, others: np.ndarray, work: Path) -> dict[str, Any]:
    """Return recall and times of every type, each tuned to the target, beside the exact scan."""
    trial = Trial.of(vectors, others)

    def scan(queries: np.ndarray) -> object:
        return scan_all(vectors, queries, 10)

    rows = []
    exact = {"batch_1": trial.exact_ms, "batch_32": batches(scan, trial.own, 3)}
    flat = Choice("flat", "", 128, 0, len(vectors), 1, 1, trial.exact_ms, trial.exact_ms, vectors.nbytes, 0)
    rows.append(to_json(flat) | {"batch_32_ms": round(exact["batch_32"], 2), "ratio": 1.0, "ratio_32": 1.0})
    for _, (file, choice) in indexes(size, vectors, work).items():
        near = tuned(load(private_files([file], file.parent), file.name, choice), trial, TARGET)

        def ask(queries: np.ndarray, near: AnnIndex = near) -> None:
            for found, query in zip(near.search(queries, None, 1.0), queries, strict=True):
                vectors[found[found >= 0]] @ query

        batch = batches(ask, trial.own)
        row = to_json(near.choice) | {"batch_32_ms": round(batch, 2)}
        rows.append(
            row
            | {"ratio": round(near.choice.ms / exact["batch_1"], 5), "ratio_32": round(batch / exact["batch_32"], 5)}
        )
        sys.stderr.write(f"{size} {json.dumps(rows[-1])}\n")
    return {"rows": len(vectors), "types": rows, "left_out": LEFT_OUT.get(size, {})}


def measure_small(vectors: np.ndarray, others: np.ndarray) -> dict[str, Any]:
    """Return the time of the exact scan against that of reading the vectors once, for one query and for 32.

    Reading is the fastest of three ways that touch every byte: their sum, their largest, and a product with one vector.
    """
    queries, _ = queries_of(vectors, others)
    figures: dict[str, Any] = {"rows": len(vectors)}
    for threads in (1, faiss.omp_get_max_threads()):
        before = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(threads)
        reads = [milliseconds(lambda _, way=way: way(vectors), queries) for way in (np.sum, np.max)]
        scan = lambda some: scan_all(vectors, some, 26)  # noqa: E731
        one, many = milliseconds(scan, queries), batches(scan, queries)
        faiss.omp_set_num_threads(before)
        read = min(reads)
        figures[f"threads_{threads}"] = {
            "read_ms": round(read, 3),
            "batch_1_ms": round(one, 3),
            "batch_32_ms": round(many, 3),
            "ratio_1": round(one / read, 2),
            "ratio_32": round(many / read, 2),
        }
    return figures


def measure_search(folder: Path) -> dict[str, Any]:
    """Return what whole searches take over the large catalogue, plain and filtered, and the recall of the filtered."""
    with Catalogue.open(folder) as catalogue:
        start = time.perf_counter()
        files = open_files(catalogue)
        assert files is not None
        base, index = files.base, SearchIndex.over(files.base, files.ann)
        opened = time.perf_counter() - start
    exact = SearchIndex.over(base, {})
    figures: dict[str, Any] = {"open_s": round(opened, 2)}
    figures["chosen"] = {side: to_json(ann.choice) for side, ann in files.ann.items()}
    images, titles = queries_of(base.images, base.texts, 200, seed=5)
    wants: dict[str, SearchQuery] = {
        "plain": SearchQuery(),
        "page at 40": SearchQuery(offset=40),
        "page at 90": SearchQuery(offset=90),
        "page at 900": SearchQuery(offset=900),
        "facets": SearchQuery(facets=("gender", "baseColour")),
        "one title each": SearchQuery(collapse="title"),
    }
    wants |= {f"filter {share}": SearchQuery(filters={"draw": Filter(lt=limit)}) for share, limit in SHARES.items()}
    wants["filter Women, Red"] = SearchQuery(
        filters={"gender": Filter(any=("Women",)), "baseColour": Filter(any=("Red",))}
    )
    wants["filter not Men"] = SearchQuery(filters={"gender": Filter(none=("Men",))})
    rows = []
    for name, want in wants.items():
        row: dict[str, Any] = {"search": name}
        for kind, queries in (("image", images), ("text", titles)):
            found = index.search("images", queries, [want] * len(queries))
            right = exact.search("images", queries[:100], [want] * 100)
            same = sum(
                len({hit.product.id for hit in one.hits} & {hit.product.id for hit in two.hits})
                for one, two in zip(found, right, strict=False)
            )
            row[f"recall_{kind}"] = round(same / sum(len(page.hits) for page in right), 4)
            row["total"] = found[0].total
            assert all(len(one.hits) == len(two.hits) for one, two in zip(found, right, strict=False))
        row["ms"] = round(milliseconds(lambda query, want=want: index.search("images", query, [want]), images, 50), 3)
        row["exact_ms"] = round(
            milliseconds(lambda query, want=want: exact.search("images", query, [want]), images, 9), 3
        )
        rows.append(row)
        sys.stderr.write(f"{json.dumps(row)}\n")
    figures["searches"] = rows
    figures["descriptions_ms"] = round(
        milliseconds(lambda query: index.search("texts", query, [SearchQuery()]), titles, 50), 3
    )
    figures["batch_32_ms"] = round(
        batches(lambda some: index.search("images", some, [SearchQuery()] * len(some)), images, 6), 3
    )
    return figures


def measure_start(folder: Path, checkpoint: Path) -> dict[str, Any]:
    """Return how long `vitrine serve` takes until it is ready, and what it then holds in memory, in megabytes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "vitrine", "serve", "--checkpoint", str(checkpoint), "--catalogue", str(folder)]
    start = time.perf_counter()
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen([*command, "--port", str(port)], stdout=log, stderr=log)
        try:
            while True:
                try:
                    answer = httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=10, trust_env=False)
                    if answer.status_code == 200:
                        break
                except httpx.HTTPError:
                    pass
                if server.poll() is not None or time.perf_counter() - start > 300:
                    log.seek(0)
                    raise RuntimeError(log.read().decode()[-2000:])
                time.sleep(0.02)
            ready = time.perf_counter() - start
            memory = {}
            for line in Path(f"/proc/{server.pid}/status").read_text(encoding="utf-8").splitlines():
                if line.startswith(("VmRSS", "RssAnon", "RssFile")):
                    name, kilobytes, _ = line.split()
                    memory[name.rstrip(":")] = round(int(kilobytes) * 1024 / 1e6)
            url = f"http://127.0.0.1:{port}/v1/search/images"
            took = []
            for number in range(30):
                asked = {"text": f"red dress {number}", "k": 10}
                took.append(httpx.post(url, json=asked, timeout=10, trust_env=False).json()["timing_ms"]["search"])
        finally:
            server.terminate()
            server.wait(20)
    return {
        "products": answer.json()["products"],
        "ready_s": round(ready, 2),
        "rss_mb": memory["VmRSS"],
        "own_mb": memory["RssAnon"],
        "mapped_mb": memory["RssFile"],
        "search_ms": round(statistics.median(took), 3),
    }


def markdown(result: dict[str, Any]) -> str:
    """Return the section of docs/performance.md."""
    lines = [
        "## Search in thousands and in millions",
        "",
        f"{machine_line(result['machine'])} Recall is that of the ten best, after candidates are scored with the full "
        "vectors; where a column says so, of the fifty best, among which three times as much may be missing. A query "
        "is a product's vector with noise, or the vector of a title that searches for pictures. Times are medians; in "
        "brackets are ratios to the exact scan of the same run.",
        "",
    ]
    if "44k" in result:
        small = result["44k"]
        lines += [
            f"**{small['rows']:,} products, scanned exactly**, compared with reading the vectors once:",
            "",
            "| threads | reading, ms | 1 query, ms | 32 queries, ms |",
            "|---:|---:|---:|---:|",
        ]
        for name in sorted(key for key in small if key.startswith("threads_")):
            one = small[name]
            lines.append(
                f"| {name.removeprefix('threads_')} | {one['read_ms']:.2f} "
                f"| {one['batch_1_ms']:.2f} (×{one['ratio_1']}) | {one['batch_32_ms']:.2f} (×{one['ratio_32']}) |"
            )
        lines.append("")
    for size in ("1m", "10m"):
        if size not in result:
            continue
        table = result[size]
        lines += [
            f"**{table['rows']:,} drawn vectors of length {table['dim']}**, each type tuned to a recall of {TARGET}:",
            "",
            "| index | recall, pictures | recall, titles | of 50 | 1 query, ms | 32 queries, ms "
            "| memory, MB | built in, s |",
            "|---|---:|---:|---:|---:|---:|---:|---:|",
        ]
        for one in table["types"]:
            built = f"{one['build_s']:.0f}" if one["kind"] != "flat" else ""
            deep = f"{one['recall_deep']:.4f}" if "recall_deep" in one else ""
            lines.append(
                f"| {one['kind']}{' (' + one['factory'] + ')' if one['factory'] else ''} | {one['recall']:.4f} "
                f"| {one['recall_other']:.4f} | {deep} | {one['ms']:.2f} ({one['ratio']:.3f}) "
                f"| {one['batch_32_ms']:.1f} ({one['ratio_32']:.3f}) | {one['bytes'] / 1e6:,.0f} | {built} |"
            )
        lines.append("")
        lines += [f"Left out: {kind}, {why}." for kind, why in table["left_out"].items()]
        lines += [""] if table["left_out"] else []
        lines += [table["note"], ""] if "note" in table else []
    if "search" in result.get("1m", {}):
        found = result["1m"]["search"]
        chosen = ", ".join(
            f"{side}: {one['kind']} ({one['bytes'] / 1e6:,.0f} MB)" for side, one in found["chosen"].items()
        )
        lines += [
            f"**Whole searches over 1,000,000 products** ({chosen}), ten results:",
            "",
            "| search | products that pass | recall, pictures | recall, titles | ms | exact, ms |",
            "|---|---:|---:|---:|---:|---:|",
        ]
        lines += [
            f"| {one['search']} | {one['total']:,} | {one['recall_image']:.4f} | {one['recall_text']:.4f} "
            f"| {one['ms']:.2f} | {one['exact_ms']:.2f} |"
            for one in found["searches"]
        ]
        lines += [
            "",
            f"Descriptions for a title take {found['descriptions_ms']:.2f} ms, 32 plain searches at once "
            f"{found['batch_32_ms']:.1f} ms.",
            "",
        ]
    if "start" in result.get("1m", {}):
        start = result["1m"]["start"]
        lines += [
            f"**Start-up**: `vitrine serve` with {start['products']:,} products is ready after {start['ready_s']:.1f} "
            f"s, with {start['own_mb']:,} MB of private memory and {start['mapped_mb']:,} MB of mapped files that all "
            "workers share.",
            "",
        ]
    return "\n".join(lines)


def main(given: Sequence[str] | None = None) -> None:
    """Prepare or measure, and write the figures as they come."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catalogue", type=Path, required=True, help="whose vectors are drawn from")
    parser.add_argument("--out", type=Path, required=True, help="JSON that is written, or added to")
    parser.add_argument("--sizes", default=",".join(SIZES), help="which of 44k, 1m and 10m")
    parser.add_argument("--parts", default="types,search,start", help="of 1m, which of types, search and start")
    parser.add_argument(
        "--work", type=Path, default=Path(tempfile.gettempdir()) / "vitrine-search", help="for what is drawn"
    )
    parser.add_argument("--checkpoint", type=Path, default=Path("checkpoints/minilm-dinov2"), help="for the start-up")
    parser.add_argument("--prepare", action="store_true", help="only draw and build")
    arguments = parser.parse_args(given)
    arguments.work.mkdir(parents=True, exist_ok=True)
    result: dict[str, Any] = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
    result["machine"] = machine()
    with Catalogue.open(arguments.catalogue) as catalogue:
        snapshot = catalogue.snapshot()
    for size in arguments.sizes.split(","):
        if size == "44k":
            if not arguments.prepare:
                result[size] = measure_small(snapshot.image_vectors, snapshot.text_vectors)
                write_json(arguments.out, result)
            continue
        vectors = draw(snapshot.image_vectors, SIZES[size], 1, arguments.work / f"images-{size}.npy")
        folder = draw_catalogue(arguments.catalogue, SIZES[size], arguments.work) if size == "1m" else None
        if arguments.prepare:
            indexes(size, vectors, arguments.work)
            if folder is not None:
                make_index(folder, IndexRequirements(recall=TARGET))
            continue
        table = result.setdefault(size, {})
        table["dim"] = vectors.shape[1]
        if "types" in arguments.parts:
            table |= measure_types(size, vectors, snapshot.text_vectors, arguments.work)
            write_json(arguments.out, result)
        if folder is not None and "search" in arguments.parts:
            table["search"] = measure_search(folder)
            write_json(arguments.out, result)
        if folder is not None and "start" in arguments.parts:
            table["start"] = measure_start(folder, arguments.checkpoint)
            write_json(arguments.out, result)


if __name__ == "__main__":
    main()
