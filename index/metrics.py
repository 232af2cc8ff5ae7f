"""Exact retrieval metrics with confidence intervals, from plain arrays or a snapshot. Knows no model and no file.

A tie counts against us: an encoder that gives everything the same vector finds nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from common import InputError
from index.catalogue import Snapshot
from index.products import SPLITS, title_key

TIE = 1e-6
"""Scores this close are equal: the same vector may score a last bit apart by its place in a matrix product."""

CHUNK_BYTES = 64 * 2**20
"""How much of the score matrix is held in memory at a time."""

PRODUCT_CUTOFFS = (1, 5, 10, 100)
TITLE_CUTOFFS = (1, 10, 100)
MRR_CUTOFF = 10
CONFIDENCE = 0.95

ALL = "all"
"""Every split at once."""

Vectors = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


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
    image_vectors, text_vectors = _checked(image_vectors, text_vectors)
    queries = np.asarray(queries, dtype=np.int64)
    count = len(image_vectors)
    if not len(text_vectors) == len(titles) == count:
        raise InputError(
            f"{count} image vectors, {len(text_vectors)} text vectors and {len(titles)} titles; "
            "every product needs one of each"
        )
    if len(queries) == 0:
        raise InputError("there are no queries to measure with; choose a split that has products")
    _check_positions("queries", queries, count)

    numbers: dict[str, int] = {}
    title_of = np.array([numbers.setdefault(title_key(title), len(numbers)) for title in titles])  # (N,)
    # The products of title t are members[starts[t]:starts[t + 1]], in gallery order.
    members = np.argsort(title_of, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(title_of))])
    # (T,) titles that are asked for; (Q,) which of them each query belongs to.
    asked, group_of = np.unique(title_of[queries], return_inverse=True)

    # Where in the result -> per title, the sum of a measure over its queries; and how many queries that is.
    sums: dict[tuple[str, ...], Floats] = {}
    counts: dict[tuple[str, ...], Floats] = {}
    per_title = np.bincount(group_of).astype(np.float64)
    for direction, askers, answers in (
        ("image_to_text", image_vectors, text_vectors),
        ("text_to_image", text_vectors, image_vectors),
    ):
        strict_id, same_title = _product_ranks(askers, answers, queries, title_of, members, starts)
        for rule, rank in (("strict_id", strict_id), ("same_title", same_title)):
            measures = {f"top{k}": (rank <= k).astype(np.float64) for k in PRODUCT_CUTOFFS}
            measures[f"mrr{MRR_CUTOFF}"] = _reciprocal(rank)
            for name, values in measures.items():
                sums[direction, rule, name] = np.bincount(group_of, weights=values).astype(np.float64)
                counts[direction, rule, name] = per_title

    sizes = starts[asked + 1] - starts[asked]
    indptr = np.concatenate([[0], np.cumsum(sizes)])
    indices = np.concatenate([members[starts[title] : starts[title + 1]] for title in asked])
    positions = ranks(text_vectors[members[starts[asked]]], image_vectors, (indptr, indices))
    for k in TITLE_CUTOFFS:
        found = np.add.reduceat((positions <= k).astype(np.float64), indptr[:-1])
        sums["titles", f"recall{k}"] = found / sizes
    sums["titles", f"mrr{MRR_CUTOFF}"] = _reciprocal(np.minimum.reduceat(positions, indptr[:-1]))

    figures = _bootstrap(
        np.stack(list(sums.values()), axis=1),
        np.stack([counts.get(path, np.ones(len(asked))) for path in sums], axis=1),
        seed,
        resamples,
    )
    result: dict[str, Any] = {"queries": len(queries), "gallery": count}
    for path, figure in zip(sums, figures.round(6).tolist(), strict=True):
        place = result
        for name in path[:-1]:
            place = place.setdefault(name, {})
        place[path[-1]] = dict(zip(("value", "low", "high"), figure, strict=True))
    result["titles"] = {"queries": len(asked), **result["titles"]}
    return result


def evaluate_split(snapshot: Snapshot, split: str) -> dict[str, Any]:
    """Measure a catalogue as `evaluate` does: the products of `split` ask, all products are the gallery.

    The one place from which the command line and the service take their figures, so that they are the same ones.

    Args:
        snapshot: what is searched.
        split: "train", "validation", "test" or "all".

    Returns:
        What `evaluate` returns, and before it `split`, `encoder_id`, `catalogue_version` and `source`.

    Raises:
        InputError: an unknown split, or one without products.
    """
    if split not in (*SPLITS, ALL):
        raise InputError(f"there is no split {split!r}; choose one of {', '.join((*SPLITS, ALL))}")
    products = snapshot.products
    queries = np.array([at for at, product in enumerate(products) if split in (ALL, product.split)], dtype=np.int64)
    if not len(queries):
        there = ", ".join(name for name in SPLITS if any(product.split == name for product in products)) or "none"
        raise InputError(f"no product of the catalogue is in split {split!r}; the splits it has: {there}")
    titles = [product.title for product in products]
    return {
        "split": split,
        "encoder_id": snapshot.info.encoder_id,
        "catalogue_version": snapshot.version,
        "source": snapshot.info.source,
        **evaluate(snapshot.image_vectors, snapshot.text_vectors, titles, queries),
    }


def _checked(one: Vectors, other: Vectors) -> tuple[Vectors, Vectors]:
    """Return both as float32, after checking that they are matrices of equal width with finite values."""
    one, other = np.asarray(one, dtype=np.float32), np.asarray(other, dtype=np.float32)
    if one.ndim != 2 or other.ndim != 2 or one.shape[1] != other.shape[1]:
        raise InputError(f"vectors are {one.shape} and {other.shape}; both must be (count, D) with the same D")
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        raise InputError("vectors have NaN or infinite values; check the encoder")
    return one, other


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


def _product_ranks(
    askers: Vectors, answers: Vectors, queries: Integers, title_of: Integers, members: Integers, starts: Integers
) -> tuple[Integers, Integers]:
    """Return (Q,) ranks of the query's own product, and (Q,) of the best product of its title.

    Both come from one pass over the scores. That of the title needs no list of relevant items per query, which would
    take the square of the size of a title.
    """
    strict_id = np.empty(len(queries), dtype=np.int64)
    same_title = np.empty(len(queries), dtype=np.int64)
    for query, row in _score_rows(askers[queries], answers):
        product = queries[query]
        title = title_of[product]
        strict_id[query] = np.count_nonzero(row >= row[product] - np.float32(TIE))
        relevant = row[members[starts[title] : starts[title + 1]]]
        at_least = relevant.max() - np.float32(TIE)
        same_title[query] = np.count_nonzero(row >= at_least) - np.count_nonzero(relevant >= at_least) + 1
    return strict_id, same_title


def _reciprocal(rank: Integers) -> Floats:
    return np.where(rank <= MRR_CUTOFF, 1.0 / rank, 0.0)


def _bootstrap(sums: Floats, counts: Floats, seed: int, resamples: int) -> Floats:
    """Return value, low and high (M, 3) of M means; `sums` and `counts` (T, M) are per independent group.

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
