"""Makes docs/scaling.md: the cost of a query and of a product as a catalogue grows, measured and estimated beyond.

    python -m tests.benchmarks.scaling docs/scaling.md

The measured figures are those of docs/performance/. Prices are parameters: set your provider's.
"""

# ruff: noqa: E501 - the page's own long lines

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

from common import atomic_file
from tests.benchmarks.performance import FOLDER, table

CORE_HOUR, GB_HOUR = 0.04, 0.005
"""Dollars for an hour of a core and of a gigabyte of memory: round figures of rented machines, to be replaced."""
VISITED = 78_125
"""Rows that a query looks at with 10 million products, to be kept by more lists as a catalogue grows."""
PICTURE_KB = 4.0
"""Of a stored thumbnail; a shop's own pictures may be larger."""
QUERIES = 100
"""Queries per second that the examples are for."""
BY_VECTOR = "text, vectors alone"
"""The service's figures for texts in mode vector."""


def page(folder: Path = FOLDER) -> str:
    """Return the page as Markdown."""
    search, postgres, service, indexing = (
        json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("search", "postgres", "service", "indexing")
    )
    parts = [
        "# Scaling",
        "The cost of a query and of a product as a catalogue grows: measured on two cores ([performance](performance.md) "
        "has the commands), then estimated from those figures. `make docs` makes this page from the figures in "
        "`docs/performance/`.",
        _measured(search, postgres),
        _costs(search, service, indexing),
        _paper(search, service, indexing),
        _choice(postgres),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _type(search: dict[str, Any], size: str, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in search[size]["types"] if one["kind"] == kind)
    return found


def _measured(search: dict[str, Any], postgres: dict[str, Any]) -> str:
    small = search["44k"]
    rows = [
        [
            f"{small['rows']:,}",
            "exact scan",
            "1.0000",
            f"{small['threads_1']['batch_1_ms']:.2f}",
            f"{small['rows'] * 512 / 1e6:,.0f}",
            "0",
        ]
    ]
    for size, kinds in (("1m", ("flat", "hnsw", "ivf-int8", "pq")), ("10m", ("flat", "ivf-int8", "pq"))):
        for kind in kinds:
            one = _type(search, size, kind)
            rows.append(
                [
                    f"{search[size]['rows']:,}",
                    "exact scan" if kind == "flat" else one["kind"],
                    f"{min(one['recall'], one['recall_other']):.4f}",
                    f"{one['ms']:.2f}",
                    f"{one['bytes'] / 1e6:,.0f}",
                    f"{one['build_s']:.0f}",
                ]
            )
    start = search["1m"]["start"]
    text = [
        "## Measured",
        table(
            ["products", "index", "recall@10 (the worse of both kinds)", "ms a query", "MB of index", "built in, s"],
            rows,
        ),
        f"`vitrine serve` over {start['products']:,} products is ready after {start['ready_s']:.1f} s, with "
        f"{start['own_mb']:,} MB of private memory and {start['mapped_mb']:,} MB of mapped files that all workers of a "
        f"machine share. A search takes {start['search_ms']:.2f} ms.",
    ]
    found = []
    for one in postgres["sizes"].values():
        plain = next(row for row in one["searches"] if row["search"] == "plain")
        found.append(
            [
                f"{one['rows']:,}",
                f"{plain['recall_pictures']:.3f}",
                f"{plain['ms']:.1f}",
                f"{one['graphs_mb'] * 1e6 / one['rows']:,.0f}",
                f"{one['products_mb'] * 1e6 / one['rows']:,.0f}",
                f"{one['copy_rows_per_second']:,}",
                f"{one['indexed_s'] / one['rows'] * 1e6:,.0f}",
            ]
        )
    head = ["products in PostgreSQL", "recall@10", "ms a query", "bytes of graphs each", "bytes of all each"]
    text.append(table([*head, "loaded a second", "indexed, s a million"], found))
    return "\n\n".join(text)


def _costs(search: dict[str, Any], service: dict[str, Any], indexing: dict[str, Any]) -> str:
    each, with_words = (service[kind]["server CPU ms each"] for kind in (BY_VECTOR, "text"))
    rate = indexing["images_per_second"]["now"]
    hours = 1e6 / rate / 3600 * indexing["machine"]["cores"]
    return "\n\n".join(
        [
            "## What it costs",
            f"- **A query by text** takes {each:.2f} ms of a core in the service over {search['44k']['rows']:,} products, "
            f"with encoder, search by vectors and HTTP: {each / 3600 * 1e6 / 1000:.2f} core-hours for a million, "
            f"${each / 3.6e6 * 1e6 * CORE_HOUR:.2f} at ${CORE_HOUR} per core-hour. The search is the smaller part, and "
            f"remains so with the indexes above. Words beside the vectors make it {with_words:.2f} ms; how that grows "
            "with a catalogue was not measured, so what follows is of vectors alone.",
            f"- **A product** takes {1000 * indexing['machine']['cores'] / rate:.1f} ms of a core to encode: "
            f"{hours:.1f} core-hours for a million (${hours * CORE_HOUR:.2f}), {hours * 100:,.0f} for a hundred million. "
            "`vitrine index --ray` distributes them over the machines of a cluster.",
            "- **Prices** are round figures for rented machines, without a margin for peaks and failures: "
            f"${CORE_HOUR} per core-hour, ${GB_HOUR} per hour and GB of memory. Set your own in "
            "`tests/benchmarks/scaling.py`.",
        ]
    )


def _paper(search: dict[str, Any], service: dict[str, Any], indexing: dict[str, Any]) -> str:
    ten = {kind: _type(search, "10m", kind) for kind in ("ivf-int8", "pq")}
    mapped = search["1m"]["start"]["mapped_mb"] / search["1m"]["start"]["products"]  # MB a product
    text_ms = service[BY_VECTOR]["server CPU ms each"]
    rows = []
    for count, kind in ((10**8, "ivf-int8"), (10**8, "pq"), (10**9, "pq")):
        one = ten[kind]
        each = one["bytes"] / search["10m"]["rows"]
        memory = 2 * each * count / 1e9  # pictures and titles
        disk = (mapped * 1e6 + PICTURE_KB * 1000) * count / 1e12
        shards = math.ceil(memory / 100)
        # As many rows looked at as with 10 million: more lists, which cost their own comparing.
        lists = count / (VISITED / 32)
        ms = one["ms"] * (1 + lists / VISITED)
        cores = QUERIES * (text_ms + ms * shards) / 1000
        money = cores * CORE_HOUR + memory * GB_HOUR
        rows.append(
            [
                f"{count:,}",
                kind,
                f"{memory:,.0f}",
                f"{disk:,.1f}",
                f"{shards}",
                f"{ms:.1f}",
                f"{cores:.1f}",
                f"${money / (QUERIES * 3600) * 1e6:.2f}",
            ]
        )
    head = ["products", "index", "GB of memory", "TB of disk", "shards of 100 GB", "ms in a shard", "cores"]
    return "\n\n".join(
        [
            "## Estimated: a hundred million, and a billion",
            table([*head, "a million queries"], rows),
            "Nothing in this table was run, and `vitrine serve` does not shard.",
            f"- The load is {QUERIES} queries by text a second, on one copy of everything. A second replica for failures "
            "doubles memory and money.\n"
            "- Memory is that of both indexes (pictures and titles), with the bytes per product measured at ten million. "
            "The vectors stay on disk and are read to score the candidates: a few hundred reads of half a kilobyte per "
            "query, which needs NVMe.\n"
            f"- Disk is the mapped files and a picture of {PICTURE_KB:g} KB per product.\n"
            "- The time in a shard assumes enough lists to keep the number of visited rows the same, and adds the "
            "comparison with the lists. Recall would have to be measured again.\n"
            "- Every query goes to all shards at once, so shards add work, not time.",
        ]
    )


def _choice(postgres: dict[str, Any]) -> str:
    largest = list(postgres["sizes"].values())[-1]
    graphs = largest["graphs_mb"] * 1e6 / largest["rows"]
    each = largest["products_mb"] * 1e6 / largest["rows"]
    return f"""
## What to choose

| products | choose |
|---|---|
| up to some ten million, one machine | the folder: SQLite and FAISS. Workers share the mapped files; replicas are copies of the folder |
| up to some ten million, changes from many hosts, failover | PostgreSQL with a standby: {each:,.0f} bytes a product, of which {graphs:,.0f} should stay in memory |
| up to about a hundred million | PostgreSQL, partitioned by hash of the id: each partition has its own graphs, which are built in parallel and fit into `maintenance_work_mem`; a query searches all and merges. {graphs * 1e8 / 1e9:,.0f} GB of graphs for a hundred million is one large server, or several under Citus, which sends a query to all its nodes |
| beyond, or more than a few thousand changes a second | a dedicated engine such as Milvus: it builds and merges indexes during writes, keeps graphs on disk (DiskANN) or GPUs, and moves shards between machines. `vitrine index --ray` and `/v1/embeddings` make the vectors; you build facets and conditional changes there |

The search is not PostgreSQL's first limit. The graph is: one server builds it in memory, and every change walks it. So
is the number of products that pass a filter: every answer carries it, and counting reads all of them.
"""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    with atomic_file(arguments.out) as beside:
        beside.write_text(page(), encoding="utf-8")
