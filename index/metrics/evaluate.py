"""Exact retrieval metrics with confidence intervals, from plain arrays or a snapshot. Knows no model.

A tie counts against us: an encoder that gives everything the same vector finds nothing.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from common import ArtefactError, InputError
from index.product import SPLITS, Product, title_key
from index.sqlite import Snapshot
from index.store import open_catalogue, parse_location

TIE = 1e-6
"""Scores this close are equal: the same vector may score a last bit apart by its place in a matrix product."""

CHUNK_BYTES = 64 * 2**20
"""How much of the score matrix is held in memory at a time."""

PRODUCT_CUTOFFS = (1, 5, 10, 100)
TITLE_CUTOFFS = (1, 10, 100)
PRECISION_CUTOFFS = (1, 10)
MRR_CUTOFF = 10
CONFIDENCE = 0.95

ALL = "all"
"""Every split at once."""

KAGL_ATTRIBUTES = ("masterCategory", "subCategory", "articleType", "baseColour")
"""The attributes whose values ask in the KAGL protocol, where the catalogue has them."""

KAGL_WEIGHTS = (0.9, 0.1)
"""Image and text in the vector of a product that the category queries of the KAGL protocol are asked against."""

SLICED_BY = ("masterCategory", "gender", "baseColour")
TITLE_FREQUENCY = "title frequency"
FREQUENCIES = {"1": 1, "2–4": 2, "5–19": 5, "20+": 20}
"""Names of the slices by title frequency -> the fewest products that a title in it has."""

BINS = 100
"""Of a histogram of similarities, which run from -1 to 1."""
SHOWN_QUERIES = 12
"""How many of the best and of the worst queries are told apart."""
SHOWN_FOUND = 4
"""How many of the first results of such a query are named."""

Report = Literal["figures", "details"]
CATALOGUE_VARIABLE = "VITRINE_CATALOGUE"
"""Variable that names the catalogue to the process that measures it."""

OTHER = "other"
NOT_GIVEN = "not given"

Vectors = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Name = TypeVar("Name", bound=Hashable)


def ranks(queries: Vectors, gallery: Vectors, relevant: tuple[Integers, Integers]) -> Integers:
    """Return the 1-based position of every relevant item in the ranking of its query.

    Every irrelevant item that scores at least as much, ties included, stands ahead; relevant items are ordered among
    themselves by score. Holds a bounded part of the (Q, N) scores at a time.

    Args:
        queries: (Q, D).
        gallery: (N, D).
        relevant: `(indptr, indices)`, (Q+1,) and (R,): the relevant items of query q are
            `indices[indptr[q]:indptr[q + 1]]`, each once.

    Returns:
        (R,), aligned with `indices`.

    Raises:
        InputError: vectors that are not finite or do not fit together, or items that are not in the gallery.
    """
    queries, gallery = _checked(queries, gallery)
    indptr, indices = (np.asarray(part, dtype=np.int64) for part in relevant)
    if len(indptr) != len(queries) + 1 or indptr[0] != 0 or indptr[-1] != len(indices) or (np.diff(indptr) < 0).any():
        raise InputError(f"indptr does not divide {len(indices)} relevant items among {len(queries)} queries")
    _check_positions("relevant items", indices, len(gallery))
    positions = np.empty(len(indices), dtype=np.int64)
    for query, row in _score_rows(queries, gallery):
        items = slice(indptr[query], indptr[query + 1])
        scores = row[indices[items]]
        order = np.argsort(-scores, kind="stable")
        scores = scores[order]
        at_least = scores - np.float32(TIE)
        ahead = np.array([np.count_nonzero(row >= score) for score in at_least], dtype=np.int64)
        # The relevant ones among those count for their place among the relevant instead.
        ahead -= np.searchsorted(-scores, -at_least, side="right")
        positions[items][order] = ahead + np.arange(1, len(scores) + 1)
    return positions


def evaluate(
    image_vectors: Vectors,
    text_vectors: Vectors,
    titles: Sequence[str],
    queries: Integers,
    *,
    seed: int = 0,
    resamples: int = 1000,
) -> dict[str, Any]:
    """Measure retrieval in both directions and by title, over a gallery of all N products.

    `image_to_text` and `text_to_image` ask with every product in `queries`. `strict_id`: only the product itself is
    right. `same_title`: the best-placed product of the same title counts, and others of that title are not in its
    way. `titles` asks for images once per distinct title, with the text of its first product; every product of the
    title is right, and recall is found / all: the protocol of the KAGL leaderboard
    (https://github.com/marqo-ai/marqo-FashionCLIP). Every figure is a fraction `{"value", "low", "high"}` with a 95 %
    percentile bootstrap interval. That resamples titles, since the products of one title are not independent. The
    same input and seed give the same output.

    Args:
        image_vectors: (N, D) of unit length.
        text_vectors: (N, D) of unit length.
        titles: N strings.
        queries: (Q,) positions of the products that ask.
        seed: Of the bootstrap.
        resamples: Of the bootstrap.

    Returns:
        `{"queries", "gallery", "image_to_text": {"strict_id", "same_title"}, "text_to_image": {"strict_id",
        "same_title"}, "titles": {"queries", ...}}`, ready for JSON.

    Raises:
        InputError: no queries, queries outside the gallery, or arrays that do not fit together.
    """
    image_vectors, text_vectors, queries = _checked_pairs(image_vectors, text_vectors, len(titles), queries)
    title_of, members, starts = _by_title(titles)
    # (T,) titles that are asked for; (Q,) which of them each query belongs to.
    asked, group_of = np.unique(title_of[queries], return_inverse=True)

    # Where in the result -> per title, the sum of a measure over its queries.
    sums: dict[tuple[str, ...], Floats] = {}
    for direction, query_vectors, gallery in (
        ("image_to_text", image_vectors, text_vectors),
        ("text_to_image", text_vectors, image_vectors),
    ):
        strict_id, same_title = _product_ranks(query_vectors, gallery, queries, title_of, members, starts)
        for rule, rank in (("strict_id", strict_id), ("same_title", same_title)):
            measures = {f"top{k}": (rank <= k).astype(np.float64) for k in PRODUCT_CUTOFFS}
            measures[f"mrr{MRR_CUTOFF}"] = _reciprocal(rank)
            for name, values in measures.items():
                sums[direction, rule, name] = np.bincount(group_of, weights=values).astype(np.float64)

    per_title = np.bincount(group_of).astype(np.float64)
    result: dict[str, Any] = {"queries": len(queries), "gallery": len(image_vectors)}
    for (direction, rule, name), figure in _figures(sums, per_title, seed, resamples).items():
        result.setdefault(direction, {}).setdefault(rule, {})[name] = figure
    measures = _title_measures(image_vectors, text_vectors, members, starts, asked)
    result["titles"] = {"queries": len(asked), **_figures(measures, np.ones(len(asked)), seed, resamples)}
    return result


def title_slices(
    image_vectors: Vectors,
    text_vectors: Vectors,
    products: Sequence[Product],
    queries: Integers,
    *,
    by: Sequence[str] = SLICED_BY,
    minimum: int = 30,
    seed: int = 0,
    resamples: int = 1000,
) -> dict[str, list[dict[str, Any]]]:
    """Measure the titles of `queries` as `evaluate` does, apart for each value of some attributes.

    The value is that of the title's first product; "not given" where it has none. `title frequency` tells titles
    apart by how many products of the gallery share them. Values with fewer than `minimum` titles stand together as
    "other", last. An attribute that no product has is left out.

    Args:
        image_vectors: (N, D) of unit length.
        text_vectors: (N, D) of unit length.
        products: N.
        queries: (Q,) positions of the products whose titles ask.
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
    image_vectors, text_vectors, queries = _checked_pairs(image_vectors, text_vectors, len(products), queries)
    title_of, members, starts = _by_title([product.title for product in products])
    asked = np.unique(title_of[queries])
    measures = _title_measures(image_vectors, text_vectors, members, starts, asked)
    first = [products[at] for at in members[starts[asked]]]
    sizes = starts[asked + 1] - starts[asked]

    values = {
        name: [product.attributes.get(name) or NOT_GIVEN for product in first]
        for name in by
        if any(product.attributes.get(name) for product in products)
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
                figures = _figures(parts, np.ones(queries_here), seed, resamples)
                result[name].append({"value": value, "queries": queries_here, **figures})
    return result


def precision(
    queries: Vectors, gallery: Vectors, value_of: Integers, *, seed: int = 0, resamples: int = 1000
) -> dict[str, Any]:
    """Measure how many of the best k are right: found / k, for queries that each stand for a value of an attribute.

    Args:
        queries: (V, D) of unit length, one per value.
        gallery: (N, D) of unit length.
        value_of: (N,) the value of each item, 0 to V - 1; -1 for an item without one, which is right for no query.
        seed: Of the bootstrap, which resamples values.
        resamples: Of the bootstrap.

    Returns:
        `{"queries", "p1", "p10"}`; the figures are `{"value", "low", "high"}`.

    Raises:
        InputError: no queries, or vectors that are not finite or do not fit together.
    """
    if not len(queries):
        raise InputError("there are no values to ask for; choose an attribute that the catalogue has")
    members = np.argsort(value_of, kind="stable")[np.count_nonzero(value_of < 0) :]
    sizes = np.bincount(value_of[members], minlength=len(queries))
    positions = ranks(queries, gallery, (np.concatenate([[0], np.cumsum(sizes)]), members))
    measures = {
        f"p{k}": np.bincount(value_of[members], weights=positions <= k, minlength=len(queries)) / k
        for k in PRECISION_CUTOFFS
    }
    return {"queries": len(queries), **_figures(measures, np.ones(len(queries)), seed, resamples)}


def evaluate_kagl(
    snapshot: Snapshot,
    split: str,
    encode_text: Callable[[Sequence[str]], Vectors],
    *,
    seed: int = 0,
    resamples: int = 1000,
) -> dict[str, Any]:
    """Measure a catalogue by the protocol of the KAGL leaderboard, on the titles of `split`.

    Every distinct title of the split asks for all of its pictures, as in `evaluate`; and every distinct value of
    `KAGL_ATTRIBUTES` that the catalogue has asks, as it is written, for the products that have it. Those queries are
    asked twice: against pictures alone (`image`), and, as the leaderboard does, against 0.9 of a product's image vector
    + 0.1 of its text vector (`image_and_text`). The gallery is all products. Source:
    https://github.com/marqo-ai/marqo-FashionCLIP (eval.py, configs/KAGL.json, utils/metrics.py).

    Args:
        snapshot: what is searched.
        split: "train", "validation", "test" or "all".
        encode_text: from B texts to (B, D) unit rows; of the encoder that made the catalogue.
        seed: Of the bootstrap, which resamples titles, or values.
        resamples: Of the bootstrap.

    Returns:
        `{"protocol", "split", "encoder_id", "catalogue_version", "source", "gallery", "titles": {"queries", "recall1",
        ..., "mrr10"}, "categories": {attribute: {"queries", "image": {"p1", "p10"}, "image_and_text"}}, "slices"}`,
        ready for JSON; `slices` is that of `title_slices`.

    Raises:
        InputError: an unknown split, or one without products.
    """
    queries = _query_rows(snapshot, split)
    images, texts, products = snapshot.image_vectors, snapshot.text_vectors, snapshot.products
    title_of, members, starts = _by_title([product.title for product in products])
    asked = np.unique(title_of[queries])
    titles = _title_measures(images, texts, members, starts, asked)
    image_weight, text_weight = KAGL_WEIGHTS
    mixed = image_weight * images + text_weight * texts
    mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)

    categories: dict[str, Any] = {}
    for name in KAGL_ATTRIBUTES:
        given = [product.attributes.get(name) for product in products]
        values = sorted({value for value in given if value})
        if values:
            numbers = {value: number for number, value in enumerate(values)}
            value_of = np.array([numbers[value] if value else -1 for value in given], dtype=np.int64)
            vectors = encode_text(values)
            categories[name] = {"queries": len(values)}
            for documents, gallery in (("image", images), ("image_and_text", mixed)):
                found = precision(vectors, gallery, value_of, seed=seed, resamples=resamples)
                categories[name][documents] = {key: found[key] for key in found if key != "queries"}
    return {
        "protocol": "kagl",
        **_about(snapshot, split),
        "gallery": len(products),
        "titles": {"queries": len(asked), **_figures(titles, np.ones(len(asked)), seed, resamples)},
        "categories": categories,
        "slices": title_slices(images, texts, products, queries, seed=seed, resamples=resamples),
    }


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
    queries = _query_rows(snapshot, split)
    images, texts, products = snapshot.image_vectors, snapshot.text_vectors, snapshot.products
    return {
        **_about(snapshot, split),
        **evaluate(images, texts, [product.title for product in products], queries),
        "slices": title_slices(images, texts, products, queries),
    }


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


def query_stats(queries: Vectors, gallery: Vectors, relevant: tuple[Integers, Integers]) -> QueryStats:
    """Return rank and similarities of every query, and the distribution of the similarities of all Q x N pairs.

    One pass, which holds a bounded part of the (Q, N) scores at a time. Arguments are those of `ranks`; every query
    needs a relevant item.
    """
    queries, gallery = _checked(queries, gallery)
    indptr, indices = relevant
    rank = np.empty(len(queries), dtype=np.int64)
    right, wrong = (np.empty(len(queries), dtype=np.float32) for _ in range(2))
    pairs, right_pairs, nearest = (np.zeros(BINS, dtype=np.int64) for _ in range(3))
    for query, row in _score_rows(queries, gallery):
        items = indices[indptr[query] : indptr[query + 1]]
        scores = row[items]
        right[query] = scores.max()
        at_least = right[query] - np.float32(TIE)
        rank[query] = np.count_nonzero(row >= at_least) - np.count_nonzero(scores >= at_least) + 1
        pairs += _binned(row)
        right_pairs += _binned(scores)
        row[items] = -1  # the row is ours until the next one comes
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

    `text_to_image` asks once per distinct title for its pictures, among all pictures. `image_to_text` asks with every
    product's picture for its title, among the distinct titles. Worst are those whose best right answer stands furthest
    back, then the least similar against the best wrong one; best are those whose lead over it is largest.

    Returns:
        `{"split", "encoder_id", "catalogue_version", "source", "text_to_image": {"queries", "worst", "best",
        "similarity"}, "image_to_text"}`, ready for JSON. A query is `{"id", "title", "rank", "score", "found": [{"id",
        "title", "score", "right"}]}`: `id` is the product that asks or, of a text, the one of its products that comes
        first. `similarity` is `{"edges", "right", "wrong", "nearest_wrong"}`: BINS + 1 edges, numbers of pairs.

    Raises:
        InputError: an unknown split, or one without products.
    """
    queries = _query_rows(snapshot, split)
    products, images, texts = snapshot.products, snapshot.image_vectors, snapshot.text_vectors
    title_of, members, starts = _by_title([product.title for product in products])
    title_rows = members[starts[:-1]]
    asked = np.unique(title_of[queries])
    sizes = starts[asked + 1] - starts[asked]
    of_asked = np.concatenate([members[starts[title] : starts[title + 1]] for title in asked])
    everything = np.arange(len(products))
    return {
        **_about(snapshot, split),
        "text_to_image": _direction_details(
            products, title_rows[asked], everything, texts, images, (np.concatenate([[0], np.cumsum(sizes)]), of_asked)
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
) -> dict[str, Any]:
    """Return one direction of `evaluate_details`; `query_rows` (Q,) and `gallery_rows` (N,) index `products`."""
    candidates = gallery if len(gallery_rows) == len(gallery) else gallery[gallery_rows]
    seen = query_stats(queries[query_rows], candidates, relevant)
    lead = seen.right - seen.wrong
    worst = np.lexsort((lead, -seen.rank))[:SHOWN_QUERIES]
    best = np.lexsort((-lead, seen.rank))[:SHOWN_QUERIES]
    indptr, indices = relevant

    def details(query: int) -> dict[str, Any]:
        scores = candidates @ queries[query_rows[query]]
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


EVALUATIONS: Mapping[Report, Callable[[Snapshot, str], dict[str, Any]]] = {
    "figures": evaluate_split,
    "details": evaluate_details,
}


def main() -> None:
    """Measure a split of the catalogue that `CATALOGUE_VARIABLE` names, and print figures or the error as JSON.

    What a service runs as a process of its own: at the lowest priority, and on one core if the environment says so.
    """
    os.nice(19)
    split, named = sys.argv[1:]
    measure = next(measure for what, measure in EVALUATIONS.items() if what == named)
    try:
        with open_catalogue(parse_location(os.environ[CATALOGUE_VARIABLE])) as catalogue:
            answer = measure(catalogue.snapshot(), split)
    except InputError as error:
        answer = {"error": str(error), "catalogue_at_fault": isinstance(error, ArtefactError)}
    sys.stdout.write(json.dumps(answer))


def _about(snapshot: Snapshot, split: str) -> dict[str, Any]:
    """Return what was measured, and on what."""
    return {
        "split": split,
        "encoder_id": snapshot.info.encoder_id,
        "catalogue_version": snapshot.version,
        "source": snapshot.info.source,
    }


def _query_rows(snapshot: Snapshot, split: str) -> Integers:
    """Return the positions (Q,) of the products of `split`, one or more."""
    if split not in (*SPLITS, ALL):
        raise InputError(f"there is no split {split!r}; choose one of {', '.join((*SPLITS, ALL))}")
    products = snapshot.products
    queries = np.array([at for at, product in enumerate(products) if split in (ALL, product.split)], dtype=np.int64)
    if not len(queries):
        there = ", ".join(name for name in SPLITS if any(product.split == name for product in products)) or "none"
        raise InputError(f"no product of the catalogue is in split {split!r}; the splits it has: {there}")
    return queries


def _checked(one: Vectors, other: Vectors) -> tuple[Vectors, Vectors]:
    """Return both as float32, after checking that they are matrices of equal width with finite values."""
    one, other = np.asarray(one, dtype=np.float32), np.asarray(other, dtype=np.float32)
    if one.ndim != 2 or other.ndim != 2 or one.shape[1] != other.shape[1]:
        raise InputError(f"vectors are {one.shape} and {other.shape}; both must be (count, D) with the same D")
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        raise InputError("vectors have NaN or infinite values; check the encoder")
    return one, other


def _checked_pairs(
    image_vectors: Vectors, text_vectors: Vectors, count: int, queries: Integers
) -> tuple[Vectors, Vectors, Integers]:
    """Return vectors and queries after checking that there are `count` products, and queries among them."""
    image_vectors, text_vectors = _checked(image_vectors, text_vectors)
    queries = np.asarray(queries, dtype=np.int64)
    if not len(image_vectors) == len(text_vectors) == count:
        raise InputError(
            f"{len(image_vectors)} image vectors, {len(text_vectors)} text vectors and {count} titles; "
            "every product needs one of each"
        )
    if len(queries) == 0:
        raise InputError("there are no queries to measure with; choose a split that has products")
    _check_positions("queries", queries, count)
    return image_vectors, text_vectors, queries


def _check_positions(what: str, positions: Integers, count: int) -> None:
    if len(positions) and not 0 <= positions.min() <= positions.max() < count:
        raise InputError(
            f"{what} run from {positions.min()} to {positions.max()}; the gallery has {count}: count from 0"
        )


def _score_rows(queries: Vectors, gallery: Vectors) -> Iterator[tuple[int, Vectors]]:
    """Yield each query's number with its scores (N,), which are overwritten later."""
    rows = max(1, CHUNK_BYTES // (4 * max(1, len(gallery))))
    buffer = np.empty((min(rows, len(queries)), len(gallery)), dtype=np.float32)
    for start in range(0, len(queries), rows):
        chunk = queries[start : start + rows]
        scores = np.matmul(chunk, gallery.T, out=buffer[: len(chunk)])
        yield from enumerate(scores, start)


def _by_title(titles: Sequence[str]) -> tuple[Integers, Integers, Integers]:
    """Return the number of each product's title (N,), and `members` (N,) and `starts` (T+1,).

    The products of title t are `members[starts[t]:starts[t + 1]]`, in gallery order.
    """
    numbers: dict[str, int] = {}
    title_of = np.array([numbers.setdefault(title_key(title), len(numbers)) for title in titles], dtype=np.int64)
    members = np.argsort(title_of, kind="stable")
    return title_of, members, np.concatenate([[0], np.cumsum(np.bincount(title_of))])


def _title_measures(
    image_vectors: Vectors, text_vectors: Vectors, members: Integers, starts: Integers, asked: Integers
) -> dict[str, Floats]:
    """Return the recalls and the reciprocal rank (T,) of titles `asked` (T,) for their own images."""
    sizes = starts[asked + 1] - starts[asked]
    indptr = np.concatenate([[0], np.cumsum(sizes)])
    indices = np.concatenate([members[starts[title] : starts[title + 1]] for title in asked])
    positions = ranks(text_vectors[members[starts[asked]]], image_vectors, (indptr, indices))
    measures = {
        f"recall{k}": np.add.reduceat((positions <= k).astype(np.float64), indptr[:-1]) / sizes for k in TITLE_CUTOFFS
    }
    measures[f"mrr{MRR_CUTOFF}"] = _reciprocal(np.minimum.reduceat(positions, indptr[:-1]))
    return measures


def _product_ranks(
    queries: Vectors, gallery: Vectors, rows: Integers, title_of: Integers, members: Integers, starts: Integers
) -> tuple[Integers, Integers]:
    """Return (Q,) ranks of the query's own product, and (Q,) of the best product of its title.

    Both come from one pass over the scores. That of the title needs no list of relevant items per query, which would
    take the square of the size of a title.
    """
    strict_id = np.empty(len(rows), dtype=np.int64)
    same_title = np.empty(len(rows), dtype=np.int64)
    for query, row in _score_rows(queries[rows], gallery):
        product = rows[query]
        title = title_of[product]
        strict_id[query] = np.count_nonzero(row >= row[product] - np.float32(TIE))
        relevant = row[members[starts[title] : starts[title + 1]]]
        at_least = relevant.max() - np.float32(TIE)
        same_title[query] = np.count_nonzero(row >= at_least) - np.count_nonzero(relevant >= at_least) + 1
    return strict_id, same_title


def _reciprocal(rank: Integers) -> Floats:
    return np.where(rank <= MRR_CUTOFF, 1.0 / rank, 0.0)


def _figures(sums: Mapping[Name, Floats], counts: Floats, seed: int, resamples: int) -> dict[Name, dict[str, float]]:
    """Return the mean of each measure as `{"value", "low", "high"}`; `sums` and `counts` (T,) are per group."""
    figures = _bootstrap(np.stack(list(sums.values()), axis=1), counts[:, None], seed, resamples).round(6).tolist()
    return {
        name: dict(zip(("value", "low", "high"), figure, strict=True))
        for name, figure in zip(sums, figures, strict=True)
    }


def _bootstrap(sums: Floats, counts: Floats, seed: int, resamples: int) -> Floats:
    """Return value, low and high (M, 3) of M means; `sums` (T, M) and `counts` (T, 1) are per independent group.

    The cluster bootstrap: whole groups are drawn with replacement, and the mean is taken over what they hold.
    """
    rng = np.random.default_rng(seed)
    groups, measures = sums.shape
    means = np.empty((resamples, measures))
    for resample in range(resamples):
        times = np.bincount(rng.integers(0, groups, groups), minlength=groups).astype(np.float64)
        means[resample] = (times @ sums) / (times @ counts)
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(means, [tail, 100 - tail], axis=0)
    return np.stack([sums.sum(axis=0) / counts.sum(axis=0), low, high], axis=1)
