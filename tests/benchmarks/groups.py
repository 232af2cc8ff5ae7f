"""What groups, orders and browsing cost a query, beside the same search without them.

    python -m tests.benchmarks.groups --out docs/performance/groups.json

Products are drawn at random: vectors of length 128, four variants of each, a few attributes. No words are searched. All
figures of a size are of one run, and what counts are their ratios to the plain exact scan. Times are of the processor,
since one thread answers a query: what else the machine does is not in them.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from common import write_json
from index import CatalogueInfo, Filter, Product, SearchIndex, SearchQuery, Sort, SplitRule
from index.query import VARIANT
from index.vectors.rows import ProductRows
from index.vectors.state import IndexState
from index.words import PostingLists, WordIndex
from tests.benchmarks.performance import machine, machine_line, table

SIZES = {"40k": 40_000, "1m": 1_000_000}
DIM = 128
VARIANTS = 4
"""Products of a group."""
ASKED: dict[str, SearchQuery] = {
    "plain": SearchQuery(),
    "one facet": SearchQuery(facets=("size",)),
    "variants": SearchQuery(group_by="variant"),
    "variants, one facet": SearchQuery(group_by="variant", facets=("size",)),
    "variants, 1 % passes": SearchQuery(group_by="variant", filters={"price": Filter(lt=10)}),
    "variants, by price": SearchQuery(group_by="variant", sort=Sort("price", descending=False)),
    "by size: 8 groups": SearchQuery(group_by="size"),
    "by price": SearchQuery(sort=Sort("price", descending=False)),
    "browse": SearchQuery(browse=True),
    "browse, by price": SearchQuery(browse=True, sort=Sort("price", descending=False)),
    "browse variants": SearchQuery(browse=True, group_by="variant"),
}


def drawn(count: int) -> SearchIndex:
    """Return an index over drawn products, without words."""
    rng = np.random.default_rng(count)
    vectors = rng.standard_normal((count, DIM), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    sizes, prices = rng.integers(8, size=count).tolist(), (rng.integers(100_000, size=count) / 100).tolist()
    products = [
        Product(str(row), "", {VARIANT: f"g{row // VARIANTS}", "size": f"size {sizes[row]}", "price": prices[row]})
        for row in range(count)
    ]
    rows = ProductRows(DIM, None)
    rows.append(products, vectors, vectors)
    gc.freeze()  # a collection that meets them would be charged to whichever query it falls into
    alive = np.ones(count, dtype=np.bool_)
    words = WordIndex(PostingLists(), alive, np.zeros(0, dtype=np.int32))
    info = CatalogueInfo("drawn", DIM, "drawn", SplitRule(), "2026-01-01T00:00:00+00:00")
    return SearchIndex(IndexState(info, 0, rows, {}, words=words))


def measure(count: int, rounds: int) -> dict[str, Any]:
    """Return the median processor time of each query in milliseconds, and its ratio to the plain one."""
    index = drawn(count)
    queries = np.random.default_rng(1).standard_normal((rounds + 1, DIM), dtype=np.float32)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    taken: dict[str, list[float]] = {name: [] for name in ASKED}
    for number in range(rounds + 1):  # in turn, so that what else the machine does meets all alike
        for name, query in ASKED.items():
            start = time.process_time()
            index.search("images", queries[number : number + 1], [query])
            taken[name].append(1000 * (time.process_time() - start))
    medians = {name: float(np.median(times[1:])) for name, times in taken.items()}
    return {
        "products": count,
        "groups": count // VARIANTS,
        "ms": {name: round(ms, 2) for name, ms in medians.items()},
        "ratio": {name: round(ms / medians["plain"], 2) for name, ms in medians.items()},
    }


def markdown(result: dict[str, Any]) -> str:
    """Return the section of the page."""
    sizes = result["sizes"]
    rows = [[name, *(f"{one['ratio'][name]:g} ({one['ms'][name]:g} ms)" for one in sizes.values())] for name in ASKED]
    head = ["query", *(f"{one['products']:,} products" for one in sizes.values())]
    return (
        "## Groups, orders and browsing\n\n"
        "Processor time of a query as a multiple of the plain exact scan of the same run. Groups are exact, however"
        " large the catalogue is: every product that passes is compared, also where a search without groups asks an"
        " approximate index."
        f" There are {VARIANTS} variants of each product.\n\n"
        f"{table(head, rows)}\n\n{machine_line(result['machine'])}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sizes", default=",".join(SIZES))
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    found = {}
    for size in arguments.sizes.split(","):
        found[size] = measure(SIZES[size], arguments.rounds)
        sys.stderr.write(f"{size} {found[size]}\n")
    write_json(arguments.out, {"machine": machine(), "sizes": found})
