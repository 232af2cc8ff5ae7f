"""Words beside a picture: judged edits, asked as the service does, with parts of that left out, and in the ways before.

python -m tests.benchmarks.search_edits --queries tests/data/queries/edits.jsonl --checkpoint CHECKPOINT \\
    --catalogue CATALOGUE --out docs/search-edits.json
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from common import write_json
from index import Mode, Search, SearchQuery, open_catalogue, open_search
from index.metrics import DEPTH, HALVES, Found, judged_figures, read_queries
from models import load_encoder
from training.reports.edits import Edits, TextEncoder
from training.reports.queries import Question, ask_all, judged_queries, offline
from training.reports.tables import Cell, Rows, markdown_lines

Way = tuple[str, Mode, Callable[[Edits], Edits]]
WEIGHTS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""What the words may count beside the picture, other than by default."""
ROUNDS = 3
WORST = 0.5
"""P@10 below which an edit is listed as one that fails."""


def _with(**changes: Any) -> Callable[[Edits], Edits]:
    return lambda edits: replace(edits, **changes)


WAYS: Sequence[Way] = (
    ("modify", "hybrid", _with()),
    ("of a photograph", "hybrid", _with(foreign=True)),
    ("no kind kept", "hybrid", _with(foreign=True, keep=False)),
    ("no filters", "hybrid", _with(foreign=True, filtering=False)),
    ("no words of titles", "vector", _with(foreign=True)),
    ("arithmetic alone", "vector", _with(foreign=True, keep=False, filtering=False)),
)
"""Name, what ranks, and what is changed of the service's way."""


def slider(search: Search, encoder: TextEncoder, questions: Sequence[Question]) -> list[Found]:
    """Return what is found where text and picture count alike, as before there were edits."""
    parsed = [search.understand(one.text) for one in questions]
    pictures = np.stack([search.vectors(one.like).mean(axis=0) for one in questions])
    vectors = pictures + encoder.encode_text([one.english for one in parsed])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    queries = [
        SearchQuery(DEPTH, mode="hybrid", parsed=text, text_share=0.5, exclude=frozenset(one.like))
        for text, one in zip(parsed, questions, strict=True)
    ]
    pages = search.search("images", vectors.astype(np.float32), queries)
    found = [tuple(hit.product.id for hit in page.hits) for page in pages]
    return [Found(ids, ids) for ids in found]


def measured(queries: Path, checkpoint: Path, place: Path) -> dict[str, Any]:
    """Return for each half and way: kind -> number of edits and P@10; the weights on the half to tune; the cost."""
    encoder = load_encoder(checkpoint, "cpu")
    with open_catalogue(place, encoder_id=encoder.encoder_id) as catalogue:
        search = open_search(catalogue)
        products = catalogue.snapshot().products
        edits = Edits(search, encoder, search.understand)
        plain = offline(search, encoder)
        lines = read_queries(queries)
        halves: dict[str, Any] = {}
        for half in HALVES:
            wanted = judged_queries(lines, (half,), products)
            found = {
                name: ask_all(offline(search, encoder, edits=change(edits)), wanted, mode)
                for name, mode, change in WAYS
            }
            found["text and picture alike"] = ask_all(lambda asked, _: slider(search, encoder, asked), wanted, "hybrid")
            found["text alone"] = ask_all(
                lambda asked, mode: plain([Question(one.text) for one in asked], mode), wanted, "hybrid"
            )
            halves[half] = {name: _figures(asked) for name, asked in found.items()}
        failing = [
            f"{one.query.text} ({one.query.kind.removeprefix('edit: ')}, {one.query.like[0]})"
            for one in found["of a photograph"]
            if len({*one.found.ids} & one.relevant) < WORST * min(DEPTH, len(one.relevant))
        ]
        wanted = judged_queries(lines, ("tune",), products)
        tuned = {
            weight: _figures(
                ask_all(offline(search, encoder, edits=_with(foreign=True, weight=weight)(edits)), wanted, "hybrid")
            )
            for weight in (*WEIGHTS, edits.weight)
        }
        cost = _cost(search, encoder, edits, [Question(query.text, query.like) for query, _ in wanted])
    return {
        "encoder_id": encoder.encoder_id,
        "products": len(products),
        "halves": halves,
        "weights": {f"{weight:g}": tuned[weight]["all"] for weight in sorted(tuned)},
        "failing": failing,
        "ms": cost,
    }


def _figures(asked: Sequence[Any]) -> dict[str, Any]:
    figures = judged_figures(asked, resamples=500)
    kinds = {
        kind.removeprefix("edit: "): {"queries": of["queries"], "p10": of["p10"]}
        for kind, of in figures["kinds"].items()
    }
    return {"kinds": kinds, "all": _all(asked)}


def _all(asked: Sequence[Any]) -> dict[str, float]:
    """Return P@10 over all edits, each counting once, with its 95 % interval (bootstrap)."""
    each = np.array([len({*one.found.ids} & one.relevant) / min(DEPTH, len(one.relevant)) for one in asked])
    rng = np.random.default_rng(0)
    drawn = each[rng.integers(0, len(each), (1000, len(each)))].mean(axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return {"value": float(each.mean()), "low": float(low), "high": float(high)}


def _cost(search: Search, encoder: TextEncoder, edits: Edits, questions: Sequence[Question]) -> dict[str, float]:
    """Return milliseconds of one edit and of a search with the picture alone: medians of the best of some rounds."""

    def best(action: Callable[[Question], object]) -> float:
        spent = []
        for one in questions:
            times = []
            for _ in range(ROUNDS):
                start = time.perf_counter()
                action(one)
                times.append(1000 * (time.perf_counter() - start))
            spent.append(min(times))
        return round(statistics.median(spent), 2)

    ask = offline(search, encoder, edits=edits)

    def picture(one: Question) -> object:
        return search.search("images", search.vectors(one.like), [SearchQuery(DEPTH, exclude=frozenset(one.like))])

    def text(one: Question) -> object:
        return encoder.encode_text([one.text])

    return {"modify": best(lambda one: ask([one], "hybrid")), "picture": best(picture), "one text": best(text)}


def table(figures: dict[str, Any]) -> str:
    """Return the figures as Markdown."""
    half = figures["halves"]["report"]
    first = next(iter(half.values()))
    lines: list[list[Cell]] = [
        [kind, of["queries"], *({"value": way["kinds"][kind]["p10"]["value"]} for way in half.values())]
        for kind, of in first["kinds"].items()
    ]
    lines.append(["all", sum(of["queries"] for of in first["kinds"].values()), *(way["all"] for way in half.values())])
    tuned = ", ".join(f"{weight}: {100 * one['value']:.1f}" for weight, one in figures["weights"].items())
    failing = "; ".join(f"*{one}*" for one in figures["failing"])
    ms = figures["ms"]
    return "\n".join(
        [
            *markdown_lines(Rows(["P@10, %", "edits", *half], lines)),
            "",
            f"{figures['products']:,} products. The half to tune, of a photograph, by weight of the words: {tuned} %.",
            "",
            f"Less than half of them are right, of a photograph: {failing or 'none'}.",
            "",
            f"An edit takes {ms['modify']:.1f} ms with the encoder, of which a text takes {ms['one text']:.1f} ms"
            f" unless it is known; a picture alone {ms['picture']:.1f} ms. The machine did other work besides.",
        ]
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("queries", "checkpoint", "catalogue", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    given = parser.parse_args()
    write_json(given.out, measured(given.queries, given.checkpoint, given.catalogue))
