"""How well pictures find descriptions, descriptions find pictures, and titles find their products.

From plain arrays. Knows no model and no store.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from common import InputError
from index.metrics import progress
from index.metrics.intervals import figures_of
from index.metrics.rank import Correction, Floats, Integers, check_positions, checked_pair, product_ranks, ranks
from index.product import title_key
from index.ranking import hub_weight
from index.records import FurtherVectors, Vectors

PRODUCT_CUTOFFS = (1, 5, 10, 100)
TITLE_CUTOFFS = (1, 10, 100)
MRR_CUTOFF = 10
TO_TEXT: Literal["image_to_text"] = "image_to_text"
TO_IMAGE: Literal["text_to_image"] = "text_to_image"


class TitleScores(NamedTuple):
    """How T titles find their pictures, each asked once."""

    first: Integers
    """(T,) the position of each title's first product."""
    sizes: Integers
    """(T,) how many products of the gallery share it."""
    measures: dict[str, Floats]
    """Recalls and reciprocal rank, (T,) each."""


def evaluate(
    image_vectors: Vectors,
    text_vectors: Vectors,
    titles: Sequence[str],
    queries: Integers,
    further: FurtherVectors | None = None,
    hubs: Vectors | None = None,
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
    same input and seed give the same output. Where hubness is given, `titles_hub_corrected` is measured beside
    `titles`: the same questions, ranked as a search for such a text ranks, by the cosine less a part of the hubness
    that depends on the number of words. A product with several pictures is found by the best of them, and asks with its
    first.

    Args:
        image_vectors: (N, D) of unit length.
        text_vectors: (N, D) of unit length.
        titles: N strings.
        queries: (Q,) positions of the products that are queries.
        further: of the products that have more than one picture.
        hubs: (N,) the hubness of each product, as in a snapshot.
        seed: Of the bootstrap.
        resamples: Of the bootstrap.

    Returns:
        `{"queries", "gallery", "image_to_text": {"strict_id", "same_title"}, "text_to_image": {"strict_id",
        "same_title"}, "titles": {"queries", ...}, "titles_hub_corrected"}`, ready for JSON.

    Raises:
        InputError: no queries, queries outside the gallery, or arrays that do not fit together.
    """
    return scored(image_vectors, text_vectors, titles, queries, further, hubs, seed=seed, resamples=resamples)[0]


def scored(
    image_vectors: Vectors,
    text_vectors: Vectors,
    titles: Sequence[str],
    queries: Integers,
    further: FurtherVectors | None = None,
    hubs: Vectors | None = None,
    *,
    seed: int = 0,
    resamples: int = 1000,
) -> tuple[dict[str, Any], TitleScores]:
    """Return what `evaluate` does, and what each title has of it."""
    sums, per_title, titled = query_sums(image_vectors, text_vectors, titles, queries, further)
    corrected = None if hubs is None else corrected_scores(image_vectors, text_vectors, titles, queries, further, hubs)
    progress.begin("intervals")
    result: dict[str, Any] = {"queries": len(queries), "gallery": len(image_vectors)}
    with progress.portion(0, 3):
        figures = figures_of(sums, per_title, seed, resamples)
    for (direction, rule, name), figure in figures.items():
        result.setdefault(direction, {}).setdefault(rule, {})[name] = figure
    for number, (name, one) in enumerate({"titles": titled, "titles_hub_corrected": corrected}.items(), 1):
        if one is not None:
            with progress.portion(number, 3):
                result[name] = title_figures(one, seed, resamples)
    return result, titled


def title_figures(titled: TitleScores, seed: int, resamples: int) -> dict[str, Any]:
    """Return how many titles there are, and the figures of all of them together."""
    count = len(titled.first)
    return {"queries": count, **figures_of(titled.measures, np.ones(count), seed, resamples)}


Place = tuple[str, str, str]
"""A direction, what counts as right, and a measure."""


def query_sums(
    image_vectors: Vectors,
    text_vectors: Vectors,
    titles: Sequence[str],
    queries: Integers,
    further: FurtherVectors | None = None,
) -> tuple[dict[Place, Floats], Floats, TitleScores]:
    """Return what `evaluate` measures of each of T titles: sums (T,) over its queries, their number (T,), its scores.

    Raises:
        InputError: as `evaluate`.
    """
    image_vectors, text_vectors, queries = checked_pairs(image_vectors, text_vectors, len(titles), queries)
    title_of, members, starts = group_by_title(titles)
    # (T,) titles that have a query; (Q,) which of them each query belongs to.
    queried, group_of = np.unique(title_of[queries], return_inverse=True)

    sums: dict[Place, Floats] = {}
    for direction, query_vectors, gallery, more in (
        (TO_TEXT, image_vectors, text_vectors, None),
        (TO_IMAGE, text_vectors, image_vectors, further),
    ):
        progress.begin(direction)
        strict_id, same_title = product_ranks(query_vectors, gallery, queries, title_of, members, starts, more)
        for rule, rank in (("strict_id", strict_id), ("same_title", same_title)):
            measures = {f"top{k}": (rank <= k).astype(np.float64) for k in PRODUCT_CUTOFFS}
            measures[f"mrr{MRR_CUTOFF}"] = reciprocal(rank)
            for name, values in measures.items():
                sums[direction, rule, name] = np.bincount(group_of, weights=values).astype(np.float64)
    progress.begin("titles")
    titled = title_scores(image_vectors, text_vectors, members, starts, queried, further)
    return sums, np.bincount(group_of).astype(np.float64), titled


def title_scores(
    image_vectors: Vectors,
    text_vectors: Vectors,
    members: Integers,
    starts: Integers,
    queried: Integers,
    further: FurtherVectors | None = None,
    correction: Correction | None = None,
) -> TitleScores:
    """Return how the titles `queried` (T,) find their own pictures; the correction is of N products and T titles."""
    first = members[starts[queried]]
    indptr, indices = products_of(members, starts, queried)
    sizes = np.diff(indptr)
    positions = ranks(text_vectors[first], image_vectors, (indptr, indices), further, correction)
    measures = {
        f"recall{k}": np.add.reduceat((positions <= k).astype(np.float64), indptr[:-1]) / sizes for k in TITLE_CUTOFFS
    }
    measures[f"mrr{MRR_CUTOFF}"] = reciprocal(np.minimum.reduceat(positions, indptr[:-1]))
    return TitleScores(first, sizes, measures)


def corrected_scores(
    image_vectors: Vectors,
    text_vectors: Vectors,
    titles: Sequence[str],
    queries: Integers,
    further: FurtherVectors | None,
    hubs: Vectors,
) -> TitleScores:
    """Return how the titles of `queries` (Q,) find their own pictures where hubness (N,) is taken off, as in search."""
    title_of, members, starts = group_by_title(titles)
    queried = np.unique(title_of[queries])
    weights = np.array([hub_weight(titles[at]) for at in members[starts[queried]]], dtype=np.float32)
    return title_scores(image_vectors, text_vectors, members, starts, queried, further, Correction(hubs, weights))


def products_of(members: Integers, starts: Integers, queried: Integers) -> tuple[Integers, Integers]:
    """Return the products of the titles `queried` (T,), as `ranks` takes relevant items: `(indptr, indices)`."""
    sizes = starts[queried + 1] - starts[queried]
    indices = np.concatenate([members[starts[title] : starts[title + 1]] for title in queried])
    return np.concatenate([[0], np.cumsum(sizes)]), indices


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
