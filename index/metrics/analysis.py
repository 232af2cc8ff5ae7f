"""The error analysis of a split: measured once and kept; from that the queries that fail and succeed, also of a slice.

Knows no model and no store.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from common import InputError
from index.metrics import progress
from index.metrics.evaluation import TO_IMAGE, TO_TEXT, group_by_title, products_of
from index.metrics.examples import BINS, QueryStats, query_stats
from index.metrics.kept import Array, Texts, packed_texts
from index.metrics.labels import KeptLabels, packed_labels
from index.metrics.queries import about, query_rows
from index.metrics.rank import Integers
from index.metrics.slices import all_labels
from index.records import Snapshot

SHOWN_QUERIES = 12
"""How many of the best and of the worst queries are shown, unless told otherwise."""

Direction = Literal["image_to_text", "text_to_image"]
DIRECTIONS: tuple[Direction, ...] = (TO_IMAGE, TO_TEXT)


def evaluate_details(snapshot: Snapshot, split: str) -> dict[str, Any]:
    """Return which queries of a split do best and worst, what they find first, and how similar the pairs are.

    In `text_to_image`, each distinct title is a query for its pictures, among all pictures; of a product's pictures the
    best counts. In `image_to_text`, every product's first picture is a query for its title, among the distinct titles.
    The worst queries are those whose best right result has the highest rank, then the least lead over the best wrong
    one; the best are those with the largest lead.

    Returns:
        `{"split", "encoder_id", "catalogue_version", "source", "text_to_image": {"queries", "worst", "best",
        "similarity"}, "image_to_text"}`, ready for JSON. A query is `{"id", "title", "rank", "score", "found": [{"id",
        "title", "score", "right"}]}`: `id` is the product whose picture is the query or, for a title, its product that
        comes first. `similarity` is `{"edges", "right", "wrong", "nearest_wrong"}`: BINS + 1 edges, numbers of pairs.

    Raises:
        InputError: an unknown split, or one without products.
    """
    return details_of(measured_details(snapshot, split))


def measured_details(snapshot: Snapshot, split: str) -> dict[str, Array]:
    """Return, as arrays that can be kept, what `details_of` answers from.

    Raises:
        InputError: as `evaluate_details`.
    """
    queries = query_rows(snapshot, split)
    products, images, texts = snapshot.products, snapshot.image_vectors, snapshot.text_vectors
    title_of, members, starts = group_by_title([product.title for product in products])
    title_rows = members[starts[:-1]]
    queried = np.unique(title_of[queries])
    progress.plan({TO_IMAGE: len(queried), TO_TEXT: len(queries) * len(title_rows) / len(products)})
    kept: dict[str, Array] = {
        **packed_texts("about", [json.dumps(about(snapshot, split))]),
        **packed_texts("ids", [product.id for product in products]),
        **packed_texts("titles", [product.title for product in products]),
        **packed_labels(all_labels(products)),
    }
    progress.begin(TO_IMAGE)
    asking = title_rows[queried]
    stats = query_stats(texts[asking], images, products_of(members, starts, queried), snapshot.further)
    kept |= _arrays(TO_IMAGE, stats, asking, stats.own, stats.found, title_of[stats.found] == queried[:, None])
    progress.begin(TO_TEXT)
    stats = query_stats(images[queries], texts[title_rows], (np.arange(len(queries) + 1), title_of[queries]))
    right = stats.found == title_of[queries][:, None]
    return kept | _arrays(TO_TEXT, stats, queries, queries, title_rows[stats.found], right)


def _arrays(
    direction: Direction, stats: QueryStats, asking: Integers, own: Integers, found: Integers, right: Array
) -> dict[str, Array]:
    """Return what is kept of Q queries of a direction; `asking`, `own` (Q,) and `found` (Q, F) index the products."""
    arrays: dict[str, Array] = {
        "asking": asking.astype(np.int32),
        "own": own.astype(np.int32),
        "rank": stats.rank,
        "score": stats.right,
        "lead": stats.right - stats.wrong,
        "found": found.astype(np.int32),
        "found_scores": stats.scores,
        "found_right": right,
        "histograms": np.stack(list(stats.histograms.values())),
    }
    return {f"{direction}.{name}": array for name, array in arrays.items()}


def details_of(
    kept: Mapping[str, Array], part: tuple[str, str] | None = None, offset: int = 0, limit: int = SHOWN_QUERIES
) -> dict[str, Any]:
    """Return what `evaluate_details` does, of what `measured_details` has kept.

    Args:
        kept: the arrays.
        part: an attribute and the name of one of its slices: only queries of that are shown and counted. The slice of a
            query is that of its product, or of the first product of its title. Similarities are of all queries.
        offset: how many of the worst, and of the best, are passed over.
        limit: how many are shown of each, at most.

    Raises:
        InputError: there is no such slice.
    """
    found = json.loads(Texts(kept, "about")[0])
    texts = Texts(kept, "ids"), Texts(kept, "titles")
    labels = None if part is None else KeptLabels(kept).of(part[0])
    for direction in DIRECTIONS:
        asking = kept[f"{direction}.asking"]
        chosen = np.arange(len(asking))
        if part is not None and labels is not None:
            chosen = np.flatnonzero(labels.chosen(part[1], asking, kept[f"{TO_IMAGE}.asking"]))
        rank, lead = (kept[f"{direction}.{name}"][chosen] for name in ("rank", "lead"))
        window = slice(offset, offset + limit)
        worst, best = np.lexsort((lead, -rank))[window], np.lexsort((-lead, rank))[window]
        histograms = zip(("right", "wrong", "nearest_wrong"), kept[f"{direction}.histograms"], strict=True)
        found[direction] = {
            "queries": len(chosen),
            "worst": [_query(kept, direction, at, texts) for at in chosen[worst].tolist()],
            "best": [_query(kept, direction, at, texts) for at in chosen[best].tolist()],
            "similarity": {
                "edges": np.linspace(-1, 1, BINS + 1).round(6).tolist(),
                **{name: counts.tolist() for name, counts in histograms},
            },
        }
    return dict(found)


def _query(kept: Mapping[str, Array], direction: Direction, at: int, texts: tuple[Texts, Texts]) -> dict[str, Any]:
    """Return one query as JSON data."""
    ids, titles = texts
    arrays = {name: kept[f"{direction}.{name}"] for name in ("found", "found_scores", "found_right")}
    found, scores, right = (array[at].tolist() for array in arrays.values())
    return {
        "id": ids[int(kept[f"{direction}.own"][at])],
        "title": titles[int(kept[f"{direction}.asking"][at])],
        "rank": int(kept[f"{direction}.rank"][at]),
        "score": round(float(kept[f"{direction}.score"][at]), 6),
        "found": [
            {"id": ids[row], "title": titles[row], "score": round(score, 6), "right": hit}
            for row, score, hit in zip(found, scores, right, strict=True)
        ],
    }


def part_of(given: str | None) -> tuple[str, str] | None:
    """Return the attribute and the slice that a text such as `gender:Women` names.

    Raises:
        InputError: it has no colon.
    """
    if given is None:
        return None
    attribute, colon, label = given.partition(":")
    if not colon:
        raise InputError(f"the slice is {given!r}; write an attribute, a colon and a value, such as gender:Women")
    return attribute, label
