"""What each part of the search by words is worth: judged queries, asked with the part and without it.

python -m tests.benchmarks.search_parts --queries tests/data/queries --checkpoint CHECKPOINT --catalogue CATALOGUE \\
    --out docs/search-parts.json
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from common import write_json
from index import Mode, ParsedText, Search, open_catalogue, open_search
from index.metrics import judged_figures, read_queries
from index.ranking import fuse
from models import load_encoder
from training.reports.queries import ask_all, judged_queries, offline
from training.reports.queries_table import MEAN
from training.reports.tables import NONE, Cell, Rows, markdown_lines

Understand = Callable[[Search, str], ParsedText]


class Part(NamedTuple):
    """A way to ask: the mode, how a text is understood, and what title and picture count."""

    mode: Mode = "hybrid"
    understand: Understand = lambda search, text: search.understand(text)
    weights: fuse.Weights | None = None


def _no_conditions(search: Search, text: str) -> ParsedText:
    return search.understand(text, dismissed=[one.text for one in search.understand(text).conditions])


def _without(**none: float) -> fuse.Weights:
    """Return the weights of a hybrid search without some of them; the others grow, so that they are 1 together."""
    kept = {name: none.get(name, getattr(fuse.HYBRID, name)) for name in ("words", "title", "image")}
    return fuse.Weights(**{name: weight / sum(kept.values()) for name, weight in kept.items()})


PARTS = {
    "all": Part(),
    "no correction": Part(understand=lambda search, text: search.understand(text, correct=False)),
    "read as English": Part(understand=lambda search, text: search.understand(text, "en")),
    "no conditions": Part(understand=_no_conditions),
    "no title vector": Part(weights=_without(title=0)),
    "no picture vector": Part(weights=_without(image=0)),
    "words alone": Part("lexical"),
    "picture vector alone": Part("vector"),
}


def measured(queries: Path, checkpoint: Path, place: Path, half: str) -> dict[str, Any]:
    """Return for each part left out: kind -> number of queries and P@10, and the mean of the kinds."""
    encoder = load_encoder(checkpoint, "cpu")
    with open_catalogue(place, encoder_id=encoder.encoder_id) as catalogue:
        search = open_search(catalogue)
        wanted = judged_queries(read_queries(queries), (half,), catalogue.snapshot().products)
        wanted = [(query, relevant) for query, relevant in wanted if not query.like]
        found: dict[str, Any] = {}
        for name, part in PARTS.items():
            with weighted(part.weights):
                ask = offline(search, encoder, lambda text, part=part: part.understand(search, text))  # type: ignore[misc]
                figures = judged_figures(ask_all(ask, wanted, part.mode), resamples=200)
            kinds = {
                kind: {"queries": of["queries"], "p10": of["p10"]}
                for kind, of in figures["kinds"].items()
                if "p10" in of
            }
            found[name] = {"kinds": kinds, "mean": figures["mean"]["p10"]}
    return {"half": half, "encoder_id": encoder.encoder_id, "parts": found}


@contextmanager
def weighted(weights: fuse.Weights | None) -> Iterator[None]:
    """Rank hybrid searches by other weights for a while."""
    own = fuse.HYBRID
    fuse.HYBRID = weights or own
    try:
        yield
    finally:
        fuse.HYBRID = own


def table(figures: dict[str, Any]) -> str:
    """Return P@10 in per cent as a table: a line for each kind, a column for each part that is left out."""
    parts = figures["parts"]
    lines: list[list[Cell]] = [
        [kind, first["queries"], *({"value": part["kinds"][kind]["p10"]["value"]} for part in parts.values())]
        for kind, first in next(iter(parts.values()))["kinds"].items()
    ]
    lines.append([MEAN, NONE, *({"value": part["mean"]["value"]} for part in parts.values())])
    return "\n".join(markdown_lines(Rows(["P@10, %", "queries", *parts], lines)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--catalogue", type=Path, required=True)
    parser.add_argument("--half", default="report")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    write_json(given.out, measured(given.queries, given.checkpoint, given.catalogue, given.half))
