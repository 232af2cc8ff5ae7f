"""What several pictures of a product are worth to a search, and what they cost it.

    python -m tests.benchmarks.pictures --catalogue CATALOGUE --out docs/performance/pictures.json

Worth: the products of a catalogue that share a title are folded into one with several pictures; titles ask for them.
Cost: drawn products with three pictures, beside the same products with one, in one run. Times are of the processor.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from common import write_json
from index import (
    MAX_PICTURES,
    Catalogue,
    CatalogueInfo,
    FurtherVectors,
    Product,
    SearchIndex,
    SearchQuery,
    Snapshot,
    SplitRule,
    texts_of,
    title_key,
)
from index.metrics.evaluation import group_by_title, reciprocal
from index.metrics.intervals import figures_of
from index.metrics.rank import ranks
from index.vectors.pictures import mean_of
from index.vectors.rows import ProductRows
from index.vectors.state import IndexState
from index.words import PostingLists, WordIndex
from tests.benchmarks.performance import machine, machine_line, table

SIZES = {"40k": 40_000, "1m": 1_000_000}
DIM = 128
PICTURES = 3
"""Of a drawn product."""
LIKE_BY = ("articleType", "baseColour")
"""What products that are alike have in common."""
LIKES, AT = 2_000, 10
RULES = {"max": "best picture", "mean": "mean of the pictures", "first": "first picture"}


def folded(snapshot: Snapshot) -> Snapshot:
    """Return a catalogue of one product per title, with the pictures of all that have it."""
    _, members, starts = group_by_title([product.title for product in snapshot.products])
    first = members[starts[:-1]]
    more = [members[start + 1 : min(end, start + MAX_PICTURES)] for start, end in itertools.pairwise(starts)]
    owners = np.repeat(np.arange(len(first)), [len(some) for some in more])
    return Snapshot(
        snapshot.info,
        0,
        [snapshot.products[row] for row in first.tolist()],
        snapshot.image_vectors[first],
        snapshot.text_vectors[first],
        further=FurtherVectors(owners, snapshot.image_vectors[np.concatenate(more)]),
    )


def worth(snapshot: Snapshot) -> dict[str, Any]:
    """Return how well titles find the folded products, by each rule for several pictures."""
    shop = folded(snapshot)
    assert shop.further is not None
    means = mean_of(shop.image_vectors, shop.further.owners, shop.further.vectors)
    galleries: dict[str, tuple[Any, FurtherVectors | None]] = {
        "max": (shop.image_vectors, shop.further),
        "mean": (means, None),
        "first": (shop.image_vectors, None),
    }
    several = np.bincount(shop.further.owners, minlength=len(shop.products)) > 0
    test = np.array([product.split == "test" for product in shop.products])
    result: dict[str, Any] = {
        "products": len(snapshot.products),
        "titles": len(shop.products),
        "pictures": len(shop.products) + len(shop.further),
    }
    for name, chosen in (("all", test), ("several", test & several)):
        asking = np.flatnonzero(chosen)
        result[name] = {"queries": len(asking)}
        for rule, (gallery, further) in galleries.items():
            found = ranks(shop.text_vectors[asking], gallery, (np.arange(len(asking) + 1), asking), further)
            measures = {"recall1": found <= 1, "recall10": found <= 10, "mrr10": reciprocal(found)}
            sums = {key: values.astype(np.float64) for key, values in measures.items()}
            result[name][rule] = figures_of(sums, np.ones(len(asking)), 0, 1000)
    result["like"] = alike(shop, means, np.flatnonzero(several))
    return result


def alike(shop: Snapshot, means: Any, rows: Any) -> dict[str, float]:
    """Return which part of the first ten that are like a product have the same attributes, by what asks for them."""
    index = SearchIndex(shop)
    chosen = np.sort(np.random.default_rng(0).permutation(rows)[:LIKES])

    def kind(product: Product) -> tuple[str, ...]:
        return tuple(title_key(one) for name in LIKE_BY for one in texts_of(product.attributes.get(name, "")))

    found = {}
    for name, vectors in (("mean", means), ("first", shop.image_vectors)):
        queries = [SearchQuery(k=AT, exclude=frozenset([shop.products[row].id])) for row in chosen.tolist()]
        pages = index.search("images", np.ascontiguousarray(vectors[chosen]), queries)
        same = [
            np.mean([kind(hit.product) == kind(shop.products[row]) for hit in page.hits])
            for row, page in zip(chosen.tolist(), pages, strict=True)
        ]
        found[name] = round(float(np.mean(same)), 4)
    return {"queries": len(chosen), **found}


def drawn(count: int, pictures: int) -> SearchIndex:
    """Return an index over drawn products, without words."""
    rng = np.random.default_rng(count)

    def unit(rows: int) -> Any:
        vectors = rng.standard_normal((rows, DIM), dtype=np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors

    first, further = unit(count), None
    if pictures > 1:
        further = FurtherVectors(np.repeat(np.arange(count), pictures - 1), unit(count * (pictures - 1)))
    rows = ProductRows(DIM, None)
    rows.append([Product(str(row), "") for row in range(count)], first, first, further)
    gc.freeze()  # a collection that meets them would be charged to whichever query it falls into
    words = WordIndex(PostingLists(), np.ones(count, dtype=np.bool_), np.zeros(0, dtype=np.int32))
    info = CatalogueInfo("drawn", DIM, "drawn", SplitRule(), "2026-01-01T00:00:00+00:00")
    return SearchIndex(IndexState(info, 0, rows, {}, words=words))


def cost(count: int, rounds: int) -> dict[str, Any]:
    """Return processor time of a query and bytes of vectors, with one picture a product and with several."""
    indexes = {"one": drawn(count, 1), "several": drawn(count, PICTURES)}
    queries = np.random.default_rng(1).standard_normal((rounds + 1, 16, DIM), dtype=np.float32)
    queries /= np.linalg.norm(queries, axis=2, keepdims=True)
    taken: dict[str, list[float]] = {f"{name}, {batch}": [] for name in indexes for batch in (1, 16)}
    for number in range(rounds + 1):  # in turn, so that what else the machine does meets all alike
        for name, index in indexes.items():
            for batch in (1, 16):
                start = time.process_time()
                index.search("images", queries[number, :batch], [SearchQuery()] * batch)
                taken[f"{name}, {batch}"].append(1000 * (time.process_time() - start) / batch)
    ms = {name: float(np.median(times[1:])) for name, times in taken.items()}
    further = count * (PICTURES - 1)
    return {
        "products": count,
        "pictures": PICTURES,
        "ms": {name: round(one, 3) for name, one in ms.items()},
        "ratio": {str(batch): round(ms[f"several, {batch}"] / ms[f"one, {batch}"], 2) for batch in (1, 16)},
        "mb": {"one": round(count * DIM * 8 / 1e6, 1), "further": round(further * (DIM * 4 + 4) / 1e6, 1)},
    }


def markdown(result: dict[str, Any]) -> str:
    """Return the section of the page."""
    found, sizes = result["worth"], result["sizes"]
    rows = [
        [text, *(f"{100 * found[part][rule][key]['value']:.1f}" for part in ("all", "several") for key in MEASURES)]
        for rule, text in RULES.items()
    ]
    head = [
        "a product counts by its",
        *(f"{part}: {name}" for part in ("all", "several") for name in MEASURES.values()),
    ]
    costs = [
        [
            f"{one['products']:,}",
            *(f"{one['ms'][f'one, {batch}']:g} → {one['ms'][f'several, {batch}']:g} ms" for batch in (1, 16)),
            f"{one['mb']['one']:,.0f} → {one['mb']['one'] + one['mb']['further']:,.0f} MB",
        ]
        for one in sizes.values()
    ]
    like = found["like"]
    return (
        "## Several pictures of a product\n\n"
        f"The {found['products']:,} products of the catalogue have {found['titles']:,} titles. Folded into one product"
        f" each, these have {found['pictures']:,} pictures. Titles of the test split ask for their product:"
        f" all {found['all']['queries']:,}, and the {found['several']['queries']:,} whose product has several pictures"
        f" (per cent).\n\n{table(head, rows)}\n\n"
        f"What is like a product is asked for with the mean of its pictures: of the first ten,"
        f" {100 * like['mean']:.1f} % have its type and colour, and {100 * like['first']:.1f} % where its first picture"
        f" asks ({like['queries']:,} products).\n\n"
        f"With {PICTURES} pictures a product instead of one, a query takes this much processor time by the exact scan"
        " (alone, and in a batch of 16), and the vectors of pictures and titles this much memory:\n\n"
        f"{table(['products', 'alone', 'in a batch', 'vectors'], costs)}\n\n{machine_line(result['machine'])}"
    )


MEASURES = {"recall1": "R@1", "recall10": "R@10", "mrr10": "MRR@10"}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catalogue", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sizes", default=",".join(SIZES))
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    with Catalogue.open(arguments.catalogue) as opened:
        measured: dict[str, Any] = {"machine": machine(), "worth": worth(opened.snapshot()), "sizes": {}}
    sys.stderr.write(f"{measured['worth']}\n")
    for size in arguments.sizes.split(","):
        measured["sizes"][size] = cost(SIZES[size], arguments.rounds)
        sys.stderr.write(f"{size} {measured['sizes'][size]}\n")
    write_json(arguments.out, measured)
