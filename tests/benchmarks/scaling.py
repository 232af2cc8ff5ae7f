"""docs/scaling.md: what a query and a product cost as a catalogue grows, measured, and from that on paper for more.

    python -m tests.benchmarks.scaling docs/scaling.md

The measured figures are those of docs/performance/. Prices are parameters: put your provider's in their place.
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


def page(folder: Path = FOLDER) -> str:
    """Return the page as Markdown."""
    search, postgres, service, indexing = (
        json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("search", "postgres", "service", "indexing")
    )
    parts = [
        "# How far does it go?",
        "What a query and a product cost as a catalogue grows: first measured on two cores "
        "([performance](performance.md) has the commands), then on paper from those figures. `make docs` makes this page "
        "from the figures in `docs/performance/`.",
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
            ["products", "index", "recall@10 (the worse of both kinds)", "ms a query", "MB of index", "made in, s"],
            rows,
        ),
        f"`vitrine serve` over {start['products']:,} products is ready after {start['ready_s']:.1f} s, with "
        f"{start['own_mb']:,} MB of its own and {start['mapped_mb']:,} MB of mapped files that all workers of a machine "
        f"share; a search takes it {start['search_ms']:.2f} ms.",
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
    each = service["text"]["server CPU ms each"]
    rate = indexing["images_per_second"]["now"]
    hours = 1e6 / rate / 3600 * indexing["cores"]
    return "\n\n".join(
        [
            "## What it costs",
            f"- **A query by text** takes {each:.2f} ms of a core in the service over {search['44k']['rows']:,} products, "
            f"encoder, search and HTTP: {each / 3600 * 1e6 / 1000:.2f} core-hours for a million, "
            f"${each / 3.6e6 * 1e6 * CORE_HOUR:.2f} at ${CORE_HOUR} for an hour of a core. The search is the smaller part "
            "of it, and with the indexes above it stays that.",
            f"- **A product** takes {1000 * indexing['cores'] / rate:.1f} ms of a core to encode: "
            f"{hours:.1f} core-hours for a million (${hours * CORE_HOUR:.2f}), {hours * 100:,.0f} for a hundred million. "
            "`vitrine index --ray` shares them out over as many machines as there are.",
            "- **Prices** are round figures of rented machines, without margin for peaks and failures, and stand in "
            f"`tests/benchmarks/scaling.py`: ${CORE_HOUR} for an hour of a core, ${GB_HOUR} for one of a GB of memory.",
        ]
    )


def _paper(search: dict[str, Any], service: dict[str, Any], indexing: dict[str, Any]) -> str:
    ten = {kind: _type(search, "10m", kind) for kind in ("ivf-int8", "pq")}
    mapped = search["1m"]["start"]["mapped_mb"] / search["1m"]["start"]["products"]  # MB a product
    text_ms = service["text"]["server CPU ms each"]
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
            "## On paper: a hundred million, and a billion",
            table([*head, "a million queries"], rows),
            f"For {QUERIES} queries by text a second, one copy of everything. Memory is that of both indexes (pictures "
            "and titles), by the bytes a product takes at ten million; the vectors themselves stay on disks and are read "
            "for the candidates that are scored again, a few hundred reads of half a kilobyte a query, which wants NVMe. "
            f"Disk is the mapped files and a picture of {PICTURE_KB:g} KB. The time in a shard assumes as many lists as "
            "keep the rows that are looked at the same, and adds the comparing with the lists; recall then has to be "
            "measured again. Every query goes to all shards at once, so shards add work, not time. A second replica for "
            "failures doubles memory and money; `vitrine serve` itself does not shard: nothing of this table was run.",
        ]
    )


def _choice(postgres: dict[str, Any]) -> str:
    largest = list(postgres["sizes"].values())[-1]
    graphs = largest["graphs_mb"] * 1e6 / largest["rows"]
    each = largest["products_mb"] * 1e6 / largest["rows"]
    return f"""
## Which of them, when

| products | take |
|---|---|
| up to some ten million, one machine | the folder: SQLite and FAISS, workers share the mapped files; replicas by copying the folder |
| up to some ten million, changes from many hosts, failover | PostgreSQL with a standby: {each:,.0f} bytes a product, of which {graphs:,.0f} should stay in memory |
| up to about a hundred million | PostgreSQL, partitioned by hash of the id: each partition has graphs of its own, which are built side by side and fit into `maintenance_work_mem`; a query asks all and merges. {graphs * 1e8 / 1e9:,.0f} GB of graphs for a hundred million is one large server, or several under Citus, which sends a query to all its nodes |
| beyond, or more than a few thousand changes a second | a dedicated engine such as Milvus: it builds and merges indexes beside the writes, keeps graphs on disks (DiskANN) or GPUs, and moves shards between machines. `vitrine index --ray` and `/v1/embeddings` make the vectors; facets and conditional changes are then to be built on its side |

What limits PostgreSQL first is not the search but the graph: it is built in memory, by one server, and every change
walks it; and a count of all that passes a filter, which every answer carries, reads all of it.
"""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    with atomic_file(arguments.out) as beside:
        beside.write_text(page(), encoding="utf-8")
