"""How well pictures find descriptions, descriptions find pictures, and titles find their products; also by slice.

`evaluate` and `title_slices` take plain arrays, `evaluate_split` a snapshot. Knows no model and no store.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from common import InputError
from index.metrics.intervals import figures_of
from index.metrics.queries import about, query_rows
from index.metrics.rank import Floats, Integers, check_positions, checked_pair, product_ranks, ranks
from index.product import Product, title_key
from index.records import FurtherVectors, Snapshot, Vectors
from index.values import first_text

PRODUCT_CUTOFFS = (1, 5, 10, 100)
TITLE_CUTOFFS = (1, 10, 100)
MRR_CUTOFF = 10

SLICED_BY = ("masterCategory", "gender", "baseColour")
TITLE_FREQUENCY = "title frequency"
FREQUENCIES = {"1": 1, "2–4": 2, "5–19": 5, "20+": 20}
"""Names of the slices by title frequency -> the fewest products that a title in it has."""
OTHER = "other"
NOT_GIVEN = "not given"


def evaluate(
    image_vectors: Vectors,
    text_vectors: Vectors,
    titles: Sequence[str],
    queries: Integers,
    further: FurtherVectors | None = None,
    *,
    seed: int = 0,
    resamples: int = 1000,
) -> dict[str, Any]:
    """Measure retrieval in both directions and by title, over a gallery of all N products.

    In `image_to_text` and `text_to_image` every product in `queries` is a query. `strict_id`: only the product itself
    is right. `same_title`: the best-placed product of the same title counts, and others of that title are not in its
    way. In `titles` each distinct title is a query for images, with the text of its first product; every product of
    the title is right, and recall is found / all: the protocol of the KAGL leaderboard
    (https://github.com/marqo-ai/marqo-FashionCLIP). Every figure is a fraction `{"value", "low", "high"}` with a 95 %
    percentile bootstrap interval. That resamples titles, since the products of one title are not independent. The
    same input and seed give the same output. A product with several pictures is found by the best of them, and asks
    with its first.

    Args:
        image_vectors: (N, D) of unit length.
        text_vectors: (N, D) of unit length.
        titles: N strings.
        queries: (Q,) positions of the products that are queries.
        further: of the products that have more than one picture.
        seed: Of the bootstrap.
        resamples: Of the bootstrap.

    Returns:
        `{"queries", "gallery", "image_to_text": {"strict_id", "same_title"}, "text_to_image": {"strict_id",
        "same_title"}, "titles": {"queries", ...}}`, ready for JSON.

    Raises:
        InputError: no queries, queries outside the gallery, or arrays that do not fit together.
    """
    image_vectors, text_vectors, queries = checked_pairs(image_vectors, text_vectors, len(titles), queries)
    title_of, members, starts = group_by_title(titles)
    # (T,) titles that have a query; (Q,) which of them each query belongs to.
    queried, group_of = np.unique(title_of[queries], return_inverse=True)

    # Where in the result -> per title, the sum of a measure over its queries.
    sums: dict[tuple[str, ...], Floats] = {}
    for direction, query_vectors, gallery, more in (
        ("image_to_text", image_vectors, text_vectors, None),
        ("text_to_image", text_vectors, image_vectors, further),
    ):
        strict_id, same_title = product_ranks(query_vectors, gallery, queries, title_of, members, starts, more)
        for rule, rank in (("strict_id", strict_id), ("same_title", same_title)):
            measures = {f"top{k}": (rank <= k).astype(np.float64) for k in PRODUCT_CUTOFFS}
            measures[f"mrr{MRR_CUTOFF}"] = reciprocal(rank)
            for name, values in measures.items():
                sums[direction, rule, name] = np.bincount(group_of, weights=values).astype(np.float64)

    per_title = np.bincount(group_of).astype(np.float64)
    result: dict[str, Any] = {"queries": len(queries), "gallery": len(image_vectors)}
    for (direction, rule, name), figure in figures_of(sums, per_title, seed, resamples).items():
        result.setdefault(direction, {}).setdefault(rule, {})[name] = figure
    measures = title_measures(image_vectors, text_vectors, members, starts, queried, further)
    result["titles"] = {"queries": len(queried), **figures_of(measures, np.ones(len(queried)), seed, resamples)}
    return result


def title_slices(
    image_vectors: Vectors,
    text_vectors: Vectors,
    products: Sequence[Product],
    queries: Integers,
    further: FurtherVectors | None = None,
    *,
    by: Sequence[str] = SLICED_BY,
    minimum: int = 30,
    seed: int = 0,
    resamples: int = 1000,
) -> dict[str, list[dict[str, Any]]]:
    """Measure the titles of `queries` as `evaluate` does, apart for each value of some attributes.

    The value is that of the title's first product; "not given" where it has none. `title frequency` tells titles
    apart by how many products of the gallery share them. Values with fewer than `minimum` titles are grouped as
    "other", last. An attribute that no product has is left out.

    Args:
        image_vectors: (N, D) of unit length.
        text_vectors: (N, D) of unit length.
        products: N.
        queries: (Q,) positions of the products whose titles are queries.
        further: of the products that have more than one picture.
        by: Names of attributes.
        minimum: Titles.
        seed: Of the bootstrap, which resamples the titles of a slice.
        resamples: Of the bootstrap.

    Returns:
        Attribute -> `[{"value", "queries", "recall1", "recall10", "mrr10"}]`, most titles first, and "title frequency"
        -> the same, rarest titles first. Every figure is `{"value", "low", "high"}`.

    Raises:
        InputError: as `evaluate`.
    """
    image_vectors, text_vectors, queries = checked_pairs(image_vectors, text_vectors, len(products), queries)
    title_of, members, starts = group_by_title([product.title for product in products])
    queried = np.unique(title_of[queries])
    measures = title_measures(image_vectors, text_vectors, members, starts, queried, further)
    first = [products[at] for at in members[starts[queried]]]
    sizes = starts[queried + 1] - starts[queried]

    values = {
        name: [first_text(product.attributes.get(name)) or NOT_GIVEN for product in first]
        for name in by
        if any(first_text(product.attributes.get(name)) for product in products)
    }
    names = list(FREQUENCIES)
    bins = np.searchsorted(list(FREQUENCIES.values()), sizes, side="right") - 1
    values[TITLE_FREQUENCY] = [names[number] for number in bins]
    result: dict[str, list[dict[str, Any]]] = {}
    for name, of_title in values.items():
        counts = Counter(of_title)
        kept = [value for value, count in counts.most_common() if count >= minimum]
        if name == TITLE_FREQUENCY:
            kept.sort(key=names.index)
        label = np.array([kept.index(value) if value in kept else len(kept) for value in of_title])
        result[name] = []
        for number, value in enumerate([*kept, OTHER]):
            chosen = label == number
            if chosen.any():
                parts = {key: measures[key][chosen] for key in ("recall1", "recall10", f"mrr{MRR_CUTOFF}")}
                queries_here = int(chosen.sum())
                figures = figures_of(parts, np.ones(queries_here), seed, resamples)
                result[name].append({"value": value, "queries": queries_here, **figures})
    return result


def evaluate_split(snapshot: Snapshot, split: str) -> dict[str, Any]:
    """Measure a catalogue as `evaluate` does: the products of `split` ask, all products are the gallery.

    The one place from which the command line and the service take their figures, so that they are the same ones.

    Args:
        snapshot: what is searched.
        split: "train", "validation", "test" or "all".

    Returns:
        What `evaluate` returns, before it `split`, `encoder_id`, `catalogue_version` and `source`, after it `slices`:
        what `title_slices` returns.

    Raises:
        InputError: an unknown split, or one without products.
    """
    queries = query_rows(snapshot, split)
    images, texts, products = snapshot.image_vectors, snapshot.text_vectors, snapshot.products
    return {
        **about(snapshot, split),
        **evaluate(images, texts, [product.title for product in products], queries, snapshot.further),
        "slices": title_slices(images, texts, products, queries, snapshot.further),
    }


def title_measures(
    image_vectors: Vectors,
    text_vectors: Vectors,
    members: Integers,
    starts: Integers,
    queried: Integers,
    further: FurtherVectors | None = None,
) -> dict[str, Floats]:
    """Return the recalls and the reciprocal rank (T,) of titles `queried` (T,) for their own images."""
    sizes = starts[queried + 1] - starts[queried]
    indptr = np.concatenate([[0], np.cumsum(sizes)])
    indices = np.concatenate([members[starts[title] : starts[title + 1]] for title in queried])
    positions = ranks(text_vectors[members[starts[queried]]], image_vectors, (indptr, indices), further)
    measures = {
        f"recall{k}": np.add.reduceat((positions <= k).astype(np.float64), indptr[:-1]) / sizes for k in TITLE_CUTOFFS
    }
    measures[f"mrr{MRR_CUTOFF}"] = reciprocal(np.minimum.reduceat(positions, indptr[:-1]))
    return measures


def group_by_title(titles: Sequence[str]) -> tuple[Integers, Integers, Integers]:
    """Return the number of each product's title (N,), and `members` (N,) and `starts` (T+1,).

    The products of title t are `members[starts[t]:starts[t + 1]]`, in gallery order.
    """
    numbers: dict[str, int] = {}
    title_of = np.array([numbers.setdefault(title_key(title), len(numbers)) for title in titles], dtype=np.int64)
    members = np.argsort(title_of, kind="stable")
    return title_of, members, np.concatenate([[0], np.cumsum(np.bincount(title_of))])


def checked_pairs(
    image_vectors: Vectors, text_vectors: Vectors, count: int, queries: Integers
) -> tuple[Vectors, Vectors, Integers]:
    """Return vectors and queries after checking that there are `count` products, and queries among them."""
    image_vectors, text_vectors = checked_pair(image_vectors, text_vectors)
    queries = np.asarray(queries, dtype=np.int64)
    if not len(image_vectors) == len(text_vectors) == count:
        raise InputError(
            f"{len(image_vectors)} image vectors, {len(text_vectors)} text vectors and {count} titles; "
            "every product needs one of each"
        )
    if len(queries) == 0:
        raise InputError("there are no queries to measure with; choose a split that has products")
    check_positions("queries", queries, count)
    return image_vectors, text_vectors, queries


def reciprocal(rank: Integers) -> Floats:
    """Return 1 / rank, and 0 beyond `MRR_CUTOFF`."""
    return np.where(rank <= MRR_CUTOFF, 1.0 / rank, 0.0)
