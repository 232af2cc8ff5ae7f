"""The map of a catalogue: how well it keeps neighbours, what it costs, how far it moves, and what others make of it.

    python -m tests.benchmarks.map --catalogue artefacts/catalogue --out docs/performance/map.json

Other layouts are measured where they are installed, with their own defaults, a seed, and a start from a PCA where they
take one (`pip install openTSNE pacmap umap-learn`). Times are of the processor, all threads together, since other work
on the machine is not in them; neighbours are counted for a sample of the products.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from common import write_json
from index import Catalogue, Snapshot, first_text
from index.map import name_regions, pca, project
from index.map.making import NEIGHBOURS
from index.map.neighbours import neighbour_graph, place_among
from tests.benchmarks.performance import machine, machine_line, table

SAMPLE = 4000
CHANGED = 0.01
"""Part of the products that are new in the second of two builds."""
KIND = "articleType"


def nearest(points: np.ndarray, rows: np.ndarray, k: int) -> np.ndarray:
    """Return the rows (M, k) of what is nearest to some rows of `points` (N, D), without themselves."""
    index = faiss.IndexFlatL2(points.shape[1])
    index.add(np.ascontiguousarray(points, dtype=np.float32))
    _, found = index.search(np.ascontiguousarray(points[rows], dtype=np.float32), k + 1)
    return np.array([[one for one in line if one != row][:k] for row, line in zip(rows.tolist(), found, strict=True)])


class Judge:
    """Says how well places keep the neighbours that the vectors have."""

    def __init__(self, snapshot: Snapshot) -> None:
        count = len(snapshot.products)
        self.rows = np.sort(np.random.default_rng(0).choice(count, min(SAMPLE, count), replace=False))
        self.right = nearest(snapshot.image_vectors, self.rows, NEIGHBOURS)
        self.kinds = np.array([first_text(one.attributes.get(KIND)) for one in snapshot.products])

    def of(self, points: np.ndarray, rows: np.ndarray | None = None) -> dict[str, float]:
        """Return the part of the 15 nearest vectors that are among the 15 nearest places, and of one kind there."""
        known = slice(None) if rows is None else np.isin(self.rows, rows)
        asked = self.rows[known]
        found = nearest(points, asked, NEIGHBOURS)
        pairs = zip(found.tolist(), self.right[known].tolist(), strict=True)
        return {
            "kept": round(float(np.mean([len({*one} & {*other}) / NEIGHBOURS for one, other in pairs])), 3),
            "of one kind": round(float((self.kinds[found] == self.kinds[asked][:, None]).mean()), 3),
        }


def others(vectors: np.ndarray) -> Iterator[tuple[str, Callable[[], np.ndarray]]]:
    """Yield the layouts of other projects that are installed."""
    try:
        from openTSNE import TSNE

        yield "openTSNE", lambda: TSNE(n_jobs=2, random_state=0, initialization="pca").fit(vectors)
    except ImportError:
        pass
    try:
        from umap import UMAP

        yield "UMAP", lambda: UMAP(random_state=0, metric="cosine").fit_transform(vectors)
    except ImportError:
        pass
    try:
        from pacmap import LocalMAP, PaCMAP

        yield "PaCMAP", lambda: PaCMAP(random_state=0).fit_transform(vectors, init="pca")
        yield "LocalMAP", lambda: LocalMAP(random_state=0).fit_transform(vectors, init="pca")
    except ImportError:
        pass


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return what `work` returns, and the seconds of the processor that it took."""
    start = time.process_time()
    return work(), round(time.process_time() - start, 1)


def moved(before: np.ndarray, after: np.ndarray) -> dict[str, float]:
    """Return how far places (N, 2) have moved, as parts of the map's side, after the best rotation and scale."""
    one, other = before - before.mean(axis=0), after - after.mean(axis=0)
    left, sizes, right = np.linalg.svd(other.T @ one)
    fitted = other @ (left @ right) * (sizes.sum() / (other**2).sum())
    far = np.linalg.norm(one - fitted, axis=1) / np.ptp(one, axis=0).max()
    return {"mean": round(float(far.mean()), 4), "95 %": round(float(np.quantile(far, 0.95)), 4)}


def measure(snapshot: Snapshot) -> dict[str, Any]:
    """Return the figures of one catalogue."""
    products, vectors = snapshot.products, snapshot.image_vectors
    judge = Judge(snapshot)
    made, seconds = timed(lambda: project(snapshot.info, products, vectors))
    _, graph_s = timed(lambda: neighbour_graph(vectors, NEIGHBOURS))
    _, names_s = timed(lambda: name_regions(made.points, products))
    mean, axes = pca(vectors)
    layouts = {
        "PCA": {"cpu_s": timed(lambda: pca(vectors))[1], **judge.of((vectors - mean) @ axes.T)},
        "ours": {"cpu_s": round(seconds - names_s, 1), **judge.of(made.points)},
    }
    say(layouts)
    new = np.random.default_rng(1).random(len(products)) < CHANGED
    old = np.flatnonzero(~new)
    kept = [products[row] for row in old.tolist()]
    first = project(snapshot.info, kept, vectors[old])
    second, again_s = timed(lambda: project(snapshot.info, products, vectors, before=first))
    placed = np.zeros((len(products), 2))
    placed[old] = first.points
    placed[new], place_s = timed(lambda: place_among(vectors[new], vectors[old], first.points))
    result = {
        "products": len(products),
        "graph_s": graph_s,
        "names_s": names_s,
        "labels": len(made.labels or ()),
        "moved": moved(first.points, second.points[old]),
        "again_s": round(again_s - names_s, 1),
        "moved_from_pca": moved(first.points, made.points[old]),
        "placed": {"products": int(new.sum()), "cpu_s": place_s, **judge.of(placed, np.flatnonzero(new))},
        "same": bool((project(snapshot.info, products, vectors).points == made.points).all()),
    }
    say(result)
    for name, work in others(vectors):
        points, cpu_s = timed(work)
        layouts[name] = {"cpu_s": cpu_s, **judge.of(np.asarray(points))}
        say({name: layouts[name]})
    return result | {"layouts": layouts}


def say(figures: Any) -> None:
    print(figures, file=sys.stderr, flush=True)  # noqa: T201 - progress of a long run


def markdown(result: dict[str, Any]) -> str:
    """Return the section of docs/performance.md."""
    rows = [
        (name, f"{one['kept']:.3f}", f"{one['of one kind']:.3f}", f"{one['cpu_s']:g}")
        for name, one in sorted(result["layouts"].items(), key=lambda item: -item[1]["kept"])
    ]
    placed, far, from_pca = result["placed"], result["moved"], result["moved_from_pca"]
    return f"""
## The map

{machine_line(result["machine"])} The catalogue has {result["products"]:,} products. Of the 15 nearest pictures of a
product, the second column has the part that is among the 15 nearest places on the map. The third has the part of these
places whose products are of its article type. The last has the seconds of the processor, all threads together, for
neighbours and layout; names of regions are not in it.

{table(["layout", "neighbours kept", "of one kind", "CPU, s"], rows)}

Of our seconds the neighbours take {result["graph_s"]:g}; {result["labels"]} regions have names after
{result["names_s"]:g} s more. Two builds of the same catalogue {"are equal" if result["same"] else "differ"}. Where 1 %
of the products are new, a build that starts from the last map takes {result["again_s"]:g} s and moves the others by
{100 * far["mean"]:.1f} % of the map's side on the average, and 95 of 100 by less than {100 * far["95 %"]:.1f} %; one
that starts from a PCA moves them by {100 * from_pca["mean"]:.1f} %. A service places these {placed["products"]} new
products in {placed["cpu_s"]:g} s: {placed["kept"]:.3f} of their neighbours are kept, {placed["of one kind"]:.3f} are of
one kind.
"""


def main() -> None:
    """Measure, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--catalogue", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    with Catalogue.open(asked.catalogue) as catalogue:
        snapshot = catalogue.snapshot()
    unit = replace(snapshot, image_vectors=np.ascontiguousarray(snapshot.image_vectors, dtype=np.float32))
    result = measure(unit)
    result["machine"] = machine("openTSNE", "umap-learn", "pacmap")
    write_json(asked.out, result)


if __name__ == "__main__":
    main()
