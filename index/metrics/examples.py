"""What the figures stand on: the best and worst queries of a split, and how similar right and wrong pairs are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from index.metrics.evaluation import group_by_title
from index.metrics.queries import about, query_rows
from index.metrics.rank import TIE, Integers, checked_pair, score_rows
from index.product import Product
from index.records import FurtherVectors, Snapshot, Vectors

BINS = 100
"""Of a histogram of similarities, which run from -1 to 1."""
SHOWN_QUERIES = 12
"""How many of the best and of the worst queries are shown."""
SHOWN_FOUND = 4
"""How many of the first results of such a query are shown."""


class QueryStats(NamedTuple):
    """How Q queries fared, and how similar their pairs are."""

    rank: Integers
    """(Q,) of the best relevant item; a tie counts against it."""
    right: Vectors
    """(Q,) similarity of the best relevant item."""
    wrong: Vectors
    """(Q,) similarity of the best irrelevant item; -1 where there is none."""
    histograms: dict[str, Integers]
    """"right" and "wrong": (BINS,) how many pairs; "nearest_wrong": each query's best irrelevant item only."""


def query_stats(
    queries: Vectors,
    gallery: Vectors,
    relevant: tuple[Integers, Integers],
    further: FurtherVectors | None = None,
) -> QueryStats:
    """Return rank and similarities of every query, and the distribution of the similarities of all Q x N pairs.

    One pass, which holds a bounded part of the (Q, N) scores at a time. Arguments are those of `ranks`; every query
    needs a relevant item.
    """
    queries, gallery = checked_pair(queries, gallery)
    indptr, indices = relevant
    rank = np.empty(len(queries), dtype=np.int64)
    right, wrong = (np.empty(len(queries), dtype=np.float32) for _ in range(2))
    pairs, right_pairs, nearest = (np.zeros(BINS, dtype=np.int64) for _ in range(3))
    for query, row in score_rows(queries, gallery, further):
        items = indices[indptr[query] : indptr[query + 1]]
        scores = row[items]
        right[query] = scores.max()
        at_least = right[query] - np.float32(TIE)
        rank[query] = np.count_nonzero(row >= at_least) - np.count_nonzero(scores >= at_least) + 1
        pairs += _binned(row)
        right_pairs += _binned(scores)
        row[items] = -1  # the row is overwritten later anyway
        wrong[query] = row.max()
        if len(items) < len(row):
            nearest += _binned(wrong[query : query + 1])
    return QueryStats(
        rank, right, wrong, {"right": right_pairs, "wrong": pairs - right_pairs, "nearest_wrong": nearest}
    )


def _binned(scores: Vectors) -> Integers:
    """Return how many of `scores` fall into each of the bins (BINS,) between -1 and 1."""
    places = ((scores + np.float32(1)) * np.float32(BINS / 2)).astype(np.int32)
    return np.bincount(places.clip(0, BINS - 1), minlength=BINS)


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
    queries = query_rows(snapshot, split)
    products, images, texts = snapshot.products, snapshot.image_vectors, snapshot.text_vectors
    title_of, members, starts = group_by_title([product.title for product in products])
    title_rows = members[starts[:-1]]
    queried = np.unique(title_of[queries])
    sizes = starts[queried + 1] - starts[queried]
    of_queried = np.concatenate([members[starts[title] : starts[title + 1]] for title in queried])
    everything = np.arange(len(products))
    return {
        **about(snapshot, split),
        "text_to_image": _direction_details(
            products,
            title_rows[queried],
            everything,
            texts,
            images,
            (np.concatenate([[0], np.cumsum(sizes)]), of_queried),
            snapshot.further,
        ),
        "image_to_text": _direction_details(
            products, queries, title_rows, images, texts, (np.arange(len(queries) + 1), title_of[queries])
        ),
    }


def _direction_details(
    products: Sequence[Product],
    query_rows: Integers,
    gallery_rows: Integers,
    queries: Vectors,
    gallery: Vectors,
    relevant: tuple[Integers, Integers],
    further: FurtherVectors | None = None,
) -> dict[str, Any]:
    """Return one direction of `evaluate_details`; `query_rows` (Q,) and `gallery_rows` (N,) index `products`."""
    candidates = gallery if len(gallery_rows) == len(gallery) else gallery[gallery_rows]
    seen = query_stats(queries[query_rows], candidates, relevant, further)
    lead = seen.right - seen.wrong
    worst = np.lexsort((lead, -seen.rank))[:SHOWN_QUERIES]
    best = np.lexsort((-lead, seen.rank))[:SHOWN_QUERIES]
    indptr, indices = relevant

    def details(query: int) -> dict[str, Any]:
        ((_, scores),) = score_rows(queries[query_rows[query : query + 1]], candidates, further)
        right = indices[indptr[query] : indptr[query + 1]]
        order = np.argsort(-scores, kind="stable")[:SHOWN_FOUND].tolist()
        product = products[query_rows[query]]
        own = product if candidates is not gallery else products[gallery_rows[right[scores[right].argmax()]]]
        return {
            "id": own.id,
            "title": product.title,
            "rank": int(seen.rank[query]),
            "score": round(float(seen.right[query]), 6),
            "found": [
                {
                    "id": products[gallery_rows[at]].id,
                    "title": products[gallery_rows[at]].title,
                    "score": round(float(scores[at]), 6),
                    "right": at in right,
                }
                for at in order
            ],
        }

    return {
        "queries": len(query_rows),
        "worst": [details(query) for query in worst.tolist()],
        "best": [details(query) for query in best.tolist()],
        "similarity": {
            "edges": np.linspace(-1, 1, BINS + 1).round(6).tolist(),
            **{name: counts.tolist() for name, counts in seen.histograms.items()},
        },
    }
